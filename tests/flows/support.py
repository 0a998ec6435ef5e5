"""What flow tests share: a real HTTP server, raw TCP servers that misbehave, and one call to run a flow text."""

from __future__ import annotations

import asyncio
import json
import socket
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flows.engine.recording import judge
from flows.events import run_from_json, run_to_json
from flows.runner import RunOptions, run_flows
from graph.runs import Event, FlowRun, Run, StepRun


@dataclass
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What the server answers."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Seen], Reply]


class Web:
    """A real HTTP server on a free port of 127.0.0.1; routes answer, everything else is 404."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.routes: dict[str, Route] = {}
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, self.rfile.read(length))
                web.seen.append(seen)
                route = web.routes.get(f"{self.command} {self.path.split('?')[0]}")
                reply = route(seen) if route else Reply(404, {"detail": "no such route"})
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                headers = {"content-type": "application/json", "content-length": str(len(data)), **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the terminal."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients of these tests go away on purpose."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def on(self, route: str, status: int = 200, body: object = None, **headers: str) -> None:
        """Answers a route always the same way."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.routes[route] = lambda seen: Reply(status, body, named)

    def close(self) -> None:
        """Stops it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server that hands each connection to `answer`; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def unused_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write(folder: Path, text: str, name: str = "flow.yaml") -> str:
    """Writes a flow file; gives its name."""
    (folder / name).write_text(textwrap.dedent(text))
    return name


def run_text(folder: Path, text: str, *, events: list[Event] | None = None, **options: Any) -> Run:
    """Runs one flow text and gives the artefact."""
    file = write(folder, text)
    return run_files(folder, file, events=events, **options)


def run_files(folder: Path, *files: str, events: list[Event] | None = None, **options: Any) -> Run:
    """Runs flow files and gives the artefact."""
    listeners = [events.append] if events is not None else []
    run = asyncio.run(run_flows(RunOptions(paths=files, root=folder, **options), listeners))
    _judges_the_same(run)
    return run


def _judges_the_same(run: Run) -> None:
    """A law: the artefact, written and read, judged by the flows as they are, gives every verdict it recorded.

    But where only what is masked could tell, which is said (tests/flows/test_masked_evidence.py).
    """
    judged = judge(run_from_json(run_to_json(run)))
    for live, again in zip(run.flows, judged.flows, strict=True):
        assert _tree(live.steps, again.steps) == _tree(again.steps, again.steps), (live.message, again.message)
        doubt = any("depends on a masked value" in step.message for step in again.steps)
        assert live.verdict == again.verdict or (doubt and again.verdict == "error"), again.message


def _tree(steps: Sequence[StepRun], judged: Sequence[StepRun]) -> list[object]:
    """What ran and how it ended, but for steps whose judgement is undecided."""
    if len(steps) != len(judged):
        return [found.id for found in steps]
    pairs = zip(steps, judged, strict=True)
    return [(a.id, a.iteration, _verdict(a, b), _tree(a.steps, b.steps)) for a, b in pairs]


def _verdict(live: StepRun, again: StepRun) -> str:
    return "undecided" if again.verdict == "error" and "depends on a masked value" in again.message else live.verdict


def only(run: Run) -> FlowRun:
    """The one flow execution of a run."""
    (found,) = run.flows
    return found


def step(run: Run, step_id: str) -> StepRun:
    """The first execution of a step, nested ones included."""
    waiting = [found for flow in run.flows for found in flow.steps]
    while waiting:
        found = waiting.pop(0)
        if found.id == step_id:
            return found
        waiting += found.steps
    raise AssertionError(f"no step {step_id!r}")


def verdicts(run: Run) -> dict[str, str]:
    """Step id to verdict, nested steps included (the last execution of an id counts)."""
    problems = [problem for flow in run.flows for problem in flow.problems]
    assert not problems, problems
    found: dict[str, str] = {}
    waiting = [item for flow in run.flows for item in flow.steps]
    while waiting:
        item = waiting.pop(0)
        found[item.id] = item.verdict
        waiting += item.steps
    return found
