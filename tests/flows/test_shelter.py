"""Teardown runs to its end, also when the cancel comes in the middle of it; what a child's parent has left does not."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from flows.reports import write_whole
from flows.runner import RunOptions, run_flows
from graph.runs import Run
from tests.flows.support import Reply, Seen, Web, only, verdicts, write


def _cancelled_in_teardown(folder: Path, web: Web, file: str) -> Run:
    async def run() -> Run:
        loop, here, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def slow(seen: Seen) -> Reply:
            loop.call_soon_threadsafe(here.set)
            release.wait(30)
            return Reply(200, {})

        web.routes["GET /slow"] = slow
        task = asyncio.create_task(run_flows(RunOptions(paths=(file,), root=folder)))
        await here.wait()
        task.cancel()
        await asyncio.sleep(0)  # the cut reaches the flow before its answer does
        release.set()
        return await task

    return asyncio.run(run())


def _get(web: Web, name: str, path: str) -> str:
    return f"{{id: {name}, action: http_request, config: {{url: '{web.url}/{path}'}}, assert: [status == 200]}}"


def test_a_cancel_during_teardown_lets_it_come_to_its_end(tmp_path: Path, web: Web) -> None:
    web.on("GET /fast")
    file = write(
        tmp_path,
        f"""flow:
  name: ends
  steps:
    - {_get(web, "work", "fast")}
  teardown:
    - {_get(web, "slow", "slow")}
    - {_get(web, "last", "fast")}
""",
    )
    run = _cancelled_in_teardown(tmp_path, web, file)
    assert run.verdict == "cancelled"
    assert only(run).verdict == "passed"
    assert verdicts(run) == {"work": "passed", "slow": "passed", "last": "passed"}


def test_a_cancel_during_a_child_s_teardown_stops_its_parent_after_it(tmp_path: Path, web: Web) -> None:
    web.on("GET /fast")
    write(
        tmp_path,
        f"""flow:
  name: child
  steps:
    - {_get(web, "work", "fast")}
  teardown:
    - {_get(web, "slow", "slow")}
    - {_get(web, "last", "fast")}
""",
        "child.yaml",
    )
    file = write(
        tmp_path,
        f"""flow:
  name: parent
  steps:
    - {{id: child, action: run_flow, config: {{flow: child.yaml}}}}
    - {_get(web, "after", "fast")}
  teardown:
    - {_get(web, "own", "fast")}
""",
    )
    run = _cancelled_in_teardown(tmp_path, web, file)
    found = verdicts(run)
    assert (run.verdict, only(run).verdict) == ("cancelled", "cancelled")
    assert (found["slow"], found["last"], found["after"], found["own"]) == ("passed", "passed", "not_run", "passed")


def test_a_report_goes_into_a_pipe_and_does_not_replace_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, [b"one ", b"two"])
    reader.join(30)
    assert read == [b"one two"]
    assert pipe.is_fifo()
