"""Whether a system with other names scores as the original: ``python -m evals.renamed --json FILE``.

Services, folders, variables and ports get other names, and one library another alias, in every file of a copy; the
truth is rewritten the same way. What differs in the scores was known by name.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.scanning import graph_of, languages_read, report, scored
from evals.scoring import CATEGORIES
from evals.scoring_rows import TruthFile
from testmesh.guard.git import Repository
from testmesh.guard.git_write import NewCommit, Writer, init_bare

DATA = Path(__file__).with_name("data") / "renamed.toml"
MIRROR = Path("/work/.mirror")
TRUTHS = Path("/work/shared/truth")
_COUNTS = ("tp", "fp", "fn")
_KEPT = ("repo", "commit", "protocol", "kind", "language")
_LARGEST = 4 << 20
_AUTHOR, _DATE = "Eval <eval@localhost>", "2026-04-01T09:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Renaming:
    """Other names for one system.

    Args:
        truth: name of its truth file.
        words: word to word, wherever it stands alone.
        aliases: (suffix of files, pattern, replacement).
    """

    truth: str
    words: Mapping[str, str]
    aliases: tuple[tuple[str, re.Pattern[str], str], ...]

    def text(self, text: str) -> str:
        """A text with the other words.

        Args:
            text: any text or path.
        """
        return self._pattern.sub(lambda found: self.words[found.group()], text)

    @property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self.words, key=lambda word: (-len(word), word))
        return re.compile(r"(?<![A-Za-z0-9_])(" + "|".join(map(re.escape, longest)) + r")(?![A-Za-z0-9_])")

    def file(self, path: str, data: bytes) -> tuple[str, bytes]:
        """A file of the copy; what is no text only moves.

        Args:
            path: of the original.
            data: its bytes.
        """
        try:
            text = self.text(data.decode())
        except UnicodeDecodeError:
            return self.text(path), data
        for suffix, pattern, new in self.aliases:
            text = pattern.sub(new, text) if path.endswith(suffix) else text
        return self.text(path), text.encode()

    def row(self, value: Any, key: str = "") -> Any:
        """A part of the truth with the other words.

        Args:
            value: any JSON.
            key: its key; some hold no names of the system.
        """
        if isinstance(value, str):
            return value if key in _KEPT else self.text(value)
        if isinstance(value, list):
            return [self.row(item, key) for item in value]
        return {name: self.row(item, name) for name, item in value.items()} if isinstance(value, dict) else value


def renamings(path: Path = DATA) -> list[Renaming]:
    """The systems that are renamed.

    Args:
        path: which names become which.
    """
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["system"]
    return [
        Renaming(row["truth"], row["words"], tuple((a["suffix"], re.compile(a["old"]), a["new"]) for a in row["alias"]))
        for row in rows
    ]


def copied(renaming: Renaming, source: Path, commit: str, folder: Path) -> tuple[Path, str]:
    """A repository with the renamed files, and its commit.

    Args:
        renaming: other names.
        source: git directory of the original.
        commit: of the original.
        folder: where to make it.
    """
    repository = Repository(source)
    entries = [e for e in repository.tree(commit) if not e.link]
    data = {b.oid: b.data for b in repository.blobs({e.oid for e in entries}, limit=_LARGEST)}
    files = dict(renaming.file(e.path, data[e.oid] or b"") for e in entries if data.get(e.oid) is not None)
    init_bare(folder)
    return folder, Writer(folder).commit(NewCommit("", files, "renamed", _AUTHOR, _DATE))


def figures(folder: Path, commit: str, truth: Mapping[str, Any]) -> dict[str, Any]:
    """The score of a repository against a truth.

    Args:
        folder: git directory.
        commit: 40 hex.
        truth: its JSON.
    """
    graph = graph_of(folder, commit)
    return report(scored(graph, TruthFile(truth)), languages_read(graph))


def compared(renaming: Renaming, folder: Path) -> dict[str, Any]:
    """Both scores of a system, and what differs between them.

    Args:
        renaming: other names.
        folder: for the copy.
    """
    truth = json.loads((TRUTHS / f"{renaming.truth}.json").read_text(encoding="utf-8"))
    source = MIRROR / truth["repo"].replace("/", "+") / "repo"
    before = figures(source, truth["commit"], truth)
    after = figures(*copied(renaming, source, truth["commit"], folder / renaming.truth), renaming.row(truth))
    pick = {name: {side: before[name][side] for side in (*_COUNTS, "f1")} for name in CATEGORIES}
    other = {name: {side: after[name][side] for side in (*_COUNTS, "f1")} for name in CATEGORIES}
    lost = _only(before, after, renaming)
    return {"system": renaming.truth, "original": pick, "renamed": other, "same": pick == other, "differences": lost}


def _only(before: Mapping[str, Any], after: Mapping[str, Any], renaming: Renaming) -> list[str]:
    told = []
    for kind in ("misses", "false_alarms"):
        ours = {(r["category"], tuple(map(renaming.text, r["row"]))) for r in before[kind]}
        theirs = {(r["category"], tuple(r["row"])) for r in after[kind]}
        told += [f"{kind} only of the original: {name} {' '.join(row)}" for name, row in sorted(ours - theirs)]
        told += [f"{kind} only of the copy: {name} {' '.join(row)}" for name, row in sorted(theirs - ours)]
    return told


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The comparison for a terminal.

    Args:
        rows: from :func:`compared`.
    """
    lines = []
    for row in rows:
        lines.append(
            f"{row['system']:<18}{'original tp/fp/fn':>20}{'renamed tp/fp/fn':>20}{'f1':>8}{'f1':>8}{'diff':>8}"
        )
        for name in CATEGORIES:
            one, two = row["original"][name], row["renamed"][name]
            counts = ["/".join(str(side[key]) for key in _COUNTS) for side in (one, two)]
            shown = [f"{side['f1']:.3f}" if side["f1"] is not None else "-" for side in (one, two)]
            gap = f"{two['f1'] - one['f1']:+.3f}" if None not in (one["f1"], two["f1"]) else "-"
            lines.append(f"  {name:<16}{counts[0]:>20}{counts[1]:>20}{shown[0]:>8}{shown[1]:>8}{gap:>8}")
        lines += [f"  {line}" for line in row["differences"]]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        arguments: of the command line, without the program.
    """
    parser = argparse.ArgumentParser(prog="python -m evals.renamed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="name of one truth file")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = [compared(r, Path(folder)) for r in renamings() if chosen.only in ("", r.truth)]
    if chosen.json:
        chosen.json.write_text(json.dumps({"systems": rows}, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    return 0 if all(row["same"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
