"""Is every mistake of the corpus caught at its exact place, before anything is sent?

Each file of ``evals/mistakes`` says in its first lines what is wrong with it (``# expect: RULE LINE:COLUMN -> NAME``),
written from FLOWS, not from what the checker said. The flows go to a server that counts connections; `run` must leave
with exit code 2 and the server must have seen none. ``evals/mistakes/valid`` holds flows with nothing wrong in them.

    python -m evals.mistakes
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "mistakes"
EXPECTED = re.compile(r"^\ufeff?# expect: (\S+) (\d+):(\d+)(?: -> (\S+))?\r?$", re.MULTILINE)
MAX_LINES = 12
USAGE = 2


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one file.

    Args:
        name: of the file.
        expected: rule, place and suggestion, as the file says.
        found: the same as the checker says.
        longest: lines of the longest message.
        exit_code: of `testmesh run`.
    """

    name: str
    expected: tuple[str, ...]
    found: tuple[str, ...]
    longest: int
    exit_code: int

    @property
    def caught(self) -> bool:
        """At the exact place, with the exact rule and suggestion, in few lines, and not run."""
        return self.expected == self.found and self.longest <= MAX_LINES and self.exit_code == USAGE


class Counting:
    """A listening server that counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        """Stops listening."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()


@contextlib.contextmanager
def counting() -> Iterator[Counting]:
    """A counting server that every connection of the corpus leads to."""
    server = Counting()
    address = f"127.0.0.1:{server.port}"
    given = {
        "BASE": f"http://{address}",
        "KAFKA_BROKERS": address,
        "DATABASE_URL": f"postgresql://u:p@{address}/d",
        "REDIS_URL": f"redis://{address}",
    }
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield server
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.close()


def expected(path: Path) -> tuple[str, ...]:
    """What a file says is wrong with it.

    Args:
        path: of the corpus.
    """
    text = path.read_bytes().decode("utf-8", "replace")
    return tuple(_shown(rule, f"{line}:{column}", near) for rule, line, column, near in EXPECTED.findall(text))


def _shown(rule: str, place: str, near: str | None) -> str:
    return f"{rule} {place}" + (f" -> {near}" if near else "")


def judge(path: Path, folder: Path) -> Judged:
    """One file: checked, then run.

    Args:
        path: of the corpus.
        folder: a copy of the corpus that may be written to.
    """
    from flows.actions import catalogue
    from flows.language.check import load_flow
    from flows.language.files import DiskFiles
    from testmesh.kernel.diagnostics import render

    checked = load_flow(path.read_bytes(), path.name, catalogue(), DiskFiles(folder))
    errors = checked.errors
    found = tuple(_shown(f.rule, f"{f.line}:{f.column}", f.suggestion) for f in errors)
    longest = max((len(render(f, checked.text).splitlines()) for f in errors), default=0)
    return Judged(path.stem, expected(path), found, longest, run(folder / path.name, folder))


def run(path: Path, folder: Path) -> int:
    """The exit code of `testmesh run` on a file.

    Args:
        path: the flow.
        folder: of the repository.
    """
    from testmesh.cli import dispatch

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return dispatch(["run", str(path), "-C", str(folder)])


def judge_all() -> tuple[list[Judged], int]:
    """Every file, and how many connections they made."""
    with tempfile.TemporaryDirectory() as name, counting() as server:
        folder = Path(name).resolve() / "corpus"
        shutil.copytree(CORPUS, folder)
        judged = [judge(path, folder) for path in sorted(CORPUS.glob("*.yaml"))]
        return judged, server.connections


def false_alarms() -> list[str]:
    """Findings in flows that have nothing wrong with them: the corpus' own, and those of the sample systems."""
    from flows.actions import catalogue
    from flows.language.check import load_flow
    from flows.language.files import DiskFiles

    repository = CORPUS.parent.parent
    found: list[str] = []
    for path in [*sorted((CORPUS / "valid").glob("*.yaml")), *sorted(repository.glob("fixtures/repos/*/flows/*.yaml"))]:
        checked = load_flow(path.read_bytes(), path.name, catalogue(), DiskFiles(path.parent))
        found += [f"{path.name}:{f.line}:{f.column} {f.rule} {f.message}" for f in checked.findings]
    return found


def main() -> int:
    """Prints the figures; 1 when one is short of its goal."""
    judged, connections = judge_all()
    alarms = false_alarms()
    for one in judged:
        if not one.caught:
            print(f"{one.name}: expected {one.expected}, found {one.found}, exit {one.exit_code}")
    for alarm in alarms:
        print(f"false alarm: {alarm}")
    caught = sum(one.caught for one in judged)
    longest = max(one.longest for one in judged)
    print(f"{caught}/{len(judged)} mistakes at the exact place; {connections} connections; "
          f"longest message {longest} lines; {len(alarms)} false alarms")  # fmt: skip
    return 0 if caught == len(judged) and not connections and not alarms else 1


if __name__ == "__main__":
    sys.exit(main())
