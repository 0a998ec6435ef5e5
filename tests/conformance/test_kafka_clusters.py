"""Kafka clusters that ask for a login or TLS, and clusters that misbehave: what a flow says then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest

from flows.events import run_to_json
from graph.runs import Run
from tests.conformance.actions import flow_of, passes
from tests.flows.support import Reply, Seen, Web, run_text, step, verdicts
from tests.servers.kafka import MECHANISMS, PASSWORD, USER, SecureKafka, start_kafka
from tests.servers.process import Server, Unavailable, free_port


def _round_trip(topic: str, more: str) -> str:
    return flow_of(
        f"{{id: p, action: kafka_producer, on_error: continue, config: {{topic: {topic}, value: {{n: 1}}, {more}}},"
        " assert: [ok == true]}",
        f"{{id: c, action: kafka_consumer, config: {{topic: {topic}, {more}}}, assert: [value.n == 1]}}",
    )


def _run(folder: Path, brokers: str, more: str) -> Run:
    return run_text(folder, _round_trip(f"t-{uuid4().hex}", more), process={"KAFKA_BROKERS": brokers})


def _sasl(mechanism: str, password: str) -> str:
    return f'sasl: {{mechanism: {mechanism}, username: {USER}, password: "{password}"}}'


def _written(folder: Path, secure: SecureKafka) -> None:
    for name in ("ca", "cert", "key"):
        (folder / f"{name}.pem").write_text(getattr(secure, name))


@pytest.mark.server("kafka")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_login_is_accepted_and_its_password_is_nowhere(
    tmp_path: Path, kafka_secure: SecureKafka, mechanism: str
) -> None:
    run = _run(tmp_path, kafka_secure.sasl, _sasl(mechanism, "${PASSWORD_VARIABLE:" + PASSWORD + "}"))
    passes(run)
    source = run.flows[0].source.replace('"', '\\"').replace("\n", "\\n")
    assert PASSWORD not in run_to_json(run).replace(source, "")


@pytest.mark.server("kafka")
@pytest.mark.parametrize("mechanism", MECHANISMS[:2])
def test_a_refused_login_says_so_soon_and_without_the_password(
    tmp_path: Path, kafka_secure: SecureKafka, mechanism: str
) -> None:
    run = _run(tmp_path, kafka_secure.sasl, _sasl(mechanism, "wrong-password-1"))
    assert verdicts(run) == {"p": "error", "c": "error"}
    for name in ("p", "c"):
        found = step(run, name)
        assert f"the login was refused (SASL {mechanism})" in found.message
        assert USER not in found.message
        assert "wrong-password" not in found.message
        assert found.duration_ms < 5000


@pytest.mark.server("kafka")
def test_a_private_authority_and_a_client_certificate(tmp_path: Path, kafka_secure: SecureKafka) -> None:
    _written(tmp_path, kafka_secure)
    passes(_run(tmp_path, kafka_secure.tls, "tls: {ca: ca.pem, cert: cert.pem, key: key.pem}"))
    passes(_run(tmp_path, kafka_secure.sasl_tls, f"tls: {{ca: ca.pem}}, {_sasl('SCRAM-SHA-512', PASSWORD)}"))


@pytest.mark.server("kafka")
@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("true", "certificate not trusted"),
        ("{ca: ca.pem}", "it demands another client certificate"),
        ("false", "no Kafka broker answers"),
    ],
)
def test_what_is_wrong_with_tls_is_said(tmp_path: Path, kafka_secure: SecureKafka, tls: str, said: str) -> None:
    _written(tmp_path, kafka_secure)
    flow = flow_of(f"{{id: p, action: kafka_producer, config: {{topic: t, value: x, tls: {tls}}}}}")
    found = step(run_text(tmp_path, flow, process={"KAFKA_BROKERS": kafka_secure.tls}), "p")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection"), found.message
    assert said in found.message


@contextmanager
def _broker(port: int = 0, **settings: str) -> Iterator[tuple[str, Callable[[], Server], Callable[[], None]]]:
    """A broker of the test's own: its address, how to start it again, and how to kill it."""
    with TemporaryDirectory(prefix="testmesh-kafka-") as name:
        running: list[Server] = []
        named = {key.replace("_", "."): value for key, value in settings.items()}
        port = port or free_port()

        def begin() -> Server:
            server, _ = start_kafka(Path(name), named, port)
            running.append(server)
            return server

        def kill() -> None:
            running[-1].process.kill()
            running[-1].process.wait(10)

        try:
            begin()
        except Unavailable as error:
            pytest.skip(str(error))
        try:
            yield f"127.0.0.1:{port}", begin, kill
        finally:
            running[-1].stop()


