"""What conformance tests of actions share: one-step flows, the law that `judge` agrees, servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from tests.flows.support import raw_server, run_text, step, unused_port, write

SECRET = "hunter2hunter2"
Config = Callable[[int], str]
Check = Callable[[Path], None]


def flow_of(*steps: str) -> str:
    """A flow text.

    Args:
        steps: one flow mapping per step, as in ``{id: a, action: log, config: {message: x}}``.
    """
    return "flow:\n  name: conformance\n  steps:\n" + "".join(f"    - {text}\n" for text in steps)


def passes(run: Run) -> None:
    """The run passed, and its recording alone passes too.

    Args:
        run: finished.
    """
    assert run.verdict == "passed", [(found.id, found.message) for found in run.flows[0].steps] or run.flows[0].problems
    again = judge(run_from_json(run_to_json(run)))
    assert again.verdict == "passed", [(found.id, found.message) for found in again.flows[0].steps]


def failing_servers(connected: Mapping[str, Config]) -> pytest.MarkDecorator:
    """Parametrises a test ``(check, tmp_path)`` whose body is ``check(tmp_path)``: each action × each bad server.

    Args:
        connected: action to its config (flow YAML) for a port of 127.0.0.1; put :data:`SECRET` where a password goes.
    """
    cases = [
        pytest.param(_bound(check, name, config), id=f"{name}-{check.__name__.lstrip('_')}")
        for name, config in sorted(connected.items())
        for check in (_down, _hangs, _cancelled, _nonsense, _closes)
    ]
    return pytest.mark.parametrize("check", cases)


def _bound(check: Callable[[Path, str, Config], None], name: str, config: Config) -> Check:
    return lambda folder: check(folder, name, config)


def keeps_the_secret(run: Run) -> None:
    """Nothing but the flow's own text holds :data:`SECRET`.

    Args:
        run: finished.
    """
    assert SECRET not in run_to_json(run).replace(run.flows[0].source.replace('"', '\\"').replace("\n", "\\n"), "")


def _down(folder: Path, name: str, config: Config) -> None:
    """Nobody listens: an error of type connection, soon, that names the target and no credentials."""
    port = unused_port()
    run = run_text(folder, flow_of(f"{{id: a, action: {name}, config: {config(port)}, wait: none}}"))
    if run.flows[0].problems:
        run = run_text(folder, flow_of(f"{{id: a, action: {name}, config: {config(port)}}}"))
    found = step(run, "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection"), found.message
    assert str(port) in found.message
    assert found.duration_ms < 5000
    keeps_the_secret(run)


def _hangs(folder: Path, name: str, config: Config) -> None:
    """The server accepts and says nothing: the step's timeout ends it."""
    release = threading.Event()
    with raw_server(lambda connection: (release.wait(20), None)[1]) as port:
        try:
            run = run_text(folder, flow_of(f"{{id: a, action: {name}, timeout: 400ms, config: {config(port)}}}"))
        finally:
            release.set()
    found = step(run, "a")
    assert found.verdict == "failed", found.message
    assert found.exchanges[0].error_type == "timeout"
    keeps_the_secret(run)


def _cancelled(folder: Path, name: str, config: Config) -> None:
    """The server hangs and the user cancels: the run ends soon, as cancelled."""
    release = threading.Event()
    with raw_server(lambda connection: (release.wait(20), None)[1]) as port:
        file = write(folder, flow_of(f"{{id: a, action: {name}, config: {config(port)}}}"))

        async def cancelled() -> Run:
            task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=folder)))
            await asyncio.sleep(0.3)
            task.cancel()
            return await task

        started = time.monotonic()
        try:
            run = asyncio.run(cancelled())
        finally:
            release.set()
    assert run.verdict == "cancelled"
    assert time.monotonic() - started < 6


def _nonsense(folder: Path, name: str, config: Config) -> None:
    """The server does not speak the protocol: an error of theirs, not of ours."""

    def nonsense(connection: socket.socket) -> None:
        connection.settimeout(1)
        try:
            connection.sendall(b"!!! nonsense\r\n\r\n" * 10)
            connection.recv(65536)
            connection.sendall(b"!!! nonsense\r\n\r\n" * 10)
        except OSError:
            return

    with raw_server(nonsense) as port:
        run = run_text(folder, flow_of(f"{{id: a, action: {name}, timeout: 3s, config: {config(port)}}}"))
    _theirs(run)


def _closes(folder: Path, name: str, config: Config) -> None:
    """The server hangs up as soon as it is asked."""

    def closes(connection: socket.socket) -> None:
        connection.settimeout(1)
        try:
            connection.recv(1)
        except OSError:
            return

    with raw_server(closes) as port:
        run = run_text(folder, flow_of(f"{{id: a, action: {name}, timeout: 3s, config: {config(port)}}}"))
    _theirs(run)


def _theirs(run: Run) -> None:
    found = step(run, "a")
    assert found.verdict in ("error", "failed"), found.message
    assert found.exchanges[0].error_type in ("connection", "server", "timeout"), found.message
    keeps_the_secret(run)
