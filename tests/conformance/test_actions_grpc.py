"""gRPC against a real server: reflection v1 and v1alpha, files, every kind of stream, field and failure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.events import run_to_json
from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import run_text, step, verdicts
from tests.servers.grpc_shop import PROTOS, GrpcShop, start_grpc_shop

pytestmark = pytest.mark.server("grpc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the proto files beside the flow."""
    shutil.copytree(PROTOS, tmp_path / "protos")
    return tmp_path


FULL = """
    - id: echo
      action: grpc
      config:
        address: 127.0.0.1:%d
        service: shop.v1.Orders
        method: Echo
        request:
          id: o1
          big: 9007199254740993
          huge: 18446744073709551615
          express: true
          signature: AAH/
          ratio: 0.1
          exact: 0.30000000000000004
          state: STATE_PAID
          items: [{sku: a, quantity: 2, price: {currency: EUR, units: -5, nanos: 7}}]
          stock: {a: 1}
          by_number: {"5": {sku: b}}
          placed_at: "2026-03-16T10:00:00.500Z"
          window: 1.500s
          extra: {a: [1, null, {b: 2.5}], c: text}
          maybe: 0
          detail: {"@type": type.googleapis.com/shop.v1.Item, sku: inside}
          mask: "id,items.sku"
          anything: [1, "x"]
          card: "4242"
          history: [STATE_OPEN, 2]
          old: {name: legacy, part: {text: group}}
          parent: {id: p}
      assert:
        - status == "OK"
        - status_code == 0
        - body.id == "o1"
        - body.big == 9007199254740993
        - body.huge == 18446744073709551615
        - body.signature == "AAH/"
        - body.ratio == 0.1
        - body.exact == 0.30000000000000004
        - body.state == "STATE_PAID"
        - body.items[0].price.units == -5
        - "body.stock == {a: 1}"
        - body.by_number["5"].sku == "b"
        - body.by_number["5"].price is null
        - body.placed_at == "2026-03-16T10:00:00.500Z"
        - body.window == "1.500s"
        - body.extra.a[2].b == 2.5
        - body.extra.a[1] is null
        - body.maybe == 0
        - body.detail["@type"] == "type.googleapis.com/shop.v1.Item"
        - body.detail.sku == "inside"
        - body.mask == "id,items.sku"
        - body.anything[1] == "x"
        - body.discount == 0
        - body.card == "4242"
        - body.cash is null
        - "body.history == ['STATE_OPEN', 'STATE_PAID']"
        - body.fixed == 0
        - body.old.level == 7
        - body.old.part.text == "group"
        - body.parent.id == "p"
        - body.parent.parent is null
        - trailers.x-trailer == "end"
        - trailers["x-data-bin"] == "AAE="
        - error_message == ""
        - count == 1
        - messages is empty
        - response.body.id == "o1"
"""


def _full(port: int, more: str = "") -> str:
    text = FULL % port
    return "flow:\n  name: grpc\n  steps:" + text.replace("        method: Echo\n", f"        method: Echo\n{more}")


@pytest.mark.parametrize("port", ["both", "old"])
def test_every_kind_of_field_through_reflection(tmp_path: Path, grpc_shop: GrpcShop, port: str) -> None:
    passes(run_text(tmp_path, _full(getattr(grpc_shop, port))))


def test_every_kind_of_field_through_a_proto_file_and_a_descriptor_set(folder: Path, grpc_shop: GrpcShop) -> None:
    passes(run_text(folder, _full(grpc_shop.bare, "        proto_file: protos/shop.proto\n")))
    shutil.copy(grpc_shop.folder / "shop.set", folder / "shop.set")
    passes(run_text(folder, _full(grpc_shop.bare, "        descriptor_set: shop.set\n")))


def test_imports_are_found_in_named_folders(folder: Path, grpc_shop: GrpcShop) -> None:
    (folder / "own").mkdir()
    shutil.move(folder / "protos/shop.proto", folder / "own/shop.proto")
    passes(
        run_text(folder, _full(grpc_shop.bare, "        proto_file: own/shop.proto\n        import_paths: [protos]\n"))
    )