@pytest.mark.server("kafka")
def test_a_broker_that_advertises_an_unreachable_address_is_named(tmp_path: Path) -> None:
    port, nowhere = free_port(), free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{nowhere}"
    with _broker(port, advertised_listeners=listeners) as (brokers, _, _):
        time_limit = time.monotonic() + 30
        while True:
            run = _run(tmp_path, brokers, "timeout: 5s")
            if "advertises" in step(run, "p").message or time.monotonic() > time_limit:
                break
    found = step(run, "p")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection")
    assert f"advertises 127.0.0.1:{nowhere}, which cannot be reached from here (connection refused)" in found.message


@pytest.mark.server("kafka")
def test_a_broker_that_creates_no_topics_takes_no_large_ones_and_is_restarted(tmp_path: Path) -> None:
    with _broker(auto_create_topics_enable="false", message_max_bytes="2000") as (brokers, begin, kill):
        _create(brokers, "here")
        run = run_text(
            tmp_path,
            flow_of(
                "{id: missing, action: kafka_producer, on_error: continue, config: {topic: nowhere, value: x}}",
                "{id: large, action: kafka_producer, on_error: continue, config: {topic: here, value: "
                + "x" * 5000
                + "}}",
                "{id: odd, action: kafka_producer, on_error: continue, config: {topic: 'a b', value: x}}",
                "{id: p, action: kafka_producer, config: {topic: here, value: {n: 1}}}",
                "{id: none, action: kafka_consumer, config: {topic: nowhere, expect: none, timeout: 300ms}}".replace(
                    "id: none", "id: absent"
                ),
                "{id: c, action: kafka_consumer, config: {topic: here, from: beginning}, assert: [value.n == 1]}",
            ),
            process={"KAFKA_BROKERS": brokers},
        )
        assert verdicts(run) == {
            "missing": "error",
            "large": "error",
            "odd": "error",
            "p": "passed",
            "absent": "passed",
            "c": "passed",
        }
        assert "it does not exist, and the broker does not create it" in step(run, "missing").message
        assert "(5000 bytes)" in step(run, "large").message
        assert step(run, "large").exchanges[0].error_type == "server"
        _restarted(tmp_path, brokers, begin, kill)


def _restarted(folder: Path, brokers: str, begin: Callable[[], Server], kill: Callable[[], None]) -> None:
    """Killed while a consumer waits: an error at once; a retry reads on without a loss once it is back."""

    def restart() -> None:
        time.sleep(0.5)
        kill()
        begin()

    again = threading.Thread(target=restart)

    def sent(seen: Seen) -> Reply:
        again.start()
        return Reply(200)

    with closing(Web()) as web:
        web.routes["POST /sent"] = sent
        run = run_text(
            folder,
            flow_of(
                "{id: p, action: kafka_producer, config: {topic: here, value: {n: 2}}}",
                f"{{id: s, action: http_request, config: {{method: POST, url: '{web.url}/sent'}}}}",
                "{id: c, action: kafka_consumer, on_error: continue,"
                " config: {topic: here, match: value.n == 3, timeout: 30s}}",
                "{id: q, action: kafka_producer, config: {topic: here, value: {n: 3}},"
                " retry: {max_attempts: 60, delay: 500ms}}",
                "{id: d, action: kafka_consumer, config: {topic: here, count: 2, timeout: 30s},"
                " assert: ['messages[0].value.n == 2', 'messages[1].value.n == 3']}",
            ),
            process={"KAFKA_BROKERS": brokers},
        )
        again.join()
    expected = {"p": "passed", "s": "passed", "c": "error", "q": "passed", "d": "passed"}
    assert verdicts(run) == expected, step(run, "d").message
    assert step(run, "c").exchanges[0].error_type == "connection"
    assert step(run, "c").duration_ms < 30_000


def _create(brokers: str, topic: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(10)
