"""Kafka in Go: sarama, segmentio/kafka-go, franz-go and confluent-kafka-go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Member, Name, Param, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_messages import consumed, held, items, literal, made_where, part, payload, published, uses
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_SARAMA = (
    "github.com/Shopify/sarama",
    "github.com/IBM/sarama",
    "gopkg.in/Shopify/sarama",
    "github.com/bsm/sarama-cluster",
)
_SEGMENTIO = ("github.com/segmentio/kafka-go",)
_FRANZ = ("github.com/twmb/franz-go",)
_CONFLUENT = (
    "github.com/confluentinc/confluent-kafka-go",
    "gopkg.in/confluentinc/confluent-kafka-go",
    "github.com/confluentinc",
)
_READS = ("ReadMessage", "FetchMessage", "ReadBatch", "ReadBatchWith")


class Kafka:
    """Kafka client libraries of Go."""

    name: str = "go_kafka"
    version: int = 1
    language: tuple[str, ...] = ("go",)
    markers: tuple[bytes, ...] = (b"sarama", b"kafka", b"franz-go")

    def facts(self, parsed: GoCode) -> Iterator[Fact]:
        """Messages sent and subscriptions.

        Args:
            parsed: a Go file.
        """
        for modules, read in ((_SARAMA, _sarama), (_SEGMENTIO, _segmentio), (_FRANZ, _franz), (_CONFLUENT, _confluent)):
            if uses(parsed, *modules):
                yield from read(parsed)


def _site_around(code: GoCode, node: Node) -> CallSite:
    """The call a message literal is an argument of, else one that stands for the literal itself."""
    outer = node.parent
    while outer is not None and outer.type not in ("call_expression", "statement_list", "block"):
        outer = outer.parent
    found = code.site(outer) if outer is not None and outer.type == "call_expression" else None
    if found is not None and found.scope.name == code.scope_at(node.start_byte).name:
        return CallSite(node, "", None, "", (), {}, found.scope)
    return CallSite(node, "", None, "", (), {}, code.scope_at(node.start_byte))


def _literals(code: GoCode, modules: tuple[str, ...], name: str) -> Iterator[tuple[Node, dict[str, Node], Scope]]:
    for node in code.literals:
        kind = code.annotation(node.child_by_field_name("type"))
        path, _, last = kind.rpartition(".")
        if last == name and path.startswith(modules):
            yield node, dict(members(code, node)), code.scope_at(node.start_byte)


def _sarama(code: GoCode) -> Iterator[Fact]:
    for node, pairs, scope in _literals(code, _SARAMA, "ProducerMessage"):
        topic = code.value(pairs["Topic"], scope) if "Topic" in pairs else _later(code, node, scope, "Topic")
        body = pairs.get("Value")
        site = _site_around(code, node)
        shape = payload(code, body, scope)
        yield published(code, "kafka", site, (topic, shape))
    for site in code.calls:
        if site.method == "ConsumePartition" and len(site.args) == 3:
            yield consumed(code, "kafka", site, (code.value(site.args[0], site.scope), None))
        elif site.method == "Consume" and len(site.args) == 3:
            claim = _claim(code, site.args[2], site.scope)
            for item in items(code, site.args[1], site.scope):
                fact = consumed(code, "kafka", site, (code.value(item, site.scope), None))
                yield _with_claim(code, fact, claim)
        elif code.callee(site).startswith("github.com/bsm/sarama-cluster.NewConsumer") and len(site.args) > 2:
            for item in items(code, site.args[2], site.scope):
                yield consumed(code, "kafka", site, (code.value(item, site.scope), None))


def _later(code: GoCode, node: Node, scope: Scope, field: str) -> Value:
    """``msg := &sarama.ProducerMessage{}``, then ``msg.Topic = topic``."""
    for assign in code.assigns:
        value = bare(assign.value)
        if assign.scope is scope and value is not None and value.id == node.id:
            set_later = code.assigned(scope, f"{assign.target}.{field}")
            if set_later:
                return code.value(set_later[-1].value, scope)
    return Unknown("a message without a topic")


def _claim(code: GoCode, node: Node, scope: Scope) -> Scope | None:
    """The ConsumeClaim method of the consumer group's handler, when this file has it."""
    made = code.made_by(node, scope)
    found = code.scope(f"{made}.ConsumeClaim") if made else None
    return found or next((s for s in code.scopes if s.name.endswith(".ConsumeClaim")), None)


