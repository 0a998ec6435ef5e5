"""Ctrl-C, SIGTERM and `--watch` in a real process: what is left behind, and what is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cli import COMMAND, answered
from tests.environments.toy import SERVER
from tests.flows.support import Reply, Web
from tests.scanners.conftest import Repo

FLOW = """flow:
  name: stops
  steps:
    - {{id: first, action: http_request, config: {{url: "{url}/ok"}}, assert: [status == 200]}}
    - {{id: hangs, action: http_request, config: {{url: "{url}/hangs"}}, assert: [status == 200]}}
    - {{id: never, action: http_request, config: {{url: "{url}/never"}}, assert: [status == 200]}}
  teardown:
    - {{id: clean, action: http_request, config: {{method: DELETE, url: "{url}/{clean}"}}, assert: [status == 200]}}
"""


class Hanging:
    """A server on which some requests hang until the test ends; says when they have come."""

    def __init__(self) -> None:
        self.web = Web()
        self.here = {name: threading.Event() for name in ("hangs", "stuck")}
        self.release = threading.Event()
        self.web.on("GET /ok", 200, {})
        self.web.on("DELETE /clean", 200, {})
        self.web.routes["GET /hangs"] = lambda seen: self._hang("hangs")
        self.web.routes["DELETE /stuck"] = lambda seen: self._hang("stuck")

    def _hang(self, name: str) -> Reply:
        self.here[name].set()
        self.release.wait(60)
        return Reply(200, {})

    def paths(self) -> list[str]:
        """Requests so far."""
        return [f"{seen.method} {seen.path}" for seen in self.web.seen]


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    server = Hanging()
    yield server
    server.release.set()
    server.web.close()


@contextmanager
def _started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    given = {k: v for k, v in os.environ.items() if not k.startswith("TESTMESH_")} | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*COMMAND, "run", *arguments],
        cwd=folder,
        env=given,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _artefacts(folder: Path) -> list[Path]:
    runs = folder / ".testmesh" / "runs"
    return sorted(runs.iterdir()) if runs.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_cleanly(tmp_path: Path, hanging: Hanging, number: int) -> None:
    (tmp_path / "a.yaml").write_text(FLOW.format(url=hanging.web.url, clean="clean"))
    with _started(tmp_path, "a.yaml", "--report", "json=out.json") as process:
        assert hanging.here["hangs"].wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 1, (out, err)
        assert "Traceback" not in err
        assert "DELETE /clean" in hanging.paths()
        assert "GET /never" not in hanging.paths()
        (artefact,) = _artefacts(tmp_path)
        run = json.loads(artefact.read_text())
        assert run["verdict"] == "cancelled"
        steps = {step["id"]: step["verdict"] for step in run["flows"][0]["steps"]}
        assert steps == {"first": "passed", "hangs": "not_run", "never": "not_run", "clean": "passed"}
        assert json.loads((tmp_path / "out.json").read_text())["verdict"] == "cancelled"


def test_sigterm_stops_what_a_script_started_in_its_background(tmp_path: Path, hanging: Hanging) -> None:
    # a shell without job control starts `testmesh run &` with SIGINT ignored
    (tmp_path / "a.yaml").write_text(FLOW.format(url=hanging.web.url, clean="clean"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _started(tmp_path, "a.yaml") as process:
            signal.signal(signal.SIGINT, before)
            assert hanging.here["hangs"].wait(30)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 1
            assert "DELETE /clean" in hanging.paths()
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_second_signal_ends_at_once_and_leaves_nothing_half_written(tmp_path: Path, hanging: Hanging) -> None:
    (tmp_path / "a.yaml").write_text(FLOW.format(url=hanging.web.url, clean="stuck"))
    with _started(tmp_path, "a.yaml", "--report", "json=out.json") as process:
        assert hanging.here["hangs"].wait(30)
        process.send_signal(signal.SIGINT)
        assert hanging.here["stuck"].wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130, (out, err)
        assert "Traceback" not in err
        assert _artefacts(tmp_path) == []
        assert not (tmp_path / "out.json").exists()


def test_ctrl_c_takes_the_environment_down(tmp_path: Path, hanging: Hanging) -> None:
    toml = """
[environments.local]
engine = "processes"
services.idle = { run = ["${PYTHON}", "-m", "http.server", "${idle.port}", "--bind", "127.0.0.1"],
                  ready = "http://127.0.0.1:${idle.port}/" }
