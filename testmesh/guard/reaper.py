"""Runs beside us with the standard library only, so that a killed TestMesh leaves no service behind."""

from __future__ import annotations

import os
import signal
import sys
import time

NAME = "TESTMESH_INSTANCE"
GRACE_SECONDS = 2.0


def marked(mark: str) -> tuple[int, ...]:
    """Processes whose environment carries the mark; none where there is no ``/proc``.

    Args:
        mark: value of ``TESTMESH_INSTANCE``.
    """
    wanted = f"{NAME}={mark}".encode()
    return tuple(pid for pid in _all_pids() if pid != os.getpid() and wanted in _environment(pid))


def main() -> int:
    """Collect process groups and folders from standard input; at its end, end and remove what was not dropped."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    folders: set[str] = set()
    for line in sys.stdin:
        verb, _, what = line.rstrip("\n").partition(" ")
        if verb == "folder":
            folders.add(what)
        elif verb == "kept":
            folders.discard(what)
        elif verb == "add":
            groups.add(int(what))
        else:
            groups.discard(int(what))
    _end(groups, sys.argv[1])
    _remove(folders)
    return 0


def _end(groups: set[int], mark: str) -> None:
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    left = groups
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = _signal(left, 0)
    _signal(left, signal.SIGKILL)
    for pid in marked(mark):
        _send_to(pid, signal.SIGKILL)


def _remove(folders: set[str]) -> None:
    if folders:
        import shutil

        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _signal(groups: set[int], number: int) -> set[int]:
    """Signal every group; those that still exist."""
    return {pid for pid in groups if _send_to(-pid, number)}


def _send_to(pid: int, number: int) -> bool:
    """A negative pid is a process group, as in kill(2); False when there is none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _all_pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
