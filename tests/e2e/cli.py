"""The command line as a user has it: another process, its output and its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMEOUT = 120
COMMAND = (sys.executable, "-m", "testmesh")
APP = """from flask import Flask
app = Flask(__name__)

@app.route("/good")
def good(): return {"a": 1}
"""
FLOW = """flow:
  name: Good
  tags: [smoke]
  suite: shop
  env: {BASE: "${APP_URL:http://127.0.0.1:9}"}
  steps:
    - id: get
      action: http_request
      config: {method: GET, url: "${BASE}/good"}
      assert: [status == 200, body.a == 1]
"""


def testmesh(cwd: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One command.

    Args:
        cwd: where it is typed.
        arguments: without the program's name.
        env: variables set for it.
    """
    given = {k: v for k, v in os.environ.items() if not k.startswith("TESTMESH_")}
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, check=False,
                          timeout=TIMEOUT, env={**given, **env}, errors="replace")  # fmt: skip


testmesh.__test__ = False  # type: ignore[attr-defined]


def answered(cwd: Path, *arguments: str, code: int = 0, **env: str) -> str:
    """What a command prints when it ends with a code.

    Args:
        cwd: where it is typed.
        arguments: without the program's name.
        code: the exit code it must have.
        env: variables set for it.
    """
    done = testmesh(cwd, *arguments, **env)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def answer(cwd: Path, *arguments: str, code: int = 0, **env: str) -> Any:
    """The JSON a command prints.

    Args:
        cwd: where it is typed.
        arguments: without the program's name and `--json`.
        code: the exit code it must have.
        env: variables set for it.
    """
    return json.loads(answered(cwd, *arguments, "--json", code=code, **env))


def refused(cwd: Path, *arguments: str, says: tuple[str, ...], env: Mapping[str, str] | None = None) -> None:
    """A bad request: exit 2, one message with what, where and what to do, no traceback, nothing claimed.

    Args:
        cwd: where it is typed.
        arguments: without the program's name.
        says: each must be in the message.
        env: variables set for it.
    """
    done = testmesh(cwd, *arguments, **(env or {}))
    assert done.returncode == 2, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
    for text in says:
        assert text in done.stderr, f"{text!r} is not in:\n{done.stderr}"
