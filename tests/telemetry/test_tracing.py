"""Edges out of traces as they are: proxies between, servers that are silent, spans that are missing, late or twice."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from graph.schema import Evidence, GraphData, node
from graph.spans import Span
from testmesh.telemetry.known import Known
from testmesh.telemetry.observe import merged, observe, observe_traces
from testmesh.telemetry.store import SpanStore, Taken
from tests.telemetry.test_observe import CHARGE, T, a_run, a_span, known, links, new_http

MADE = {"messaging__system": "kafka", "messaging__destination__name": "order.created"}
TO_PAY = {"server__address": "pay", "server__port": "8002"}


def calls(spans: list[Span]) -> list[tuple[str, str]]:
    return sorted(key[1:] for key in links(spans) if key[0] == "CALLS")


def ordered() -> Span:
    return a_span(1, 0, "orders", "server", **new_http("POST", "/orders"))


def test_a_proxy_without_code_between_two_services_is_seen_through() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/pay/charge/7")),
        a_span(3, 2, "envoy", "server", **new_http("POST", "/pay/charge/7")),
        a_span(4, 3, "envoy", "client", **new_http("POST", "/charge/7")),
        a_span(5, 4, "payments", "server", **new_http("POST", "/charge/7")),
    ]
    assert calls(spans) == [("orders:POST /orders", "payments:POST /charge/{}")]


def test_a_sidecar_that_speaks_in_its_services_name_adds_nothing() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7")),
        a_span(3, 2, "orders", "client", **new_http("POST", "/charge/7")),
        a_span(4, 3, "payments", "server", **new_http("POST", "/charge/7")),
        a_span(5, 4, "payments", "client", **new_http("POST", "/charge/7")),
        a_span(6, 5, "payments", "server", **new_http("POST", "/charge/7")),
    ]
    assert calls(spans) == [("orders:POST /orders", "payments:POST /charge/{}")]


def test_a_service_of_which_no_code_was_read_is_no_proxy() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/bill")),
        a_span(3, 2, "billing", "server", **new_http("POST", "/bill")),
        a_span(4, 3, "billing", "client", **new_http("POST", "/charge/7")),
        a_span(5, 4, "payments", "server", **new_http("POST", "/charge/7")),
    ]
    assert calls(spans) == [("billing", "payments:POST /charge/{}"), ("orders:POST /orders", "billing")]


@pytest.mark.parametrize("host", ["payments", "payments.shop.svc.cluster.local"])
def test_a_silent_server_is_known_by_its_name(host: str) -> None:
    client = a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7"), server__address=host)
    assert calls([ordered(), client]) == [("orders:POST /orders", "payments:POST /charge/{}")]


def test_a_silent_server_is_known_by_an_address_that_answered_elsewhere() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7"), **TO_PAY),
        a_span(3, 2, "payments", "server", **new_http("POST", "/charge/7")),
        a_span(4, 0, "mailer", "client", **new_http("POST", "/charge/8"), **TO_PAY),
    ]
    assert ("mailer", "payments:POST /charge/{}") in calls(spans)


def test_a_host_nobody_knows_is_outside_and_a_loopback_port_is_nothing() -> None:
    outside = a_span(2, 1, "orders", "client", **new_http("POST", "/v1"), server__address="api.stripe.com")
    nowhere = a_span(3, 1, "orders", "client", **new_http("POST", "/v1"), server__address="127.0.0.1", server__port="9")
    refused = a_span(4, 1, "orders", "client", http__request__method="GET", server__address="api.down.com")
    assert calls([ordered(), outside, nowhere, refused]) == [("orders:POST /orders", "api.stripe.com")]


def test_connections_below_a_request_do_not_hide_it() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7"), server__address="payments"),
        a_span(3, 2, "orders", "internal"),
        a_span(4, 3, "orders", "client", net__transport="ip_tcp"),
    ]
    assert calls(spans) == [("orders:POST /orders", "payments:POST /charge/{}")]


def test_two_instrumentations_of_one_request_are_one_call() -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7"), server__address="payments"),
        a_span(3, 2, "orders", "client", **new_http("POST", "/charge/7"), server__address="payments"),
        a_span(4, 3, "payments", "server", **new_http("POST", "/charge/7")),
    ]
    assert calls(spans) == [("orders:POST /orders", "payments:POST /charge/{}")]


def test_rpc_and_routes_that_no_code_shows() -> None:
    rpc = {"rpc__system": "grpc", "rpc__service": "shop.Pay", "rpc__method": "Charge", "rpc__grpc__status_code": "0"}
    spans = [
        ordered(),
        a_span(2, 1, "orders", "client", **rpc),
        a_span(3, 2, "payments", "server", **rpc),
        a_span(4, 1, "orders", "client", **new_http("GET", "/limits/7")),
        a_span(5, 4, "payments", "server", **new_http("GET", "/limits/7", "/limits/{id}")),
        a_span(
            6, 4, "payments", "server", **{**new_http("GET", "/no/7", "/no/{id}"), "http__response__status_code": "404"}
        ),
    ]
    assert calls(spans) == [
        ("orders:POST /orders", "payments:GET /limits/{}"),
        ("orders:POST /orders", "payments:grpc shop.Pay/Charge"),
    ]


@pytest.mark.parametrize("kind", ["server", "consumer", "client"])
def test_a_message_makes_no_call_whatever_the_spans_kinds(kind: str) -> None:
    spans = [
        ordered(),
        a_span(2, 1, "orders", kind, **MADE, messaging__operation__type="send"),
        a_span(3, 2, "mailer", "consumer", **MADE, messaging__operation__type="process"),
        a_span(4, 2, "payments", "server", **new_http("POST", "/charge/7")),
    ]
    assert calls(spans) == []


def test_a_batch_in_a_trace_of_its_own_belongs_to_the_step_that_sent_the_message() -> None:
    consumer = a_span(3, 0, "mailer", "consumer", **MADE)
    consumer = replace(consumer, trace_id="c" * 32, parent_id="", links=(f"{T}/{2:016x}", f"{'d' * 32}/{9:016x}"))
    sql = {"db__system": "postgresql", "db__name": "shop", "db__statement": "INSERT INTO mails VALUES (1)"}
    below = replace(a_span(4, 3, "mailer", "client", **sql), trace_id="c" * 32)
    found = links([ordered(), a_span(2, 1, "orders", "producer", **MADE), consumer, below])
    assert ("CONSUMES", "mailer", "kafka:order.created") in found
    assert ("WRITES", "mailer", "shop/mails") in found
    assert ("EXERCISES", "flows/a.yaml#create", "shop/mails") in found


def test_a_table_that_no_code_shows_is_a_link_and_a_key_is_not() -> None:
    table = {"db__system": "postgresql", "db__name": "shop", "db__statement": "SELECT * FROM audit"}
    key = {"db__system": "redis", "db__statement": "GET session:8f3"}
    found = links([ordered(), a_span(2, 1, "orders", "client", **table), a_span(3, 1, "orders", "client", **key)])
    assert ("READS", "orders:POST /orders", "shop/audit") in found
    assert not any("session" in key[2] for key in found)


def test_a_stream_of_redis_is_a_topic_where_the_graph_knows_it_as_one() -> None:
    moves = node("w", "Topic", ("redis", "moves"), evidence=(Evidence("code", "t", "a.py", 1),))
    graph = known().data
    store = SpanStore()
    store.add([ordered(), a_span(2, 1, "orders", "client", db__system="redis", db__statement="XADD moves * code A")])
    data = observe(a_run(), store, Known(GraphData({**graph.nodes, moves.uid: moves}, graph.edges), "w")).data
    found = [(e.kind, data.nodes[e.target].label) for e in data.edges.values() if e.target == moves.uid]
    assert ("PUBLISHES", "redis:moves") in found


def a_trace() -> list[Span]:
    return [
        ordered(),
        a_span(2, 1, "orders", "client", **new_http("POST", "/charge/7"), **TO_PAY),
        a_span(3, 2, "payments", "server", **new_http("POST", "/charge/7")),
        a_span(4, 1, "orders", "producer", **MADE),
        a_span(5, 4, "mailer", "consumer", **MADE),
        a_span(6, 5, "mailer", "client", **new_http("GET", "/orders/7"), server__address="orders"),
        a_span(7, 6, "orders", "server", **new_http("GET", "/orders/7")),
    ]


def test_order_clocks_and_repetition_change_nothing() -> None:
    expected = links(a_trace())
    assert len([key for key in expected if key[0] == "CALLS"]) == 2
    dice = random.Random(7)
    for _ in range(20):
        shuffled = [replace(span, start_ns=dice.randrange(10**18)) for span in a_trace()]
        dice.shuffle(shuffled)
        assert links([*shuffled, *shuffled[:3]]) == expected


def test_any_part_of_a_trace_makes_no_call_that_the_whole_does_not() -> None:
    whole = {(s.partition(":")[0], t) for s, t in calls(a_trace())}
    for missing in range(7):
        part = [span for number, span in enumerate(a_trace()) if number != missing]
        assert {(s.partition(":")[0], t) for s, t in calls(part)} <= whole


def test_a_circle_of_parents_and_a_span_that_is_its_own_parent_end() -> None:
    circle = [a_span(1, 2, "orders", "server", **new_http("POST", "/orders")), a_span(2, 1, "orders", "internal")]
    own = replace(circle[0], parent_id=circle[0].span_id)
    for spans in (circle, [own]):
        assert all(key[0] != "CALLS" for key in links(spans))


def test_counts_times_and_runs_add_up_and_a_run_counts_once() -> None:
    store = SpanStore()
    store.add(a_trace())
    one = observe(replace(a_run(), id="01a", started="2026-03-01T10:00:00.000Z"), store, known()).data
    two = observe(replace(a_run(), id="01b", started="2026-03-01T09:00:00.000Z"), store, known()).data
    twice = merged(merged(one, two), two)
    found = next(e for e in twice.edges.values() if e.kind == "CALLS" and e.target == CHARGE.uid)
    assert found.props["seen"] == 2
    assert (found.props["first_seen"][11:13], found.props["last_seen"][11:13]) == ("09", "10")
    assert found.props["runs"] == ["01a", "01b"]
    assert [e.pointer for e in found.evidence] == [f"{T}/{3:016x}"]


def test_memory_grows_with_links_and_not_with_spans() -> None:
    def traffic() -> list[list[Span]]:
        return [[replace(span, trace_id=f"{number:032x}") for span in a_trace()] for number in range(300)]

    seen = observe_traces(map(Taken, traffic()), known(), "2026-03-01T10:00:00.000Z")
    assert seen.spans == 2100
    assert len(seen.data.edges) == len(observe_traces([Taken(traffic()[0])], known(), "x").data.edges)
    calls_seen = [e.props["seen"] for e in seen.data.edges.values() if e.kind == "CALLS"]
    assert calls_seen == [300, 300]
    assert all(len(e.evidence) <= 3 for e in seen.data.edges.values())


def test_what_only_an_earlier_look_said_is_not_known() -> None:
    observed = (Evidence("runtime", "otlp", pointer="x"),)
    envoy = node("w", "Service", ("envoy",), evidence=observed)
    graph = known().data
    data = GraphData({**graph.nodes, envoy.uid: envoy}, graph.edges)
    assert Known(data).service("envoy") is None
    assert Known(data).service("orders") is not None


def test_spans_that_come_after_a_look_count_once_and_find_their_place() -> None:
    store = SpanStore()
    early, late = a_trace()[:2], a_trace()[2:]
    store.add(early)
    first = observe_traces(store.take_quiet(0), known(), "x").data
    store.add([*late, early[0]])
    assert store.untaken() == len(late)
    second = observe_traces(store.take_quiet(0), known(), "x").data
    assert store.take_quiet(0) == []
    whole = SpanStore()
    whole.add(a_trace())
    at_once = observe_traces(whole.take_quiet(0), known(), "x").data
    both = merged(first, second)
    assert {key: e.props["seen"] for key, e in both.edges.items()} == {
        key: e.props["seen"] for key, e in at_once.edges.items()
    }


def test_a_trace_that_still_grows_or_is_a_runs_own_is_left() -> None:
    store = SpanStore()
    store.add(a_trace())
    assert store.take_quiet(60) == []
    assert store.take_quiet(0, but=[T]) == []
    assert [len(taken.spans) for taken in store.take_quiet(0)] == [7]
