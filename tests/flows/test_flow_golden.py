"""YAML in, events out: the whole stream of a flow as a file one can read and compare.

`TESTMESH_UPDATE_GOLDEN=1 pytest tests/flows/test_flow_golden.py` writes the files anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from flows.engine.recording import judge
from flows.events import event_data, to_json
from flows.runner import RunOptions, run_flows
from graph.runs import Event
from tests.flows.support import Web

FOLDER = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
_CHANGING = {
    "at",
    "started",
    "finished",
    "started_ms",
    "duration_ms",
    "at_ms",
    "date",
    "server",
    "id",
    "run",
    "span_id",
    "RUN_ID",
    "EXECUTION_ID",
}


def _stable(value: object, key: str = "", parent: object = None) -> object:
    """A value without what differs from run to run."""
    if isinstance(value, dict):
        is_run = "flows" in value and "seed" in value
        return {
            name: "?" if name in _CHANGING and not (name == "id" and not is_run) and not isinstance(item, dict) else
            _stable(item, name, value)
            for name, item in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [_stable(item, key, parent) for item in value]
    if key == "trace_id":
        return "?" if value else ""
    if isinstance(value, str):
        return re.sub(r"127\.0\.0\.1:\d+", "HOST", value)
    return value


def _stream(web: Web, name: str) -> list[object]:
    web.on("GET /item", 200, {"name": "cup", "price": 12.5, "stock": 3})
    events: list[Event] = []
    options = RunOptions(paths=(f"{name}.yaml",), root=FOLDER, seed=1, process={"WEB": web.url})
    run = asyncio.run(run_flows(options, [events.append]))
    judged = judge(run)
    assert [_verdicts(flow.steps) for flow in judged.flows] == [_verdicts(flow.steps) for flow in run.flows]
    found = [json.loads(to_json(event_data(event))) for event in events if type(event).__name__ != "RunFinished"]
    return [_stable(event) for event in found]


def _verdicts(steps: object) -> list[object]:
    return [(step.id, step.verdict, _verdicts(step.steps)) for step in steps]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_a_flow_gives_the_events_of_its_golden_file(web: Web, name: str) -> None:
    found = _stream(web, name)
    path = FOLDER / f"{name}.events.json"
    if os.environ.get("TESTMESH_UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())
