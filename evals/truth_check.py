"""Whether every row of a truth file can be opened and shows what it claims: ``python -m evals.truth_check DIR...``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testmesh.guard.git import Repository

MIRROR = Path("/work/.mirror")
TRUTH = Path(__file__).with_name("truth")
_SECTIONS = (
    "services",
    "endpoints",
    "calls",
    "routes",
    "publishes",
    "consumes",
    "stores",
    "accesses",
    "externals",
    "not_edges",
)
_NEAR = 2


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that cannot be opened or does not show its own words.

    Args:
        section: of the truth file.
        row: what the row is about.
        place: ``file:line``.
        why: what is wrong.
    """

    section: str
    row: str
    place: str
    why: str


def doubts(truth: Mapping[str, Any], texts: Mapping[str, Sequence[str]]) -> Iterator[Doubt]:
    """Rows whose cited line is missing, or mentions none of the row's words.

    Args:
        truth: its JSON.
        texts: file -> its lines, for every cited file that exists.
    """
    for section in _SECTIONS:
        for row in truth.get(section, ()):
            wanted = words(section, row)
            for file, line in cited(row):
                why = _wrong(texts.get(file), line, wanted)
                if why:
                    yield Doubt(section, " ".join(wanted), f"{file}:{line}", why)
                wanted = ()


def _wrong(lines: Sequence[str] | None, line: int, wanted: Sequence[str]) -> str:
    if lines is None:
        return "no such file"
    if not 1 <= line <= len(lines):
        return f"the file has {len(lines)} lines"
    shown = _plain(" ".join(lines[line - 1 : line - 1 + _NEAR]))
    if wanted and not any(_plain(word) in shown for word in wanted):
        return f"mentions none of them: {lines[line - 1].strip()[:80]}"
    return ""


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9/(=]", "", text.lower())


def cited(row: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every place a row names: its own first, then ``more``.

    Args:
        row: of a truth file.
    """
    yield str(row["file"]), int(row["line"])
    for place in row.get("more", ()):
        file, _, line = str(place).rpartition(":")
        yield file, int(line)


def words(section: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Words of which the cited line must show one; a claim that is not true (`not_edges`) only has to be there.

    Args:
        section: of the truth file.
        row: of that section.
    """
    if section == "not_edges":
        return ()
    if section in ("endpoints", "calls"):
        parts = [p for p in re.split(r"[/.]", row["path"]) if p and "{" not in p and "*" not in p]
        return (*reversed(parts), str(row["method"]), *_SITES)
    if section == "routes":
        return tuple(p for p in row["path"].split("/") if p and "{" not in p and "*" not in p)
    if section in ("publishes", "consumes"):
        named = (row["topic"], *row.get("aliases", ()), *row.get("also", ()))
        return (*named, "publish", "sender", "sendMessage", "Receiver", "HandleMessage")
    if section == "accesses":
        return (row["dataset"], *_VERBS[row["mode"]])
    if section == "externals":
        return (row["host"], "OpenAI", "endpoint=")
    return (row["name"], row.get("instance", row["name"]))


_SITES = ("fetch(", "send(", "put(", "post(", "Index(", "Error(", "RegisterHealthServer")
_VERBS = {
    "read": ("find", "get", "search", "select", "paginate", "aggregate", "first", "hget", "subscribe"),
    "write": ("insert", "update", "add", "delete", "save", "put", "hset", "create", "store"),
}


def texts_of(repository: Repository, commit: str, files: set[str]) -> dict[str, list[str]]:
    """The lines of files at a commit.

    Args:
        repository: where they are.
        commit: 40 hex.
        files: their paths.
    """
    entries = {e.path: e.oid for e in repository.tree(commit) if e.path in files}
    data = {b.oid: b.data or b"" for b in repository.blobs(entries.values(), limit=4 << 20)}
    return {path: data[oid].decode("utf-8", "replace").splitlines() for path, oid in entries.items()}


def checked(folder: Path, file: Path) -> tuple[int, list[Doubt]]:
    """How many places a truth file cites, and which of them are doubtful.

    Args:
        folder: git directory of the repository.
        file: truth file.
    """
    truth = json.loads(file.read_text(encoding="utf-8"))
    places = [place for section in _SECTIONS for row in truth.get(section, ()) for place in cited(row)]
    texts = texts_of(Repository(folder), truth["commit"], {name for name, _ in places})
    return len(places), list(doubts(truth, texts))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        arguments: of the command line, without the program.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.truth_check", description=__doc__)
    parser.add_argument("truth", type=Path, nargs="*", help="truth files, evals/truth when none is named")
    parser.add_argument("--mirror", type=Path, default=MIRROR, help="folder of fetched repositories")
    chosen = parser.parse_args(arguments)
    wrong = 0
    for file in chosen.truth or sorted(p for p in TRUTH.glob("*.json") if p.name != "first_scores.json"):
        owner = json.loads(file.read_text(encoding="utf-8"))["repo"].replace("/", "+")
        count, found = checked(chosen.mirror / owner / "repo", file)
        print(f"{file.name}: {count} places, {len(found)} doubtful")
        for doubt in found:
            print(f"  {doubt.section:10} {doubt.place}: {doubt.why}  [{doubt.row}]")
        wrong += len(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
