"""What the stages of one link run share, each part filled by the stage that owns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph.linking.build import GraphBuilder, NodeKey
from graph.linking.callgraph import CallGraph
from graph.linking.corpus import Corpus, FileKey, Placed, SymbolKey
from graph.linking.environment import Environment
from graph.linking.hosts import Hosts
from graph.linking.names import Names
from graph.linking.offers import Offers
from graph.linking.ownership import Ownership
from graph.linking.services import Services
from graph.linking.shapes import Shapes
from graph.linking.shared import Sources
from graph.linking.speaking import told_apart
from graph.linking.values import Evaluator
from graph.linking.wrappers import Reading, Wrappers
from graph.schema import Evidence, Resolution


@dataclass(slots=True)
class Linking:
    """A link run.

    Args:
        corpus: the facts.
        names: name look-up.
        services: who is deployed.
        ownership: whose code a file is.
        environment: values of variables.
        hosts: who answers where.
        evaluator: Values to texts.
        calls: who calls whom.
        wrappers: values through callers.
        builder: the graph so far.
        shapes: named payload types.
        offers: endpoints and gateway rules so far.
    """

    corpus: Corpus
    names: Names
    services: Services
    ownership: Ownership
    environment: Environment
    hosts: Hosts
    evaluator: Evaluator
    calls: CallGraph
    wrappers: Wrappers
    builder: GraphBuilder
    shapes: Shapes
    offers: Offers = field(default_factory=Offers)
    _sources: Sources | None = None
    _told: Mapping[str, frozenset[str]] | None = None

    def symbol(self, key: SymbolKey, evidence: Sequence[Evidence]) -> NodeKey:
        """The Symbol node of a symbol; module code is the file's own symbol.

        Args:
            key: file and qualified name.
            evidence: where it is mentioned, used when the symbol itself has no fact.
        """
        (repository, path), name = key
        node: NodeKey = ("Symbol", (repository, path, name))
        if node not in self.builder.nodes:
            self.builder.node(*node, evidence)
            for owner in self.owners((repository, path)) if not name else ():
                owns = Resolution("resolved", "service root")
                self.builder.edge("OWNS", (("Service", (owner,)), node), owns, evidence)
        return node

    def owners(self, file: FileKey) -> tuple[str, ...]:
        """Services a file belongs to, sorted.

        Args:
            file: repository and path.
        """
        return self.ownership.owners(file)

    @property
    def sources(self) -> Sources:
        """Whose edge it is where services share code."""
        if self._sources is None:
            self._sources = Sources(self.calls, self.owners)
        return self._sources

    def starts(self, reading: Reading, service: str, evidence: Sequence[Evidence], *, alone: bool) -> list[NodeKey]:
        """Where an edge starts: at the code, or where it is true of one of several sharing services, at that one's own.

        Args:
            reading: where the values came from.
            service: whose edge it is.
            evidence: where it is said.
            alone: true of this service only.
        """
        if not alone:
            return [self.symbol(reading.origin, evidence)]
        found = self.sources.of(reading.origin, service, reading)
        return [self.symbol(symbol, evidence) for symbol in found] or [("Service", (service,))]

    def forget(self) -> None:
        """Let go of everything but the graph; a large system's facts and graph need not be in memory with it."""
        self.names.forget()
        self.calls.forget()
        self.corpus.forget()

    def speaking(self, service: str, protocol: str) -> bool:
        """Whether a service serves a protocol; only known where several run one code and are told which to serve.

        Args:
            service: its name.
            protocol: http, grpc, ...
        """
        if self._told is None:
            self._told = told_apart(self.corpus, self.services)
        told = self._told.get(service)
        return told is None or protocol in told or (protocol == "websocket" and "http" in told)

    def loose_end(self, placed: Placed, end: LooseEnd) -> NodeKey:
        """An Unresolved node.

        Args:
            placed: the fact it comes from.
            end: what is open.
        """
        repository, path = placed.file
        key = (repository, path, str(placed.fact.at.line), end.cause)
        props = {
            "reason": end.reason,
            "annotation": end.annotation,
            "edge": end.edge,
            "settles": end.settles,
            "service": end.service,
        }
        return self.builder.node("Unresolved", key, [self.corpus.evidence(placed)], props)

    def configured(self, source: NodeKey, services: Iterable[str], keys: Iterable[str], at: Sequence[Evidence]) -> None:
        """CONFIGURED_BY edges for variables that were read.

        Args:
            source: Symbol or Service.
            services: whose environment.
            keys: variables.
            at: where they are read.
        """
        for service in services:
            for key in keys:
                config = self.builder.node("Config", (service, key), at)
                self.builder.edge("CONFIGURED_BY", (source, config), Resolution("resolved", "config read"), at)


@dataclass(frozen=True, slots=True)
class LooseEnd:
    """Something that could not be named.

    Args:
        cause: short class, part of the key.
        edge: kind of edge that is missing.
        reason: for people.
        annotation: testmesh.toml lines that settle it.
        settles: what the annotation is keyed by.
        service: service it surely goes to, when known.
    """

    cause: str
    edge: str
    reason: str
    annotation: str = ""
    settles: str = ""
    service: str = ""
