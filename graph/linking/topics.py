"""Messages: who publishes to and who consumes from which topic, through wrappers and exchanges, with payload shapes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from graph.linking.addresses import known_as
from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.endpoints import handler_of
from graph.linking.exchanges import Exchanges
from graph.linking.interfaces import Interfaces
from graph.linking.names import dotted
from graph.linking.outcomes import Hole, Text, joined
from graph.linking.roles import aside
from graph.linking.shapes import Mention, reads, sends
from graph.linking.shared import apart
from graph.linking.state import Linking, LooseEnd
from graph.linking.stores import Stores
from graph.linking.transports import brokers
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Resolution
from graph.values import Call, Config, Fact, Location, Param

_UNKNOWN = "unknown"
_GUESSED = "class made by the sender"
_CLASS = re.compile(r"(?:^|[.:/])([A-Z][a-z0-9]\w+)$")
_EDGES = {"publish": "PUBLISHES", "consume": "CONSUMES"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One message as one chain of callers sends or receives it.

    Args:
        placed: the fact.
        edge: PUBLISHES or CONSUMES.
        service: whose it is, or empty.
        broker: kind of broker.
        reading: where the values came from.
        text: topic, queue or routing key as evaluated.
        exchange: name, or empty.
        rule: how the name was found.
        made: where an object of the class that names the topic is made, when the sender only knows a class above it;
            where a queue's topics are asked for, when its reader is shared.
    """

    placed: Placed
    edge: str
    service: str
    broker: str
    reading: Reading
    text: Text
    exchange: str
    rule: str
    made: SymbolKey | None = None