[environments.local.variables]
IDLE = "http://127.0.0.1:${idle.port}"
"""
    (tmp_path / "testmesh.toml").write_text(toml.replace(",\n                 ", ","))
    text = FLOW.format(url=hanging.web.url, clean="clean")
    (tmp_path / "a.yaml").write_text(text.replace("/never", "/never?${IDLE}"))
    with _started(tmp_path, "a.yaml", "--env", "local") as process:
        assert hanging.here["hangs"].wait(60)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=40)
        assert process.returncode == 1, (out, err)
        assert [child for child in children if Path(f"/proc/{child}").exists()] == []


def _until(process: subprocess.Popen[str], text: str) -> str:
    """Reads what it prints up to a line with that text."""
    read: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        read.append(line)
        if text in line:
            return "".join(read)
    raise AssertionError(f"{text!r} was never printed:\n{''.join(read)}")


def test_watch_runs_again_what_a_changed_file_affects(tmp_path: Path) -> None:
    step = "{{id: a, action: assert, config: {{assertions: [x == {x}]}}}}"
    flow = f"flow:\n  name: {{n}}\n  data: {{{{file: {{n}}.csv}}}}\n  steps:\n    - {step}\n"
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(flow.format(n=name, x=1))
        (tmp_path / f"{name}.csv").write_text("x\n1\n")
    with _started(tmp_path, ".", "--watch") as process:
        first = _until(process, "watching 2 flows")
        assert "2 passed" in first
        (tmp_path / "b.csv").write_text("x\n2\n3\n")
        again = _until(process, "watching 2 flows")
        assert "changed  b.csv" in again
        assert "runs 1 flow: b.yaml" in again
        assert "2 failed" in again
        (tmp_path / "c.yaml").write_text(flow.replace("  data: {{file: {n}.csv}}\n", "").format(n="c", x="x_"))
        third = _until(process, "watching 3 flows")
        assert "runs 1 flow: c.yaml" in third
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert "watching ended" in err
        assert "Traceback" not in err
        assert process.returncode == 2


def test_watch_follows_source_files_through_the_graph(repo: Repo) -> None:
    answered(repo.path, "scan", ".")
    with _started(repo.path, "flows", "--watch") as process:
        assert "files of the repository" in _until(process, "watching 1 flow")
        app = repo.path / "app.py"
        app.write_text(app.read_text().replace('{"a": 1}', '{"a": 2}'))
        again = _until(process, "watching 1 flow")
        assert "changed  app.py" in again
        assert "runs 1 flow: flows/good.yaml" in again
        (repo.path / "notes.txt").write_text("nothing that a flow depends on")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err


WATCHED = """
[environments.local]
engine = "processes"
services.one = { run = ["${PYTHON}", "server.py"], cwd = "one", ready = "http://127.0.0.1:${one.port}/" }
services.two = { run = ["${PYTHON}", "server.py"], cwd = "two", ready = "http://127.0.0.1:${two.port}/" }
[environments.local.variables]
ONE = "http://127.0.0.1:${one.port}"
TWO = "http://127.0.0.1:${two.port}"
"""
WATCHING = """flow:
  name: greets
  steps:
    - {id: first, action: http_request, config: {url: "${ONE}"}, assert: [body == "hello"]}
    - {id: second, action: http_request, config: {url: "${TWO}"}, assert: [body == "hello"]}
"""


def test_watch_restarts_the_service_whose_code_changed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "testmesh.toml").write_text(WATCHED)
    (tmp_path / "flow.yaml").write_text(WATCHING)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "server.py").write_text(SERVER)
    two = tmp_path / "two" / "server.py"
    with _started(tmp_path, "flow.yaml", "--env", "local", "--watch") as process:
        assert "1 passed" in _until(process, "Ctrl-C ends")
        two.write_text(SERVER.replace("hello", "good day"))
        changed = _until(process, "Ctrl-C ends")
        assert "changed  two/server.py" in changed
        assert "restarted two\n" in changed
        assert "1 failed" in changed
        (tmp_path / "flow.yaml").write_text(WATCHING.replace('"${TWO}"}, assert: [body == "hello"]', '"${TWO}"}'))
        edited = _until(process, "Ctrl-C ends")
        assert "1 passed" in edited
        assert "restarted" not in edited
        two.write_text("this is no Python")
        assert "the environment starts anew" in _until(process, "Ctrl-C ends")
        two.write_text(SERVER)
        assert "1 passed" in _until(process, "Ctrl-C ends")
        (tmp_path / "testmesh.toml").write_text(WATCHED + 'THREE = "${TWO}"\n')
        (tmp_path / "flow.yaml").write_text(WATCHING.replace("${TWO}", "${THREE}"))
        assert "1 passed" in _until(process, "1 passed")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=40)
        assert "Traceback" not in err


def test_ctrl_c_ends_a_shell_step_with_everything_it_started(tmp_path: Path) -> None:
    step = '{id: a, action: shell, config: {command: "sleep 60 & echo $! > pid.tmp; mv pid.tmp pid; echo on; wait"}}'
    (tmp_path / "a.yaml").write_text(f"flow:\n  name: shell\n  steps:\n    - {step}\n")
    with _started(tmp_path, "a.yaml", "--allow-shell") as process:
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err
    child = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    assert not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"
