"""How safe and how sharp impact is: seeded changes, truth by execution: ``python -m evals.impact --json FILE``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.impact_baseline import service_level
from evals.impact_mutants import Mutant, chosen, mutants
from evals.impact_truth import Truth, both, known, observed, steady, truth
from evals.seeding import AUTHOR, CACHE, DATE, Sample, sample
from evals.sharding import Budget, shard
from flows.facts.files import FLOWS
from graph.linking.link import RepositoryFacts, link
from graph.overlay import Overlay
from graph.queries.impact import affected
from scanners.cache import FactCache
from scanners.changes import changes
from scanners.scan import ScanRequest, scan
from testmesh.guard.git import Repository
from testmesh.guard.git_write import NewCommit, Writer
from testmesh.kernel.ids import digest

SYSTEMS = ("shop", "depot")
PER_SYSTEM = 36
SEED = "impact-1"
_CODE = (".py", ".ts", ".sql")


@dataclass(frozen=True, slots=True)
class Case:
    """One seeded change, what it affects, and what impact said.

    Args:
        system: sample.
        name: of the change.
        rule: that made it.
        what: one clause.
        came_up: the changed system started.
        affected: flows whose verdict or recorded answers differ.
        failing: those whose verdict differs.
        must: selected as must run.
        may: selected as may run.
        baseline: what a service-level graph would select.
        unsafe: affected, and in neither must nor may.
    """

    system: str
    name: str
    rule: str
    what: str
    came_up: bool
    affected: tuple[str, ...]
    failing: tuple[str, ...]
    must: tuple[str, ...]
    may: tuple[str, ...]
    baseline: tuple[str, ...]
    unsafe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A sample at the commit that is changed.

    Args:
        made: the sample.
        commit: 40 hex.
    """

    made: Sample
    commit: str


def subject(name: str) -> Subject:
    """The newest state of a sample's main branch.

    Args:
        name: `shop` or `depot`.
    """
    made = sample(name)
    return Subject(made, [commit for label, commit in made.hashes.items() if "/" not in label][-1])


def seeds(on: Subject, most: int) -> list[Mutant]:
    """The seeded changes of a sample, the same on every machine.

    Args:
        on: the sample.
        most: how many.
    """
    repository = Repository(on.made.path)
    entries = {
        e.path: e.oid for e in repository.tree(on.commit) if e.path.endswith(_CODE) and "telemetry" not in e.path
    }
    data = {b.oid: b.data or b"" for b in repository.blobs(entries.values(), limit=1 << 20)}
    found = [m for path, oid in sorted(entries.items()) for m in mutants(path, data[oid].decode())]
    return chosen(found, f"{SEED}|{on.made.system}", most)


def graph_of(on: Subject, commit: str) -> Overlay:
    """The graph at a commit, facts from the cache.

    Args:
        on: the sample.
        commit: 40 hex.
    """
    cache = FactCache(CACHE / f"facts-{on.made.system}.db")
    found = scan(ScanRequest(on.made.path, commit, on.made.system, (FLOWS,)), cache=cache)
    return Overlay(content=link([RepositoryFacts(on.made.system, commit, found.facts)], "eval"))


def case(on: Subject, mutant: Mutant, base: Overlay, real: Truth) -> Case:
    """What impact says about one seeded change, beside what is true.

    Args:
        on: the sample.
        mutant: the change.
        base: graph of the unchanged commit.
        real: what it affects.
    """
    writer = Writer(on.made.path)
    new = NewCommit(on.commit, {mutant.path: mutant.text.encode()}, f"seed {mutant.name}", AUTHOR, DATE)
    commit = writer.commit(new)
    ref = f"refs/testmesh/impact/{commit}"
    writer.point(ref, commit, writer.refs("refs/testmesh/impact/").get(ref, "0" * 40))
    head = graph_of(on, commit)
    change = changes(on.made.path, on.commit, commit, repository=on.made.system, extra=(FLOWS,))
    said = affected(base, head, change)
    chosen_flows = {f.file: f.selection for f in said.flows}
    return Case(
        system=on.made.system,
        name=mutant.name,
        rule=mutant.rule,
        what=mutant.what,
        came_up=real.up,
        affected=tuple(sorted(real.behaviour)),
        failing=tuple(sorted(real.verdict)),
        must=tuple(sorted(f for f, how in chosen_flows.items() if how == "must")),
        may=tuple(sorted(f for f, how in chosen_flows.items() if how == "may")),
        baseline=tuple(sorted(service_level(base, head, mutant.path))),
        unsafe=tuple(sorted(real.behaviour - set(chosen_flows))),
    )


