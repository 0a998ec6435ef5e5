"""What is run, in what order, and how the process ends (FLOWS §8)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from flows.runner import RunOptions, discover, exit_code, run_flows
from flows.runner.replaying import replay
from graph.runs import Event, FlowFinished, RunFinished, RunStarted, StepFinished, StepStarted
from testmesh.kernel.errors import UserError
from tests.flows.support import Reply, Seen, Web, only, run_files, run_text, step, unused_port, write


def _flow(name: str, step_text: str, head: str = "") -> str:
    return f"flow:\n  name: {name}\n{head}  steps:\n    - {step_text}\n"


OK = "{id: a, action: assert, config: {assertions: [1 == 1]}}"
SECRET = "s3cr3t-of-a-service"
BAD = "{id: a, action: assert, config: {assertions: [1 == 2]}}"


def test_folders_are_searched_for_flows_and_other_yaml_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "flows" / "deep").mkdir(parents=True)
    (tmp_path / "flows" / "node_modules").mkdir()
    for name in ("b.yaml", "a.yml", "deep/c.yaml", "node_modules/d.yaml"):
        (tmp_path / "flows" / name).write_text(_flow("x", OK))
    (tmp_path / "flows" / "compose.yaml").write_text("services: {a: {image: x}}")
    (tmp_path / "flows" / "bare.yaml").write_text(f"name: bare\nsteps:\n  - {OK}\n")
    assert discover(["flows", "flows/b.yaml"], tmp_path) == (
        "flows/a.yml",
        "flows/b.yaml",
        "flows/bare.yaml",
        "flows/deep/c.yaml",
    )
    with pytest.raises(UserError, match="no such file"):
        discover(["none"], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no flow files"):
        discover(["empty"], tmp_path)


def test_a_bad_file_is_reported_and_the_others_still_run(tmp_path: Path) -> None:
    good = write(tmp_path, _flow("good", OK), "good.yaml")
    bad = write(tmp_path, _flow("bad", "{id: a, action: htp_request, config: {url: x}}"), "bad.yaml")
    run = run_files(tmp_path, bad, good)
    assert [(flow.file, flow.verdict) for flow in run.flows] == [("bad.yaml", "error"), ("good.yaml", "passed")]
    (problem,) = run.flows[0].problems
    assert (problem["rule"], problem["line"], problem["column"]) == ("flow/unknown-action", 4, 23)
    assert exit_code(run) == 2


def test_tags_and_suites_select(tmp_path: Path) -> None:
    a = write(tmp_path, _flow("a", OK, "  tags: [smoke, x]\n  suite: s\n"), "a.yaml")
    b = write(tmp_path, _flow("b", OK, "  tags: [slow]\n"), "b.yaml")
    assert [flow.name for flow in run_files(tmp_path, a, b, tags=("slow", "none")).flows] == ["b"]
    assert [flow.name for flow in run_files(tmp_path, a, b, suite="s").flows] == ["a"]
    with pytest.raises(UserError, match="no flow has that tag"):
        run_files(tmp_path, a, b, tags=("missing",))


def test_fail_fast_starts_nothing_more(tmp_path: Path) -> None:
    names = [write(tmp_path, _flow(n, BAD if n == "b" else OK), f"{n}.yaml") for n in ("a", "b", "c")]
    run = run_files(tmp_path, *names, fail_fast=True)
    assert [flow.verdict for flow in run.flows] == ["passed", "failed", "cancelled"]
    assert run.flows[2].message == "not run: b.yaml failed (--fail-fast)"
    assert run.verdict == "failed"


def test_parallel_flows_really_run_at_the_same_time(tmp_path: Path, web: Web) -> None:
    barrier = threading.Barrier(3, timeout=5)

    def together(seen: Seen) -> Reply:
        barrier.wait()
        return Reply(200, {})

    web.routes["GET /a"] = together
    request = f'{{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 200]}}'
    names = [write(tmp_path, _flow(n, request), f"{n}.yaml") for n in ("a", "b", "c")]
    run = run_files(tmp_path, *names, parallel=3)
    assert [flow.verdict for flow in run.flows] == ["passed"] * 3
    assert [flow.name for flow in run.flows] == ["a", "b", "c"]


def test_exit_3_needs_that_nothing_at_all_was_reached(tmp_path: Path, web: Web) -> None:
    web.on("GET /a", 200, {})
    down = f'{{id: a, action: http_request, config: {{url: "http://127.0.0.1:{unused_port()}/"}}, assert: [1 == 1]}}'
    up = f'{{id: a, action: http_request, config: {{url: "{web.url}/a"}}, assert: [status == 500]}}'
    a, b = write(tmp_path, _flow("a", down), "a.yaml"), write(tmp_path, _flow("b", up), "b.yaml")
    assert exit_code(run_files(tmp_path, a)) == 3
    assert exit_code(run_files(tmp_path, a, b)) == 1
    bad = write(tmp_path, _flow("bad", "{id: a, action: nothing}"), "bad.yaml")
    assert exit_code(run_files(tmp_path, a, bad)) == 2


def test_events_come_in_order_and_the_last_is_the_artefact(tmp_path: Path) -> None:
    events: list[Event] = []
    run = run_text(tmp_path, _flow("x", OK), events=events)
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["RunStarted", "FlowStarted", "StepStarted", "StepFinished", "FlowFinished", "RunFinished"]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].run == run
    finished = [event for event in events if isinstance(event, StepFinished)]
    assert finished[0].step == only(run).steps[0]
    assert [event.flow for event in events if isinstance(event, FlowFinished)] == list(run.flows)
    assert [event.id for event in events if isinstance(event, StepStarted)] == ["a"]


def test_replay_uses_the_same_seed_and_inputs(tmp_path: Path) -> None:
    text = _flow("x", '{id: s, action: set, config: {a: "${A}", id: "${RANDOM_ID}"}}')
    run = run_text(tmp_path, text, variables={"A": "5"})
    again = asyncio.run(replay(run, RunOptions(paths=(), root=tmp_path)))
    assert again.id != run.id
    assert step(again, "s").result == step(run, "s").result


def test_services_of_the_graph_are_addressed_by_name(tmp_path: Path, web: Web) -> None:
    web.on("POST /orders", 201, {})
    request = (
        '{id: a, action: http_request, config: {service: orders, endpoint: "POST /orders"}, assert: [status == 201]}'
    )
    run = run_text(tmp_path, _flow("x", request), services={"orders": web.url})
    assert run.verdict == "passed"
    run = run_text(tmp_path, _flow("x", request))
    assert "no address is known for service 'orders'" in step(run, "a").message


def test_what_it_includes_travels_with_the_run(tmp_path: Path) -> None:
    from flows.engine.recording import judge
    from flows.events import run_from_json, run_to_json

    write(tmp_path, _flow("child", OK), "child.yaml")
    write(tmp_path, "n\n1\n2\n", "rows.csv")
    text = _flow("p", "{id: c, action: run_flow, config: {flow: child.yaml}}", "  data: {file: rows.csv}\n")
    run = run_text(tmp_path, text)
    assert run.verdict == "passed"
    for name in ("child.yaml", "rows.csv", "flow.yaml"):
        (tmp_path / name).unlink()
    assert judge(run_from_json(run_to_json(run))).verdict == "passed"


def test_an_unreasonable_parallel_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, _flow("x", OK))
    with pytest.raises(UserError, match="--parallel"):
        asyncio.run(run_flows(RunOptions(paths=(file,), root=tmp_path, parallel=0)))


def test_the_services_lines_are_kept_masked_and_a_run_survives_when_they_cannot_be_read(tmp_path: Path) -> None:
    def lines(started: str, finished: str) -> dict[str, tuple[str, ...]]:
        assert started <= finished
        return {"orders": (f"token {SECRET} used",)}

    def broken(started: str, finished: str) -> dict[str, tuple[str, ...]]:
        raise UserError("no log files")

    text = _flow("x", "{id: s, action: set, config: {t: \"${secret('TOKEN')}\"}}")
    run = run_text(tmp_path, text, logs=lines, process={"TOKEN": SECRET})
    assert run.logs == {"orders": ["token *** used"]}
    run = run_text(tmp_path, text, logs=broken, process={"TOKEN": SECRET})
    assert (run.verdict, run.logs) == ("passed", {"(not read)": ["no log files"]})
