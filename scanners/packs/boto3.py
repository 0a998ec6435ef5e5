"""AWS from Python: buckets, queues, topics, tables and streams through boto3, aioboto3 and aiobotocore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.messages import consumed, listed, subscribed
from scanners.idioms.python_tasks import mapping

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_MAKERS = ("client", "resource", "create_client")
_TABLE_MODES = {
    **dict.fromkeys(("get_item", "query", "scan", "batch_get_item", "transact_get_items"), ("read",)),
    **dict.fromkeys(("put_item", "delete_item", "transact_write_items", "batch_write_item"), ("write",)),
    "update_item": ("write",),
    "batch_writer": ("write",),
}
_BUCKET_MODES = {
    **dict.fromkeys(
        ("get_object", "head_object", "download_file", "download_fileobj", "select_object_content"), "read"
    ),
    **dict.fromkeys(("list_objects", "list_objects_v2", "list_object_versions"), "read"),
    **dict.fromkeys(("put_object", "upload_file", "upload_fileobj", "delete_object", "delete_objects"), "write"),
    **dict.fromkeys(("copy_object", "copy", "create_multipart_upload", "complete_multipart_upload"), "write"),
}
_BUCKET_AT = {"upload_file": 1, "upload_fileobj": 1, "download_file": 0, "download_fileobj": 0}
_QUEUE_SENDS = ("send_message", "send_messages", "send_message_batch")
_QUEUE_READS = ("receive_message", "receive_messages")
_STREAM_SENDS = ("put_record", "put_records")
_GETS_QUEUE = ("get_queue_url", "create_queue", "get_queue_by_name")


class Boto3:
    """The AWS clients of Python."""

    name: str = "boto3"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"boto", b"QueueUrl", b"TopicArn", b"TableName", b"Bucket", b"_item(")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Accesses and messages.

        Args:
            parsed: a Python file.
        """
        for site in parsed.called(*_QUEUE_SENDS, *_QUEUE_READS):
            yield from _queue(parsed, site)
        for site in parsed.called("publish", "subscribe"):
            yield from _topic(parsed, site)
        for site in parsed.called(*_TABLE_MODES):
            yield from _table(parsed, site)
        for site in parsed.called(*_BUCKET_MODES, "put", "get", "all", "filter", "generate_presigned_url"):
            yield from _bucket(parsed, site)
        for site in parsed.called(*_STREAM_SENDS, "get_records", "put_events"):
            yield from _stream(parsed, site)


def _made(code: PyCode, node: Node | None, scope: Scope) -> CallSite | None:
    dotted = code.dotted(node) if node is not None else ""
    return (code.site(node) if node is not None else None) or (code.made_of(dotted, scope) if dotted else None)


def _is(code: PyCode, node: Node | None, scope: Scope, service: str) -> bool:
    """Whether an expression is the client or resource of an AWS service."""
    made = _made(code, node, scope)
    if made is not None and made.method in _MAKERS and made.args:
        return code.string(made.arg(0, "service_name")) == service
    if node is None:
        return False
    return code.made_by(node, scope).rsplit(".", 1)[-1].lower().startswith(service)


def _resource(code: PyCode, node: Node | None, scope: Scope, kind: tuple[str, ...]) -> CallSite | None:
    """The ``dynamodb.Table("orders")`` behind an expression."""
    made = _made(code, node, scope)
    return made if made is not None and made.method in kind and made.receiver is not None else None


def _queue_name(code: PyCode, node: Node, scope: Scope) -> Value:
    """The name of a queue: from its URL, or from the call that looked the URL up."""
    current = node
    if current.type == "subscript":
        current = current.child_by_field_name("value") or current
    made = _made(code, current, scope)
    if made is None and current is node:
        for outer in scope.outward():
            for assign in code.assigned(outer, code.dotted(node)):
                if assign.value is not None and assign.value.type == "subscript":
                    return _queue_name(code, assign.value, outer)
    if made is not None and made.method in _GETS_QUEUE:
        given = made.arg(-1, "QueueName")
        return code.value(given, made.scope) if given is not None else Unknown("a queue without a name")
    if made is not None and made.method == "Queue" and made.args:
        return _last(code.value(made.args[0], made.scope), "/")
    if (
        made is not None
        and made.method == "get"
        and made.receiver is not None
        and code.string(made.arg(0)) == "QueueUrl"
    ):
        return _queue_name(code, made.receiver, made.scope)
    return _last(code.value(node, scope), "/")


def _last(value: Value, separator: str) -> Value:
    if isinstance(value, Lit) and isinstance(value.value, str):
        return Lit(value.value.rstrip("/").rsplit(separator, 1)[-1])
    return value


def _queue(code: PyCode, site: CallSite) -> Iterator[Fact]:
    given = site.arg(-1, "QueueUrl")
    if given is not None:
        topic = _queue_name(code, given, site.scope)
    elif site.receiver is not None and _resource(
        code, site.receiver, site.scope, ("Queue", "get_queue_by_name", "create_queue")
    ):
        topic = _queue_name(code, site.receiver, site.scope)
    else:
        return
    if site.method in _QUEUE_READS:
        yield _consume(code, site, "sqs", topic)
        return
    bodies = [site.arg(-1, "MessageBody")]
    for entry in listed(code, site.arg(-1, "Entries"), site.scope):
        bodies.append(mapping(code, entry).get("MessageBody"))
    shape = next((s for b in bodies if b is not None and (s := code.shape(b, site.scope)) != ANYTHING), None)
    yield _publish(code, site, ("sqs", topic, None), shape)


