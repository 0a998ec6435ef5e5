"""`python -m evals.scan_speed REPO`: time and memory of scans and of impact, whole processes, beside another tool.

The peer is `code-review-graph` from the package registry (tree-sitter into SQLite), made ready with --install-peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from graph.facts import SourceFile
from scanners.readers import built_in
from scanners.trees import CommitTree
from testmesh.guard.git import Repository
from testmesh.kernel.memory import no_cycle_search

PEER = "code-review-graph"
GOALS = {"cold": 5.0, "unchanged": 0.5, "one file changed": 1.0, "impact": 1.0}
_MIB = 1024 * 1024
_LOOK = 0.02
_COMMENTS = {".py": "#", ".java": "//", ".go": "//", ".cs": "//", ".js": "//", ".ts": "//"}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process and all its children took.

    Args:
        wall: seconds.
        cpu: seconds.
        peak: MiB resident, all processes together.
    """

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Args:
        tool: testmesh or the peer.
        work: what was done.
        wall: seconds, best of the repeats.
        cpu: seconds, of that repeat.
        peak: MiB, largest of the repeats.
        goal: seconds at most, None without one.
    """

    tool: str
    work: str
    wall: float
    cpu: float
    peak: float
    goal: float | None = None


def spent(argv: Sequence[str], folder: Path) -> Spent:
    """Runs a command to its end.

    Args:
        argv: the command.
        folder: where.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, began, peak = os.times(), time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)
        while True:
            try:
                process.wait(_LOOK)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, resident(process.pid))
        wall, after = time.perf_counter() - began, os.times()
        if process.returncode not in (0, 1):
            said.seek(0)
            raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}:\n{said.read().decode()[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(wall, cpu, peak)


def resident(pid: int) -> float:
    """MiB that a process and its descendants hold in memory, shared pages counted once a process (Linux).

    Args:
        pid: of the topmost process.
    """
    total, todo = 0.0, [pid]
    while todo:
        here = todo.pop()
        try:
            pages = int(Path(f"/proc/{here}/statm").read_text().split()[1])
            tasks = list(Path(f"/proc/{here}/task").iterdir())
            todo += [int(c) for task in tasks for c in (task / "children").read_text().split()]
        except (OSError, ValueError, IndexError):
            continue
        total += pages * os.sysconf("SC_PAGE_SIZE") / _MIB
    return total


def lines_of_code(folder: Path) -> dict[str, int]:
    """Lines of the files some language reads, by suffix.

    Args:
        folder: a checkout.
    """
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.parts and built_in().language(path.name) is not None:
            found[path.suffix] = found.get(path.suffix, 0) + path.read_bytes().count(b"\n")
    return found


def reading(repository: Path) -> dict[str, tuple[int, float]]:
    """Lines and CPU seconds of reading every file with all packs on, in this process, by language.

    Args:
        repository: work tree or bare git directory.
    """
    git = Repository(repository)
    tree = CommitTree(git, git.commit("HEAD"))
    readers = built_in()
    limits = {p: readers.wants(p) for p in tree.paths() if readers.language(p) is not None and readers.wants(p)}
    found: dict[str, tuple[int, float]] = {}
    with no_cycle_search():
        for content in tree.read(limits):
            language = readers.language(content.path)
            if content.data is None or language is None:
                continue
            began = time.process_time()
            readers.facts(SourceFile(content.path, content.data))
            lines, seconds = found.get(language.name, (0, 0.0))
            found[language.name] = lines + content.data.count(b"\n"), seconds + time.process_time() - began
    return found


class Subject:
    """A checkout of its own that is scanned again and again.

    Args:
        source: a repository.
        folder: where to clone it.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        subprocess.run(["git", "clone", "-q", str(source), str(folder)], check=True)
        self.path = folder
        files = [p for p in folder.rglob("*") if p.suffix in _COMMENTS and p.is_file() and ".git" not in p.parts]
        self._file = max(files, key=lambda p: (p.stat().st_size < 40_000, p.stat().st_size, str(p)))
        self._count = 0

    def touch(self) -> None:
        """Change one middle-sized file a little."""
        self._count += 1
        with self._file.open("a") as stream:
            stream.write(f"\n{_COMMENTS[self._file.suffix]} {self._count}\n")

    def commit(self) -> None:
        """Change it and commit."""
        self.touch()
        name = ("-c", "user.name=eval", "-c", "user.email=eval@localhost")
        subprocess.run(["git", *name, "commit", "-qam", f"change {self._count}"], cwd=self.path, check=True)


def measured(tool: str, steps: dict[str, Callable[[], Spent]], repeats: int) -> list[Row]:
    """Every step repeated, the best kept.

    Args:
        tool: for the table.
        steps: by name; each prepares what it needs and runs one process.
        repeats: of each.
    """
    rows = []
    for work, step in steps.items():
        found = [step() for _ in range(repeats)]
        best = min(found, key=lambda s: s.wall)
        peak = max(s.peak for s in found)
        goal = GOALS.get(work) if tool == "testmesh" else None
        rows.append(Row(tool, work, round(best.wall, 2), round(best.cpu, 2), round(peak), goal))
    return rows


def ours(subject: Subject) -> dict[str, Callable[[], Spent]]:
    """The steps of this tool.

    Args:
        subject: what is scanned.
    """
    scan = (sys.executable, "-m", "testmesh", "scan", ".")

    def cold() -> Spent:
        subprocess.run(["rm", "-rf", ".testmesh"], cwd=subject.path, check=True)
        return spent(scan, subject.path)

    def changed() -> Spent:
        subject.touch()
        return spent(scan, subject.path)

    def impact() -> Spent:
        subject.commit()
        spent(scan, subject.path)
        subject.commit()
        return spent((sys.executable, "-m", "testmesh", "impact", "HEAD~1..HEAD"), subject.path)

    return {"cold": cold, "unchanged": lambda: spent(scan, subject.path), "one file changed": changed, "impact": impact}


def theirs(subject: Subject, program: Path) -> dict[str, Callable[[], Spent]]:
    """The steps of the peer.

    Args:
        subject: what is scanned.
        program: its executable.
    """

    def cold() -> Spent:
        subprocess.run(["rm", "-rf", ".code-review-graph"], cwd=subject.path, check=True)
        return spent((str(program), "build"), subject.path)

    def changed() -> Spent:
        subject.commit()
        return spent((str(program), "update"), subject.path)

    return {"cold": cold, "one file changed": changed}


def install_peer(folder: Path) -> Path:
    """The peer in an environment of its own.

    Args:
        folder: where to make it.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin/pip"), "install", "-q", PEER], check=True)
    return folder / "bin" / PEER


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="evals.scan_speed", description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--peer", type=Path, help=f"executable of {PEER}")
    parser.add_argument("--install-peer", action="store_true", help=f"install {PEER} for this run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reading", action="store_true", help="only how fast each language is read")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if options.reading:
        for language, (count, seconds) in sorted(reading(options.repository).items()):
            a_core = count / 1000 / max(seconds, 1e-9)
            print(f"{language:<12} {count / 1000:>7.1f} kLOC {seconds:>6.2f} s CPU {a_core:>6.1f} kLOC/s a core")
        return 0
    with tempfile.TemporaryDirectory(prefix="testmesh-scan-speed-") as scratch:
        subject = Subject(options.repository.resolve(), Path(scratch) / "ours")
        lines = lines_of_code(subject.path)
        rows = measured("testmesh", ours(subject), options.repeats)
        peer = install_peer(Path(scratch) / "peer") if options.install_peer else options.peer
        if peer is not None:
            rows += measured(PEER, theirs(Subject(options.repository.resolve(), Path(scratch) / "theirs"), peer), 1)
    kloc = sum(lines.values()) / 1000
    print(f"{kloc:.1f} kLOC {lines}; {kloc / rows[0].wall:.1f} kLOC/s cold")
    for row in rows:
        verdict = (
            "" if row.goal is None else f"  goal {row.goal:.1f} s  {'holds' if row.wall <= row.goal else 'MISSED'}"
        )
        print(
            f"{row.tool:<18} {row.work:<17} {row.wall:>6.2f} s wall {row.cpu:>6.2f} s CPU {row.peak:>5.0f} MiB{verdict}"
        )
    if options.json:
        report = {"lines": lines, "rows": [asdict(r) for r in rows]}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
