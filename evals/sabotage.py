"""Do flows notice a service that does not do what it says? The samples, sabotaged: `python -m evals.sabotage`.

A flow *claims* to check an effect when, in the graph, one of its steps exercises an endpoint that leads to the changed
code (through calls and messages), with success in the green run, and another that checks something exercises the topic
or table where the effect would show; a claim to check a lock also needs calls side by side, one that nothing is sent
twice a `hold` or `expect: none`. For every such flow that stays green, with or without a check there, `strength` on the
recording from before the sabotage must have named a gap at a step at the effect.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evals.impact import Subject, graph_of, subject
from evals.seeding import AUTHOR, DATE, Edit, Seed, Trial, execute, seeded
from flows.facts.files import FLOWS
from flows.strength.measuring import Measure, Strength, alone, measured, strengthened
from flows.strength.mutation import leaves
from graph.change import Change
from graph.overlay import Overlay
from graph.queries.coverage.reading import read
from graph.runs import FlowRun, Run
from graph.schema import Node
from scanners.changes import changes
from testmesh.guard.git_write import NewCommit, Writer

DATA = Path(__file__).parent / "data" / "sabotage"
SYSTEMS = ("shop", "depot")
_NEEDS = {"skip a lock": ("action: parallel",), "publish twice": ("hold:", "expect: none")}


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way not to do what is said.

    Args:
        name: one clause.
        system: sample.
        kind: publish nothing, write nothing, skip a lock, serve a stale cache.
        path: file that is changed.
        old: text replaced.
        new: what comes instead.
        effect: topic or table where it would show.
    """

    name: str
    system: str
    kind: str
    path: str
    old: str
    new: str
    effect: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What flows made of one sabotage.

    Args:
        name: of the sabotage.
        system: sample.
        kind: of the sabotage.
        came_up: the sabotaged system started and ran flows.
        red: flows that noticed.
        claims: flows that claim to check the effect.
        green_claims: those of them that stayed green.
        green_lookers: flows with a step at the effect that stayed green.
        named: those of them for which strength had named a gap at such a step.
    """

    name: str
    system: str
    kind: str
    came_up: bool
    red: tuple[str, ...]
    claims: tuple[str, ...]
    green_claims: tuple[str, ...]
    green_lookers: tuple[str, ...]
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """A sample with its flows, green.

    Args:
        on: the commit with these flows.
        graph: of that commit.
        green: the run without sabotage.
        strengths: flow to its strength on that run.
    """

    on: Subject
    graph: Overlay
    green: Run
    strengths: Mapping[str, Strength]

    def text(self, file: str) -> str:
        """A flow's text.

        Args:
            file: its path.
        """
        return next(flow.source for flow in self.green.flows if flow.file == file)


def sabotages(system: str = "") -> list[Sabotage]:
    """Those of a sample, or all.

    Args:
        system: sample, or empty.
    """
    table = tomllib.loads((DATA / "sabotages.toml").read_text())
    found = [Sabotage(**row) for row in table["sabotage"]]
    return [one for one in found if system in ("", one.system)]


def scene(system: str, texts: Mapping[str, str] | None = None) -> Scene:
    """A sample, its own flows and those about locks; some with another text.

    Args:
        system: sample.
        texts: flow to text.
    """
    on = subject(system)
    extra = {f"flows/{p.name}": p.read_text() for p in sorted((DATA / system).glob("*.yaml"))}
    files = {path: text.encode() for path, text in {**extra, **(texts or {})}.items()}
    writer = Writer(on.made.path)
    commit = writer.commit(NewCommit(on.commit, files, "flows", AUTHOR, DATE))
    writer.point(f"refs/testmesh/sabotage/{commit}", commit, writer.refs("refs/testmesh/sabotage/").get(
        f"refs/testmesh/sabotage/{commit}", "0" * 40))  # fmt: skip
    mine = replace(on, commit=commit)
    green = execute(Trial(on.made, commit))
    other_way = tuple(reversed([flow.file for flow in green.flows]))
    runs = (green, execute(Trial(on.made, commit, flows=other_way, again=1)))
    strengths = {flow.file: _strength(flow, runs) for flow in green.flows if flow.verdict == "passed"}
    return Scene(mine, graph_of(mine, commit), green, strengths)


def _strength(flow: FlowRun, runs: Sequence[Run]) -> Strength:
    """On the run, with suggestions that also hold when the flows ran the other way round."""
    same = [alone(run, found) for run in runs for found in run.flows if found.file == flow.file]
    return measured(Measure([run for run in same if run.verdict == "passed"], flow.source))


def outcome(scene: Scene, one: Sabotage) -> Outcome:
    """What the flows make of a sabotage.

    Args:
        scene: the sample.
        one: the sabotage.
    """
    made = scene.on.made
    (commit,) = seeded(made, scene.on.commit, [Seed(one.name, one.name, (Edit(one.path, one.old, one.new),))])
    run = execute(Trial(made, commit))
    change = changes(made.path, scene.on.commit, commit, repository=made.system, extra=(FLOWS,))
    causing = _causing(scene, change)
    touching = {file: steps for file, steps in _touching(scene.graph, one.effect).items() if file in causing}
    verdicts = {flow.file: flow.verdict for flow in run.flows}
    green = {file for file, verdict in verdicts.items() if verdict == "passed"} & set(scene.strengths)
    lookers = set(touching)
    needed = _NEEDS.get(one.kind, ())
    if needed:
        lookers = {file for file in lookers if any(words in scene.text(file) for words in needed)}
    claims = {file for file in lookers if any(checks for _, checks in touching[file])}
    return Outcome(
        name=one.name,
        system=one.system,
        kind=one.kind,
        came_up=any(verdict == "passed" for verdict in verdicts.values()),
        red=tuple(sorted(f for f, v in verdicts.items() if v != "passed")),
        claims=tuple(sorted(claims)),
        green_claims=tuple(sorted(claims & green)),
        green_lookers=tuple(sorted(lookers & green)),
        named=tuple(sorted(f for f in lookers & green if _named(scene.strengths[f], {s for s, _ in touching[f]}))),
    )


def _causing(scene: Scene, change: Change) -> set[str]:
    """Flows with a step that leads to changed code, and succeeded in the green run."""
    reading = read(scene.graph)
    changed = {(item.file, item.name) for item in change.items}
    symbols = scene.graph.slice(("Symbol",), ()).nodes.values()
    waiting = [n.uid for n in symbols if any((file, name) in changed for file in n.key for name in n.key)]
    seen = set(waiting)
    while waiting:
        for origin in reading.origins(waiting.pop(), "CALLS", "HANDLED_BY", "PUBLISHES", "ROUTES_TO"):
            if origin.uid not in seen:
                seen.add(origin.uid)
                waiting.append(origin.uid)
    good = {
        (flow.file, step.id)
        for flow in scene.green.flows
        for _, step in leaves(flow.steps)
        if isinstance(step.result, dict) and step.result.get("status", 0) < 400
    }
    part = scene.graph.slice(("Step",), ("EXERCISES",))
    steps = (part.nodes[edge.source] for edge in part.edges.values() if edge.target in seen)
    return {_flow_of(step) for step in steps if (_flow_of(step), step.key[-1]) in good}


def _flow_of(step: Node) -> str:
    return next(part for part in step.key if part.startswith("flows/"))


def _touching(graph: Overlay, effect: str) -> dict[str, list[tuple[str, bool]]]:
    """Flow to its steps that read a topic or table, and whether each checks something."""
    found: dict[str, list[tuple[str, bool]]] = {}
    part = graph.slice(("Step",), ("EXERCISES",))
    for edge in part.edges.values():
        target = part.nodes[edge.target]
        if target.kind in ("Topic", "Dataset") and target.key[-1] == effect and edge.props.get("mode") != "write":
            step = part.nodes[edge.source]
            checks = bool(set(edge.props.get("checks") or ()) & {"body", "effect"})
            found.setdefault(_flow_of(step), []).append((step.key[-1], checks))
    return found


def _named(strength: Strength, steps: set[str]) -> bool:
    return any(gap.step in steps for gap in strength.gaps)


def closed(before: Scene) -> dict[str, str]:
    """The flows with every gap closed that a line closes, as `strength --write` does.

    Args:
        before: the sample.
    """
    return {
        file: strengthened(before.text(file), found.gaps)
        for file, found in before.strengths.items()
        if not found.problem
    }


def strength_of(scene: Scene) -> dict[str, Any]:
    """Noticed changes of every flow and together.

    Args:
        scene: the sample.
    """
    found = scene.strengths
    noticed, every = sum(s.noticed for s in found.values()), sum(s.all for s in found.values())
    return {
        "noticed": noticed,
        "all": every,
        "score": round(100 * noticed / every, 1) if every else 100.0,
        "flows": {file: s.score for file, s in sorted(found.items())},
        "checks_nothing": sorted(
            f"{f}: {s.id}" for f, found in scene.strengths.items() for s in found.steps if not s.noticed
        ),
        "not_green": sorted(flow.file for flow in scene.green.flows if flow.verdict != "passed"),
    }


def figures(found: Sequence[Outcome]) -> dict[str, Any]:
    """Counts of outcomes.

    Args:
        found: outcomes.
    """
    up = [one for one in found if one.came_up]
    return {
        "sabotages": len(found),
        "did_not_come_up": [one.name for one in found if not one.came_up],
        "noticed_by_a_flow": sum(bool(one.red) for one in up),
        "claims": sum(len(one.claims) for one in up),
        "claims_that_stay_green": sum(len(one.green_claims) for one in up),
        "green_with_a_step_at_the_effect": sum(len(one.green_lookers) for one in up),
        "of_those_named_by_strength": sum(len(one.named) for one in up),
        "outcomes": [asdict(one) for one in found],
    }


def measure(systems: Sequence[str], *, closing: bool = False) -> dict[str, Any]:
    """Everything the eval says about the flows as they are, and with every gap closed.

    Args:
        systems: samples.
        closing: measure the second too.
    """
    result: dict[str, Any] = {}
    for system in systems:
        scenes = {"as they are": scene(system)}
        if closing:
            scenes["closed"] = scene(system, closed(scenes["as they are"]))
        for name, now in scenes.items():
            outcomes = list(_outcomes(now, system))
            result.setdefault(name, {})[system] = {"strength": strength_of(now), **figures(outcomes)}
    return result


def _outcomes(now: Scene, system: str) -> Iterator[Outcome]:
    for one in sabotages(system):
        yield outcome(now, one)


def main() -> int:
    """Measure and print; `--json FILE` keeps it."""
    parser = argparse.ArgumentParser(prog="python -m evals.sabotage", description=__doc__)
    parser.add_argument("--system", choices=SYSTEMS, default="")
    parser.add_argument("--closed", action="store_true", help="also with every suggested line added")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure((options.system,) if options.system else SYSTEMS, closing=options.closed)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