def _with_claim(code: GoCode, fact: Fact, claim: Scope | None) -> Fact:
    from scanners.idioms.go_messages import shape_read

    if claim is None:
        return fact
    fields = {**fact.fields, "symbol": claim.name}
    read = shape_read(code, claim)
    return Fact("consume", {**fields, "shape": read} if read is not None else fields, fact.at)


def _segmentio(code: GoCode) -> Iterator[Fact]:
    read_here: set[str] = set()
    yield from _messages(code)
    for site in code.calls:
        if site.method == "WriteMessages" and site.receiver is not None:
            yield from _written(code, site)
        elif site.method in _READS and site.receiver is not None and _reader(code, site):
            yield from _read(code, site, read_here)
    for site in code.calls:
        if site.method in ("NewReader", "NewConsumerGroup") and site.args and code.callee(site).startswith(_SEGMENTIO):
            holder = code.held(site)
            if str(site.node.start_byte) not in read_here and (holder is None or holder.target not in read_here):
                for topic in _configured(code, site):
                    yield consumed(code, "kafka", site, (topic, None))


def _reader(code: GoCode, site: CallSite) -> bool:
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    return not made or made.startswith(_SEGMENTIO) or not made.startswith(("net/", "bufio", "io"))


def _configured(code: GoCode, site: CallSite) -> Iterator[Value]:
    config = site.args[0]
    topic = part(code, config, site.scope, "Topic")
    if topic is not None:
        yield code.value(topic, site.scope)
        return
    for name in ("GroupTopics", "Topics"):
        listed = part(code, config, site.scope, name)
        for item in items(code, listed, site.scope):
            yield code.value(item, site.scope)
        if listed is not None:
            return
    if literal(code, config, site.scope) is None:
        yield held(code, config, site.scope, "Topic")


def _maker(site: CallSite) -> bool:
    return site.method in ("NewReader", "NewWriter", "DialLeader", "NewConsumerGroup")


def _read(code: GoCode, site: CallSite, read_here: set[str]) -> Iterator[Fact]:
    made = made_where(code, site.receiver, site.scope, _maker)
    if made is None:
        topic = held(code, site.receiver, site.scope, "Topic")
        if not (isinstance(topic, Member) and isinstance(topic.base, Param)):
            yield consumed(code, "kafka", site, (topic, None))
        return
    read_here.add(str(made.node.start_byte))
    if made.method == "DialLeader" and len(made.args) > 3:
        yield consumed(code, "kafka", site, (code.value(made.args[3], made.scope), None))
    else:
        for topic in _configured(code, made):
            yield consumed(code, "kafka", _at(made, site), (topic, None))


def _at(made: CallSite, read: CallSite) -> CallSite:
    """A reading whose topic is written where the reader is made: in one function the place of the reading counts."""
    return read if made.scope is read.scope or isinstance(made.scope, Scope) else made


def _written(code: GoCode, site: CallSite) -> Iterator[Fact]:
    messages = [n for n in site.args if literal(code, n, site.scope) is not None]
    if any(part(code, n, site.scope, "Topic") is not None for n in messages):
        return
    body = next((p for n in messages if (p := part(code, n, site.scope, "Value")) is not None), None)
    shape = payload(code, body, site.scope)
    made = made_where(code, site.receiver, site.scope, _maker)
    if made is not None and made.method == "DialLeader" and len(made.args) > 3:
        yield published(code, "kafka", site, (code.value(made.args[3], made.scope), shape))
        return
    last = code.value(site.args[-1], site.scope) if site.args else Unknown("")
    handed = isinstance(last, Param) and not messages
    own = part(code, made.args[0], made.scope, "Topic") if made is not None and made.args else None
    topic = Member(last, "Topic") if handed and own is None else _topic_of_writer(code, site, made)
    yield published(code, "kafka", site, (topic, shape))


