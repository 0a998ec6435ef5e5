"""Kafka steps against a real broker: messages since the start of the flow, positions, retries."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.flows.support import raw_server, run_text, step, verdicts
from tests.servers.kafka import SecureKafka


@pytest.mark.server("kafka")
def test_kafka_messages_since_the_start_of_the_flow_are_seen_by_every_consumer(
    tmp_path: Path, kafka_brokers: str
) -> None:
    topic = f"t-{uuid4().hex}"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: kafka_producer, config: {{topic: {topic}, key: k, value: {{n: 1}}, headers: {{h: x}}}},"
            " assert: [ok == true]}",
            f"{{id: q, action: kafka.produce, config: {{topic: {topic}, payload: {{n: 2}}}}, assert: [offset exists]}}",
            f"{{id: a, action: kafka_consumer, config: {{topic: {topic}}},"
            ' assert: [value.n == 1, key == "k", headers.h == "x", headers.traceparent exists]}',
            f"{{id: b, action: kafka_consumer, config: {{topic: {topic}, match: value.n == 2}},"
            " assert: [value.n == 2]}",
            f"{{id: both, action: kafka_consumer, config: {{topic: {topic}, count: 2}},"
            " assert: ['messages[1].value.n == 2', count == 2]}",
            f"{{id: moved, action: kafka_consumer, config: {{topic: {topic}}}, assert: [value.n == 2]}}",
            f"{{id: never, action: kafka_consumer, config: {{topic: {topic}, match: value.n == 3, expect: none,"
            " timeout: 300ms}}",
        ),
        process={"KAFKA_BROKERS": kafka_brokers},
    )
    passes(run)
    assert len(step(run, "moved").exchanges[0].candidates) == 2


@pytest.mark.server("kafka")
def test_a_message_from_before_the_flow_is_seen_only_from_the_beginning(tmp_path: Path, kafka_brokers: str) -> None:
    topic = f"t-{uuid4().hex}"
    process = {"KAFKA_BROKERS": kafka_brokers}
    publish = f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: old}}, assert: [ok == true]}}"
    assert run_text(tmp_path, flow_of(publish), process=process).verdict == "passed"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: new, action: kafka_consumer, on_error: continue, config: {{topic: {topic}, timeout: 300ms}}}}",
            f"{{id: all, action: kafka_consumer, config: {{topic: {topic}, from_beginning: true}},"
            ' assert: [value == "old"]}',
        ).replace("id: all", "id: everything"),
        process=process,
    )
    assert verdicts(run) == {"new": "failed", "everything": "passed"}
    assert "expected 1 message within 300ms: 0 arrived" in step(run, "new").message


@pytest.mark.server("kafka")
def test_a_message_goes_to_the_partition_that_is_named(tmp_path: Path, kafka_brokers: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    topic, admin = f"t-{uuid4().hex}", AdminClient({"bootstrap.servers": kafka_brokers})
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result()
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: x, partition: 2}},"
            " assert: [partition == 2]}",
            f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, from: beginning}},"
            " assert: ['messages[0].partition == 2']}",
            f"{{id: no, action: kafka_producer, config: {{topic: {topic}, value: x, partition: 9}}}}",
        ),
        process={"KAFKA_BROKERS": kafka_brokers},
    )
    assert verdicts(run) == {"p": "passed", "c": "passed", "no": "error"}
    assert "partition" in step(run, "no").message.lower()


@pytest.mark.server("kafka")
def test_a_window_too_short_to_connect_in_keeps_what_was_found_when_the_flow_began(
    tmp_path: Path, kafka_secure: SecureKafka
) -> None:
    consumer = f"{{id: c, action: kafka_consumer, config: {{brokers: '{kafka_secure.tls}', topic: t, timeout: 1s}}}}"
    run = run_text(tmp_path, flow_of(consumer))
    assert verdicts(run) == {"c": "failed"}
    assert "is it another protocol's port, or TLS or SASL?" in step(run, "c").message


@pytest.mark.server("kafka")
def test_a_retried_consumer_starts_again_where_it_first_started(tmp_path: Path, kafka_brokers: str) -> None:
    topic = f"t-{uuid4().hex}"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: kafka_producer, config: {{topic: {topic}, value: {{n: 1}}}}, assert: [ok == true]}}",
            f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, timeout: 200ms}}, assert: [value.n == 2],"
            " retry: {max_attempts: 2, delay: 1ms}}",
        ),
        process={"KAFKA_BROKERS": kafka_brokers},
    )
    assert [len(exchange.candidates) for exchange in step(run, "c").exchanges] == [1, 1]


_SASL = f"sasl: {{mechanism: PLAIN, username: u, password: {SECRET}}}"
CONNECTED = {
    "kafka_producer": lambda port: f'{{brokers: "127.0.0.1:{port}", topic: t, value: v, {_SASL}}}',
    "kafka_consumer": lambda port: f'{{brokers: "127.0.0.1:{port}", topic: t, {_SASL}}}',
}


@failing_servers(CONNECTED)
def test_a_failing_kafka_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)


def test_a_missing_library_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with raw_server(lambda connection: None) as port:
        run = run_text(
            tmp_path, flow_of(f"{{id: a, action: kafka_producer, config: {CONNECTED['kafka_producer'](port)}}}")
        )
    assert step(run, "a").verdict == "error"
    assert "pip install 'testmesh[kafka]'" in step(run, "a").message
