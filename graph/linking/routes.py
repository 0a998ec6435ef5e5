"""Gateway rules: which service answers behind which path, with ROUTES_TO to the operations there."""

from __future__ import annotations

import re

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed
from graph.linking.offers import Offer, Rule
from graph.linking.outcomes import Context, Frame, Text
from graph.linking.paths import fit, rewritten, template
from graph.linking.state import Linking, LooseEnd
from graph.linking.urls import take_apart
from graph.schema import Resolution
from graph.values import Concat, Env, Lit, Value

_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")


def routes(state: Linking) -> None:
    """Remembers gateway rules and adds their Endpoints; needed before requests are linked.

    Args:
        state: the link run.
    """
    for placed in state.corpus.of("route"):
        named = placed.fact.get("gateway", "") or ""
        gateway = state.services.lookup(placed.file[0], named) if named else None
        names = (gateway.name,) if gateway is not None else state.owners(placed.file) or _only_gateway(state, placed)
        for name in names:
            _route(state, placed, name)


def _only_gateway(state: Linking, placed: Placed) -> tuple[str, ...]:
    """A rule in a file outside every service's folder (mounted into a stock image) belongs to the only gateway."""
    every = state.services.by_name.values()
    gateways = [s.name for s in every if s.sort == "gateway" and s.repository == placed.file[0]]
    stock = [name for name in gateways if state.services.by_name[name].root is None] or gateways
    return tuple(stock) if len(stock) == 1 else ()


def _route(state: Linking, placed: Placed, gateway: str) -> None:
    fact = placed.fact
    path = template(fact.get("path", "") or "/**")
    to_path = template(fact.get("to_path")) if fact.get("to_path") else ""
    services: list[str] = []
    reasons: list[str] = []
    given = fact.get("target") or _value(fact.get("to", ""))
    frame = Frame(placed.file, fact.get("symbol", "") or "")
    for text, _ in state.evaluator.texts(given, frame, Context(service=gateway)):
        target = state.hosts.find(take_apart(_absolute(text)), gateway)
        services += target.services
        reasons.append(target.reason)
    rule = Rule(gateway, path, tuple(dict.fromkeys(services)), to_path)
    state.offers.rules[gateway].append(rule)
    evidence = [state.corpus.evidence(placed)]
    node = state.builder.node("Endpoint", (gateway, "http", "ANY", path), evidence)
    owns = Resolution("resolved", "gateway rule")
    state.builder.edge("OWNS", (("Service", (gateway,)), node), owns, evidence)
    if not services:
        annotation = f'[services.NAME]\nhosts = ["{fact.get("to", "")}"]'
        reason = "; ".join(dict.fromkeys(reasons)) or "the rule names no target"
        state.loose_end(placed, LooseEnd("unknown route target", "ROUTES_TO", reason, annotation, fact.get("to", "")))


def _absolute(text: Text) -> Text:
    """A target with a scheme, which configuration files leave out and code writes."""
    first = text.parts[0] if text.parts else ""
    return text if isinstance(first, str) and "://" in first else Text(("http://", *text.parts))


def _value(text: str) -> Value:
    parts: list[Value] = []
    start = 0
    bare = re.sub(r"^\w+://", "", text)
    for match in _VARIABLE.finditer(bare):
        default = Lit(match.group(2)) if match.group(2) is not None else None
        parts += [Lit(bare[start : match.start()]), Env(match.group(1), default)]
        start = match.end()
    return Concat((*parts, Lit(bare[start:])))


def routed(state: Linking) -> None:
    """ROUTES_TO edges from gateway Endpoints to what answers behind them.

    Args:
        state: the link run.
    """
    for _, rules in sorted(state.offers.rules.items()):
        for rule in rules:
            for source in _sources(state, rule):
                _lead(state, rule, source)


def _sources(state: Linking, rule: Rule) -> list[NodeKey]:
    """The Endpoints a rule is served at: its own, or the operations in code that hand the rest of their path on."""
    own: NodeKey = ("Endpoint", (rule.gateway, "http", "ANY", rule.path))
    return (
        [own] if own in state.builder.nodes else [o.node for o in state.offers.of(rule.gateway) if o.path == rule.path]
    )


def _lead(state: Linking, rule: Rule, source: NodeKey) -> None:
    evidence = sorted(state.builder.nodes[source].evidence)[:1]
    method = source[1][2]
    for service in rule.services:
        resolution = Resolution("resolved", "gateway rule", f"{rule.path} goes to {service}")
        reached = [o for o in state.offers.of(service) if _behind(rule, o) and (method in ("ANY", o.method))]
        for offer in reached:
            state.builder.edge("ROUTES_TO", (source, offer.node), resolution, evidence)
        if not reached and not [o for o in state.offers.of(service) if _behind(rule, o)]:
            state.builder.edge("ROUTES_TO", (source, ("Service", (service,))), resolution, evidence)


def _behind(rule: Rule, offer: Offer) -> bool:
    """Whether some path under the rule reaches the operation."""
    if not rule.path.endswith("**"):
        return fit(rewritten(rule.path, rule.path, rule.to_path), offer.path) is not None
    target = rule.to_path or rule.path
    return fit(offer.path, target) is not None if target.endswith("**") else offer.path == target
