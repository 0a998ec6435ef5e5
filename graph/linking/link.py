"""Facts of all repositories become one graph: the only place that says what the system is (DESIGN sentence 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graph.linking import (
    channels,
    corrections,
    datasets,
    endpoints,
    flows,
    nodes,
    proxies,
    routes,
    rpc,
    specs,
    topics,
    transcoding,
    uses,
)
from graph.linking.build import GraphBuilder
from graph.linking.callgraph import CallGraph
from graph.linking.corpus import Corpus, RepositoryFacts, SymbolKey
from graph.linking.environment import Environment
from graph.linking.hosts import Hosts
from graph.linking.names import Names
from graph.linking.options import Together
from graph.linking.ownership import Ownership
from graph.linking.registrations import register
from graph.linking.requests import Requests
from graph.linking.services import Services
from graph.linking.shapes import Shapes
from graph.linking.stages import Stage, in_order
from graph.linking.state import Linking
from graph.linking.unused import drop_unused
from graph.linking.values import Evaluator
from graph.linking.wrappers import Wrappers
from graph.schema import GraphData
from testmesh.kernel.memory import no_cycle_search

__all__ = ["RepositoryFacts", "link"]


def link(sources: Sequence[RepositoryFacts], workspace: str) -> GraphData:
    """The system graph of what scanners said; pure and the same bytes for the same facts.

    Args:
        sources: one per repository, facts in any order.
        workspace: workspace id, part of every uid.
    """
    with no_cycle_search():
        state = _prepared(sources, workspace)
        for stage in _ORDER:
            stage.run(state)
        state.forget()
        return state.builder.data()


def _prepared(sources: Sequence[RepositoryFacts], workspace: str) -> Linking:
    corpus = Corpus(sources)
    names = Names(corpus)
    services = Services(corpus)
    register(corpus, list(services.by_name.values()))
    calls = CallGraph(corpus, names)
    drop_unused(corpus, names, calls)
    ownership = Ownership(corpus, names, services, calls)
    environment = Environment(corpus, services, ownership.owners)
    hosts = Hosts(corpus, services)
    evaluator = Evaluator(names, environment, hosts.declared, _options(corpus, names), calls.types.of)
    evaluator.implementing = calls.implementing
    wrappers = Wrappers(evaluator, calls, Together(corpus))
    return Linking(
        corpus,
        names,
        services,
        ownership,
        environment,
        hosts,
        evaluator,
        calls,
        wrappers,
        GraphBuilder(workspace),
        Shapes(corpus, names),
    )


def _options(corpus: Corpus, names: Names) -> Mapping[SymbolKey, Sequence[str]]:
    """Classes that are filled from configuration sections."""
    found: dict[SymbolKey, list[str]] = {}
    for placed in corpus.of("options"):
        owner = names.find(placed.file, placed.symbol[1], placed.fact.get("type", "") or "")
        if owner is not None and owner.kind == "symbol" and not owner.rest:
            found.setdefault((owner.file, owner.name), []).append(placed.fact.get("section", "") or "")
    return found


def _needs(*names: str) -> frozenset[str]:
    return frozenset(names)


_STAGES: tuple[Stage[Linking], ...] = (
    Stage("services", nodes.services),
    Stage("symbols", nodes.symbols),
    Stage("configs", nodes.configs, _needs("services", "symbols")),
    Stage("packages", nodes.packages, _needs("services")),
    Stage("calls", nodes.calls, _needs("symbols")),
    Stage("endpoints", endpoints.endpoints, _needs("services", "symbols")),
    Stage("rpc", rpc.served, _needs("endpoints")),
    Stage("stubs", rpc.called, _needs("rpc", "operations", "calls")),
    Stage("statuses", endpoints.statuses, _needs("endpoints", "rpc")),
    Stage("operations", specs.operations, _needs("endpoints", "rpc")),
    Stage("transcoding", transcoding.transcoded, _needs("operations")),
    Stage("routes", routes.routes, _needs("operations", "transcoding")),
    Stage("proxies", proxies.proxies, _needs("routes", "calls")),
    Stage("requests", lambda state: Requests(state).link_all(), _needs("proxies")),
    Stage("routed", routes.routed, _needs("requests")),
    Stage("topics", topics.topics, _needs("symbols")),
    Stage("channels", channels.channels, _needs("topics", "services")),
    Stage("datasets", datasets.datasets, _needs("symbols", "services")),
    Stage("contained", datasets.contained, _needs("datasets")),
    Stage("uses", uses.uses, _needs("stubs", "topics", "calls")),
    Stage("flows", flows.flows, _needs("requests", "stubs", "channels", "datasets")),
    Stage(
        "corrections", corrections.corrections, _needs("flows", "uses", "routed", "contained", "configs", "packages")
    ),
)
_ORDER = in_order(_STAGES)
