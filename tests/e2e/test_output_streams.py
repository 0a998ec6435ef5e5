"""Where output goes is no part of the verdict: readers that leave, closed streams, narrow locales, terminals."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.e2e.cli import COMMAND, TIMEOUT, answer

FLOW = """flow:
  name: "Žofia \u2192 日本 😀"
  steps:
    - {id: a, action: assert, config: {assertions: ['"é" == "e"']}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flow that fails."""
    (tmp_path / "flow.yaml").write_text(FLOW, "utf-8")
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")} | more


def piped(folder: Path, *arguments: str, **more: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, timeout=TIMEOUT, check=False, env=environment(**more)
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [("run",), ("run", "--json"), ("run", "--verbose", "--report", "junit=-")])
def test_a_reader_that_leaves_changes_neither_the_verdict_nor_the_recording(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, stdout=writing, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
    assert answer(folder, "show", "latest")["verdict"] == "failed"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_may_be_closed_from_the_beginning(folder: Path, closed: str) -> None:
    script = f'exec "$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND, "run"], cwd=folder, capture_output=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stdout + done.stderr
    assert answer(folder, "show", "latest")["verdict"] == "failed"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_locale_can_be_written_to(folder: Path, encoding: str) -> None:
    code, out, err = piped(folder, "run", PYTHONIOENCODING=encoding)
    assert (code, err) == (1, b"")
    assert ("→" if encoding == "utf-8" else "->").encode() in out
    code, out, err = piped(folder, "show", "latest", "--json", PYTHONIOENCODING=encoding)
    assert (code, err) == (0, b"")
    name = json.loads(out.decode(encoding))["flows"][0]["name"]
    assert name == ("Žofia → 日本 😀" if encoding == "utf-8" else "Žofia -> 日本 😀")


def on_a_terminal(folder: Path, *arguments: str, **more: str) -> str:
    ours, theirs = pty.openpty()
    running = subprocess.Popen([*COMMAND, *arguments], cwd=folder, stdout=theirs, env=environment(**more))
    os.close(theirs)
    found = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # Linux says EIO when the last writer is gone
            break
        found += block
    os.close(ours)
    assert running.wait(TIMEOUT) in (0, 1)
    return found.decode()


def test_a_terminal_gets_colours_and_nothing_escaped(folder: Path) -> None:
    for arguments in (("run",), ("show", "latest"), ("run", "--verbose")):
        text = on_a_terminal(folder, *arguments, TERM="xterm")
        assert "\x1b[31mFAILED \x1b[0m  flow.yaml: Žofia" in text
        assert "\\u001b" not in text
    assert "\x1b[3" not in on_a_terminal(folder, "run", TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(folder, "run", TERM="dumb")
