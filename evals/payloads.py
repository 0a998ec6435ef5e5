"""Does `graph check` name the reader of a payload field that a change takes away, and stay silent on the rest?"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.scanning_all import wilson
from graph.contracts.findings import Check, Finding
from graph.linking.link import RepositoryFacts, link
from graph.overlay import Overlay
from graph.queries.check import compared
from scanners.cache import FactCache
from scanners.scan import ScanRequest, scan_tree
from scanners.trees import Content, MemoryTree

RINGS = Path(__file__).parents[1] / "fixtures" / "rings"
LANGUAGES = ("python", "typescript", "javascript", "java", "go", "c#")


@dataclass(frozen=True, slots=True)
class Case:
    """A change of one payload.

    Args:
        ring: which system.
        name: what is done, in which language.
        files: new text by path.
        finds: (field, service on the other side) that must be reported; empty for a benign change.
    """

    ring: str
    name: str
    files: Mapping[str, str]
    finds: tuple[tuple[str, str], ...]

    @property
    def language(self) -> str:
        """Language of the side that changes."""
        return next(language for language in LANGUAGES if f" {language}" in f" {self.name}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went.

    Args:
        case: the case.
        right: everything expected was said, or nothing where nothing is broken.
        said: sentences of breaking findings and warnings.
    """

    case: Case
    right: bool
    said: tuple[str, ...]


class _Nothing:
    """A listing without files, to put files on."""

    def paths(self) -> Sequence[str]:
        return ()

    def blobs(self) -> Mapping[str, str]:
        return {}

    def read(self, limits: Mapping[str, int]) -> Iterator[Content]:
        yield from ()


def cases(ring: str) -> list[Case]:
    """The cases of a ring.

    Args:
        ring: folder name below ``fixtures/rings``.
    """
    table = tomllib.loads((RINGS / f"{ring}.toml").read_text("utf-8"))
    return [_case(ring, row) for row in table["case"]]


def _case(ring: str, row: Mapping[str, Any]) -> Case:
    files: dict[str, str] = {}
    for path, old, new in row["edits"]:
        text = files.get(path) or (RINGS / ring / path).read_text("utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{ring}: {row['name']}: {path} has {text.count(old)} times {old!r}")
        files[path] = text.replace(old, new)
    return Case(ring, row["name"], files, tuple((field, service) for field, service in row["finds"]))


def judged(ring: str, wanted: Sequence[Case]) -> list[Outcome]:
    """Every case checked against the untouched ring.

    Args:
        ring: folder name.
        wanted: its cases.
    """
    folder = RINGS / ring
    base = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    found = []
    with tempfile.TemporaryDirectory(prefix="testmesh-payloads-") as scratch:
        cache = FactCache(Path(scratch) / "facts.db")
        before = _graph(ring, base, cache)
        for case in wanted:
            head = {**base, **{path: text.encode() for path, text in case.files.items()}}
            found.append(_outcome(case, compared(before, _graph(ring, head, cache))))
    return found


def _graph(ring: str, files: Mapping[str, bytes], cache: FactCache) -> Overlay:
    request = ScanRequest(RINGS / ring, None, ring)
    result = scan_tree(request, MemoryTree(_Nothing(), files), "worktree", (cache, None))
    return Overlay(None, link([RepositoryFacts(ring, "worktree", result.facts)], "payloads"))


def _outcome(case: Case, check: Check) -> Outcome:
    loud = [f for f in check.findings if f.severity != "note"]
    if case.finds:
        right = all(any(_names(f, field, service) for f in loud) for field, service in case.finds)
    else:
        right = not loud
    return Outcome(case, right, tuple(f"{f.severity}: {f.text}" for f in loud))


def _names(finding: Finding, field: str, service: str) -> bool:
    other = (finding.service, finding.sender.partition(":")[0], finding.sender.partition("/")[0])
    return finding.severity == "breaking" and finding.field.rpartition(".")[2] == field and service in other


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts by sort and language, and every case that went wrong.

    Args:
        outcomes: of all rings.
    """
    out: dict[str, Any] = {}
    for sort in ("seeded", "benign"):
        rows = [o for o in outcomes if bool(o.case.finds) == (sort == "seeded")]
        right, by = sum(o.right for o in rows), Counter(o.case.language for o in rows)
        good = Counter(o.case.language for o in rows if o.right)
        share = right / len(rows) if rows else None
        out[sort] = {
            "cases": len(rows), "right": right, "share": share and round(share, 3), "wilson": wilson(right, len(rows)),
            "by_language": {name: f"{good[name]}/{count}" for name, count in sorted(by.items())},
        }  # fmt: skip
    out["wrong"] = [
        {"ring": o.case.ring, "case": o.case.name, "wanted": [list(f) for f in o.case.finds], "said": list(o.said)}
        for o in outcomes
        if not o.right
    ]
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measure and print a table.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ring", action="append", help="only this ring (default: all)")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="write the whole report here")
    options = parser.parse_args(arguments)
    outcomes = [
        outcome
        for ring in options.ring or sorted(p.stem for p in RINGS.glob("*.toml"))
        for outcome in judged(ring, [c for c in cases(ring) if options.case in c.name])
    ]
    found = report(outcomes)
    for sort in ("seeded", "benign"):
        row = found[sort]
        print(f"{sort:8} {row['right']}/{row['cases']}  {row['by_language']}")
    for row in found["wrong"]:
        print(f"wrong: {row['ring']}: {row['case']}: wanted {row['wanted']}, said {row['said']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
