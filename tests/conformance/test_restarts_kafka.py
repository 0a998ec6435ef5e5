"""A Kafka cluster whose leaders move and whose brokers go: nothing is lost or doubled, and silence is not invented."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.actions import flow_of
from tests.flows.support import Reply, Web, run_text, step, verdicts
from tests.servers.kafka_cluster import KafkaCluster
from tests.servers.process import Unavailable

PRODUCE = 0
NOT_LEADER = 6
TOPIC = "orders"


@pytest.fixture
def cluster() -> Iterator[KafkaCluster]:
    """Two brokers; the first leads the only partition of the topic."""
    try:
        found = KafkaCluster(2)
    except Unavailable as error:
        pytest.skip(str(error))
    found.create(TOPIC)
    found.lead(TOPIC, 1)
    yield found
    found.close()


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server."""
    found = Web()
    yield found
    found.close()


def _then(web: Web, name: str, act: Callable[[], None]) -> str:
    """A step in the middle of a flow that makes something happen to the cluster."""

    def done(seen: object) -> Reply:
        act()
        return Reply(200)

    web.routes[f"GET /{name}"] = done
    return f"{{id: {name}, action: http_request, config: {{url: '{web.url}/{name}'}}, assert: [status == 200]}}"


def _publish(number: int) -> str:
    config = f"{{topic: {TOPIC}, value: {{n: {number}}}}}"
    return f"{{id: p{number}, action: kafka_producer, on_error: continue, config: {config}, assert: [ok == true]}}"


def _kept(*numbers: int) -> str:
    """Exactly these messages, in order, and no further one."""
    more = f"{{topic: {TOPIC}, count: {len(numbers)}, from: beginning}}"
    return (
        f"{{id: kept, action: kafka_consumer, config: {more}, assert: ['map(messages, .value.n) == {list(numbers)}',"
        f" 'map(messages, .offset) == {list(range(len(numbers)))}']}}"
    )


def test_a_leader_that_moves_between_steps_loses_and_doubles_nothing(
    tmp_path: Path, cluster: KafkaCluster, web: Web
) -> None:
    def again() -> None:
        cluster.lead(TOPIC, 1)
        cluster.answer(PRODUCE, [NOT_LEADER] * 3)

    run = run_text(
        tmp_path,
        flow_of(
            _publish(1),
            _then(web, "second", lambda: cluster.lead(TOPIC, 2)),
            _publish(2),
            _then(web, "first", again),
            _publish(3),
            _kept(1, 2, 3),
        ),
        process={"KAFKA_BROKERS": cluster.address},
    )
    assert set(verdicts(run).values()) == {"passed"}, step(run, "kept").message
    assert len(step(run, "p3").exchanges) == 1


def test_a_leader_that_dies_while_a_consumer_waits_is_followed(tmp_path: Path, cluster: KafkaCluster, web: Web) -> None:
    def moved() -> None:
        cluster.lead(TOPIC, 2)
        cluster.down(1)

    waits = (
        f"{{id: waits, action: kafka_consumer, config: {{topic: {TOPIC}, count: 2, timeout: 30s}},"
        " assert: ['map(messages, .value.n) == [1, 2]']}"
    )
    rest = f"{{steps: [{_then(web, 'dies', moved)}, {_publish(2)}]}}"
    run = run_text(
        tmp_path,
        flow_of(_publish(1), f"{{id: both, action: parallel, config: {{branches: [{{steps: [{waits}]}}, {rest}]}}}}"),
        process={"KAFKA_BROKERS": cluster.address},
    )
    assert (step(run, "waits").verdict, step(run, "p2").verdict) == ("passed", "passed"), step(run, "waits").message


def test_no_silence_is_believed_while_the_leader_does_not_answer(
    tmp_path: Path, cluster: KafkaCluster, web: Web
) -> None:
    silent = f"action: kafka_consumer, config: {{topic: {TOPIC}, match: value.n == 9, expect: none, timeout: 300ms}}"
    run = run_text(
        tmp_path,
        flow_of(
            _publish(1),
            f"{{id: before, {silent}}}",
            _then(web, "dies", lambda: cluster.down(1)),
            f"{{id: n, {silent}}}",
        ),
        process={"KAFKA_BROKERS": cluster.address},
    )
    assert (step(run, "before").verdict, step(run, "n").verdict) == ("passed", "failed")
    assert f"no answer from who leads topic {TOPIC}" in step(run, "n").message


class _Relay:
    """Stands before a broker, and loses the answer to the first message with the connection that brought it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.published = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                lose = threading.Event()
                for work, here, there in ((self._requests, client, server), (self._answers, server, client)):
                    threading.Thread(target=work, args=(here, there, lose), daemon=True).start()

    def _requests(self, here: socket.socket, there: socket.socket, lose: threading.Event) -> None:
        with here, there, contextlib.suppress(OSError, struct.error), here.makefile("rb") as stream:
            while size := stream.read(4):
                request = stream.read(struct.unpack(">i", size)[0])
                if struct.unpack(">h", request[:2])[0] == PRODUCE:
                    self.published += 1
                    if self.published == 1:
                        lose.set()
                there.sendall(size + request)

    @staticmethod
    def _answers(here: socket.socket, there: socket.socket, lose: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := here.recv(65536)) and not lose.is_set():
                there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)


def test_a_lost_acknowledgement_is_an_error_and_the_message_is_not_sent_twice(
    tmp_path: Path, cluster: KafkaCluster
) -> None:
    relay = _Relay(int(cluster.address.partition(",")[0].rpartition(":")[2]))
    cluster.advertise(1, relay.port)
    try:
        run = run_text(
            tmp_path, flow_of(_publish(1), _publish(2), _kept(1, 2)), process={"KAFKA_BROKERS": cluster.address}
        )
    finally:
        relay.close()
    found = step(run, "p1")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "connection")
    assert "whether it is stored cannot be known" in found.message
    assert (step(run, "kept").verdict, relay.published) == ("passed", 2), step(run, "kept").message
