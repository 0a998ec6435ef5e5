"""What the steps of brokers say they exercise, so that the graph knows which flows reach a topic."""

from __future__ import annotations

import pytest

from flows.facts import flow_facts
from tests.conformance.actions import flow_of

CASES = {
    "nats_publish, config: {url: x, subject: orders.made, value: 1}": [("nats", "orders.made", "write")],
    "nats_subscribe, config: {url: x, stream: ORDERS}": [("nats", "ORDERS", "read")],
    "mqtt_publish, config: {url: x, topic: a/b, value: 1}": [("mqtt", "a/b", "write")],
    "mqtt_subscribe, config: {url: x, topic: a/b}": [("mqtt", "a/b", "read")],
    "rabbitmq_publish, config: {url: x, exchange: shop, routing_key: order.made, value: 1}": [
        ("rabbitmq", "order.made", "write"),
    ],
    "rabbitmq_consume, config: {url: x, exchange: shop, routing_key: 'order.*'}": [("rabbitmq", "shop", "read")],
    "rabbitmq_consume, config: {url: x, queue: mails}": [("rabbitmq", "mails", "read")],
    "redis_publish, config: {url: x, stream: orders, message: {a: 1}}": [("redis", "orders", "write")],
    "redis_subscribe, config: {url: x, channel: news}": [("redis", "news", "read")],
    "kafka_producer, config: {brokers: x, topic: t, value: 1}": [("kafka", "t", "write")],
    "redis, config: {url: x, command: XINFO, args: [STREAM, s]}": [("redis", "s", "read")],
    "redis, config: {url: x, command: XREAD, args: [COUNT, 1, STREAMS, s, 0]}": [("redis", "s", "read")],
    "redis, config: {url: x, command: EVAL, args: ['return 1', 1, k]}": [("redis", "k", "write")],
    "redis, config: {url: x, command: SCAN, args: [0]}": [],
}


@pytest.mark.parametrize("step", sorted(CASES))
def test_steps_say_what_they_exercise(step: str) -> None:
    facts = flow_facts(flow_of(f"{{id: a, action: {step}}}"), "flow.yaml")
    assert [fact for fact in facts if fact.kind == "problem"] == []
    touched = [fact for fact in facts if fact.kind == "touch"]
    assert [(fact.get("kind"), _text(fact.get("url")), fact.get("mode")) for fact in touched] == CASES[step]


def _text(value: object) -> object:
    return getattr(value, "value", value)
