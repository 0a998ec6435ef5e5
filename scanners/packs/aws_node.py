"""AWS from Node, both SDK generations: SQS, SNS, EventBridge, Kinesis, DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Location, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import bare, option
from scanners.idioms.js_files import of_the_service
from scanners.idioms.js_messages import decoded_reads, function_of, handled, last_part, said, sent

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_SENDS: Mapping[str, tuple[str, str, str, str]] = {
    "SendMessage": ("sqs", "QueueUrl", "/", "MessageBody"),
    "SendMessageBatch": ("sqs", "QueueUrl", "/", "Entries"),
    "Publish": ("sns", "TopicArn", ":", "Message"),
    "PublishBatch": ("sns", "TopicArn", ":", "PublishBatchRequestEntries"),
    "PutRecord": ("kinesis", "StreamName", "/", "Data"),
    "PutRecords": ("kinesis", "StreamName", "/", "Records"),
}
"""Broker, option with the name, separator in front of it, option with the payload."""
_TABLES = {
    "GetItem": "read",
    "Get": "read",
    "Query": "read",
    "Scan": "read",
    "BatchGet": "read",
    "BatchGetItem": "read",
}
_TABLES |= {"PutItem": "write", "Put": "write", "UpdateItem": "write", "Update": "write", "DeleteItem": "write"}
_TABLES |= {"Delete": "write"}
_OBJECTS = {"GetObject": "read", "HeadObject": "read", "ListObjects": "read", "ListObjectsV2": "read"}
_OBJECTS |= {"PutObject": "write", "DeleteObject": "write", "DeleteObjects": "write", "CopyObject": "write"}
_OBJECTS |= {"CreateMultipartUpload": "write", "Upload": "write", "SelectObjectContent": "read"}
_CLIENTS = ("sqs", "sns", "kinesis", "dynamo", "docclient", "documentclient", "s3", "ddb", "dynamodb", "eventbridge")


class AwsNode:
    """The AWS SDK for JavaScript."""

    name: str = "aws_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"aws-sdk", b"sqs-consumer", b"QueueUrl", b"TopicArn", b"TableName", b"sqs-producer")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Messages, subscriptions and accesses.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        yield from of_the_service(parsed.path, _told(parsed))


def _told(parsed: JsCode) -> Iterator[Fact]:
    for site in parsed.calls:
        operation = _operation(parsed, site)
        if operation:
            yield from _done(parsed, site, operation)
        elif site.method == "create" and parsed.origin(parsed.dotted(site.receiver)).startswith("sqs-consumer"):
            yield from _consumer(parsed, site)


def _operation(code: JsCode, site: CallSite) -> str:
    """``new SendMessageCommand({...})`` and ``sqs.sendMessage({...})`` are the operation ``SendMessage``."""
    first = site.arg(0)
    if first is None:
        return ""
    if site.node.type == "new_expression":
        return site.method.removesuffix("Command") if site.method.endswith("Command") else _upload(site)
    if site.receiver is None or first.type not in ("object", "identifier"):
        return ""
    dotted = code.dotted(site.receiver)
    made = code.type_of(dotted, site.scope).lower() if dotted else ""
    last = dotted.rpartition(".")[2].lower()
    known = "aws-sdk" in made or any(last == c or last.endswith(c) for c in _CLIENTS)
    return site.method[:1].upper() + site.method[1:] if known else ""


def _upload(site: CallSite) -> str:
    return "Upload" if site.method == "Upload" else ""


def _done(code: JsCode, site: CallSite, operation: str) -> Iterator[Fact]:
    options = _options(code, site)
    if operation in _SENDS:
        yield from _message(code, site, options, _SENDS[operation])
    elif operation == "ReceiveMessage":
        queue = option(code, options, "QueueUrl")
        if queue is not None:
            shape = decoded_reads(code, (site.scope.node.start_byte, site.scope.node.end_byte))
            yield said(site, code, ("consume", "sqs"), (_name(code, queue, site.scope, "/"), shape))
    elif operation == "PutEvents":
        yield from _events(code, site, options)
    elif operation == "Subscribe":
        yield from _bound(code, site, options)
    elif operation in ("TransactWrite", "TransactWriteItems", "BatchWrite", "BatchWriteItem"):
        return
    else:
        yield from _access(code, site, options, operation)


def _options(code: JsCode, site: CallSite) -> Node | None:
    """The parameters, in place or bound to a name of this file."""
    first = bare(site.arg(0))
    if first is None or first.type != "identifier":
        inner = option(code, first, "params")
        return bare(inner) if inner is not None and site.method == "Upload" else first
    for scope in site.scope.outward():
        for assign in reversed(code.assigned(scope, code.text(first))):
            made = bare(assign.value)
            if made is not None and made.type == "object" and not assign.key:
                return made
            site_made = code.site(made) if made is not None else None
            if site_made is not None and site_made.args and site_made.args[0].type == "object":
                return site_made.args[0]
    return first


def _name(code: JsCode, node: Node, scope: Scope, separator: str) -> Value:
    return last_part(code.value(node, scope), separator)


def _message(code: JsCode, site: CallSite, options: Node | None, how: tuple[str, str, str, str]) -> Iterator[Fact]:
    broker, key, separator, body = how
    given = option(code, options, key) or option(code, options, "TargetArn")
    if given is None:
        return
    payload = option(code, options, body)
    listed = bare(payload)
    if listed is not None and listed.type == "array" and listed.named_child_count:
        payload = option(code, listed.named_children[0], "MessageBody" if broker == "sqs" else "Message")
        payload = payload or option(code, listed.named_children[0], "Data")
    shape = sent(code, payload, site.scope) if payload is not None else ANYTHING
    yield said(site, code, ("publish", broker), (_name(code, given, site.scope, separator), shape))


def _events(code: JsCode, site: CallSite, options: Node | None) -> Iterator[Fact]:
    """EventBridge: an event's detail type is what rules select it by."""
    listed = bare(option(code, options, "Entries"))
    for entry in listed.named_children if listed is not None and listed.type == "array" else ():
        kind = option(code, entry, "DetailType")
        detail = option(code, entry, "Detail")
        if kind is not None:
            shape = sent(code, detail, site.scope) if detail is not None else ANYTHING
            yield said(site, code, ("publish", "eventbridge"), (code.value(kind, site.scope), shape))


