"""A repair goes through its gates against a real HTTP server, and refuses where it must."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.repair import RepairInputs, Seams, repair
from agents.repair.strength import compare
from flows.actions import catalogue
from flows.engine.recording import judge
from flows.language.check import DiskFiles, load_flow
from flows.runner import RunOptions, run_flows
from flows.strength.mutation import mutations
from flows.strength.telling import tell
from graph.answers import Clue, ContractEdit, Diagnosis
from graph.runs import Run
from testmesh.kernel.diagnostics import Diagnostic

FLOW = """# an order
flow:
  name: "Order"
  steps:
    - id: place
      action: http_request
      config: { method: POST, url: "${SHOP}/orders" }
      assert:
        - status == 201      # created
        - body.total == 36   # three lamps
    - id: look
      action: http_request
      config: { url: "${SHOP}/orders/${place.body.id}" }
      assert:
        - status == 200
        - body.total == place.body.total
"""
PATH = "flows/order.yaml"


class Shop(ThreadingHTTPServer):
    """Answers orders; `field` and `status` are its contract."""

    field = "total"
    created = 201


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        self._answer(self.server.created, {"id": 7, self.server.field: 36})

    def do_GET(self) -> None:
        self._answer(200, {"id": 7, self.server.field: 36})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal of the tests."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Runs:
    """Runs the flow of a folder against the shop."""

    def __init__(self, folder: Path, shop: Shop) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{shop.server_port}"
        (folder / "flows").mkdir()
        (folder / PATH).write_text(FLOW)

    def run(self, texts: Mapping[str, str], flows: Sequence[str]) -> Run:
        for path, text in texts.items():
            (self.folder / path).write_text(text)
        options = RunOptions(tuple(flows), self.folder, variables={"SHOP": self.url}, seed=1)
        try:
            return asyncio.run(run_flows(options))
        finally:
            (self.folder / PATH).write_text(FLOW)

    def validate(self, text: str, file: str) -> Sequence[Diagnostic]:
        return load_flow(text, file, catalogue(), DiskFiles(self.folder / "flows")).findings


SPEC = Clue("intent", "openapi.yaml describes `amount`", "openapi.yaml:9", 0.85)
WORDS = Clue("intent", "the commit names both", "commit c", 0.6)


def diagnosed(run: Run, *edits: ContractEdit, failure: Any = "contract change", clue: Clue = SPEC) -> Diagnosis:
    step = edits[0].step if edits else "place"
    return Diagnosis(run.id, PATH, step, failure, "It changed.", clues=(clue,), contract=edits)


def asked(runs: Runs, green: Run, failing: Run, diagnosis: Diagnosis, **more: Any) -> RepairInputs:
    again = more.pop("again", None)
    seams = Seams(runs.validate, judge, runs, again)
    return RepairInputs(diagnosis, failing, PATH, FLOW, seams, green=green, impacted=(PATH,), times=2, **more)


def test_a_renamed_field_is_fixed_through_every_gate(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    shop.field = "amount"
    failing = runs.run({}, [PATH])
    assert (green.verdict, failing.verdict) == ("passed", "error")
    edit = ContractEdit("field", "place", "body.total", "total", "amount")

    def again(run: Run) -> Diagnosis:
        return diagnosed(run, replace(edit, step="look"))

    fix = repair(asked(runs, green, failing, diagnosed(failing, edit), again=again))
    assert [g.gate for g in fix.gates if g.outcome != "passed"] == []
    assert len(fix.gates) == 7
    assert fix.status == "verified"
    after = fix.edits[0].after
    assert "# three lamps" in after
    assert "body.amount == 36" in after
    assert "body.amount == place.body.amount" in after
    assert (tmp_path / PATH).read_text() == FLOW


def test_words_of_a_commit_alone_make_no_verified_fix(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    shop.field = "amount"
    failing = runs.run({}, [PATH])
    edit = ContractEdit("field", "place", "body.total", "total", "amount")

    def again(run: Run) -> Diagnosis:
        return diagnosed(run, replace(edit, step="look"))

    fix = repair(asked(runs, green, failing, diagnosed(failing, edit, clue=WORDS), again=again))
    assert fix.status == "suggestion"
    assert any("only the commit's own words" in reason for reason in fix.not_checked)


def test_a_fix_that_would_check_less_is_stopped(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    weaker = FLOW.replace("        - body.total == 36   # three lamps\n", "").replace(
        "body.total == place", "body.id == place"
    )
    weaker = weaker.replace("place.body.total", "place.body.id")
    passing = runs.run({PATH: weaker}, [PATH])
    assert passing.verdict == "passed"
    found = compare(judge, (green, FLOW), (passing, weaker), ())
    assert found is not None
    assert {m.where for m in found.lost} == {"body.total"}


def test_every_lie_about_what_is_checked_is_noticed(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    found = compare(judge, (green, FLOW), (green, FLOW), ())
    assert found is not None
    assert not found.lost
    lies = [m for m in mutations(green.flows[0]) if m.where == "body.total"]
    assert {m.kind for m in lies} == {"dropped", "value", "retyped", "null"}
    for lie in lies:
        lied = replace(green, flows=(tell(green.flows[0], lie),))
        assert judge(lied, {}).verdict != "passed"


def test_a_product_regression_is_refused_with_what_should_have_been(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    shop.field = "amount"
    failing = runs.run({}, [PATH])
    edit = ContractEdit("field", "place", "body.total", "total", "amount")
    diagnosis = diagnosed(failing, edit, failure="product regression")
    fix = repair(asked(runs, green, failing, diagnosis, suggestion="--- a/app.py\n"))
    assert fix.status == "refused"
    assert fix.edits == ()
    assert "kept `body.total`" in fix.explanation
    assert "not verified" in fix.explanation


def test_what_turns_out_a_regression_further_on_is_not_fixed(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    shop.field = "amount"
    shop.created = 200
    failing = runs.run({}, [PATH])
    edit = ContractEdit("status", "place", "status", "201", "200")

    def again(run: Run) -> Diagnosis:
        return diagnosed(run, failure="product regression")

    fix = repair(asked(runs, green, failing, diagnosed(failing, edit), again=again))
    assert fix.status == "abstained"
    assert fix.edits == ()
    assert "product regression" in fix.explanation


def test_without_a_live_system_a_fix_is_only_a_suggestion(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    shop.created = 200
    failing = runs.run({}, [PATH])
    edit = ContractEdit("status", "place", "status", "201", "200")
    inputs = asked(runs, green, failing, diagnosed(failing, edit))
    fix = repair(replace(inputs, seams=Seams(runs.validate, judge)))
    assert fix.status == "suggestion"
    assert any(text.startswith("fails before, passes after") for text in fix.not_checked)
    judged = next(g for g in fix.gates if g.gate == "re-judged on the recording")
    assert judged.outcome == "passed"


def test_a_flow_that_does_not_depend_on_the_change_is_left_alone(tmp_path: Path, shop: Shop) -> None:
    runs = Runs(tmp_path, shop)
    green = runs.run({}, [PATH])
    edit = ContractEdit("field", "place", "body.other", "other", "another")
    fix = repair(asked(runs, green, green, diagnosed(green, edit)))
    assert (fix.status, fix.edits) == ("abstained", ())
