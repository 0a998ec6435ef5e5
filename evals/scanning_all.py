"""The graph's truth over all systems read by hand: a table per repository and language, and how right each rule is."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import median
from typing import Any

from evals.scanning import graph_of, languages_read, report, scored
from evals.scoring import CATEGORIES, Row, Score, score
from evals.scoring_rows import Claims, TruthFile
from graph.schema import GraphData
from testmesh.kernel.errors import UserError

_HERE = Path(__file__).resolve().parent
TRUTHS = (_HERE.parent.parent / "shared" / "truth", _HERE / "truth")
JUDGED = _HERE.parent / "graph" / "linking" / "judged.json"
_GOALS = {
    "endpoints": 0.97,
    "service_edges": 0.92,
    "endpoint_edges": 0.85,
    "publishes": 0.9,
    "consumes": 0.9,
    "topics": 0.9,
    "datasets": 0.9,
}
_Z = 1.96


@dataclass(frozen=True, slots=True)
class System:
    """One scored repository.

    Args:
        name: owner/name.
        rows: scored rows.
        report: as `python -m evals.scanning` writes it.
        rules: right and wrong uses by linking rule.
        annotations: how many annotations each business service would need.
    """

    name: str
    rows: tuple[Row, ...]
    report: dict[str, Any]
    rules: Mapping[str, tuple[int, int]]
    annotations: tuple[int, ...]


def wilson(right: int, total: int) -> float | None:
    """The lower bound of a share at 95 %, None without uses.

    Args:
        right: how many were right.
        total: of how many.
    """
    if not total:
        return None
    share = right / total
    middle = share + _Z**2 / (2 * total)
    spread = _Z * sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return round((middle - spread) / (1 + _Z**2 / total), 4)


def truths(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """Every truth file of some folders.

    Args:
        folders: those that are not there are skipped.
    """
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.glob("*.json"))]
    loaded = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [data for data in loaded if isinstance(data, dict) and "repo" in data and "services" in data]


def mirror_of(mirrors: Path, repo: str) -> Path | None:
    """The git directory of a repository among fetched ones, None when it is not there.

    Args:
        mirrors: holds a folder `owner+name` for each.
        repo: owner/name.
    """
    folder = mirrors / repo.replace("/", "+")
    if not folder.is_dir():
        return None
    return next((p for p in (folder / "repo", folder / ".git", folder) if (p / "HEAD").exists()), folder)


def judge(data: GraphData, truth: TruthFile, rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Right and wrong uses of each linking rule; uses that the truth calls neutral count for neither.

    Args:
        data: the graph.
        truth: its truth.
        rows: what was scored.
    """
    wrong = {(r.category, r.key) for r in rows if r.outcome == "fp"}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for category, key, rule in Claims(data, truth).ruled():
        known = truth.known(category, key)
        if known or (category, key) in wrong:
            counts[rule][0 if known else 1] += 1
    return {rule: (right, bad) for rule, (right, bad) in sorted(counts.items())}


def system(data: Mapping[str, Any], folder: Path) -> System:
    """Scan, link and score one repository.

    Args:
        data: its truth.
        folder: git directory.
    """
    graph, truth = graph_of(folder, data.get("commit")), TruthFile(data)
    rows = scored(graph, truth)
    claims = Claims(graph, truth)
    business = [s for s, node in claims.business().items() if node]
    needed = claims.open_causes()
    return System(
        str(data["repo"]),
        tuple(rows),
        report(rows, languages_read(graph)),
        judge(graph, truth, rows),
        tuple(len(needed.get(service, ())) for service in business),
    )


