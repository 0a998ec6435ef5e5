"""Gateway rules: which service answers behind which path, with ROUTES_TO to the operations there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.deployed import under
from graph.linking.offers import EDGE, Offer, Rule
from graph.linking.outcomes import Context, Frame, Text
from graph.linking.paths import fit, rewritten, template
from graph.linking.roles import aside
from graph.linking.state import Linking, LooseEnd
from graph.linking.urls import take_apart
from graph.linking.wrappers import Results, all_params
from graph.schema import Resolution
from graph.values import Concat, Env, Lit, Value

_BELOW = re.compile(r"(\{,/\*\*\}|\(/\.\*\)\??|\(/\|\$\)\(\.\*\)|/\(\.\*\)|/\.\*)$")
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")


def routes(state: Linking) -> None:
    """Remembers gateway rules and adds their Endpoints; needed before requests are linked.

    Args:
        state: the link run.
    """
    given: dict[str, list[Placed]] = defaultdict(list)
    for placed in state.corpus.of("env_file"):
        given[f"{placed.file[0]}:{placed.fact.get('path', '')}"].append(placed)
    for placed in _deployed(state):
        for name, target in _gateways(state, placed, given):
            _route(state, placed, name, target)


def _deployed(state: Linking) -> list[Placed]:
    """Rules of every deployment; those of one variant only where its gateway has no others."""
    every = [p for p in state.corpus.of("route") if not aside(p.file[1])]
    plain = {(p.file[0], p.fact.get("gateway", "")) for p in every if not p.fact.get("variant")}
    return [p for p in every if not p.fact.get("variant") or (p.file[0], p.fact.get("gateway", "")) not in plain]


def _gateways(
    state: Linking, placed: Placed, given: Mapping[str, list[Placed]]
) -> Iterator[tuple[str, list[Text] | None]]:
    """Who serves a rule, with its target where code computes both; the system's edge when it is no service."""
    fact, (repository, path) = placed.fact, placed.file
    named = fact.get("gateway", "") or ""
    if fact.get("target") is not None or fact.get("by") is not None:
        yield from _in_code(state, placed)
        return
    known = state.services.lookup(repository, named) if named else None
    if known is not None:
        yield known.name, None
    elif named.startswith("configmap:"):
        for holder in given.get(f"{repository}:{named}", ()):
            service = state.services.lookup(repository, holder.fact.get("service", ""))
            if service is not None:
                yield service.name, None
    elif named:
        meant = [s for s in state.services.by_name.values() if named in s.registered or named in s.names]
        yield meant[0].name if len(meant) == 1 else f"{EDGE}{named}", None
    else:
        for name in state.owners(placed.file) or _mounting(state, repository, path) or _only_gateway(state, placed):
            yield name, None


def _in_code(state: Linking, placed: Placed) -> Iterator[tuple[str, list[Text] | None]]:
    fact = placed.fact
    values = [fact.get("target"), *([fact.get("by")] if fact.get("by") is not None else [])]

    def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
        return [key for result in results for key in all_params(result)]

    for service in state.owners(placed.file) or ("",):
        for reading in state.wrappers.readings(values, placed.symbol, service, need):
            texts = [text for text, _ in reading.results[0]]
            if len(values) < 2 and state.sources.made_for(reading, service) and service:
                yield service, texts
            for text, _ in reading.results[1] if len(values) > 1 else ():
                known = state.services.lookup(placed.file[0], text.template) if not text.holes else None
                if known is not None:
                    yield known.name, texts


def _mounting(state: Linking, repository: str, path: str) -> tuple[str, ...]:
    """The services that see a file at run time though it is in nobody's folder."""
    every = [s for s in state.services.by_name.values() if repository in s.repositories]
    return tuple(s.name for s in every if any(m and (path == m or under(path, m)) for m in s.mounts))


def _only_gateway(state: Linking, placed: Placed) -> tuple[str, ...]:
    """A rule in a file outside every service's folder (mounted into a stock image) belongs to the only gateway."""
    every = state.services.by_name.values()
    gateways = [s.name for s in every if s.sort == "gateway" and placed.file[0] in s.repositories]
    stock = [name for name in gateways if state.services.by_name[name].root is None] or gateways
    return tuple(stock) if len(stock) == 1 else ()


def _route(state: Linking, placed: Placed, gateway: str, target: list[Text] | None) -> None:
    for path in _paths(state, placed, gateway):
        _rule(state, placed, (gateway, path), target)


def _paths(state: Linking, placed: Placed, gateway: str) -> list[str]:
    """The path of a rule; of one that code mounts what its path evaluates to, a loose end when it cannot be read."""
    mounted = placed.fact.get("mounted")
    if mounted is None:
        return [template(_glob(placed.fact.get("path", "") or "/**"))]
    frame = Frame(placed.file, placed.fact.get("symbol", "") or "")
    texts = [text for text, _ in state.evaluator.texts(mounted, frame, Context(service=gateway))]
    for text in texts:
        if text.holes:
            state.loose_end(placed, LooseEnd("unknown route path", "ROUTES_TO", text.holes[0].reason))
    return [template(f"{text.template.rstrip('/')}/**") for text in texts if not text.holes]


