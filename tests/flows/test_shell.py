"""Shell steps: off unless allowed, bounded, ended with everything they started, and as secret as all else."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from flows.actions import ShellPolicy
from flows.engine.recording import judge
from flows.events import run_to_json
from flows.runner import RunOptions, exit_code, run_flows
from graph.runs import Run
from tests.flows.support import run_text, step, verdicts, write

SECRET = "s3cret-of-the-shell"


def _flow(*steps: str) -> str:
    return "flow:\n  name: shell\n  steps:\n" + "".join(f"    - {text}\n" for text in steps)


def _shell(step_id: str, command: object, *asserts: str, more: str = "", config: str = "") -> str:
    checks = f", assert: {json.dumps(asserts)}" if asserts else ""
    return f"{{id: {step_id}, action: shell, config: {{command: {json.dumps(command)}{config}}}{checks}{more}}}"


def _run(folder: Path, *steps: str, env: tuple[str, ...] = ()) -> Run:
    return run_text(folder, _flow(*steps), shell=ShellPolicy(env))


def test_it_is_refused_unless_allowed_wherever_the_step_stands(tmp_path: Path) -> None:
    text = """
    flow:
      name: refused
      steps:
        - id: each
          action: for_each
          config: {range: {from: 1, to: 1}, steps: [{id: sh, action: shell, config: {command: "touch done"}}]}
    """
    run = run_text(tmp_path, text)
    (problem,) = [found for found in run.flows[0].problems if found["severity"] == "error"]
    assert (problem["rule"], problem["line"], problem["column"]) == ("flow/shell-not-allowed", 7, 66)
    assert exit_code(run) == 2
    write(tmp_path, text, "child.yaml")
    parent = run_text(tmp_path, _flow("{id: c, action: run_flow, config: {flow: child.yaml}}"))
    (problem,) = [found for found in parent.flows[0].problems if found["severity"] == "error"]
    assert (problem["rule"], problem["line"], problem["column"]) == ("flow/shell-not-allowed", 4, 48)
    assert "child.yaml: step 'sh' runs a command" in problem["message"]
    assert not (tmp_path / "done").exists()


def test_a_list_is_a_program_and_a_text_a_line_for_the_shell(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        _shell("argv", ["printf", "%s|", "a b", "$HOME; exit 3"], 'stdout == "a b|$HOME; exit 3|"', "exit_code == 0"),
        _shell(
            "line", "echo out; echo err >&2; exit 3", 'trim(stdout) == "out"', 'trim(stderr) == "err"', "exit_code == 3"
        ),
        _shell("parsed", ["echo", '{"a": [1]}'], "json.a[0] == 1", "result.json.a[0] == 1"),
        _shell("words", ["echo", "x"], "json is null"),
        _shell("input", ["cat"], 'stdout == "given"', config=", stdin: given"),
    )
    assert run.verdict == "passed", [(found.id, found.message) for found in run.flows[0].steps]
    assert judge(run).verdict == "passed"


def test_it_runs_in_the_flows_folder_and_sees_little_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISIBLE", "1")
    monkeypatch.setenv("HIDDEN", "2")
    (tmp_path / "inner").mkdir()
    run = _run(
        tmp_path,
        _shell("here", "pwd -P", f'trim(stdout) == "{tmp_path.resolve()}"'),
        _shell("inner", "pwd -P", f'trim(stdout) == "{tmp_path.resolve()}/inner"', config=", cwd: inner"),
        _shell("env", "echo $VISIBLE-$HIDDEN-$OWN", 'trim(stdout) == "1--3"', config=', env: {OWN: "3"}'),
        _shell("out", "pwd", config=", cwd: ..", more=", optional: true"),
        env=("VISIBLE",),
    )
    assert verdicts(run) == dict.fromkeys(("here", "inner", "env"), "passed") | {"out": "error"}
    assert "leads out of the repository" in step(run, "out").message


def test_output_is_bounded_and_a_missing_program_is_an_error(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        _shell("much", "head -c 3000000 /dev/zero | tr '\\0' x", "len(stdout) == 1048576", "truncated == true"),
        _shell("missing", ["no-such-program-here"], more=", optional: true"),
    )
    assert step(run, "much").verdict == "passed", step(run, "much").message
    assert (step(run, "missing").verdict, step(run, "missing").exchanges[0].error_type) == ("error", "config")
    assert "no-such-program-here" in step(run, "missing").message


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def _soon_gone(folder: Path) -> None:
    pid = int((folder / "pid").read_text())
    deadline = time.monotonic() + 5
    while not _gone(pid):
        assert time.monotonic() < deadline, "the command still runs"
        time.sleep(0.02)


@pytest.mark.parametrize("limits", [", timeout: 300ms", ""])
def test_a_timeout_ends_the_whole_process_group(tmp_path: Path, limits: str) -> None:
    more = ", timeout: 300ms" if not limits else ""
    run = _run(tmp_path, _shell("slow", "sleep 60 & echo $! > pid; wait", config=limits, more=more))
    assert (step(run, "slow").verdict, step(run, "slow").exchanges[0].error_type) == ("failed", "timeout")
    assert step(run, "slow").duration_ms < 3000
    _soon_gone(tmp_path)


def test_cancelling_ends_it_too_and_what_it_leaves_behind_does_not_hold_the_step(tmp_path: Path) -> None:
    run = _run(tmp_path, _shell("leaves", "sleep 60 & echo $! > pid", "exit_code == 0"))
    assert step(run, "leaves").duration_ms < 3000
    _soon_gone(tmp_path)
    file = write(tmp_path, _flow(_shell("slow", "echo $$ > pid2; mv pid2 pid; sleep 60")))
    (tmp_path / "pid").unlink()

    async def cancelled() -> Run:
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=tmp_path, shell=ShellPolicy())))
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 (the command is another process)
            await asyncio.sleep(0.01)
        task.cancel()
        return await task

    assert asyncio.run(cancelled()).verdict == "cancelled"
    _soon_gone(tmp_path)


def test_secrets_are_masked_in_what_it_is_given_and_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    run = run_text(
        tmp_path,
        _flow(
            _shell(
                "a",
                "echo $API_KEY; echo $API_KEY >&2",
                "exit_code == 0",
                config=", env: {API_KEY: \"${secret('DEPLOY_TOKEN')}\"}",
            ),
        ),
        shell=ShellPolicy(),
        process=dict(os.environ),
    )
    assert step(run, "a").verdict == "passed", step(run, "a").message
    assert step(run, "a").result["stdout"] == "***\n"
    assert SECRET not in run_to_json(run)
