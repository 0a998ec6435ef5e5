"""What flow files say about the system."""

from __future__ import annotations

from flows.facts import flow_facts
from graph.values import Concat, Env, Fact, Lit, Unknown
from graph.vocabulary import FACT_KINDS

FLOW = """
flow:
  name: Order
  tags: [smoke]
  suite: shop
  graph: {require: [{service: orders}]}
  env:
    ORDERS: "${ORDERS_URL:http://localhost:8001}"
    TOPIC: order.created
  setup:
    - {id: login, action: http_request, config: {url: "${LOGIN_URL}/me"}, assert: [status < 400]}
  steps:
    - id: place
      action: http_request
      config: {method: POST, url: "${ORDERS}/orders", body: {sku: A, quantity: 2, note: "${RANDOM_ID}", tags: [a]}}
      output: {order_id: $.body.id}
      assert: [status == 201, 'body.state in ["new", "paid"]', 'any(body.lines, .sku == "A" and .n > 0)']
    - id: look
      action: http_request
      config: {url: "${ORDERS}/orders/${place.order_id}"}
      assert: ["status in [200, 203]", body.id == place.body.id]
    - {id: seen, action: kafka_consumer, config: {topic: "${TOPIC}", match: "value.order_id == '${order_id}'"}}
    - id: nested
      action: for_each
      config:
        items: [1]
        steps:
          - {id: row, action: sql, config: {query: "SELECT type FROM n WHERE id = $1", params: ["${order_id}"]},
             assert: ['rows[0].type == "x"']}
    - {id: cached, action: redis.set, config: {key: "order:${order_id}", value: 1}}
"""


def _facts(text: str) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in flow_facts(text, "flows/order.yaml"):
        found.setdefault(fact.kind, []).append(fact)
        allowed = FACT_KINDS[fact.kind].fields
        assert set(fact.fields) <= set(allowed), (fact.kind, set(fact.fields) - set(allowed))
    return found


def _touch(found: dict[str, list[Fact]], step: str) -> Fact:
    (touch,) = [fact for fact in found["touch"] if fact.get("step") == step]
    return touch


def test_a_flow_and_all_its_steps_are_said_with_their_lines() -> None:
    found = _facts(FLOW)
    (flow,) = found["flow"]
    assert dict(flow.fields) == {"name": "Order", "tags": ["smoke"], "suite": "shop", "requires": ["orders"]}
    ids = [fact.get("id") for fact in found["step"]]
    assert ids == ["login", "place", "look", "seen", "nested", "row", "cached"]
    assert [fact.get("action") for fact in found["step"]][-2:] == ["database_query", "redis"]
    assert found["step"][1].at.line == 13


def test_urls_are_values_with_the_flow_s_defaults() -> None:
    found = _facts(FLOW)
    orders = Env("ORDERS", Env("ORDERS_URL", Lit("http://localhost:8001")))
    assert _touch(found, "place").get("url") == Concat((orders, Lit("/orders")))
    assert _touch(found, "login").get("url") == Concat((Env("LOGIN_URL"), Lit("/me")))
    url = _touch(found, "look").get("url")
    assert url == Concat((orders, Lit("/orders/"), Unknown("value of place at run time")))
    assert _touch(found, "seen").get("url") == Env("TOPIC", Lit("order.created"))


def test_what_is_checked_and_read_is_said() -> None:
    found = _facts(FLOW)
    place = _touch(found, "place")
    assert place.get("method") == "POST"
    assert (place.get("mode"), _touch(found, "look").get("mode")) == ("write", "read")
    assert place.get("statuses") == ["201"]
    assert _touch(found, "look").get("statuses") == ["200", "203"]
    assert _touch(found, "login").get("statuses") == ["2xx"]
    assert place.get("reads") == ["id", "lines", "lines.n", "lines.sku", "state"]
    assert place.get("checks") == ["status", "body", "effect"]
    assert _touch(found, "login").get("checks") == ["status"]
    assert _touch(found, "cached").get("checks") == []
    assert _touch(found, "seen").get("checks") == ["effect"]
    row = _touch(found, "row")
    assert (row.get("sql"), row.get("reads"), row.get("checks")) == (True, ["type"], ["body", "effect"])
    assert row.get("url") == Lit("SELECT type FROM n WHERE id = $1")


def test_what_is_sent_is_a_shape() -> None:
    shape = _touch(_facts(FLOW), "place").get("sends")
    assert [(field.name, field.shape.type) for field in shape.fields] == [
        ("sku", "string"),
        ("quantity", "integer"),
        ("note", "unknown"),
        ("tags", "array"),
    ]
    assert not shape.open


PARENT = """
flow:
  name: p
  env_file: ../test.env
  data: {file: rows.csv}
  steps:
    - id: call
      action: run_flow
      config: {flow: parts/child.yaml, input: {ORDERS: "${URL:http://o}", n: 2, who: [a]}}
      assert: ['call.body matches_schema "call.json"']
    - {id: other, action: run_flow, config: {flow: "${WHICH}.yaml"}}
    - {id: own, action: http_request, config: {url: "${BASE}/a/${column}"}, assert: [body.id == call.place.order_id]}
"""


def test_files_a_flow_names_are_said_and_not_missed() -> None:
    found = _facts(PARENT)
    assert "problem" not in found
    (flow,) = found["flow"]
    named = ["flows/call.json", "flows/parts/child.yaml", "flows/rows.csv", "test.env"]
    assert flow.get("files") == named
    assert _touch(found, "own").get("url") == Concat((Env("BASE"), Lit("/a/"), Env("column")))


def test_a_step_that_runs_a_flow_says_which_and_what_it_gives_it() -> None:
    call, other, own = _facts(PARENT)["step"]
    assert call.get("runs") == "flows/parts/child.yaml"
    assert dict(call.get("inputs")) == {
        "ORDERS": Env("URL", Lit("http://o")),
        "n": Lit(2),
        "who": Unknown("a structure"),
    }
    assert "runs" not in other.fields
    assert "runs" not in own.fields


def test_a_broken_flow_is_a_problem_with_its_place() -> None:
    (problem,) = _facts("flow:\n  name: x\n  steps:\n    - {id: a, action: htp_request}\n")["problem"]
    assert (problem.get("rule"), problem.at.line) == ("flow/unknown-action", 4)