def _rule(state: Linking, placed: Placed, where: tuple[str, str], target: list[Text] | None) -> None:
    gateway, path = where
    fact = placed.fact
    to_path = template(_glob(fact.get("to_path"))) if fact.get("to_path") else ""
    frame, context = Frame(placed.file, fact.get("symbol", "") or ""), Context(service=gateway)
    texts = target or [text for text, _ in state.evaluator.texts(_value(fact.get("to", "") or ""), frame, context)]
    services, reasons, ahead = _targets(state, texts, gateway)
    if services == (gateway,) and fact.get("gateway"):
        gateway = f"{EDGE}{gateway}"  # an ingress that is called like the service behind it
    method = (fact.get("method", "") or "").upper()
    behind = to_path or _behind_prefix(path, ahead)
    host, folded = fact.get("host", "") or "", bool(fact.get("folded"))
    rule = Rule(gateway, path, services, behind, method, host, folded)
    state.offers.rules[gateway].append(rule)
    if gateway.startswith(EDGE):
        return
    evidence = [state.corpus.evidence(placed)]
    node = state.builder.node("Endpoint", (gateway, "http", method or "ANY", path), evidence)
    owns = Resolution("resolved", "gateway rule")
    state.builder.edge("OWNS", (("Service", (gateway,)), node), owns, evidence)
    if not services:
        to = fact.get("to", "") or (texts[0].template if texts else "")
        annotation = f'[services.NAME]\nhosts = ["{to}"]'
        reason = "; ".join(dict.fromkeys(reasons)) or "the rule names no target"
        state.loose_end(placed, LooseEnd("unknown route target", "ROUTES_TO", reason, annotation, to))


def _glob(path: str) -> str:
    """A path and all below it, as glob patterns write it: ``/api{,/**}``, ``/api(/.*)?``."""
    return _BELOW.sub("/**", path)


def _targets(state: Linking, texts: Sequence[Text], gateway: str) -> tuple[tuple[str, ...], list[str], str]:
    """The services a rule goes to, why, and the path its address carries."""
    services: list[str] = []
    reasons: list[str] = []
    ahead = ""
    for text in texts:
        first = text.parts[0] if text.parts else ""
        addressed = isinstance(first, str) and "://" in first
        url = take_apart(text if addressed else Text(("http://", *text.parts)))
        target = state.hosts.find(url, "" if gateway.startswith(EDGE) else gateway)
        services += target.services
        reasons.append(target.reason)
        ahead = url.path if addressed and url.path != "/" else ahead
    return tuple(dict.fromkeys(services)), reasons, ahead


def _behind_prefix(path: str, ahead: str) -> str:
    """An address with a path of its own (``http://orders/api``) puts that in front of what it is sent."""
    return f"{ahead}{path}" if ahead and path.endswith("**") else ""


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
    for gateway, rules in sorted(state.offers.rules.items()):
        for rule in rules if not gateway.startswith(EDGE) else ():
            for source in _sources(state, rule):
                _lead(state, rule, source)


def _sources(state: Linking, rule: Rule) -> list[NodeKey]:
    """The Endpoints a rule is served at: its own, or the operations in code that hand the rest of their path on."""
    own: NodeKey = ("Endpoint", (rule.gateway, "http", rule.method or "ANY", rule.path))
    return (
        [own] if own in state.builder.nodes else [o.node for o in state.offers.of(rule.gateway) if o.path == rule.path]
    )


def _lead(state: Linking, rule: Rule, source: NodeKey) -> None:
    evidence = sorted(state.builder.nodes[source].evidence)[:1]
    method = source[1][2]
    for service in rule.services:
        resolution = Resolution("resolved", "gateway rule", f"{rule.path} goes to {service}")
        rules = [rule, *_without_base(state, rule, service)]
        below = [o for o in state.offers.of(service) if any(_behind(one, o) for one in rules)]
        reached = [o for o in below if method in ("ANY", o.method)]
        for offer in reached:
            state.builder.edge("ROUTES_TO", (source, offer.node), resolution, evidence)
        if not below:
            state.builder.edge("ROUTES_TO", (source, ("Service", (service,))), resolution, evidence)


def _without_base(state: Linking, rule: Rule, service: str) -> Iterator[Rule]:
    """The rule as the service sees it when it takes a prefix off the path."""
    target = rewritten(rule.path, rule.path, rule.to_path)
    for base in sorted(state.offers.bases.get(service, ())):
        if f"{target}/".lower().startswith(f"{base}/".lower()):
            yield replace(rule, to_path=target[len(base) :] or "/")


def _behind(rule: Rule, offer: Offer) -> bool:
    """Whether some path under the rule reaches the operation."""
    if not rule.path.endswith("**"):
        return fit(rewritten(rule.path, rule.path, rule.to_path), offer.path) is not None
    target = rule.to_path or rule.path
    return fit(offer.path, target) is not None if target.endswith("**") else offer.path == target
