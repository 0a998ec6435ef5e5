"""gRPC calls of every kind: unary, and streams in either direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result, Touch
from flows.clients.tls import TLS_DOC, tls_of, tls_problems
from flows.language.catalogue import ActionSpec, Alias, Deprecated, Duration, option
from flows.language.shapes import ANYTHING, ARRAY, NUMBER, OBJECT, STRING, record

if TYPE_CHECKING:
    from flows.clients.grpc_channel import GrpcChannel
    from flows.clients.grpc_schema import Schema


@dataclass(frozen=True, slots=True)
class GrpcConfig:
    """Settings of a gRPC call."""

    address: str | None = option(None, "`host:port`; `grpcs://` asks for TLS.", also=("url", "host"))
    service: str | None = option(None, "Service, `package.Name` or `Name` alone where that is clear.")
    method: str = option(doc="Method; `package.Service/Method` when `service` is not written.")
    request: object = option(None, "The message, by proto field names.", also=("body", "message"))
    requests: tuple[object, ...] | None = option(None, "The messages of a client's stream, in order.")
    metadata: Mapping[str, object] | None = option(
        None, "Metadata; names that end in `-bin` take base64.", also=("headers",)
    )
    tls: object = option(None, TLS_DOC)
    proto_file: str | None = option(None, "A .proto file beside the flow; without it the server is asked.", file=True)
    import_paths: tuple[str, ...] | None = option(None, "Folders beside the flow where its imports are looked for.")
    descriptor_set: str | None = option(
        None, "A file of `protoc --include_imports --descriptor_set_out` beside the flow.", file=True
    )
    count: int | None = option(None, "End a server's stream after so many messages.")
    timeout: Duration | None = option(None, "Limit for the call; the server is told.")


def touches(config: Mapping[str, object]) -> Iterable[Touch]:
    """The operation that is called.

    Args:
        config: as written.
    """
    service, method = _names(config.get("service"), config.get("method"))
    if service and method:
        yield Touch("rpc", f"{service}/{method}", kind="grpc", mode="write", sends=config.get("request"))


def _names(service: object, method: object) -> tuple[str, str]:
    """Service and method, also from ``package.Service/Method``."""
    name = method if isinstance(method, str) else ""
    if isinstance(service, str) and service:
        return service, name.rpartition("/")[2]
    before, _, after = name.strip("/").rpartition("/")
    return before, after


async def run(config: GrpcConfig, call: Call) -> Result:
    """Makes the call; an error status is a result.

    Args:
        config: rendered.
        call: connections and trace context.
    """
    from flows.clients.errors import ClientError
    from flows.clients.grpc_building import Builder
    from flows.clients.grpc_channel import GrpcChannel, Sending, ready, target_of
    from flows.clients.grpc_metadata import metadata_of
    from flows.clients.grpc_schema import method_of

    ready()
    service, name = _names(config.service, config.method)
    if not service:
        raise ClientError(f"'{config.method}' names no service; write 'service' or package.Service/Method", "config")
    target = target_of(config.address or "", tls_of(config.tls, call.files))
    channel = call.clients.shared(("grpc", target), lambda: GrpcChannel(target))
    method = method_of(await _schema(config, call, channel, service), service, name)
    builder = Builder(method.pool)
    given = list(config.requests) if config.requests is not None else [config.request]
    if not method.sends_many and len(given) != 1:
        raise ClientError(f"{service}/{name} takes one request, not {len(given)}", "config")
    where = "request" if config.requests is None else "requests[{}]"
    requests = [
        builder.message(method.takes, {} if item is None else item, where.format(index))
        for index, item in enumerate(given)
    ]
    metadata = metadata_of(config.metadata or {}, call.traceparent)
    outcome = await channel.call(method, Sending(requests, metadata, config.timeout, config.count))
    return {
        "status": outcome.status,
        "status_code": outcome.code,
        "body": outcome.messages[0] if outcome.messages and not method.gives_many else None,
        "messages": outcome.messages if method.gives_many else [],
        "count": len(outcome.messages),
        "headers": outcome.headers,
        "trailers": outcome.trailers,
        "error_message": outcome.error,
        "error_details": outcome.details,
        "duration_ms": outcome.duration_ms,
    }


async def _schema(config: GrpcConfig, call: Call, channel: GrpcChannel, service: str) -> Schema:
    """The types: from the named file, else from the server; each is read once in a run."""
    from flows.clients.grpc_schema import compiled, from_descriptor_set

    if config.proto_file is not None:
        name, path = config.proto_file, str(call.files.path(config.proto_file))
        folders = tuple(str(call.files.path(folder)) for folder in config.import_paths or ())
        return await call.clients.opened(("grpc-proto", path, folders), lambda: compiled(path, folders, name))
    if config.descriptor_set is not None:
        file = config.descriptor_set
        key = ("grpc-set", str(call.files.path(file)))
        return call.clients.shared(key, lambda: from_descriptor_set(call.files.read(file), file))
    return await call.clients.opened(("grpc-server", channel.target, service), lambda: channel.schema(service))


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if config.get("proto_file") is not None and config.get("descriptor_set") is not None:
        yield "descriptor_set", "'proto_file' and 'descriptor_set' exclude each other"
    if config.get("request") is not None and config.get("requests") is not None:
        yield "requests", "'request' and 'requests' exclude each other"
    if config.get("import_paths") is not None and config.get("proto_file") is None:
        yield "import_paths", "'import_paths' needs 'proto_file'"
    method = config.get("method")
    plain = isinstance(method, str) and "$" not in method and "{{" not in method
    if plain and config.get("service") is None and "/" not in str(method).strip("/"):
        yield "method", "'method' names no service; write 'service' or package.Service/Method"
    count = config.get("count")
    if isinstance(count, int) and count < 1:
        yield "count", "'count' must be at least 1"
    yield from tls_problems(config)


ACTION: Action[GrpcConfig] = Action(
    spec=ActionSpec(
        name="grpc_call",
        summary="Makes one gRPC call, unary or streaming; any status is a result.",
        config=GrpcConfig,
        family="grpc",
        result=record(
            status=STRING,
            status_code=NUMBER,
            body=ANYTHING,
            messages=ARRAY,
            count=NUMBER,
            headers=OBJECT,
            trailers=OBJECT,
            error_message=STRING,
            error_details=ARRAY,
            duration_ms=NUMBER,
        ),
        alias="response",
        aliases=(Alias("grpc"), Alias("grpc_stream")),
        deprecated=(Deprecated("use_reflection", "nothing: the server is asked when no file is named"),),
        connection=("address",),
        implied=("GRPC_ADDRESS",),
        check=_problems,
    ),
    touches=touches,
    run=run,
    unsent=frozenset({"timeout"}),
)
