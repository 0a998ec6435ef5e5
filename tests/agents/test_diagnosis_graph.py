"""What the graph adds to a diagnosis: distance, vanished links, readers left behind, passing against failing flows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agents.diagnosis import DiagnosisInputs, Views, diagnose
from agents.diagnosis.walk import Atlas, Trail
from graph.answers import Cause, Diagnosis
from graph.overlay import Overlay
from graph.schema import Edge, Evidence, GraphData, Node, Resolution, node
from tests.agents.story import Http, Texts, change, flow_run, hunks, run, symbol

WORKSPACE = "w"


def endpoint(service: str, method: str, path: str) -> Node:
    return node(WORKSPACE, "Endpoint", (service, "http", method, path))


def code(file: str, name: str) -> Node:
    return node(WORKSPACE, "Symbol", ("demo", file, name))


def edge(kind: str, source: Node, target: Node, **props: Any) -> Edge:
    at = Evidence("code", "test", source.key[1] if source.kind == "Symbol" else "", 1)
    return Edge(kind, source.uid, target.uid, props, (at,), Resolution("resolved", "test"))


def graph(nodes: Iterable[Node], edges: Iterable[Edge]) -> Overlay:
    return Overlay(content=GraphData({n.uid: n for n in nodes}, {e.id: e for e in edges}))


PLACE = endpoint("orders", "POST", "/orders")
LOOK = endpoint("orders", "GET", "/orders/{}")
STOCK = endpoint("stock", "POST", "/take")
PLACED = code("services/orders/app.py", "place")
LOOKED = code("services/orders/app.py", "look")
TAKEN = code("services/stock/app.py", "take")
READER = code("services/web/page.py", "show")
TOPIC = node(WORKSPACE, "Topic", ("kafka", "order.created"))
TABLE = node(WORKSPACE, "Dataset", ("postgresql", "db", "notes"))
SENT = code("services/orders/events.py", "created")
HEARD = code("services/notes/consumer.py", "heard")
KEPT = code("services/notes/store.py", "keep")
ALONE = code("services/other/app.py", "alone")
NODES = (PLACE, LOOK, STOCK, PLACED, LOOKED, TAKEN, READER, TOPIC, TABLE, SENT, HEARD, KEPT, ALONE)
EDGES = (
    edge("HANDLED_BY", PLACE, PLACED),
    edge("HANDLED_BY", LOOK, LOOKED),
    edge("HANDLED_BY", STOCK, TAKEN),
    edge("CALLS", PLACED, STOCK),
    edge("CALLS", PLACED, SENT),
    edge("CALLS", READER, PLACE, reads=["id", "total"]),
    edge("PUBLISHES", SENT, TOPIC),
    edge("CONSUMES", HEARD, TOPIC, reads=["order_id"]),
    edge("HANDLED_BY", TOPIC, HEARD),
    edge("CALLS", HEARD, KEPT),
    edge("WRITES", KEPT, TABLE),
)


def step(name: str, method: str, url: str) -> Any:
    return Http(name, method, url, 200).step(0)


def query(sql: str) -> Any:
    return Http("row", "", "", 200, extra={"query": sql, "url": ""}).step(0)


def test_a_request_leads_to_its_handler_and_on_to_what_that_calls() -> None:
    steps = (step("place", "POST", "http://h:1/orders"),)
    way = Atlas(graph(NODES, EDGES), [Trail("f.yaml", steps)]).reached(Trail("f.yaml", steps))
    assert way is not None
    assert way.of_symbol("services/orders/app.py", "place") == 2
    assert way.of_symbol("services/stock/app.py", "take") == 4
    assert way.of_symbol("services/other/app.py", "alone") is None


def test_a_table_that_is_read_leads_back_to_all_that_fill_it() -> None:
    steps = (query("SELECT * FROM notes WHERE id = $1"),)
    way = Atlas(graph(NODES, EDGES), [Trail("f.yaml", steps)]).reached(Trail("f.yaml", steps))
    assert way is not None
    hops = [way.of_symbol(*place) for place in (
        ("services/notes/store.py", "keep"),
        ("services/notes/consumer.py", "heard"),
        ("services/orders/events.py", "created"),
        ("services/orders/app.py", "place"),
    )]  # fmt: skip
    assert hops == sorted(h for h in hops if h is not None)
    assert len(hops) == len(set(hops)) == 4


def test_steps_nobody_knows_lead_nowhere() -> None:
    steps = (step("x", "GET", "http://h:1/unknown"),)
    assert Atlas(graph(NODES, EDGES), [Trail("f.yaml", steps)]).reached(Trail("f.yaml", steps)) is None


FILES = {
    "services/orders/app.py": "def place():\n    stock()\n    return 1\n",
    "services/other/app.py": "def alone():\n    return 1\n",
    "services/orders/events.py": 'def created():\n    send({"order_id": 1})\n',
}


def found(after: dict[str, str], failing: Http, head: Overlay | None = None, **more: Any) -> Diagnosis:
    texts = Texts(FILES, {**FILES, **after})
    names = {
        "services/orders/app.py": "place",
        "services/other/app.py": "alone",
        "services/orders/events.py": "created",
    }
    items = [symbol(f, names[f], *hunks(FILES[f], text)) for f, text in after.items()]
    good = Http(failing.id, failing.method, failing.url, 201, {"id": 1, "total": 5})
    inputs = DiagnosisInputs(
        run=run("r2", flow_run("f.yaml", failing), *more.pop("others", ())),
        green=run("r1", flow_run("f.yaml", good), revision="b" * 40),
        change=change(texts, items=items),
        sources=texts,
        views=Views(graph(NODES, EDGES), head or graph(NODES, EDGES)),
    )
    return diagnose(inputs)


def broken(status: int = 500) -> Http:
    return Http("place", "POST", "http://h:1/orders", status, "no", (("status == 201", False, status, 201),))


def detectors(cause: Cause) -> set[str]:
    return {clue.detector for clue in cause.clues}


def test_near_code_is_blamed_before_code_that_nothing_leads_to() -> None:
    answer = found(
        {
            "services/orders/app.py": FILES["services/orders/app.py"].replace("return 1", "return 2"),
            "services/other/app.py": FILES["services/other/app.py"].replace("return 1", "return 2"),
        },
        broken(),
    )
    assert answer.failure == "product regression"
    assert [c.file for c in answer.causes] == ["services/orders/app.py", "services/other/app.py"]
    assert "reach" in detectors(answer.causes[0])


def test_a_link_that_vanished_points_at_the_code_that_held_it() -> None:
    without = [e for e in EDGES if not (e.kind == "CALLS" and e.target == STOCK.uid)]
    answer = found(
        {
            "services/orders/app.py": FILES["services/orders/app.py"].replace("    stock()\n", ""),
            "services/orders/events.py": FILES["services/orders/events.py"].replace("1", "2"),
        },
        broken(409),
        head=graph(NODES, without),
    )
    assert answer.causes[0].file == "services/orders/app.py"
    assert any("vanished" in clue.text for clue in answer.causes[0].clues)


def test_a_reader_left_behind_makes_a_renamed_field_a_regression() -> None:
    gone = Http("place", "POST", "http://h:1/orders", 201, {"id": 1, "sum": 5}, (("body.total == 5", False, None, 5),))
    after = {"services/orders/app.py": FILES["services/orders/app.py"].replace("return 1", 'return {"sum": 5}')}
    assert found(after, gone).failure == "product regression"
    assert any("still reads `total`" in clue.text for clue in found(after, gone).clues)


def test_flows_that_pass_speak_for_the_code_they_share() -> None:
    passing = flow_run("g.yaml", Http("look", "GET", "http://h:1/orders/7", 200))
    answer = found(
        {"services/orders/app.py": FILES["services/orders/app.py"].replace("return 1", "return 2")},
        broken(),
        others=(passing,),
    )
    text = next(c.text for c in answer.causes[0].clues if c.detector == "spectrum")
    assert text == "1 of 1 failing and 0 of 1 passing flows lead here"
