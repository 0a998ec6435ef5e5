"""What one trace shows: who called, sent, read and wrote what, without trusting clocks, order or completeness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from graph.linking.paths import template
from graph.schema import Node
from graph.spans import Span
from testmesh.telemetry.conventions import HttpOperation, MessageOperation, http_of, message_of
from testmesh.telemetry.databases import Access, DataOperation, data_of
from testmesh.telemetry.known import only
from testmesh.telemetry.seen import Seen

Key = tuple[str, str]
Address = tuple[str, int]
_NOT_OFFERED = frozenset({0, 404, 405})
_LOOPBACK = ("localhost", "127.", "::1", "0.0.0.0")


@dataclass(slots=True)
class Addresses:
    """Which services were seen to answer at an address, by spans that have both sides."""

    _seen: dict[Address, set[str]] = field(default_factory=lambda: defaultdict(set))

    def learn(self, spans: Iterable[Span]) -> None:
        """Take note of every request whose server sent a span.

        Args:
            spans: of one trace.
        """
        by_id = {span.span_id: span for span in spans}
        for span in by_id.values():
            parent = by_id.get(span.parent_id)
            if span.kind == "server" and parent is not None and parent.kind == "client":
                operation = http_of(parent)
                if operation is not None and operation.host and parent.service != span.service:
                    self._seen[operation.host, operation.port].add(span.service)

    def service(self, operation: HttpOperation) -> str:
        """The one service seen at an operation's address, or empty.

        Args:
            operation: of a client.
        """
        found = self._seen.get((operation.host, operation.port), ())
        return next(iter(found)) if len(found) == 1 else ""


class Trace:
    """One trace, with what links tie to it.

    Args:
        seen: where links are counted.
        addresses: learnt from this and other traces.
        spans: in any order, any of them missing.
        counted: ids of spans whose links are counted already; they only give the others their place.
    """

    def __init__(
        self, seen: Seen, addresses: Addresses, spans: Iterable[Span], counted: Collection[str] = frozenset()
    ) -> None:
        self._seen, self._addresses, self._counted = seen, addresses, counted
        self._by_id: dict[Key, Span] = {(span.trace_id, span.span_id): span for span in spans}
        self._operations: dict[Key, HttpOperation | None] = {}
        self._children: dict[Key, list[Span]] = defaultdict(list)
        for span in self._by_id.values():
            self._children[span.trace_id, span.parent_id].append(span)

    def links(self) -> Iterator[tuple[str, Node, str]]:
        """Count the trace's links; (parent of the first span above, thing reached, pointer) of each thing reached."""
        new = [span for span in self._by_id.values() if span.span_id not in self._counted]
        self._seen.spans += len(new)
        for span in sorted(new, key=lambda s: (s.trace_id, s.span_id)):
            for node in self._reached(span):
                yield self._root(span), node, pointer(span)

    def _http(self, span: Span) -> HttpOperation | None:
        """The operation of a span, read once: callers, servers and origins all ask for it."""
        key = (span.trace_id, span.span_id)
        if key not in self._operations:
            self._operations[key] = http_of(span)
        return self._operations[key]

    def _parent(self, span: Span) -> Span | None:
        """The span above: its parent, else the one in another trace it links to."""
        found = self._by_id.get((span.trace_id, span.parent_id))
        if found is not None or not span.links:
            return found
        for link in span.links:
            trace, _, span_id = link.partition("/")
            found = self._by_id.get((trace, span_id))
            if found is not None:
                return found
        return None

    def _above(self, span: Span) -> Iterator[Span]:
        """A span and those above it; a circle ends it."""
        passed: set[Key] = set()
        at: Span | None = span
        while at is not None and (at.trace_id, at.span_id) not in passed:
            passed.add((at.trace_id, at.span_id))
            yield at
            at = self._parent(at)

    def _root(self, span: Span) -> str:
        *_, top = self._above(span)
        return top.parent_id or (top.links[0].partition("/")[2] if top.links else "")

    def _reached(self, span: Span) -> Iterator[Node]:
        if span.kind == "server":
            yield from self._served(span)
        elif span.kind != "internal":
            if "messaging.system" in span.attributes or "celery.task_name" in span.attributes:
                yield from self._messaged(span)
            elif span.kind == "client":
                yield from self._stored(span)
                yield from self._unanswered(span)

    def _served(self, span: Span) -> Iterator[Node]:
        operation = self._http(span)
        if operation is None:
            return
        service = self._seen.known.service(span.service)
        if service is None:
            if not self._hands_on(span, operation):
                self._strange(span)
            return
        endpoint = self._seen.known.endpoint(service, operation) or self._unwritten(service, operation, span)
        if endpoint is None:
            return
        self._seen.link("OWNS", (service, endpoint), pointer(span))
        yield endpoint
        caller = self._caller(span)
        if caller is not None:
            self._seen.link("CALLS", (caller, endpoint), pointer(span))

    def _unwritten(self, service: Node, operation: HttpOperation, span: Span) -> Node | None:
        """An operation that a known service answers and no code shows; its framework must name the route."""
        written = operation.path if operation.protocol == "grpc" else operation.route
        self._seen.miss(f"{span.service} answers {operation.method} {written or operation.path}")
        if not written or operation.status in _NOT_OFFERED or "*" in written:
            return None
        path = written if operation.protocol == "grpc" else template(written)
        return self._seen.known.new("Endpoint", service.key[0], operation.protocol, operation.method, path)

    def _strange(self, span: Span) -> None:
        """A service of which no code was read answers."""
        self._seen.miss(f"service {span.service}")
        caller = self._caller(span)
        if caller is not None and not span.service.startswith("unknown_service"):
            self._seen.link("CALLS", (caller, self._seen.known.new("External", span.service)), pointer(span))

    def _caller(self, span: Span) -> Node | None:
        """Who asked for what a server span answers: behind proxies, who asked them."""
        at = span
        for _ in range(len(self._by_id)):
            parent = self._parent(at)
            if parent is None or parent.kind != "client" or parent.service == span.service:
                return None
            operation = self._http(parent)
            if operation is None:
                return self._origin(parent) if _says_nothing(parent) else None
            if self._seen.known.service(parent.service) is not None:
                return self._origin(parent)
            server = next((s for s in self._above(parent) if s.kind == "server" and s.service == parent.service), None)
            if server is None or not _same(self._http(server), operation):
                return self._origin(parent)
            at = server
        return None

    def _hands_on(self, span: Span, operation: HttpOperation) -> bool:
        """A proxy: below it the same operation goes on to another service."""
        waiting = list(self._children.get((span.trace_id, span.span_id), ()))
        while waiting:
            below = waiting.pop()
            if below.service != span.service:
                continue
            if below.kind == "client" and _same(operation, self._http(below)):
                return True
            if below.kind != "server":
                waiting += self._children.get((below.trace_id, below.span_id), ())
        return False

    def _unanswered(self, span: Span) -> Iterator[Node]:
        """A request whose server sent no span: its address and path say what was called."""
        operation = self._http(span)
        if operation is None or not operation.status or self._goes_on(span):
            return
        caller = self._origin(span)
        named = operation.peer or self._addresses.service(operation)
        service = self._seen.known.service(named) if named else None
        service = service or self._seen.known.addressed(operation.host, operation.port)
        if caller is None or (service is not None and service.key[0] == self._name(span.service)):
            return
        if service is None:
            self._outside(span, operation, caller)
            return
        endpoint = self._seen.known.endpoint(service, operation) or self._unwritten(service, operation, span)
        if endpoint is not None:
            self._seen.link("CALLS", (caller, endpoint), pointer(span))
            yield endpoint

    def _name(self, service: str) -> str:
        known = self._seen.known.service(service)
        return known.key[0] if known is not None else service

    def _goes_on(self, span: Span) -> bool:
        """A server answered it, or a library below it made the request proper."""
        waiting = list(self._children.get((span.trace_id, span.span_id), ()))
        while waiting:
            below = waiting.pop()
            if below.kind == "server":
                return True
            if below.service != span.service:
                continue
            if below.kind == "client" and self._http(below) is not None:
                return True
            waiting += self._children.get((below.trace_id, below.span_id), ())
        return False

    def _outside(self, span: Span, operation: HttpOperation, caller: Node) -> None:
        host = operation.peer or operation.host
        if operation.peer or _is_name(host):
            self._seen.link("CALLS", (caller, self._seen.known.new("External", host)), pointer(span))
        else:
            where = f"{host}:{operation.port}" if host else "an address that its spans do not name"
            self._seen.miss(f"{span.service} calls {where}, and nobody is known to answer there")

    def _messaged(self, span: Span) -> Iterator[Node]:
        operation = message_of(span)
        if operation is None or not operation.lasting:
            return
        found = self._seen.known.topics(operation)
        topic = only(found)
        if topic is None:
            self._seen.miss(f"{span.service} uses {operation.broker} topic {operation.destination}")
            if found:
                return
            topic = self._seen.known.new("Topic", operation.broker, operation.destination)
        yield topic
        # A consumer's own origin is its service: the producer above it in the trace is another service's business.
        origin = self._origin(span)
        if origin is not None:
            self._seen.link("PUBLISHES" if operation.sends else "CONSUMES", (origin, topic), pointer(span))

    def _stored(self, span: Span) -> Iterator[Node]:
        operation = data_of(span)
        if operation is None or self._again_below(span, operation.store):
            return
        service = self._seen.known.service(span.service)
        origin = self._origin(span)
        for access in operation.accesses:
            stream = self._stream(operation, access)
            if stream is not None:
                yield stream
                if origin is not None:
                    kind = "PUBLISHES" if access.mode == "write" else "CONSUMES"
                    self._seen.link(kind, (origin, stream), pointer(span))
                continue
            dataset = self._dataset(span, operation, access, service)
            if dataset is None:
                continue
            yield dataset
            if origin is not None:
                self._seen.link("WRITES" if access.mode == "write" else "READS", (origin, dataset), pointer(span))

    def _again_below(self, span: Span, store: str) -> bool:
        """An object mapper's span: the driver below it says the same once more."""
        for below in self._children.get((span.trace_id, span.span_id), ()):
            if below.kind == "client" and below.service == span.service:
                operation = data_of(below)
                if operation is not None and operation.store == store and operation.accesses:
                    return True
        return False

    def _stream(self, operation: DataOperation, access: Access) -> Node | None:
        """A key of Redis that the graph knows as a stream, list or channel of messages."""
        if operation.store != "redis":
            return None
        return only(self._seen.known.topics(MessageOperation("redis", access.name, access.mode == "write")))

    def _dataset(self, span: Span, operation: DataOperation, access: Access, service: Node | None) -> Node | None:
        found = self._seen.known.datasets(operation, access, service)
        if found:
            if len(found) > 1:
                self._seen.miss(f"{span.service} {access.mode}s {operation.store} {access.name}")
            return only(found)
        self._seen.miss(f"{span.service} {access.mode}s {operation.store} {access.name}")
        if operation.store in ("redis", "memcached"):
            return None
        return self._seen.known.new("Dataset", *self._seen.known.home(operation), access.name)

    def _origin(self, span: Span) -> Node | None:
        """The endpoint a span ran under in its own service, else the service itself."""
        service = self._seen.known.service(span.service)
        if service is None:
            self._seen.miss(f"service {span.service}")
            strange = span.service.startswith("unknown_service") or not span.service
            return None if strange else self._seen.known.new("Service", span.service)
        for at in self._above(span):
            if at.service != span.service or at.kind == "consumer":
                break
            if at.kind == "server":
                operation = self._http(at)
                return (self._seen.known.endpoint(service, operation) if operation else None) or service
        return service


def _same(one: HttpOperation | None, other: HttpOperation | None) -> bool:
    """A proxy sends the operation on as it is, or with a prefix of the path taken away or put before it."""
    if one is None or other is None or one.method != other.method:
        return False
    longer, shorter = sorted((one.path.rstrip("/"), other.path.rstrip("/")), key=len, reverse=True)
    return longer == shorter or (bool(shorter) and longer.endswith(shorter))


def _says_nothing(span: Span) -> bool:
    """A client span made by hand, without attributes of any convention: by its kind alone it waits for an answer."""
    return not any(name.startswith(("messaging.", "celery.", "rpc.", "db.", "aws.")) for name in span.attributes)


def _is_name(host: str) -> bool:
    return (
        bool(host)
        and "." in host
        and not host.startswith(_LOOPBACK)
        and not host.replace(".", "").isdecimal()
        and (":" not in host)
    )


def pointer(span: Span) -> str:
    """How a span is named in evidence.

    Args:
        span: any.
    """
    return f"{span.trace_id}/{span.span_id}"