def cases(system: str, part: str, budget: Budget, most: int) -> Iterator[Case]:
    """The cases of one sample, as long as there is time; what would be unsafe, or did not start, is run twice.

    Args:
        system: `shop` or `depot`.
        part: shard, ``1/4``, or empty.
        budget: time for new work.
        most: seeded changes.
    """
    on = subject(system)
    wanted = {m.name: m for m in seeds(on, most)}
    calm = steady(on.made, on.commit)
    if calm.unsteady:
        names = ", ".join(sorted(calm.unsteady))
        print(f"left out, because they do not behave the same twice on the unchanged system: {names}", file=sys.stderr)
    base = graph_of(on, on.commit)
    for name in shard(list(wanted), part):
        mutant = wanted[name]
        texts = {mutant.path: mutant.text}
        if budget.over and not known(on.made, on.commit, texts):
            continue
        real = truth(calm, observed(on.made, on.commit, texts))
        found = case(on, mutant, base, real)
        if found.unsafe or not real.up:
            again = truth(calm, observed(on.made, on.commit, texts, again=1))
            found = case(on, mutant, base, both(real, again))
        yield found


def figures(found: Sequence[Case]) -> dict[str, Any]:
    """Totals over cases.

    Args:
        found: cases.
    """
    selected = sum(len(c.must) + len(c.may) for c in found)
    real = sum(len(c.affected) for c in found)
    failing = sum(len(c.failing) for c in found)
    baseline = sum(len(c.baseline) for c in found)
    return {
        "cases": len(found),
        "unsafe": sum(len(c.unsafe) for c in found),
        "unsafe_cases": sum(bool(c.unsafe) for c in found),
        "affected": real,
        "failing": failing,
        "must": sum(len(c.must) for c in found),
        "may": sum(len(c.may) for c in found),
        "ratio": _share(selected, real),
        "ratio_of_failing": _share(selected, failing),
        "baseline": {
            "selected": baseline,
            "ratio": _share(baseline, real),
            "unsafe": sum(len(set(c.affected) - set(c.baseline)) for c in found),
        },
        "must_precision": _share(
            sum(len(set(c.must) & set(c.affected)) for c in found), sum(len(c.must) for c in found)
        ),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def report(found: Sequence[Case], planned: int) -> dict[str, Any]:
    """The JSON report.

    Args:
        found: cases that were judged.
        planned: cases there should be.
    """
    out = figures(found)
    out["planned"] = planned
    out["by_system"] = {name: figures([c for c in found if c.system == name]) for name in SYSTEMS}
    out["by_rule"] = {rule: figures([c for c in found if c.rule == rule]) for rule in sorted({c.rule for c in found})}
    out["rows"] = [asdict(c) for c in found]
    out["digest"] = digest([asdict(c) for c in found])
    return out


def shown(data: Mapping[str, Any]) -> str:
    """The report for a terminal.

    Args:
        data: from :func:`report`.
    """
    lines = [f"{'system':<8}{'cases':>6}{'unsafe':>8}{'affected':>10}{'must':>6}{'may':>6}{'ratio':>8}{'services':>10}"]
    for name, row in [*data["by_system"].items(), ("all", data)]:
        lines.append(
            f"{name:<8}{row['cases']:>6}{row['unsafe']:>8}{row['affected']:>10}{row['must']:>6}{row['may']:>6}"
            f"{row['ratio'] or 0:>8.2f}{row['baseline']['ratio'] or 0:>10.2f}"
        )
    if data["cases"] < data["planned"]:
        lines.append(f"{data['planned'] - data['cases']} planned cases were not run: time was up")
    for row in data["rows"]:
        if row["unsafe"]:
            lines.append(f"UNSAFE {row['system']} {row['name']} ({row['what']}): {', '.join(row['unsafe'])}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the eval; what was run before comes from the cache.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.impact", description=__doc__)
    parser.add_argument("--system", choices=SYSTEMS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shard", default="", help="1/4 = the first of four")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=PER_SYSTEM, help="seeded changes per system")
    options = parser.parse_args(arguments)
    names = [options.system] if options.system else list(SYSTEMS)
    budget = Budget(options.minutes * 60)
    found: list[Case] = []
    for name in names:
        for one in cases(name, options.shard, budget, options.cases):
            found.append(one)
            mark = "UNSAFE" if one.unsafe else "ok"
            counts = f"{len(one.affected)} affected, {len(one.must)} must, {len(one.may)} may"
            print(f"{mark:<7}{one.system} {one.name}: {counts}", file=sys.stderr, flush=True)
    parts = int(options.shard.partition("/")[2] or 1)
    data = report(found, len(names) * options.cases // parts)
    if options.json:
        options.json.write_text(json.dumps(data, indent=2) + "\n")
    print(shown(data))
    return 0 if not data["unsafe"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
