"""A command on the machine that runs the flow; off unless whoever runs it allows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result
from flows.language.catalogue import ActionSpec, Duration, option
from flows.language.shapes import ANYTHING, BOOLEAN, NUMBER, STRING, record

if TYPE_CHECKING:
    import threading

    from testmesh.guard.process import Finished

OUTPUT_BYTES = 1024 * 1024
ENDING_SECONDS = 2.0
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER")


@dataclass(frozen=True, slots=True)
class ShellConfig:
    """What to run."""

    command: str | tuple[str, ...] = option(
        doc="A list is a program with its arguments; a text is a line for `/bin/sh`.", also=("run", "cmd")
    )
    env: Mapping[str, str] | None = option(None, "Variables the command sees beside PATH, HOME and the like.")
    cwd: str = option(".", "Folder to run in, relative to the flow's.")
    stdin: str = option("", "Text on its standard input.")
    timeout: Duration | None = option(None, "How long it may run; then its whole process group is ended.")


async def run(config: ShellConfig, call: Call) -> Result:
    """Runs the command to its end.

    Args:
        config: rendered.
        call: the policy and the flow's folder.
    """
    import asyncio
    import contextlib
    import os

    from flows.clients.errors import ClientError
    from flows.clients.threads import in_thread
    from testmesh.guard.process import Command
    from testmesh.guard.process import run as executed

    if call.shell is None:
        raise ClientError("shell steps are off here", "config")
    argv = config.command if isinstance(config.command, tuple) else ("/bin/sh", "-c", config.command)
    if not argv or not argv[0]:
        raise ClientError("the command is empty", "config")
    names = (*INHERITED, *call.shell.env)
    environment = {name: os.environ[name] for name in names if name in os.environ} | dict(config.env or {})
    command = Command(
        argv=argv,
        cwd=call.files.path(config.cwd),
        env=environment,
        stdin=config.stdin.encode(),
        timeout=float("inf"),
        output_cap=OUTPUT_BYTES,
    )

    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def work(given_up: threading.Event) -> Finished:
        try:
            return executed(command, given_up)
        finally:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

    try:
        return _result(await in_thread("shell", work))
    except asyncio.CancelledError:
        # A run that is over ends our threads with it: what the command started has to be gone before.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS):
                await ended.wait()
        raise


def _result(done: Finished) -> Result:
    from flows.language.values import parse_json

    stdout = done.stdout.decode("utf-8", "replace")
    try:
        parsed = parse_json(stdout)
    except ValueError:
        parsed = None
    return {
        "exit_code": done.code,
        "stdout": stdout,
        "stderr": done.stderr.decode("utf-8", "replace"),
        "json": parsed,
        "truncated": done.truncated,
        "duration_ms": round(done.seconds * 1000, 3),
    }


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    command = config.get("command")
    if command in ("", []):
        yield "command", "the command is empty"


ACTION: Action[ShellConfig] = Action(
    spec=ActionSpec(
        name="shell",
        summary="Runs a command on this machine; off unless testmesh.toml or --allow-shell allows it.",
        config=ShellConfig,
        result=record(
            exit_code=NUMBER, stdout=STRING, stderr=STRING, json=ANYTHING, truncated=BOOLEAN, duration_ms=NUMBER
        ),
        check=_problems,
    ),
    run=run,
)