def _step(name: str, port: int, method: str, more: str, tail: str = "") -> str:
    return (
        f'{{id: {name}, action: grpc, config: {{address: "127.0.0.1:{port}", service: Orders,'
        f" method: {method}, {more}}}, {tail}}}"
    )


def test_streams_in_both_directions(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    port = grpc_shop.both
    run = run_text(
        tmp_path,
        flow_of(
            _step("s", port, "Watch", "request: {count: 3}", 'assert: [count == 3, "messages[2].id == \\"o3\\""]'),
            _step(
                "cut", port, "Watch", "count: 2, request: {pause_ms: 1}", 'assert: [count == 2, status == "CANCELLED"]'
            ),
            _step(
                "late",
                port,
                "Watch",
                "request: {count: 2, what: ABORTED}",
                'assert: [count == 2, status == "ABORTED", error_message == "after the stream"]',
            ),
            _step(
                "c",
                port,
                "Collect",
                "requests: [{sku: a}, {sku: b}]",
                'assert: ["body.items[1].sku == \\"b\\"", status == "OK"]',
            ),
            _step(
                "b",
                port,
                "Chat",
                "requests: [{quantity: 1}, {quantity: 2}]",
                'assert: ["messages[0].quantity == 2", "messages[1].quantity == 4", count == 2, body is null]',
            ),
            _step("nothing", port, "Chat", "requests: []", "assert: [count == 0, body is null]"),
        ),
    )
    passes(run)


def test_a_server_that_ends_a_client_s_stream_early_is_heard(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    many = ", ".join(["{sku: bad}", *["{sku: more}"] * 300])
    steps = [
        _step(
            f"s{number}", grpc_shop.both, "Collect", f"requests: [{many}]", 'assert: [status == "FAILED_PRECONDITION"]'
        )
        for number in range(30)
    ]
    passes(run_text(tmp_path, flow_of(*steps)))


def test_a_grpc_error_is_a_result_with_its_details(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    port = grpc_shop.both
    run = run_text(
        tmp_path,
        flow_of(
            _step(
                "n",
                port,
                "Fail",
                "request: {what: NOT_FOUND}",
                'assert: [status == "NOT_FOUND", status_code == 5, error_message == "as asked for", body is null]',
            ),
            _step("u", port, "Fail", "request: {what: UNAVAILABLE}", 'assert: [status == "UNAVAILABLE"]'),
            _step("d", port, "Fail", "request: {what: DEADLINE_EXCEEDED}", 'assert: [status == "DEADLINE_EXCEEDED"]'),
            _step(
                "e",
                port,
                "Fail",
                "request: {what: details}",
                'assert: [status == "INVALID_ARGUMENT",'
                ' "error_details[0][\\"@type\\"] == \\"type.googleapis.com/google.rpc.BadRequest\\"",'
                ' "error_details[0].field_violations[0].field == \\"items\\""]',
            ),
        ),
    )
    passes(run)


def test_metadata_the_trace_and_the_deadline_reach_the_server(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            _step(
                "h",
                grpc_shop.both,
                "Headers",
                f"timeout: 9s, metadata: {{Authorization: Bearer {SECRET}, x-raw-bin: AAE=, x-two: [a, b]}}",
                'assert: [body.authorization exists, \'body["x-raw-bin"] == "0001"\','
                " 'body.traceparent matches \"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$\"', body.deadline > 5,"
                ' body.deadline < 10, \'body["user-agent"] startsWith "testmesh"\','
                ' \'headers["x-first"] == "a, b"\']',
            ),
        ),
    )
    passes(run)
    kept = run_to_json(run)
    assert SECRET not in kept.replace(SECRET, "", run.flows[0].source.count(SECRET))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("method: Echo, request: {idd: x}", "request: shop.v1.Order has no field 'idd'; did you mean 'id'?"),
        ("method: Echo, request: {items: [{sku: 5}]}", "request.items[0].sku: must be text, not number 5"),
        ("method: Echo, request: {items: {sku: a}}", "request.items: must be a list, not object"),
        (
            "method: Echo, request: {big: 9223372036854775808}",
            "request.big: 9223372036854775808 does not fit into int64",
        ),
        ("method: Echo, request: {big: 1.5}", "request.big: must be a whole number (int64), not number 1.5"),
        ("method: Echo, request: {ratio: 3.5e38}", "request.ratio: 3.5e+38 does not fit into a float"),
        (
            "method: Echo, request: {extra: {a: [9007199254740993]}}",
            "request.extra.a[0]: 9007199254740993 does not fit",
        ),
        ("method: Echo, request: {express: 1}", "request.express: must be true or false, not number 1"),
        ("method: Echo, request: {signature: '%%'}", "request.signature: must be base64 text"),
        ("method: Echo, request: {state: STATE_PAD}", "did you mean STATE_PAID?"),
        ("method: Echo, request: {card: a, cash: {}}", "request.cash: 'card' is written too"),
        ("method: Echo, request: {placed_at: yesterday}", "request.placed_at: not a google.protobuf.Timestamp"),
        ("method: Echo, request: {by_number: {x: {}}}", "request.by_number.x: the key must be a int64"),
        ("method: Echo, request: {detail: {a: 1}}", "request.detail: must be a map with '@type'"),
        ("method: Echo, request: {old: {level: 1}}", "request.old.name is required"),
        ("method: Echo, request: text", "request: must be a map (shop.v1.Order), not string"),
        ("method: Ecko", "shop.v1.Orders has no method 'Ecko'; did you mean 'Echo'?"),
        ("method: shop.v1.Orderz/Echo", "there is no service 'shop.v1.Orderz'; did you mean 'shop.v1.Orders'?"),
        ("service: Orders, method: Echo, requests: [{}, {}]", "takes one request, not 2"),
        ("service: Orders, method: Echo, metadata: {x: 'ä'}", "metadata.x: only printable ASCII"),
    ],
)
def test_what_cannot_be_sent_is_named_and_never_sent(tmp_path: Path, grpc_shop: GrpcShop, more: str, told: str) -> None:
    service = "" if "service" in more or "/" in more else "service: shop.v1.Orders, "
    run = run_text(
        tmp_path,
        flow_of(
            f'{{id: a, action: grpc_call, config: {{address: "127.0.0.1:{grpc_shop.both}", {service}{more}}},'
            ' assert: [status == "OK"]}'
        ),
    )
    found = step(run, "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "config")
    assert told in found.message


def test_a_server_without_reflection_says_what_to_do(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    run = run_text(tmp_path, flow_of(_step("a", grpc_shop.bare, "Echo", "timeout: 5s", 'assert: [status == "OK"]')))
    assert step(run, "a").verdict == "error"
    assert "has no reflection; name a 'proto_file' or a 'descriptor_set'" in step(run, "a").message


def test_a_proto_file_that_does_not_compile_names_its_line(folder: Path, grpc_shop: GrpcShop) -> None:
    (folder / "bad.proto").write_text('syntax = "proto3";\nmessage X { string a = 1 }\n')
    (folder / "set").write_bytes(b"\xff\xff\xff")
    run = run_text(
        folder,
        flow_of(
            _step("a", grpc_shop.bare, "Echo", "proto_file: bad.proto", "on_error: continue, assert: [count == 1]"),
            _step("b", grpc_shop.bare, "Echo", "descriptor_set: set", "on_error: continue, assert: [count == 1]"),
        ),
    )
    assert verdicts(run) == {"a": "error", "b": "error"}
    assert "bad.proto does not compile: bad.proto:2:26: Expected" in step(run, "a").message
    assert "set is no FileDescriptorSet" in step(run, "b").message


def test_tls_with_a_private_authority_and_a_client_certificate(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    for name in ("ca.pem", "client.pem", "client.key"):
        shutil.copy(grpc_shop.folder / name, tmp_path / name)
    own = "ca: ca.pem, server_name: shop.internal"
    echo = "service: Orders, method: Echo, request: {id: x}"

    def case(name: str, port: int, more: str) -> str:
        return (
            f'{{id: {name}, action: grpc, on_error: continue, timeout: 5s, config: {{address: "127.0.0.1:{port}",'
            f' {echo}, {more}}}, assert: [body.id == "x"]}}'
        )

    run = run_text(
        tmp_path,
        flow_of(
            case("ok", grpc_shop.tls, f"tls: {{{own}}}"),
            case("both", grpc_shop.mutual, f"tls: {{{own}, cert: client.pem, key: client.key}}"),
            case("untrusted", grpc_shop.tls, "tls: true"),
            case("wrong_name", grpc_shop.tls, "tls: {ca: ca.pem}"),
            case("no_client", grpc_shop.mutual, f"tls: {{{own}}}"),
            case("plain", grpc_shop.tls, "tls: false"),
            case("unchecked", grpc_shop.tls, "tls: {verify: false}"),
            case("unchecked_mutual", grpc_shop.mutual, "tls: {verify: false, cert: client.pem, key: client.key}"),
            case("no_tls", grpc_shop.both, "tls: {verify: false}"),
        ),
    )
    found = verdicts(run)
    for name in ("ok", "both", "unchecked", "unchecked_mutual"):
        assert found.pop(name) == "passed", step(run, name).message
    assert set(found.values()) == {"error"}
    assert "certificate" in step(run, "untrusted").message
    kinds = {name: step(run, name).exchanges[0].error_type for name in found}
    assert set(kinds.values()) == {"connection"}


def test_time_runs_out_and_a_message_is_too_large(tmp_path: Path, grpc_shop: GrpcShop) -> None:
    port = grpc_shop.both
    run = run_text(
        tmp_path,
        flow_of(
            _step(
                "t", port, "Fail", "timeout: 200ms, request: {what: hang}", "on_error: continue, assert: [count == 1]"
            ),
            _step(
                "s", port, "Watch", "timeout: 200ms, request: {pause_ms: 5}", "on_error: continue, assert: [count == 1]"
            ),
            _step("b", port, "Fail", "request: {what: big}", "on_error: continue, assert: [count == 1]"),
            _step("e", port, "Watch", "request: {}", "on_error: continue, assert: [count == 1]"),
        ),
    )
    assert verdicts(run) == {"t": "failed", "s": "failed", "b": "error", "e": "error"}
    assert step(run, "t").exchanges[0].error_type == step(run, "s").exchanges[0].error_type == "timeout"
    assert "larger than 16 MiB" in step(run, "b").message
    assert re.search("no answer after [0-9]+ messages within (0.2s|200ms)", step(run, "s").message)
    assert "a stream of more than 10000 messages" in step(run, "e").message


@pytest.fixture
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcShop]:
    """A server of this test alone."""
    server, shop = start_grpc_shop(tmp_path_factory.mktemp("doomed"))
    yield shop
    server.stop()


def test_a_server_that_dies_in_the_middle_of_a_call_is_an_error(tmp_path: Path, doomed: GrpcShop) -> None:
    port = doomed.both
    run = run_text(
        tmp_path,
        flow_of(
            _step("a", port, "Echo", "request: {id: x}", 'assert: [status == "OK"]'),
            _step("b", port, "Fail", "request: {what: die}", "on_error: continue, assert: [count == 1]"),
            _step("c", port, "Echo", "request: {id: x}", "on_error: continue, assert: [count == 1]"),
        ),
    )
    assert verdicts(run) == {"a": "passed", "b": "error", "c": "error"}
    assert step(run, "b").exchanges[0].error_type == step(run, "c").exchanges[0].error_type == "connection"
    assert f"127.0.0.1:{port}: the server closed the connection" in step(run, "b").message
    assert f"127.0.0.1:{port}" in step(run, "c").message


CONNECTED = {
    "grpc_call": lambda port: (
        f'{{address: "127.0.0.1:{port}", service: a.B, method: C, metadata: {{authorization: "Bearer {SECRET}"}}}}'
    ),
}


@failing_servers(CONNECTED)
def test_a_failing_grpc_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


def test_what_can_be_known_before_the_run_is_found_before_it(tmp_path: Path) -> None:
    run = run_text(
        tmp_path,
        flow_of(
            "{id: a, action: grpc, config: {address: 'h:1', method: Echo, request: {}, requests: []}}",
            "{id: b, action: grpc, config: {address: 'h:1', service: x, method: y, proto_file: nowhere.proto}}",
            "{id: c, action: grpc, config: {address: 'h:1', service: x, method: y, import_paths: [a], count: 0}}",
        ),
    )
    messages = [problem["message"] for problem in run.flows[0].problems]
    for wanted in ("names no service", "exclude each other", "nowhere.proto", "needs 'proto_file'", "at least 1"):
        assert any(wanted in message for message in messages), (wanted, messages)