def _messages(code: GoCode) -> Iterator[Fact]:
    """Messages that name their topic themselves, wherever they are written to."""
    for node, pairs, scope in _literals(code, _SEGMENTIO, "Message"):
        if "Topic" in pairs:
            topic = code.value(pairs["Topic"], scope)
            yield published(code, "kafka", _site_around(code, node), (topic, payload(code, pairs.get("Value"), scope)))


def _topic_of_writer(code: GoCode, site: CallSite, made: CallSite | None) -> Value:
    config = made.args[0] if made is not None and made.args else None
    topic = part(code, config, made.scope, "Topic") if made is not None else None
    if topic is not None and made is not None and made.scope is site.scope:
        return code.value(topic, made.scope)
    topic = part(code, site.receiver, site.scope, "Topic")
    if topic is not None:
        return code.value(topic, site.scope)
    return held(code, site.receiver, site.scope, "Topic")


def _franz(code: GoCode) -> Iterator[Fact]:
    for node, pairs, scope in _literals(code, _FRANZ, "Record"):
        if "Topic" in pairs or "Value" in pairs:
            topic = code.value(pairs["Topic"], scope) if "Topic" in pairs else _option(code, "DefaultProduceTopic")
            yield published(code, "kafka", _site_around(code, node), (topic, payload(code, pairs.get("Value"), scope)))
    for site in code.calls:
        if site.method == "KeySliceRecord" or (site.method in ("SliceRecord", "StringRecord") and site.args):
            topic = _option(code, "DefaultProduceTopic")
            yield published(code, "kafka", site, (topic, payload(code, site.args[-1], site.scope)))
        elif site.method in ("ConsumeTopics", "AddConsumeTopics"):
            polls = [s for s in code.calls if s.method in ("PollFetches", "PollRecords")]
            polled = next((s for s in polls if s.scope is site.scope), polls[0] if polls else None)
            for arg in site.args:
                for item in items(code, arg, site.scope):
                    topic = code.value(item, site.scope)
                    moved = polled if polled is not None and not _of_params(topic) else site
                    yield consumed(code, "kafka", CallSite(site.node, "", None, "", (), {}, moved.scope), (topic, None))


def _of_params(value: Value) -> bool:
    return not isinstance(value, Name) and type(value).__name__ not in ("Lit", "Env", "Config")


def _option(code: GoCode, name: str) -> Value:
    given = next((s for s in code.calls if s.method == name and s.args), None)
    return code.value(given.args[0], given.scope) if given is not None else Unknown("the client's default topic")


def _confluent(code: GoCode) -> Iterator[Fact]:
    for node, pairs, scope in _literals(code, _CONFLUENT, "Message"):
        if "TopicPartition" in pairs:
            topic = part(code, pairs["TopicPartition"], scope, "Topic")
            value = code.value(topic, scope) if topic is not None else Unknown("a message without a topic")
            yield published(code, "kafka", _site_around(code, node), (value, payload(code, pairs.get("Value"), scope)))
    for site in code.calls:
        if site.method == "SubscribeTopics" and site.args:
            for item in items(code, site.args[0], site.scope):
                yield consumed(code, "kafka", site, (code.value(item, site.scope), None))
        elif site.method == "Subscribe" and len(site.args) == 2 and code.text(site.args[1]) == "nil":
            yield consumed(code, "kafka", site, (code.value(site.args[0], site.scope), None))


PACK = Kafka()
