"""Kafka through librdkafka: how to reach a cluster, and plain words for what librdkafka says when it cannot."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.clients.awaiting import awaiting
from flows.clients.errors import ClientError
from flows.clients.kafka_login import MECHANISMS, SaslConfig
from flows.clients.servers import port_problem
from flows.clients.tls import Tls
from testmesh.kernel.errors import MissingExtra

METADATA_SECONDS = 5.0
FIRST_TRY_SECONDS = 0.25
LONGEST_TRY_SECONDS = 1.0
LARGEST_MESSAGE = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach a cluster.

    Args:
        brokers: bootstrap addresses, ``host:port`` each.
        security: further librdkafka settings (SASL, TLS).
    """

    brokers: tuple[str, ...]
    security: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"kafka {','.join(self.brokers)}"

    def librdkafka(self, problems: Problems) -> dict[str, Any]:
        """The settings as librdkafka reads them; it must not write to the terminal.

        Args:
            problems: told what goes wrong in the background.
        """
        common = {
            "bootstrap.servers": ",".join(self.brokers),
            "log_level": 0,
            "socket.connection.setup.timeout.ms": 5000,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "allow.auto.create.topics": False,
            "topic.metadata.refresh.fast.interval.ms": 50,
            "error_cb": problems.heard,
        }
        return {**common, **dict(self.security)}

    @property
    def login(self) -> str:
        """Mechanism in a sentence; neither user nor password."""
        mechanism = dict(self.security).get("sasl.mechanism")
        return f"SASL {mechanism}" if mechanism else "no SASL"


def settings(brokers: str | Sequence[str], sasl: SaslConfig | None, tls: Tls | None) -> KafkaSettings:
    """The settings a step names.

    Args:
        brokers: ``a:9092,b:9092`` or a list.
        sasl: login of the step.
        tls: of the step.
    """
    found = brokers.split(",") if isinstance(brokers, str) else list(brokers)
    security: dict[str, str] = {}
    if sasl is not None:
        security |= {
            "sasl.mechanism": sasl.mechanism.upper(),
            "sasl.username": sasl.username,
            "sasl.password": sasl.password,
        }
        if security["sasl.mechanism"] not in MECHANISMS:
            raise ClientError(f"sasl.mechanism is one of {', '.join(MECHANISMS)}", "config")
    if tls is not None:
        security |= _encrypted(tls)
    kind = ("SASL_" if sasl is not None else "") + ("SSL" if tls is not None else "PLAINTEXT")
    if kind != "PLAINTEXT":
        security["security.protocol"] = kind
    return KafkaSettings(tuple(part.strip() for part in found if part.strip()), tuple(sorted(security.items())))


def _encrypted(tls: Tls) -> dict[str, str]:
    if tls.server_name:
        raise ClientError("tls.server_name: Kafka checks each broker's advertised name; leave it out", "config")
    parts = {"ssl.ca.pem": tls.ca, "ssl.certificate.pem": tls.cert, "ssl.key.pem": tls.key or tls.cert}
    found = {name: pem.decode("utf-8", "replace") for name, pem in parts.items() if pem is not None}
    if tls.key_password:
        found["ssl.key.password"] = tls.key_password
    if not tls.verify:
        found["enable.ssl.certificate.verification"] = "false"
    return found


