"""Many steps at once on one connection of each broker: every message arrives once; a cancelled one harms no other."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.conformance.actions import flow_of, passes
from tests.flows.support import run_text, verdicts

SENT = 40
CASES = {
    "kafka": ("kafka_brokers", "kafka_producer", "kafka_consumer", "brokers: '{url}', topic: {name}"),
    "rabbitmq": (
        "rabbitmq_url",
        "rabbitmq_publish",
        "rabbitmq_consume",
        "url: '{url}', exchange: amq.topic, routing_key: {name}",
    ),
    "nats": ("nats_url", "nats_publish", "nats_subscribe", "url: '{url}', subject: {name}"),
    "mqtt": ("mqtt_url", "mqtt_publish", "mqtt_subscribe", "url: '{url}', topic: {name}"),
    "redis": ("redis_url", "redis_publish", "redis_subscribe", "url: '{url}', channel: {name}"),
    "redis stream": ("redis_url", "redis_publish", "redis_subscribe", "url: '{url}', stream: {name}"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_message_of_a_crowd_arrives_once(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    fixture, publish, consume, config = CASES[name]
    where = config.format(url=request.getfixturevalue(fixture), name=f"t-{uuid4().hex}")
    text = "message" if name.startswith("redis") else "value"
    total = f"sum(map(messages, int(.value.n))) == {SENT * (SENT + 1) // 2}"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: crowd, action: for_each, config: {{range: {{from: 1, to: {SENT}}}, max_concurrent: 16, steps: ["
            f"{{id: p, action: {publish}, config: {{{where}, {text}: {{n: '${{item}}'}}}}}}]}}}}",
            f"{{id: c, action: {consume}, config: {{{where}, count: {SENT}}}, assert: ['{total}']}}",
            f"{{id: more, action: {consume}, config: {{{where}, from: end, expect: none, timeout: 200ms}}}}",
        ),
    )
    passes(run)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_publish_that_was_cut_off_harms_no_other(tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    fixture, publish, consume, config = CASES[name]
    where = config.format(url=request.getfixturevalue(fixture), name=f"t-{uuid4().hex}")
    text = "message" if name.startswith("redis") else "value"
    steps = [
        f"{{id: cut{n}, action: {publish}, optional: true, timeout: {n + 1}ms, config: {{{where}, {text}: {{n: 0}}}}}}"
        for n in range(6)
    ]
    run = run_text(
        tmp_path,
        flow_of(
            *steps,
            f"{{id: p, action: {publish}, config: {{{where}, {text}: {{n: 7}}}}}}",
            f"{{id: c, action: {consume}, config: {{{where}}}, assert: ['int(value.n) == 7']}}",
        ),
    )
    found = verdicts(run)
    assert (found["p"], found["c"]) == ("passed", "passed"), [step.message for step in run.flows[0].steps]
    assert set(found.values()) <= {"passed", "failed"}, [step.message for step in run.flows[0].steps]
