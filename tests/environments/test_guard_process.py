"""Other programs run within limits of time and output, and leave nothing behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testmesh.guard import process
from testmesh.guard.process import Command
from testmesh.kernel.errors import UserError

PAUSE = threading.Event()


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        PAUSE.wait(0.01)
    return condition()


def gone(pid: int) -> bool:
    """No such process, or only its unreaped remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def test_output_code_and_input() -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('no'); sys.exit(3)"
    done = process.run(Command(python(code), stdin=b"abc" * 100_000))
    assert done.stdout == b"ABC" * 100_000
    assert (done.code, done.ok, done.complaint()) == (3, False, "no")


def test_no_shell_reads_the_arguments() -> None:
    done = process.run(Command(python("import sys; print(sys.argv[1])", "$(id) ; `id`")))
    assert done.text() == "$(id) ; `id`\n"


def test_output_above_the_cap_is_dropped_and_said() -> None:
    done = process.run(Command(python("print('x' * 1000000)"), output_cap=1000))
    assert (len(done.stdout), done.truncated, done.code) == (1000, True, 0)


def test_time_over_ends_the_whole_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60'])"
    code += "; open(sys.argv[1], 'w').write(str(p.pid)); p.wait()"
    done = process.run(Command(python(code, str(pid_file)), timeout=1.0))
    assert done.timed_out
    assert done.seconds < 4
    assert "ended" in done.complaint()
    assert eventually(lambda: gone(int(pid_file.read_text())))


def test_a_child_that_keeps_the_pipes_open_cannot_hang_us() -> None:
    code = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('done')"
    done = process.run(Command(python(code), timeout=1.0))
    assert done.stdout == b"done\n"
    assert done.timed_out


def test_unknown_programs_and_folders_are_the_users_to_fix(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot run 'no-such-program'"):
        process.run(Command(("no-such-program",)))
    with pytest.raises(UserError, match=r"nowhere does not exist"):
        process.run(Command(("true",), cwd=tmp_path / "nowhere"))


def test_lines_of_a_started_program_are_stamped(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    running = process.start(Command(python("print('one'); print('two')")), log)
    assert eventually(lambda: running.code() == 0)
    assert running.drained(2.0)
    texts = [line.split("\t") for line in log.read_text().splitlines()]
    assert [text for _, text in texts] == ["one", "two"]
    assert all(at.endswith("Z") for at, _ in texts)


def test_a_log_stops_at_its_cap(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    running = process.start(Command(python("for i in range(1000): print('y' * 100)"), output_cap=5000), log)
    assert eventually(lambda: running.code() == 0)
    assert running.drained(2.0)
    assert len(log.read_bytes()) < 6000
    assert log.read_text().splitlines()[-1].endswith("(log limit reached)")


def test_a_program_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    running = process.start(Command(python(code)), tmp_path / "a.log")
    assert eventually(lambda: "deaf" in (tmp_path / "a.log").read_text())
    assert running.stop(grace=0.2) == -signal.SIGKILL


def test_what_a_thread_still_runs_ends_with_us(tmp_path: Path) -> None:
    code = """
import os, sys, threading
from testmesh.guard.process import Command, run
line = f"echo $$ > {sys.argv[1]}.new; mv {sys.argv[1]}.new {sys.argv[1]}; exec sleep 60"
threading.Thread(target=run, args=(Command(("sh", "-c", line)),), daemon=True).start()
while not os.path.exists(sys.argv[1]):
    threading.Event().wait(0.01)
"""
    place = tmp_path / "pid"
    assert process.run(Command(python(code, str(place)), cwd=Path(__file__).parents[2])).ok
    assert eventually(lambda: gone(int(place.read_text())))