def library() -> Any:
    """The confluent_kafka module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import confluent_kafka
    except ImportError as error:
        raise MissingExtra("confluent_kafka", "kafka") from error
    return confluent_kafka


class Problems:
    """What librdkafka reports from its own threads, while a client is polled.

    Args:
        where: the cluster.
    """

    def __init__(self, where: KafkaSettings) -> None:
        self._where = where
        self.refused: ClientError | None = None
        self.down: ClientError | None = None

    def heard(self, error: Any) -> None:
        """Remembers an error event.

        Args:
            error: librdkafka's.
        """
        codes, text = library().KafkaError, str(error.str())
        if error.code() == codes._ALL_BROKERS_DOWN:
            self.down = ClientError(f"{self._where}: no broker can be reached")
        elif error.code() == codes._AUTHENTICATION:
            self.refused = ClientError(f"{self._where}: {_login_clause(text, self._where.login)}", "config")
        elif (clause := _tls_clause(text)) or error.code() == codes._SSL:
            self.refused = ClientError(f"{self._where}: {clause or 'TLS: ' + text}")


_TLS_CLAUSES = {
    "certificate verify failed": "certificate not trusted: its authority is not that of 'tls: {ca: FILE}', "
    "it has expired, or it is for another name",
    "alert protocol version": "no TLS version suits both sides",
    "alert bad certificate": "it demands another client certificate: set 'tls: {cert: FILE, key: FILE}'",
    "certificate required": "it demands a client certificate: set 'tls: {cert: FILE, key: FILE}'",
    "alert unknown ca": "it does not trust the client certificate's authority",
    "alert handshake failure": "no TLS version, cipher or certificate suits both sides",
    "plaintext broker listener": "it does not speak TLS at this port",
    "wrong version number": "it does not speak TLS at this port",
}
_OFFERED = "supported mechanisms:"


def _tls_clause(text: str) -> str:
    lower = text.lower()
    return next((clause for part, clause in _TLS_CLAUSES.items() if part in lower), "")


def _login_clause(text: str, login: str) -> str:
    if _OFFERED not in text:
        return f"the login was refused ({login})"
    offered = text.partition(_OFFERED)[2].partition(" (after")[0].strip()
    return f"it takes no such login at this port ({login}; it offers {offered or 'none'})"


def kind(error: Any) -> Literal["connection", "server"]:
    """The type of a librdkafka error.

    Args:
        error: librdkafka's.
    """
    codes = library().KafkaError
    lost = (codes._TRANSPORT, codes._ALL_BROKERS_DOWN, codes._MSG_TIMED_OUT, codes._TIMED_OUT, codes._RESOLVE)
    return "connection" if error.code() in lost else "server"


async def reachable(where: KafkaSettings) -> None:
    """Fails at once when no broker's port is open; librdkafka itself would keep trying.

    Args:
        where: the cluster.

    Raises:
        ClientError: none is.
    """
    problem = "no broker is named"
    awaiting(where, "no connection")
    for broker in where.brokers:
        problem = await port_problem(broker, 9092)
        if not problem:
            awaiting(where)
            return
    raise ClientError(f"{where}: {problem}")


def metadata(client: Any, where: KafkaSettings, topic: str, problems: Problems, given_up: threading.Event) -> Any:
    """What the cluster says of itself and a topic; blocks.

    Args:
        client: librdkafka's producer or consumer.
        where: the cluster.
        topic: its name.
        problems: of that client.
        given_up: ends the waiting.

    Raises:
        ClientError: refused, or no answer in time.
    """
    kafka = library()
    deadline, patience = time.monotonic() + METADATA_SECONDS, FIRST_TRY_SECONDS
    while True:
        try:
            return client.list_topics(topic, timeout=patience)
        except kafka.KafkaException as error:
            last = error.args[0]
        client.poll(0)
        if problems.refused is not None:
            raise problems.refused
        if given_up.is_set() or time.monotonic() > deadline:
            raise ClientError(f"{where}: {_no_answer(last)}", kind(last))
        patience = min(patience * 2, LONGEST_TRY_SECONDS)


def _no_answer(error: Any) -> str:
    code, codes = error.code(), library().KafkaError
    if code in (codes._TRANSPORT, codes._TIMED_OUT):
        return (
            f"no Kafka broker answers within {METADATA_SECONDS:.0f}s (is it another protocol's port, or TLS or SASL?)"
        )
    return str(error.str())


async def advertised(where: KafkaSettings, found: Any, topic: str) -> None:
    """Fails when a broker that leads the topic advertises an address that cannot be reached from here.

    Args:
        where: the cluster.
        found: its metadata.
        topic: its name; of an unknown one all brokers count.

    Raises:
        ClientError: naming the address.
    """
    known = found.topics.get(topic)
    leaders = {part.leader for part in known.partitions.values()} if known is not None else set()
    for number, broker in sorted(found.brokers.items()):
        address = f"{broker.host}:{broker.port}"
        if (leaders and number not in leaders) or address in where.brokers:
            continue
        problem = await port_problem(address, 9092)
        if problem:
            text = f"broker {number} advertises {address}, which cannot be reached from here ({problem})"
            raise ClientError(f"{where}: {text}; see its advertised.listeners")
