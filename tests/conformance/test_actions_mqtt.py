"""MQTT steps against a real server: topics since the start of the flow, QoS, retained messages, both versions."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conformance.actions import SECRET, Check, failing_servers, flow_of, passes
from tests.conformance.brokers import certificates, killed_meanwhile, started
from tests.flows.support import run_text, step, verdicts
from tests.servers.brokers import start_mosquitto
from tests.servers.process import free_port


@pytest.mark.server("mqtt")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_messages_since_the_start_of_the_flow_are_seen_by_every_subscriber(
    tmp_path: Path, mqtt_url: str, version: str
) -> None:
    topic = f"t/{uuid4().hex}"
    run = run_text(
        tmp_path,
        flow_of(
            *(
                f"{{id: p{qos}, action: mqtt_publish, config: {{topic: {topic}, value: {{n: {qos}}}, qos: {qos},"
                f" version: {version}}}, assert: [ok == true]}}"
                for qos in (0, 1, 2)
            ),
            f"{{id: a, action: mqtt_subscribe, config: {{topic: {topic}, version: {version}}},"
            " assert: [value.n == 0, 'messages[0].qos == 0', 'messages[0].retained == false']}",
            f"{{id: b, action: mqtt_consume, config: {{topic: {topic}, qos: 2, match: value.n == 2,"
            f" version: {version}}}, assert: [value.n == 2, 'messages[0].qos == 2']}}",
            f'{{id: tree, action: mqtt.subscribe, config: {{topic: "{topic}/#", count: 3, version: {version}}},'
            f" assert: ['messages[2].value.n == 2', 'messages[0].topic == \"{topic}\"']}}",
            f"{{id: never, action: mqtt_subscribe, config: {{topic: {topic}, match: value.n == 3, expect: none,"
            f" timeout: 200ms, version: {version}}}}}",
        ),
        process={"MQTT_URL": mqtt_url},
    )
    passes(run)
    assert step(run, "never").duration_ms >= 190


@pytest.mark.server("mqtt")
def test_headers_and_properties_travel_with_version_5_only(tmp_path: Path, mqtt_url: str) -> None:
    topic = f"t/{uuid4().hex}"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: p, action: mqtt.publish, config: {{topic: {topic}, payload: hello, headers: {{h: x}},"
            " properties: {content_type: text/plain, message_expiry: 60}}, assert: [ok == true]}",
            f'{{id: a, action: mqtt_subscribe, config: {{topic: {topic}}}, assert: [value == "hello",'
            ' headers.h == "x", headers.traceparent exists,'
            " 'messages[0].properties.content_type == \"text/plain\"']}",
            f"{{id: old, action: mqtt_publish, config: {{topic: {topic}, payload: x, headers: {{h: x}},"
            ' version: "3.1.1"}, assert: [ok == true]}',
        ),
        process={"MQTT_URL": mqtt_url},
    )
    assert verdicts(run) == {"p": "passed", "a": "passed", "old": "error"}
    assert "carries no headers" in step(run, "old").message


@pytest.mark.server("mqtt")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_retained_message_from_before_the_flow_is_seen_only_when_asked_for(
    tmp_path: Path, mqtt_url: str, version: str
) -> None:
    topic = f"t/{uuid4().hex}"
    process = {"MQTT_URL": mqtt_url}
    publish = (
        f"{{id: p, action: mqtt_publish, config: {{topic: {topic}, value: old, retain: true}}, assert: [ok == true]}}"
    )
    assert run_text(tmp_path, flow_of(publish), process=process).verdict == "passed"
    run = run_text(
        tmp_path,
        flow_of(
            f"{{id: new, action: mqtt_subscribe, config: {{topic: {topic}, expect: none, timeout: 200ms,"
            f" version: {version}}}}}",
            f"{{id: kept, action: mqtt_subscribe, config: {{topic: {topic}, retained: true, version: {version}}},"
            " assert: [value == \"old\", 'messages[0].retained == true']}",
        ),
        process=process,
    )
    passes(run)


def _flow(url: str, more: str = "") -> str:
    return flow_of(
        f"{{id: p, action: mqtt_publish, on_error: continue, config: {{url: '{url}', topic: s, value: m, {more}}}}}",
        f"{{id: c, action: mqtt_subscribe, on_error: continue, config: {{url: '{url}', topic: s, timeout: 1s, {more}}},"
        ' assert: [value == "m"]}',
    )


def _guarded(folder: Path) -> list[str]:
    """Bob may log in, and do everything below `s`."""
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(folder / "users"), "bob", SECRET], check=True)
    (folder / "acl").write_text("user bob\ntopic readwrite s\n")
    return ["allow_anonymous false", f"password_file {folder / 'users'}", f"acl_file {folder / 'acl'}"]


@pytest.mark.server("mqtt")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_logins_and_what_is_refused(tmp_path: Path, version: str) -> None:
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto_passwd")
    more = f"version: {version}"
    with started(lambda: start_mosquitto(tmp_path, _guarded(tmp_path))) as url:
        at = url.removeprefix("mqtt://")
        passes(run_text(tmp_path, _flow(f"mqtt://bob:{SECRET}@{at}", more)))
        passes(run_text(tmp_path, _flow(f"mqtt://bob:wrong-one@{at}", f"{more}, password: {SECRET}")))
        refused = run_text(tmp_path, _flow(f"mqtt://bob:wrong-one@{at}", more))
        config = f"{{url: 'mqtt://bob:{SECRET}@{at}', topic: other, value: m, {more}}}"
        forbidden = run_text(tmp_path, flow_of(f"{{id: o, action: mqtt_publish, config: {config}}}"))
    assert verdicts(refused) == {"p": "error", "c": "error"}
    for found in refused.flows[0].steps:
        assert "not authorized" in found.message or "the login was refused" in found.message
        assert "wrong-one" not in found.message
    if version == "5":
        assert "topic other: not authorized" in step(forbidden, "o").message


@pytest.mark.server("mqtt")
def test_tls_with_a_private_authority_and_a_client_certificate(tmp_path: Path) -> None:
    certificates(tmp_path)
    files = [f"cafile {tmp_path}/ca.pem", f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key"]
    lines = ["allow_anonymous true", *files, "require_certificate true"]
    with started(lambda: start_mosquitto(tmp_path, lines)) as url:
        good = "tls: {ca: ca.pem, cert: cert.pem, key: key.pem}"
        passes(run_text(tmp_path, _flow(url, good)))
        untrusting = run_text(tmp_path, _flow(url.replace("mqtt:", "mqtts:")))
    assert "certificate not trusted" in step(untrusting, "p").message


@pytest.mark.server("mqtt")
def test_a_server_killed_while_a_step_waits_is_an_error(tmp_path: Path) -> None:
    port = free_port()
    with killed_meanwhile(lambda: start_mosquitto(tmp_path, port=port)) as url:
        run = run_text(
            tmp_path,
            flow_of(
                "{id: c, action: mqtt_subscribe, on_error: continue, config: {topic: s, timeout: 9s}}",
                "{id: p, action: mqtt_publish, config: {topic: s, value: m}, retry: {max_attempts: 60, delay: 100ms}}",
                "{id: d, action: mqtt_subscribe, config: {topic: s, timeout: 300ms}}",
            ),
            process={"MQTT_URL": url},
        )
    assert verdicts(run) == {"c": "error", "p": "passed", "d": "error"}
    assert step(run, "c").exchanges[0].error_type == "connection"
    assert "what was published since then is lost" in step(run, "d").message


CONNECTED = {
    "mqtt_publish": lambda port: f'{{url: "mqtt://u:{SECRET}@127.0.0.1:{port}", topic: s, value: v}}',
    "mqtt_subscribe": lambda port: f'{{url: "mqtt://u:{SECRET}@127.0.0.1:{port}", topic: s}}',
}


@failing_servers(CONNECTED)
def test_a_failing_mqtt_server_is_a_result(check: Check, tmp_path: Path) -> None:
    check(tmp_path)