def _bound(code: JsCode, site: CallSite, options: Node | None) -> Iterator[Fact]:
    topic, queue = option(code, options, "TopicArn"), option(code, options, "Endpoint")
    if topic is not None and queue is not None and code.string(option(code, options, "Protocol")) == "sqs":
        fields = {
            "broker": "sqs",
            "queue": _name(code, queue, site.scope, ":"),
            "exchange": _name(code, topic, site.scope, ":"),
            "symbol": site.scope.name,
        }
        yield Fact("bound", fields, Location(code.path, site.line))


def _access(code: JsCode, site: CallSite, options: Node | None, operation: str) -> Iterator[Fact]:
    table = option(code, options, "TableName")
    bucket = option(code, options, "Bucket")
    kind, node, mode = "", None, ""
    if table is not None and operation in _TABLES:
        kind, node, mode = "dynamodb", table, _TABLES[operation]
    elif bucket is not None and operation in _OBJECTS:
        kind, node, mode = "s3", bucket, _OBJECTS[operation]
    if node is None:
        return
    dataset = _name(code, node, site.scope, "/")
    if not isinstance(dataset, Unknown):
        fields = {"store_kind": kind, "dataset": dataset, "mode": mode, "symbol": site.scope.name}
        yield Fact("access", fields, Location(code.path, site.line))


def _consumer(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``Consumer.create({queueUrl, handleMessage})`` of sqs-consumer."""
    options = site.arg(0)
    queue = option(code, options, "queueUrl")
    given = option(code, options, "handleMessage") or option(code, options, "handleMessageBatch")
    symbol, function = function_of(code, given, site.scope)
    if queue is not None:
        about = (_name(code, queue, site.scope, "/"), handled(code, function))
        yield said(site, code, ("consume", "sqs"), about, symbol)


PACK = AwsNode()
