"""Which server a step means: one rule for every broker, what the step itself says goes before its URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from flows.clients.awaiting import awaited, awaiting
from flows.clients.errors import ClientError, reason
from flows.clients.tls import TLS_DOC, ReadsFiles, Tls, tls_of, tls_problems
from flows.language.catalogue import Duration, option
from flows.language.expressions import Expression

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Iterable

T = TypeVar("T")
CONNECT_SECONDS = 5.0
UNREADABLE = "(in a password / @ : # are written %2F %40 %3A %23)"


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The settings by which every broker's steps name their server; an action's config extends it."""

    url: str | None = option(None, "`scheme://[user:password@]host[:port]`.", also=("connection",))
    host: str | None = option(None, "Instead of the host of `url`.")
    port: int | None = option(None, "Instead of the port of `url`.")
    username: str | None = option(None, "Instead of the user of `url`.", also=("user",))
    password: str | None = option(None, "Instead of the password of `url`.")
    tls: object = option(None, TLS_DOC)


@dataclass(frozen=True, slots=True)
class ConsumerConfig(ServerConfig):
    """The settings of every broker's consumer (FLOWS §3); an action's config extends it by what it listens to."""

    match: Expression | None = option(None, "Which messages count.", also=("filter",), scope="message")
    count: int = option(1, "How many messages make a candidate.")
    timeout: Duration = option(10.0, "How long to wait.")
    from_: str = option(
        "start_of_flow",
        "Where reading begins; `beginning` needs a stream or queue, which keep messages.",
        choices=("start_of_flow", "beginning", "end"),
    )
    expect: str | None = option(None, "`none`: fail when a message arrives.", choices=("none",))


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is and how to log in.

    Args:
        protocol: shown in errors.
        host: name or address.
        port: TCP port.
        username: empty = none.
        password: empty = none.
        path: of the URL, without the leading slash.
        query: of the URL.
        tls: None = not encrypted.
    """

    protocol: str
    host: str
    port: int
    username: str = ""
    password: str = ""
    path: str = ""
    query: str = ""
    tls: Tls | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol} {host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """How URLs of a protocol look.

    Args:
        protocol: its name.
        plain: URL schemes without TLS and their default port.
        secure: URL schemes with TLS and their default port.
    """

    protocol: str
    plain: Mapping[str, int]
    secure: Mapping[str, int]


REDIS = Scheme("redis", {"redis": 6379, "valkey": 6379}, {"rediss": 6379, "valkeys": 6379})
NATS = Scheme("nats", {"nats": 4222}, {"tls": 4222, "nats+tls": 4222})
MQTT = Scheme("mqtt", {"mqtt": 1883, "tcp": 1883}, {"mqtts": 8883, "ssl": 8883, "tls": 8883})
RABBITMQ = Scheme("rabbitmq", {"amqp": 5672}, {"amqps": 5671})


def server_problems(config: Mapping[str, object], scheme: Scheme) -> Iterable[tuple[str, str]]:
    """What is wrong with a config's server that is known without asking it, for an action's static check.

    Args:
        config: as written.
        scheme: how its URLs look.
    """
    yield from tls_problems(config)
    for key in ("url", "connection"):
        given = config.get(key)
        if isinstance(given, str) and "${" not in given and "{{" not in given:
            try:
                _from_url(given, scheme, encrypted=False)
            except ClientError as error:
                yield key, error.message
    port = config.get("port")
    if isinstance(port, int) and not isinstance(port, bool) and not 0 < port < 65536:
        yield "port", f"no TCP port: {port}"


def server(config: ServerConfig, scheme: Scheme, files: ReadsFiles) -> Server:
    """The server a step means: its own `host`, `port`, `username`, `password`, `tls` go before those of `url`.

    Args:
        config: rendered.
        scheme: how its URLs look.
        files: beside the flow, for certificates.

    Raises:
        ClientError: the URL is not one of that protocol.
        UserError: a certificate cannot be read.
    """
    tls = tls_of(config.tls, files)
    named = _from_url(config.url or f"{next(iter(scheme.plain))}://localhost", scheme, encrypted=tls is not None)
    return replace(
        named,
        host=config.host or named.host,
        port=config.port or named.port,
        username=named.username if config.username is None else config.username,
        password=named.password if config.password is None else config.password,
        tls=tls if config.tls is not None else named.tls,
    )


def with_path(where: Server, path: str | None) -> Server:
    """The same server with the step's own database or virtual host.

    Args:
        where: as its URL says.
        path: of the step; None = the URL's.
    """
    return where if path is None else replace(where, path=path)


def _from_url(url: str, scheme: Scheme, *, encrypted: bool) -> Server:
    if "," in url.rpartition("@")[2]:
        raise ClientError(f"the URL of {scheme.protocol} names several servers; name one of them", "config")
    try:
        parts = urlsplit(url if "://" in url else f"{next(iter(scheme.plain))}://{url}")
        port = parts.port
    except ValueError:
        text = f"not a URL of {scheme.protocol}: its host or port cannot be read {UNREADABLE}"
        raise ClientError(text, "config") from None
    default = {**scheme.plain, **scheme.secure}.get(parts.scheme)
    if default is None:
        known = ", ".join((*scheme.plain, *scheme.secure))
        raise ClientError(f"not a URL of {scheme.protocol}: scheme '{parts.scheme}' ({known})", "config")
    if encrypted and parts.scheme in scheme.plain:
        default = next(iter(scheme.secure.values()))
    return Server(
        scheme.protocol,
        parts.hostname or "localhost",
        port or default,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        unquote(parts.path.lstrip("/")),
        parts.query,
        Tls() if parts.scheme in scheme.secure else None,
    )


async def connected(where: Server, *, encrypt: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a server, with TLS when it asks for it.

    Args:
        where: the server.
        encrypt: False when the protocol asks for TLS later.

    Raises:
        ClientError: of type ``connection`` when it cannot be reached.
    """
    import asyncio

    from flows.clients.resolving import families

    tls = where.tls if encrypt else None
    context = tls.context() if tls is not None else None
    name = (tls.server_name or where.host) if tls is not None else None
    further: Any = families(where.host)
    opening = asyncio.open_connection(where.host, where.port, ssl=context, server_hostname=name, **further)
    return await within(where, opening)


