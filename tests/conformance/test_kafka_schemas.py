"""Kafka with a schema registry, both real: Avro and JSON Schema in Confluent's wire format; what does not fit."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from graph.runs import Run
from tests.conformance.actions import SECRET, flow_of, keeps_the_secret, passes
from tests.flows.support import Web, run_text, step, unused_port, verdicts

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": "int"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["NEW", "OLD"]}},
        {"name": "seal", "type": "bytes"},
    ],
}
UUID = "11111111-2222-4333-8444-555555555555"
VALUE = {
    "id": UUID,
    "total": 12.5,
    "at": "2026-03-16T10:00:00Z",
    "note": None,
    "lines": [1, 2],
    "kind": "NEW",
    "seal": "//4=",
}


def _post(url: str, place: str, body: object) -> Any:
    import httpx

    answer = httpx.post(url + place, json=body, headers={"content-type": "application/vnd.schemaregistry.v1+json"})
    answer.raise_for_status()
    return answer.json()


def _run(folder: Path, brokers: str, registry: str, *steps: str) -> Run:
    flow = flow_of(*steps).replace("REGISTRY", registry)
    return run_text(folder, flow, process={"KAFKA_BROKERS": brokers})


def _as_peer(brokers: str, topic: str) -> list[bytes]:
    """Values of a topic, read by librdkafka alone."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": brokers, "group.id": topic, "log_level": 0})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [found.value() for found in [consumer.poll(10)] if found is not None]
    finally:
        consumer.close()


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_avro_values_travel_in_the_wire_format(tmp_path: Path, kafka_brokers: str, schema_registry: str) -> None:
    from fastavro import parse_schema, schemaless_reader

    topic = f"t-{uuid4().hex}"
    (tmp_path / "order.avsc").write_text(json.dumps(ORDER))
    registry = "schema_registry: {url: REGISTRY, file: order.avsc}"
    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: {json.dumps(VALUE)}, {registry}}}}}",
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, schema_registry: {{url: REGISTRY}}}}, assert: ["
        f'value.id == "{UUID}", value.total == 12.5, value.at == "2026-03-16T10:00:00Z", value.note is null,'
        ' \'value.lines == [1, 2]\', value.kind == "NEW", value.seal == "//4=",'
        " 'messages[0].schema_id > 0', 'messages[0].decode_error is null']}",
        f"{{id: latest, action: kafka_producer, config: {{topic: {topic}, value: {json.dumps(VALUE)},"
        " schema_registry: {url: REGISTRY}}}",
    )
    passes(run)
    (data,) = _as_peer(kafka_brokers, topic)
    assert data[0] == 0
    assert schemaless_reader(io.BytesIO(data[5:]), parse_schema(ORDER), None)["lines"] == [1, 2]


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_json_schema_values_travel_in_the_wire_format(tmp_path: Path, kafka_brokers: str, schema_registry: str) -> None:
    topic = f"t-{uuid4().hex}"
    schema = "{type: object, title: Note, properties: {n: {type: integer}}, required: [n]}"
    registry = f"schema_registry: {{url: REGISTRY, type: json, schema: {schema}, strategy: topic_record}}"
    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: {{n: 1}}, {registry}}}}}",
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, schema_registry: REGISTRY}},"
        " assert: [value.n == 1]}",
        f"{{id: bad, action: kafka_producer, config: {{topic: {topic}, value: {{n: x}}, {registry}}}}}",
    )
    assert verdicts(run) == {"p": "passed", "c": "passed", "bad": "error"}
    assert "$.n: 'x' is not of type 'integer'" in step(run, "bad").message
    (data,) = _as_peer(kafka_brokers, topic)
    assert (data[0], json.loads(data[5:])) == (0, {"n": 1})
    import httpx

    assert httpx.get(f"{schema_registry}/subjects/{topic}-Note/versions/latest").status_code == 200


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_schemas_that_refer_to_others_are_read_whole(tmp_path: Path, kafka_brokers: str, schema_registry: str) -> None:
    topic, inner = f"t-{uuid4().hex}", f"inner-{uuid4().hex}"
    item = {"type": "record", "name": "Item", "namespace": "shop", "fields": [{"name": "sku", "type": "string"}]}
    outer = {"type": "record", "name": "Cart", "fields": [{"name": "item", "type": "shop.Item"}]}
    _post(schema_registry, f"/subjects/{inner}/versions", {"schema": json.dumps(item)})
    references = [{"name": "shop.Item", "subject": inner, "version": 1}]
    body = {"schema": json.dumps(outer), "references": references}
    _post(schema_registry, f"/subjects/{topic}-value/versions", body)
    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: {{item: {{sku: A}}}},"
        " schema_registry: {url: REGISTRY}}}",
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, schema_registry: {{url: REGISTRY}}}},"
        ' assert: [value.item.sku == "A"]}',
    )
    passes(run)


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_protobuf_values_name_their_message_type(tmp_path: Path, kafka_brokers: str, schema_registry: str) -> None:
    topic, inner = f"t-{uuid4().hex}", f"inner-{uuid4().hex}"
    item = 'syntax = "proto3"; package shop; message Item { string sku = 1; }'
    order = (
        'syntax = "proto3"; package shop; import "item.proto";'
        " message Note { string text = 1; } message Order { message Line { int32 n = 1; Item item = 2; }"
        " repeated Line lines = 1; }"
    )
    _post(schema_registry, f"/subjects/{inner}/versions", {"schema": item, "schemaType": "PROTOBUF"})
    references = [{"name": "item.proto", "subject": inner, "version": 1}]
    body = {"schema": order, "schemaType": "PROTOBUF", "references": references}
    _post(schema_registry, f"/subjects/{topic}-value/versions", body)

    def publish(name: str, value: str, message: str) -> str:
        registry = f"schema_registry: {{url: REGISTRY, message: {message}}}"
        return f"{{id: {name}, action: kafka_producer, config: {{topic: {topic}, value: {value}, {registry}}}}}"

    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        publish("first", "{text: hello}", '""'),
        publish("second", "{lines: [{n: 1, item: {sku: A}}]}", "Order"),
        publish("nested", "{n: 7}", "shop.Order.Line"),
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, count: 3, schema_registry: {{url: REGISTRY}}}},"
        " assert: ['messages[0].value.text == \"hello\"', 'messages[1].value.lines[0].item.sku == \"A\"',"
        " 'messages[2].value.n == 7']}",
        publish("bad", "{n: x}", "Order.Line"),
    )
    assert verdicts(run) == {
        "first": "passed",
        "second": "passed",
        "nested": "passed",
        "c": "passed",
        "bad": "error",
    }, [found.message for found in run.flows[0].steps]
    assert "value.n" in step(run, "bad").message
    assert _as_peer(kafka_brokers, topic)[0][5:] == b"\x00\x0a\x05hello"


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_what_is_not_in_the_format_stays_raw_and_says_so(
    tmp_path: Path, kafka_brokers: str, schema_registry: str
) -> None:
    topic = f"t-{uuid4().hex}"
    registered = _post(schema_registry, f"/subjects/{topic}-value/versions", {"schema": json.dumps(ORDER)})["id"]
    poison = b"\x00" + registered.to_bytes(4, "big") + b"\xff" * 30
    unknown = b"\x00" + (999_999).to_bytes(4, "big") + b"x"
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka_brokers, "log_level": 0})
    for data in (b"just text", poison, unknown):
        producer.produce(topic, data)
    producer.flush(10)
    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, from: beginning, count: 3,"
        " schema_registry: {url: REGISTRY}}, assert: ['messages[0].value == \"just text\"',"
        " 'messages[0].decode_error contains \"not in the schema registry\"',"
        " 'messages[1].decode_error contains \"not a value of its Avro schema\"',"
        f" 'messages[1].schema_id == {registered}',"
        " 'messages[2].decode_error contains \"has no schema 999999\"',"
        f" 'messages[1].raw == \"{base64.b64encode(poison).decode()}\"']}}",
    )
    passes(run)