def _consume(code: PyCode, site: CallSite, broker: str, topic: Value) -> Fact:
    symbol, shape = consumed(code, site.scope)
    fields: dict[str, object] = {"broker": broker, "topic": topic, **subscribed(topic, site, symbol)}
    if shape is not None:
        fields["shape"] = shape
    return Fact("consume", fields, Location(code.path, site.line))


def _publish(code: PyCode, site: CallSite, about: tuple[str, Value, Value | None], shape: Shape | None) -> Fact:
    broker, topic, exchange = about
    fields: dict[str, object] = {"broker": broker, "topic": topic}
    if exchange is not None:
        fields["exchange"] = exchange
    fields["symbol"] = site.scope.name
    if shape is not None and (shape.fields or shape.named or shape.item is not None):
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def _topic(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """SNS: ``sns.publish(TopicArn=...)``, ``sns.Topic(arn).publish(Message=...)``, subscriptions of queues."""
    given = site.arg(-1, "TopicArn", "TargetArn")
    topic = _resource(code, site.receiver, site.scope, ("Topic", "create_topic"))
    name: Value | None = None
    if given is not None:
        name = _topic_name(code, given, site.scope)
    elif topic is not None and "Message" in site.named:
        name = _last(code.value(topic.arg(0, "arn", "Name"), topic.scope), ":")
    if name is None:
        return
    if site.method == "publish":
        message = site.arg(-1, "Message")
        yield _publish(
            code, site, ("sns", name, None), code.shape(message, site.scope) if message is not None else None
        )
    elif code.string(site.arg(-1, "Protocol")) == "sqs":
        queue = site.arg(-1, "Endpoint")
        fields: dict[str, object] = {"broker": "sqs", "queue": _last(code.value(queue, site.scope), ":")}
        fields |= {"exchange": name, "symbol": site.scope.name}
        yield Fact("bound", fields, Location(code.path, site.line))


def _topic_name(code: PyCode, node: Node, scope: Scope) -> Value:
    current = node.child_by_field_name("value") if node.type == "subscript" else node
    made = _made(code, current, scope)
    if made is not None and made.method == "create_topic":
        return code.value(made.arg(-1, "Name"), made.scope)
    return _last(code.value(node, scope), ":")


def _access(code: PyCode, site: CallSite, about: tuple[str, Value], modes: tuple[str, ...]) -> Iterator[Fact]:
    kind, dataset = about
    for mode in modes:
        fields = {"store_kind": kind, "dataset": dataset, "mode": mode, "symbol": site.scope.name}
        yield Fact("access", fields, Location(code.path, site.line))


def _table(code: PyCode, site: CallSite) -> Iterator[Fact]:
    modes = _TABLE_MODES[site.method]
    given = site.arg(-1, "TableName")
    if given is not None:
        yield from _access(code, site, ("dynamodb", code.value(given, site.scope)), modes)
        return
    items = site.arg(-1, "RequestItems")
    if items is not None:
        for pair in items.named_children if items.type == "dictionary" else ():
            key = pair.child_by_field_name("key")
            if key is not None:
                yield from _access(code, site, ("dynamodb", code.value(key, site.scope)), modes)
        return
    table = _resource(code, site.receiver, site.scope, ("Table", "batch_writer"))
    if table is not None and table.method == "batch_writer":
        table = _resource(code, table.receiver, table.scope, ("Table",))
    if table is not None and table.args:
        yield from _access(code, site, ("dynamodb", code.value(table.args[0], table.scope)), modes)


def _bucket(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "generate_presigned_url":
        yield from _presigned(code, site)
        return
    mode = _BUCKET_MODES.get(site.method, "")
    given = site.arg(-1, "Bucket")
    if given is None and mode and site.method in _BUCKET_AT and _is(code, site.receiver, site.scope, "s3"):
        given = site.arg(_BUCKET_AT[site.method])
    if given is not None and mode:
        yield from _access(code, site, ("s3", code.value(given, site.scope)), (mode,))
        return
    held = site.receiver
    if site.method in ("all", "filter") and held is not None and held.type == "attribute":
        held = held.child_by_field_name("object")
    made = _resource(code, held, site.scope, ("Bucket", "Object", "ObjectSummary"))
    if made is not None and made.args:
        mode = mode or ("write" if site.method == "put" else "read")
        yield from _access(code, site, ("s3", code.value(made.args[0], made.scope)), (mode,))


def _presigned(code: PyCode, site: CallSite) -> Iterator[Fact]:
    bucket = mapping(code, site.arg(1, "Params")).get("Bucket")
    mode = _BUCKET_MODES.get(code.string(site.arg(0, "ClientMethod")))
    if bucket is not None and mode:
        yield from _access(code, site, ("s3", code.value(bucket, site.scope)), (mode,))


def _stream(code: PyCode, site: CallSite) -> Iterator[Fact]:
    if site.method == "put_events":
        for entry in listed(code, site.arg(-1, "Entries"), site.scope):
            parts = mapping(code, entry)
            kind = (
                code.value(parts["DetailType"], site.scope)
                if "DetailType" in parts
                else Unknown("events built elsewhere")
            )
            bus = code.value(parts["EventBusName"], site.scope) if "EventBusName" in parts else None
            detail = parts.get("Detail")
            shape = code.shape(detail, site.scope) if detail is not None else None
            yield _publish(code, site, ("eventbridge", kind, bus), shape)
        return
    given = site.arg(-1, "StreamName")
    if given is None:
        return
    topic = code.value(given, site.scope)
    if site.method in _STREAM_SENDS:
        data = site.arg(-1, "Data")
        yield _publish(code, site, ("kinesis", topic, None), code.shape(data, site.scope) if data is not None else None)
    else:
        yield _consume(code, site, "kinesis", topic)


PACK = Boto3()