def topics(state: Linking) -> None:
    """PUBLISHES and CONSUMES edges and Topic nodes with HANDLED_BY.

    Args:
        state: the link run.
    """
    exchanges, instances = Exchanges(state), _Instances(state)
    whole = Interfaces(state).named
    read = [row for kind in _EDGES for placed in state.corpus.of(kind) for row in _rows(state, whole(placed))]
    rows = [row for one in read for row in _classes_below(state, one)]
    for row in rows:
        if row.edge == "PUBLISHES" and not row.text.holes:
            exchanges.send(row.exchange, row.text.template)
    rows = [named for row in rows for named in _named(exchanges, row)]
    for row in rows:
        instances.use(row)
    groups: dict[int, dict[str, list[_Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[id(row.placed)][row.service].append(row)
    for found in groups.values():
        alone = apart({service: [instances.key(row) for row in mine] for service, mine in found.items()})
        for row in (row for mine in found.values() for row in mine):
            _edge(state, row, instances.kind(row), alone=alone or len(found) < len(state.owners(row.placed.file)))


def _rows(state: Linking, placed: Placed) -> Iterator[_Row]:
    fact = placed.fact
    values = [fact.get("topic"), *([fact.get("exchange")] if fact.get("exchange") is not None else [])]

    def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
        return [key for result in results for key in all_params(result)]

    for service in state.owners(placed.file) or ("",):
        kinds = [fact.get("broker")] if fact.get("broker") else brokers(state, placed, service) or (_UNKNOWN,)
        if not _configured(state, fact, service):
            continue
        read = state.wrappers.readings(values, placed.symbol, service, need)
        for reading in _told(state.sources.mine(read, service)):
            exchanges = [text for text, _ in reading.results[1]] if len(values) > 1 else [Text(())]
            for text, trail in reading.results[0]:
                rule = "+".join([fact.get("rule") or "topic name", *sorted(trail)])
                for exchange in exchanges:
                    name = "" if exchange.holes else exchange.template
                    for kind in kinds:
                        topic = known_as(state, service, str(kind), text)
                        yield _Row(placed, _EDGES[fact.kind], service, str(kind), reading, topic, name, rule)


def _told(readings: Sequence[Reading]) -> list[Reading]:
    """Without those in which a name is a setting that is set nowhere, where others from the same place say it."""
    kept = list(readings)
    for index in (0, 1):
        known = {(r.origin, _before(r, index)) for r in kept if len(r.results) > index and not _unset(r, index)}
        kept = [r for r in kept if not _unset(r, index) or (r.origin, _before(r, index)) not in known]
    return kept


def _before(reading: Reading, index: int) -> tuple[Text, ...]:
    return tuple(text for result in reading.results[:index] for text, _ in result)


def _unset(reading: Reading, index: int) -> bool:
    """Whether a value is nothing but settings that are set nowhere."""
    results = reading.results[index : index + 1]
    return bool(results) and all(any(hole.env for hole in text.holes) for text, _ in results[0])


def _configured(state: Linking, fact: Fact, service: str) -> bool:
    """Whether a message counts that is only sent or received where a key is set; the key may be the topic itself."""
    only = fact.get("only") or ""
    topic = fact.get("topic")
    key = topic.key if only == "configured" and isinstance(topic, Config) else only
    return not key or key == "configured" or bool(state.environment(service, key))


def _classes_below(state: Linking, row: _Row) -> Iterator[_Row]:
    """A topic named after the class of an object known only by a class above: any of those that the service makes."""
    holes = row.text.holes
    base = holes[0].base if len(holes) == 1 else None
    made = 0
    for owner in state.calls.below(base) if base is not None and row.edge == "PUBLISHES" else ():
        short = owner[1].rpartition(".")[2]
        text = joined(tuple(short if isinstance(part, Hole) else part for part in row.text.parts))
        for site in state.calls.callers.get(owner, ()):
            if row.service in state.owners(site.file) and not aside(site.file[1]) and site.rule in ("name", "self"):
                made += 1
                yield replace(row, text=text, rule=_GUESSED, made=site.symbol)
    if not made:
        yield row


def _named(exchanges: Exchanges, row: _Row) -> Iterator[_Row]:
    """A message by the topic both sides know: routing key, else exchange; a queue by what is bound to it."""
    if row.text.holes:
        yield row
    elif row.edge == "PUBLISHES":
        yield row if row.text.template or not row.exchange else replace(row, text=Text((row.exchange,)))
    else:
        for topic, rule, made in exchanges.received(row.text.template, row.exchange, row.service):
            yield row if rule == "topic name" else replace(row, text=topic, rule=rule, made=made)


class _Instances:
    """Which brokers of one kind a topic's users have: several make it several topics.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._stores = Stores(state)
        self._used: dict[tuple[str, str], set[str]] = defaultdict(set)

    def use(self, row: _Row) -> None:
        """Remember who uses a topic.

        Args:
            row: the use.
        """
        instance = self._stores.store(row.service, row.broker)[1]
        if instance:
            self._used[row.broker, row.text.template].add(instance)

    def key(self, row: _Row) -> tuple[str, str]:
        """What tells topics apart.

        Args:
            row: the use.
        """
        return self.kind(row), row.text.template

    def kind(self, row: _Row) -> str:
        """Kind of broker, with the broker's name where topics of that name are on several.

        Args:
            row: the use.
        """
        instance = self._stores.store(row.service, row.broker)[1]
        several = len(self._used[row.broker, row.text.template]) > 1
        return f"{row.broker}@{instance}" if several and instance else row.broker


def _edge(state: Linking, row: _Row, broker: str, *, alone: bool) -> None:
    placed, fact, corpus = row.placed, row.placed.fact, state.corpus
    evidence = [corpus.evidence(placed)]
    evidence += [corpus.evidence(Placed(site.fact, site.file), "call") for site in row.reading.sites]
    known = row.made or _handler(state, placed, row.reading)
    handled = [state.symbol(known, evidence)] if known is not None else []
    shared = known is not None and len(state.owners(known[0])) > 1
    starts = [] if alone and shared else handled
    starts = starts or state.starts(row.reading, row.service, evidence, alone=alone)
    mentions = [Mention(fact.get("shape"), placed.file, fact.get("symbol", "") or "")]
    if row.edge == "PUBLISHES":
        mentions += [Mention(site.fact.get("sends"), *site.symbol) for site in row.reading.sites]
    whole = state.shapes.first([*_message_class(state, row), *mentions])
    reader = {"reads": reads(whole), "expects": sends(whole)}
    props = {"sends": sends(whole)} if row.edge == "PUBLISHES" else reader
    target, resolution = _target(state, row, broker)
    if target[0] == "Topic":
        state.builder.node(*target, evidence)
        for source in (handled or starts) if row.edge == "CONSUMES" else ():
            if source[0] == "Symbol":
                subscribed = Resolution("resolved", "subscription")
                state.builder.edge("HANDLED_BY", (target, source), subscribed, evidence)
        carried = whole if row.edge == "PUBLISHES" else None
        if carried is not None and sends(carried) is not None:
            schema = state.builder.node("Schema", (":".join(target[1]), "message"), evidence, {"shape": sends(carried)})
            state.builder.edge("CARRIES", (target, schema), Resolution("resolved", "payload sent"), evidence)
    for source in starts:
        state.builder.edge(row.edge, (source, target), resolution, evidence, props)
        state.configured(source, [row.service] * bool(row.service), sorted(row.reading.keys), evidence)


def _message_class(state: Linking, row: _Row) -> Iterator[Mention]:
    """A topic named like a message class of the service carries that class, however its name came to the broker."""
    named = _CLASS.search(row.text.template)
    if named is None or row.text.holes or not row.service:
        return
    found = state.shapes.called(named.group(1), lambda file: row.service in state.owners(file))
    if found is not None:
        yield found


def _handler(state: Linking, placed: Placed, reading: Reading) -> SymbolKey | None:
    """The function that handles messages, when it is not the one that subscribes; one that callers give included."""
    name = placed.fact.get("handler", "") or ""
    for site in (*reading.sites, None) if name else ():
        scope = placed.fact.get("symbol", "") or ""
        params: list[str] = list(state.names.files[placed.file].symbols.get(scope, _NOWHERE).get("params", ()) or ())
        if site is None or name.partition(".")[0] not in params:
            break
        args = site.fact.get("args", ()) or ()
        at = params.index(name.partition(".")[0])
        given = args[at] if at < len(args) else None
        name = given.name if isinstance(given, Param) else dotted(given.callee if isinstance(given, Call) else given)
        placed = Placed(Fact("consume", {"handler": name, "symbol": site.symbol[1]}, site.fact.at), site.file)
    return handler_of(state, placed) if name else None


_NOWHERE = Fact("symbol", {}, Location("", 0))


def _target(state: Linking, row: _Row, broker: str) -> tuple[NodeKey, Resolution]:
    holes: tuple[Hole, ...] = row.text.holes
    name = row.text.template
    if not holes and name and row.rule == _GUESSED:
        reason = "the sender publishes what is of a class above it; which one is only known when it runs"
        return ("Topic", (broker, name)), Resolution("candidate", row.rule, reason)
    if not holes and name and row.broker == _UNKNOWN:
        reason = "no code and no deployment file says which broker it goes through"
        return ("Topic", (broker, name)), Resolution("candidate", "unknown broker", reason)
    if not holes and name:
        return ("Topic", (broker, name)), Resolution("resolved", row.rule)
    reasons = "; ".join(dict.fromkeys(h.reason for h in holes))
    if name.replace("{}", "").strip("./:-_"):
        return ("Topic", (broker, name)), Resolution("candidate", "topic pattern", reasons)
    reason = reasons or "the topic is empty"
    key = next((h.env for h in holes if h.env), "")
    annotation = f'[environments.local]\nvariables = {{ {key} = "TOPIC" }}' if key else ""
    end = LooseEnd(f"unknown topic ({row.broker})", row.edge, reason, annotation, key)
    return state.loose_end(row.placed, end), Resolution("unresolved", "unknown topic", reason)