@pytest.mark.server("kafka")
@pytest.mark.server("schema registry")
def test_values_and_schemas_that_do_not_fit_are_errors_before_anything_is_sent(
    tmp_path: Path, kafka_brokers: str, schema_registry: str
) -> None:
    topic = f"t-{uuid4().hex}"
    schema = "{type: record, name: R, fields: [{name: n, type: int}]}"

    def publish(name: str, value: str, registry: str) -> str:
        return (
            f"{{id: {name}, action: kafka_producer, on_error: continue, config: {{topic: {topic}, value: {value},"
            f" schema_registry: {{url: REGISTRY, {registry}}}}}}}"
        )

    run = _run(
        tmp_path,
        kafka_brokers,
        schema_registry,
        publish("type", "{n: x}", f"schema: {schema}"),
        publish("more", "{n: 1, m: 2}", f"schema: {schema}"),
        publish("schema", "{n: 1}", 'schema: \'{"type": "nothing"}\''),
        publish("unregistered", "{n: 1}", f"schema: {schema}, register: false"),
        publish("unknown", "{n: 1}", "subject: nowhere"),
        f"{{id: quiet, action: kafka_consumer, config: {{topic: {topic}, expect: none, timeout: 200ms}}}}".replace(
            "id: quiet", "id: nothing"
        ),
    )
    assert set(verdicts(run).values()) == {"error", "passed"}
    assert "the value does not fit its schema: " in step(run, "type").message
    assert "no field 'm'" in step(run, "more").message
    assert "not an Avro schema" in step(run, "schema").message
    assert "does not have this schema" in step(run, "unregistered").message
    assert "subject 'nowhere' has no schema" in step(run, "unknown").message
    assert step(run, "nothing").verdict == "passed"


@pytest.mark.server("kafka")
def test_a_registry_that_is_down_or_refuses_is_named_without_credentials(tmp_path: Path, kafka_brokers: str) -> None:
    port, web = unused_port(), Web()
    web.on("GET /subjects/t-value/versions/latest", 401, {"message": "no"})
    try:
        run = run_text(
            tmp_path,
            flow_of(
                "{id: down, action: kafka_producer, on_error: continue, config: {topic: t, value: {n: 1},"
                f' schema_registry: {{url: "http://u:{SECRET}@127.0.0.1:{port}"}}}}}}',
                "{id: refused, action: kafka_producer, config: {topic: t, value: {n: 1},"
                f' schema_registry: {{url: "{web.url}", username: u, password: {SECRET}}}}}}}',
            ),
            process={"KAFKA_BROKERS": kafka_brokers},
        )
    finally:
        web.close()
    assert verdicts(run) == {"down": "error", "refused": "error"}
    assert step(run, "down").exchanges[0].error_type == "connection"
    assert f"schema registry 127.0.0.1:{port}" in step(run, "down").message
    assert "the login was refused" in step(run, "refused").message
    wanted = "Basic " + base64.b64encode(f"u:{SECRET}".encode()).decode()
    assert web.seen[0].headers["authorization"] == wanted
    keeps_the_secret(run)