async def within(
    where: Server, work: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """What connecting gives, with every way it fails in plain words.

    Args:
        where: the server.
        work: connects.

    Raises:
        ClientError: of type ``connection``.
    """
    import asyncio

    awaiting(where, "no connection")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await work
    except TimeoutError:
        raise ClientError(f"{where}: no connection within {CONNECT_SECONDS:.0f}s") from None
    except (OSError, ValueError, OverflowError) as error:
        raise ClientError(f"{where}: {reason(error)}") from error
    awaiting(where)
    return found


async def port_problem(address: str, default: int) -> str:
    """Why nothing listens at an address, for drivers that would keep trying; empty when something does.

    Args:
        address: ``host``, ``host:port`` or ``[host]:port``.
        default: port when none is named.
    """
    import asyncio

    from flows.clients.resolving import families

    host, colon, port = address.rpartition(":")
    named = colon and not port.endswith("]")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            name = (host if named else address).strip("[]")
            further: Any = families(name)
            _, writer = await asyncio.open_connection(name, int(port) if named else default, **further)
    except TimeoutError:
        return "connection timed out"
    except (OSError, ValueError, OverflowError) as error:
        return reason(error)
    writer.transport.abort()
    return ""


async def greeted(where: Server, work: Awaitable[T]) -> T:
    """What logging in gives; a server that accepts connections and says nothing is given up.

    Args:
        where: the server.
        work: everything from connecting to the server's consent.

    Raises:
        ClientError: of type ``connection`` when it takes too long.
    """
    import asyncio

    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await work
    except TimeoutError:
        found = awaited()
        silent = "it accepts connections but does not answer"
        missing = "no connection" if found is not None and found.missing == "no connection" else silent
        raise ClientError(f"{where}: {missing} within {CONNECT_SECONDS:.0f}s") from None
