"""What a span says in OpenTelemetry's semantic conventions, the stable names and the ones before them alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from graph.spans import Span

_BROKERS = {
    "amazonsqs": "sqs",
    "aws_sqs": "sqs",
    "aws.sqs": "sqs",
    "aws_sns": "sns",
    "aws.sns": "sns",
    "rabbit": "rabbitmq",
    "gcp_pubsub": "pubsub",
    "gcp.pubsub": "pubsub",
    "azure servicebus": "servicebus",
    "azure_servicebus": "servicebus",
    "azure.servicebus": "servicebus",
    "eventhubs": "eventhubs",
    "redis_streams": "redis",
}
_SENDS = frozenset({"send", "publish", "create", "sendmessage", "sendmessagebatch", "publishbatch"})
_HEARS = frozenset({"receive", "process", "deliver", "settle", "poll", "receivemessage"})
# Through the exchange without a name a message goes to the queue that its routing key names.
_DEFAULT_EXCHANGE = frozenset({"<default>", "amq.default", "(AMQP default)"})
_ADDRESSED = re.compile(r"\w+://|/|arn:|projects/")
_MADE_UP = re.compile(
    r"(?i)\((temporary|anonymous)\)|amq\.gen-|amq\.rabbitmq\.reply-to|_INBOX\.|temp-(queue|topic):|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
_GRPC = ("grpc", "connect_rpc", "connectrpc", "apache_dubbo+grpc")
_CLUSTER_SUFFIX = (".svc.cluster.local", ".svc", ".local", ".internal", ".consul")


@dataclass(frozen=True, slots=True)
class HttpOperation:
    """A request, as its server or its client saw it.

    Args:
        method: upper case; ``rpc`` for gRPC.
        path: concrete path without query, or empty; ``package.Service/Method`` for gRPC.
        route: the framework's template, or empty.
        host: name or address asked for, or empty.
        port: 0 when not said.
        status: 0 when not said; of a gRPC call that was answered, 200.
        protocol: http or grpc.
        peer: the service asked, where the client was told its name (``peer.service``), or empty.
    """

    method: str
    path: str
    route: str
    host: str = ""
    port: int = 0
    status: int = 0
    protocol: str = "http"
    peer: str = ""


@dataclass(frozen=True, slots=True)
class MessageOperation:
    """Messages sent or handled.

    Args:
        broker: kafka, rabbitmq, ...
        destination: topic, queue or channel.
        sends: a producer's span.
        others: further names it may be known by (routing key, queue).
        lasting: it outlives the client: no inbox, no generated name.
    """

    broker: str
    destination: str
    sends: bool
    others: tuple[str, ...] = ()
    lasting: bool = True


def first(span: Span, *names: str) -> str:
    """The first attribute that is there and not empty.

    Args:
        span: any.
        names: in order, the stable name before the older ones.
    """
    attributes = span.attributes
    for name in names:
        found = attributes.get(name)
        if found:
            return found
    return ""


def number(text: str) -> int:
    """A whole number, 0 when it is none.

    Args:
        text: of an attribute.
    """
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def http_of(span: Span) -> HttpOperation | None:
    """The HTTP or gRPC operation of a client or server span, or None.

    A span about a message is none, whatever carries the message: an AWS queue is spoken to over HTTP.

    Args:
        span: any.
    """
    if "messaging.system" in span.attributes:
        return None
    if "rpc.system" in span.attributes or "rpc.system.name" in span.attributes:
        return _rpc_of(span)
    method = first(span, "http.request.method", "http.method").upper()
    if not method or ("db.system" in span.attributes or "db.system.name" in span.attributes):
        return None
    if method == "_OTHER":
        method = first(span, "http.request.method_original").upper() or method
    url = urlsplit(_bounded(first(span, "url.full", "http.url")))
    path = first(span, "url.path", "http.target") or url.path
    host, port = _address(span, url.hostname or "")
    return HttpOperation(
        method,
        path.partition("?")[0].partition("#")[0],
        first(span, "http.route") if span.kind != "client" else first(span, "url.template"),
        host,
        port or _port(url.netloc) or {"http": 80, "https": 443}.get(url.scheme, 0),
        number(first(span, "http.response.status_code", "http.status_code")),
        peer=first(span, "service.peer.name", "peer.service"),
    )


def _bounded(url: str) -> str:
    """`urlsplit` raises on brackets that do not match; such a URL says nothing."""
    return "" if ("[" in url) != ("]" in url) or len(url) > 4096 else url


def _address(span: Span, otherwise: str) -> tuple[str, int]:
    server = span.kind == "server"
    host = first(span, "server.address", "net.host.name" if server else "net.peer.name", "http.host") or otherwise
    port = number(first(span, "server.port", "net.host.port" if server else "net.peer.port"))
    if not host:
        host = first(span, "network.peer.address", "net.sock.peer.addr", "net.peer.ip")
        port = port or number(first(span, "network.peer.port", "net.sock.peer.port"))
    return host_of(host), port or _port(host)


def host_of(text: str) -> str:
    """A host without port and brackets, lower case.

    Args:
        text: ``name``, ``name:port``, ``::1`` or ``[::1]:port``.
    """
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text if text.count(":") > 1 else text.partition(":")[0]


def _port(netloc: str) -> int:
    netloc = netloc.rpartition("@")[2]
    return number(netloc.rpartition(":")[2]) if netloc.count(":") == 1 or "]:" in netloc else 0


def _rpc_of(span: Span) -> HttpOperation | None:
    if first(span, "rpc.system.name", "rpc.system").lower() not in _GRPC:
        return None
    method, service = first(span, "rpc.method"), first(span, "rpc.service")
    full = method if "/" in method else f"{service}/{method}" if service and method else span.name
    full = full.strip("/")
    if full.count("/") != 1:
        return None
    host, port = _address(span, "")
    said = first(span, "rpc.response.status_code", "rpc.grpc.status_code")
    unavailable = said in ("14", "UNAVAILABLE")
    answered = 200 if said and not unavailable else 0
    peer = first(span, "service.peer.name", "peer.service")
    return HttpOperation("rpc", full, "", host, port, answered, "grpc", peer)


def service_hosts(host: str) -> tuple[str, ...]:
    """The names by which a service may be known that answers to a host of a cluster, the whole one first.

    Args:
        host: ``payments.default.svc.cluster.local``.
    """
    if host.endswith(_CLUSTER_SUFFIX):
        return host, host.partition(".")[0]
    return (host,)


def message_of(span: Span) -> MessageOperation | None:
    """The message operation of a span, or None.

    Args:
        span: of any kind: newer conventions report `send` and `receive` as client spans, too.
    """
    system = span.attributes.get("messaging.system", "").lower()
    sends, names = _sends(span), _names(span, system)
    if not system and "celery.task_name" in span.attributes:
        # Celery's spans name no system; code sends and handles tasks by their names, whatever the queue.
        system, names = "celery", (span.attributes["celery.task_name"],)
    if not system or not names or sends is None:
        return None
    return MessageOperation(_BROKERS.get(system, system), names[0], sends, names[1:], _lasting(span, names[0]))


def _names(span: Span, system: str) -> tuple[str, ...]:
    """What the destination may be known as, the most fitting name first."""
    said = first(
        span,
        "messaging.destination.template",
        "messaging.destination.name",
        "messaging.destination",
        "messaging.kafka.topic",
    )
    if _BROKERS.get(system, system) == "rabbitmq":
        return _exchanged(span, said)
    # The host of a broker's address is no destination; a queue or topic of a cloud is the end of its address.
    said = said or urlsplit(_bounded(first(span, "messaging.url"))).path
    if _ADDRESSED.match(said):
        said = re.split("[/:]", said)[-1]
    return (said,) if said else ()


def _exchanged(span: Span, said: str) -> tuple[str, ...]:
    """Routing key, else exchange, as the code's topics are named; some clients write both in one, or no key."""
    key = first(span, "messaging.rabbitmq.destination.routing_key", "messaging.rabbitmq.routing_key")
    exchange, comma, rest = said.partition(",")
    if comma:
        key = key or rest
    if exchange in _DEFAULT_EXCHANGE:
        exchange = ""
    if exchange and _MADE_UP.search(key):
        key = ""
    found = (key, f"{exchange}/{key}" if exchange and key else "", exchange, *exchange.split(":"))
    return tuple(dict.fromkeys(name for name in found if name))


def _sends(span: Span) -> bool | None:
    operation = first(span, "messaging.operation.type", "messaging.operation", "messaging.operation.name", "rpc.method")
    operation = operation.rpartition("/")[2].lower()
    if operation in _SENDS or span.kind == "producer":
        return True
    if operation in _HEARS or span.kind == "consumer":
        return False
    return None


def _lasting(span: Span, destination: str) -> bool:
    """The older `messaging.temp_destination` says nothing: clients for Python send it with every message."""
    said = (first(span, f"messaging.destination.{word}") for word in ("temporary", "anonymous"))
    return "true" not in said and not _MADE_UP.search(destination)
