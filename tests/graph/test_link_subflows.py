"""A step that runs another flow exercises what that flow exercises; what cannot be followed is a loose end."""

from __future__ import annotations

from typing import Any

from graph.schema import GraphData
from graph.values import Concat, Env, Lit
from tests.graph.link_facts import FileFacts, edge, linked, rows


def service(name: str, port: str) -> tuple[FileFacts, ...]:
    return (
        FileFacts("compose.yaml").say("service", name=name, root=name, ports=(f"{port}:80",)),
        FileFacts(f"{name}/app.py")
        .say("router", name="app")
        .function("make")
        .say("endpoint", 3, protocol="http", method="GET", path=Lit("/a"), router="app", handler="make"),
    )


def flow(path: str) -> FileFacts:
    return FileFacts(path).say("flow", 1, name=path)


def call(file: FileFacts, step: str, runs: str = "", **inputs: Any) -> FileFacts:
    given = {"runs": runs, "inputs": tuple(inputs.items())} if runs else {}
    return file.say("step", 4, flow=file.path, phase="steps", id=step, action="run_flow", index=0, **given)


def get(file: FileFacts, url: Any) -> FileFacts:
    file.say("step", 7, flow=file.path, phase="steps", id="get", action="http_request", index=1)
    fields = {"target": "endpoint", "method": "GET", "url": url, "checks": ("status",), "statuses": ("200",)}
    return file.say("touch", 7, flow=file.path, phase="steps", step="get", **fields)


CHILD = get(flow("flows/child.yaml"), Concat((Env("BASE", Lit("http://localhost:8001")), Lit("/a"))))
SYSTEM = (*service("one", "8001"), *service("two", "8002"))


def exercised(data: GraphData, step: str) -> set[str]:
    return {target for source, target in rows(data, "EXERCISES") if source == step}


def test_the_outer_step_exercises_what_the_inner_flow_does() -> None:
    data = linked(*SYSTEM, CHILD, call(flow("flows/top.yaml"), "call", "flows/child.yaml"))
    assert exercised(data, "flows/top.yaml#call") == {"one:GET /a"}
    found = edge(data, "EXERCISES", "flows/top.yaml#call", "one:GET /a")
    assert found.props["statuses"] == ["200"]
    assert [e.file for e in found.evidence] == ["flows/top.yaml"]


def test_the_inner_flow_is_seen_with_the_variables_it_is_given() -> None:
    given = {"BASE": Concat((Env("HOST", Lit("http://localhost")), Lit(":8002")))}
    data = linked(*SYSTEM, CHILD, call(flow("flows/top.yaml"), "call", "flows/child.yaml", **given))
    assert exercised(data, "flows/top.yaml#call") == {"two:GET /a"}
    assert exercised(data, "flows/child.yaml#get") == {"one:GET /a"}


def test_variables_are_given_on_through_several_flows() -> None:
    middle = call(
        flow("flows/middle.yaml"), "inner", "flows/child.yaml", BASE=Env("WHERE", Lit("http://localhost:8001"))
    )
    top = call(flow("flows/top.yaml"), "call", "flows/middle.yaml", WHERE=Lit("http://localhost:8002"))
    data = linked(*SYSTEM, CHILD, middle, top)
    assert exercised(data, "flows/top.yaml#call") == {"two:GET /a"}
    assert exercised(data, "flows/middle.yaml#inner") == {"one:GET /a"}


def test_a_flow_that_is_missing_or_only_known_at_run_time_is_a_loose_end() -> None:
    top = call(call(flow("flows/top.yaml"), "gone", "flows/gone.yaml"), "late")
    data = linked(*SYSTEM, top)
    for step in ("gone", "late"):
        (end,) = exercised(data, f"flows/top.yaml#{step}")
        assert edge(data, "EXERCISES", f"flows/top.yaml#{step}", end).resolution.status == "unresolved"
    reasons = {str(n.props["reason"]) for n in data.nodes.values() if n.kind == "Unresolved"}
    assert "the flow flows/gone.yaml is missing or has errors" in reasons


def test_flows_that_run_each_other_end() -> None:
    first = call(get(flow("flows/a.yaml"), Lit("http://localhost:8001/a")), "b", "flows/b.yaml")
    second = call(get(flow("flows/b.yaml"), Lit("http://localhost:8002/a")), "a", "flows/a.yaml")
    data = linked(*SYSTEM, first, second)
    assert exercised(data, "flows/a.yaml#b") == {"one:GET /a", "two:GET /a"}


def test_flows_built_to_multiply_are_cut_off_and_said() -> None:
    files = []
    for level in range(12):
        file = flow(f"flows/{level}.yaml")
        for number in range(12):
            double = Concat((Env("X"), Env("X"), Lit(str(number))))
            call(file, f"s{number}", f"flows/{level + 1}.yaml", X=double)
        files.append(file)
    data = linked(*SYSTEM, *files, get(flow("flows/12.yaml"), Concat((Env("X"), Lit("/a")))))
    ends = {data.nodes[e.target].kind for e in data.edges.values() if e.kind == "EXERCISES"}
    assert "Unresolved" in ends