def summary(systems: Sequence[System]) -> dict[str, Any]:
    """Micro-averages over all systems, per language and per rule.

    Args:
        systems: scored.
    """
    rows = [row for one in systems for row in one.rows if not row.infrastructure]
    languages: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        languages[_language(row.language)].append(row)
    rules: dict[str, tuple[int, int]] = {}
    for one in systems:
        for rule, (right, wrong) in one.rules.items():
            before = rules.get(rule, (0, 0))
            rules[rule] = (before[0] + right, before[1] + wrong)
    needed = [count for one in systems for count in one.annotations]
    return {
        "all": figures(rows),
        "by_language": {name: figures(found) for name, found in sorted(languages.items()) if name},
        "by_repository": {one.name: figures([r for r in one.rows if not r.infrastructure]) for one in systems},
        "infrastructure": figures([r for one in systems for r in one.rows if r.infrastructure]),
        "rules": {
            rule: {"right": right, "wrong": wrong, "wilson": wilson(right, right + wrong)}
            for rule, (right, wrong) in sorted(rules.items())
        },
        "annotations_per_service": {"median": median(needed) if needed else None, "services": len(needed)},
        "misses": {one.name: one.report["misses"] for one in systems},
        "false_alarms": {one.name: one.report["false_alarms"] for one in systems},
    }


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts and figures of every category, and of both directions of topics together.

    Args:
        rows: scored rows.
    """
    made: dict[str, Any] = {name: score(rows, name).to_json() for name in CATEGORIES}
    both = [score(rows, name) for name in ("publishes", "consumes")]
    made["topics"] = Score(*(sum(getattr(s, part) for s in both) for part in ("tp", "fp", "fn"))).to_json()
    sure = score(rows, "resolved")
    made["resolved"] |= {"wilson": wilson(sure.tp, sure.tp + sure.fp), "share": sure.recall}
    return made


def _language(name: str) -> str:
    return {"java": "Java", "html": "", "javascript": "JavaScript", "typescript": "JavaScript"}.get(name.lower(), name)


def lines(result: Mapping[str, Any]) -> Iterable[str]:
    """The tables as text.

    Args:
        result: of `summary`.
    """
    shown = ("services", "endpoints", "service_edges", "endpoint_edges", "topics", "datasets", "resolved")
    yield f"{'F1 (tp/fp/fn)':30}" + "".join(f"{name:>22}" for name in shown)
    groups = {"all": result["all"]} | result["by_repository"] | result["by_language"]
    for title, group in groups.items():
        yield f"{title.rpartition('/')[2][:30]:30}" + "".join(f"{_cell(group[name]):>22}" for name in shown)
    sure = result["all"]["resolved"]
    yield f"precision of resolved {sure['precision']} (Wilson lower bound {sure['wilson']}), share {sure['share']}"
    needed = result["annotations_per_service"]
    yield f"annotations needed per service: median {needed['median']} over {needed['services']} services"
    yield from (
        f"{name}: {result['all'][name]['f1']} is below {goal}"
        for name, goal in _GOALS.items()
        if (result["all"][name]["f1"] or 0.0) < goal
    )
    yield f"{'rule':52} right wrong  Wilson"
    yield from (f"{r:52} {c['right']:5} {c['wrong']:5}  {c['wilson']}" for r, c in result["rules"].items())


def _cell(counts: Mapping[str, Any]) -> str:
    f1 = "  -  " if counts["f1"] is None else f"{counts['f1']:.3f}"
    return f"{f1} ({counts['tp']}/{counts['fp']}/{counts['fn']})"


def run(mirrors: Path, folders: Sequence[Path], out: Path | None, *, write_judged: bool) -> dict[str, Any]:
    """Score every system that has a truth and a mirror.

    Args:
        mirrors: holds fetched repositories.
        folders: with truth files.
        out: where the whole result is written, or None.
        write_judged: store the counts per rule in the product.
    """
    systems: list[System] = []
    for data in truths(folders):
        folder = mirror_of(mirrors, str(data["repo"]))
        if folder is None:
            print(f"{data['repo']} is not in {mirrors}: left out", file=sys.stderr)
            continue
        try:
            systems.append(system(data, folder))
        except UserError as error:
            print(f"{data['repo']}: {error.message}", file=sys.stderr)
    result = summary(systems)
    if out is not None:
        out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if write_judged:
        counts = {rule: [c["right"], c["wrong"]] for rule, c in result["rules"].items()}
        JUDGED.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return result
