"""Requests between services: URL to host to operation, with a rule and a reason for every step (DESIGN §5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from graph.linking import clients
from graph.linking.build import NodeKey, united
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.hosts import UNKNOWN_PORT, Target, suggestion
from graph.linking.offers import EDGE, Match, Offer
from graph.linking.outcomes import Text
from graph.linking.shapes import reads, sends
from graph.linking.shared import apart
from graph.linking.state import Linking, LooseEnd
from graph.linking.strings import OBJECT
from graph.linking.urls import Url, after, take_apart
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Evidence, Resolution
from graph.values import Concat, Format, Lit, Shape, Value

_GENERIC = 3
_GATEWAYS = 4
_SCRAPING = frozenset({"prometheus"})
SCRAPED = "scrape configuration"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as one chain of callers sends it.

    Args:
        placed: the fact.
        service: who sends it, or empty.
        method: upper case, empty when unknown.
        url: taken apart.
        trail: rules used to read the URL.
        reading: where the values came from.
    """

    placed: Placed
    service: str
    method: str
    url: Url
    trail: frozenset[str]
    reading: Reading


@dataclass(frozen=True, slots=True)
class Link:
    """Where a request goes.

    Args:
        node: Endpoint, External or Unresolved node; added when the edge is made.
        resolution: how sure.
        offer: the operation, when there is one.
        loose: what is open, when it is.
        settle: what would settle a candidate: key and testmesh.toml lines.
    """

    resolution: Resolution
    node: NodeKey | None = None
    offer: Offer | None = None
    loose: LooseEnd | None = None
    settle: tuple[str, str] = ("", "")


class Requests:
    """Links requests.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._shapes = state.shapes

    def link_all(self) -> None:
        """CALLS edges for every request fact."""
        for placed in clients.requests(self._state):
            owners = self._state.owners(placed.file) or ("",)
            only = placed.fact.get("only") or ""
            asking = [s for s in owners if not only or self._state.environment(s, only)]
            rows = {service: self._link(placed, service) for service in asking}
            alone = len(asking) < len(owners) or apart(
                {service: [_goal(link) for _, link in found] for service, found in rows.items()}
            )
            for found in rows.values():
                for request, link in found:
                    self._edge(request, link, alone=alone)

    def _link(self, placed: Placed, service: str) -> list[tuple[Request, Link]]:
        here, on = (placed.file, placed.fact.at.line), self._state.offers.handed_on
        readings = [r for r in self.readings(placed, service) if (*here, r.origin) not in on]
        rows = [(request, link) for reading in readings for request, link in self._of(placed, service, reading)]
        sure = [row for row in rows if row[1].offer is not None or row[1].loose is None]
        return self._settled(sure or rows)

    def _settled(self, rows: Sequence[tuple[Request, Link]]) -> list[tuple[Request, Link]]:
        """Several values at one origin that lead to different services make each of them a candidate."""
        services: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for request, link in rows:
            if link.offer is not None:
                services[_call_of(request)].add(link.offer.service)
        settled: list[tuple[Request, Link]] = []
        for request, link in rows:
            found = services.get(_call_of(request), set())
            if len(found) > 1 and link.resolution.status == "resolved":
                reason = f"its host may be any of {', '.join(sorted(found))}"
                link = replace(link, resolution=Resolution("candidate", link.resolution.rule, reason))
            settled.append((request, link))
        return settled

    def readings(self, placed: Placed, service: str) -> list[Reading]:
        """What a request fact says in one service: base, URL and method, once per chain of callers that decides.

        Args:
            placed: the request.
            service: who sends it.
        """
        fact = placed.fact
        values = (fact.get("base"), fact.get("url"), fact.get("method"))

        def need(results: Sequence[Results]) -> Sequence[SymbolKey]:
            return self._needed(results, service, has_base=fact.get("base") is not None)

        readings = self._state.wrappers.readings(values, placed.symbol, service, need)
        return [r for r in readings if self._state.sources.made_for(r, service)]

    def _needed(self, results: Sequence[Results], service: str, *, has_base: bool) -> list[SymbolKey]:
        """Whose callers must be asked: for method, host and what may hold slashes; else only if nothing fits."""
        base, url, method = results
        asked = [*(all_params(base) if has_base else ()), *all_params(method)]
        plain: list[SymbolKey] = []
        for text, _ in url:
            for whole in [after(b, text) for b, _ in base] if has_base else [text]:
                apart = take_apart(whole)
                asked += [h.param for h in (*apart.holes, *apart.loose) if h.param is not None]
                if not self._matches(apart, service):
                    plain += [h.param for h in apart.path_holes if h.param is not None]
        return asked or plain

    def _matches(self, url: Url, service: str) -> bool:
        """Whether the path is an operation as it stands, so that its parameters are only path parameters."""
        target = self._state.hosts.find(url, service) if url.host else Target()
        everyone = self._state.services.by_name
        names = target.services or ([] if url.host else everyone)
        if target.external or any(self._state.offers.routed(n, url.path) for n in (*names, service)):
            return True
        return any(m.fit.exact for n in names for m in self._state.offers.match(n, "http", "", url.path))

    def _of(self, placed: Placed, service: str, reading: Reading) -> Iterable[tuple[Request, Link]]:
        base, url, method = reading.results
        has_base = placed.fact.get("base") is not None
        methods = sorted({_method(text) for text, _ in method})
        for text, trail in url:
            for before, more in base if has_base else [(Text(()), frozenset[str]())]:
                apart = take_apart(after(_known_base(before), text))
                for verb in methods:
                    request = Request(placed, service, verb, apart, trail | more, reading)
                    for link in self.links(request):
                        yield request, link

    def links(self, request: Request) -> list[Link]:
        """Where a request may go, in the order of DESIGN §5.

        Args:
            request: with its URL taken apart.
        """
        url = request.url
        if not url.host:
            return self._without_host(request)
        target = self._state.hosts.find(url, request.service)
        edges = self._state.offers.edges(url.host) if target.external else []
        if edges:
            target = Target(tuple(edges), "host of a gateway", reason=f"`{url.host}` is a host of {edges[0]}")
        if target.external:
            return [Link(Resolution("resolved", target.rule, target.reason), ("External", (target.external,)))]
        if not target.services:
            by_path = self._unique(request, target.reason) if url.holes or target.rule == UNKNOWN_PORT else []
            if by_path:
                return [replace(link, settle=_settle(target, link)) for link in by_path]
            return [Link(Resolution("unresolved", target.rule, target.reason), loose=self._unknown_host(target))]
        links = [link for name in target.services for link in self._within(request, name, target)]
        found = [link for link in links if link.offer is not None]
        return found or links

    def _within(self, request: Request, service: str, target: Target, depth: int = _GATEWAYS) -> list[Link]:
        """The operation within a service that is known to answer, through its gateway rules when it has any."""
        path = request.url.path
        matches = self._state.offers.match(service, "http", request.method, path)
        if matches and matches[0].fit.whole:
            return self._found(request, matches, target)
        links: list[Link] = []
        for rule, inner in self._state.offers.routed(service, path, request.method) if depth else ():
            for behind in rule.services if rule.services != (service,) else ():
                shown = service.removeprefix(EDGE)
                via = Target((behind,), "gateway route", target.status, "", f"{shown} routes {rule.path} to {behind}")
                handed = replace(request, url=replace(request.url, path=inner))
                links += self._within(handed, behind, via, depth - 1)
        if links:
            return [link for link in links if link.offer is not None] or links
        return self._found(request, matches, target) if matches else [self._missing(request, service, path, target)]

    def _found(self, request: Request, matches: Sequence[Match], target: Target) -> list[Link]:
        rule = "+".join(dict.fromkeys([target.rule, *sorted(request.trail)]))
        status, reason = target.status, target.reason
        if len(matches) > 1:
            status, reason = "candidate", f"{request.url.path} fits {len(matches)} operations equally well"
        elif not matches[0].fit.exact:
            status, reason = "candidate", f"an unknown part of {request.url.path} would have to be a fixed text"
        elif not matches[0].offer.sure and status == "resolved":
            reason = f"{reason}; the operation is described by its spec only"
        links = [Link(Resolution(status, rule, reason), m.offer.node, m.offer) for m in matches]
        open_host = target.status == "candidate" and bool(target.settles)
        return [replace(link, settle=_settle(target, link)) for link in links] if open_host else links

    def _missing(self, request: Request, service: str, path: str, target: Target) -> Link:
        label = f"{service.removeprefix(EDGE)}:{request.method or 'ANY'} {path}"
        if service.startswith(EDGE):
            reason = f"{target.reason}; nothing behind it serves {request.method or 'ANY'} {path}"
            end = LooseEnd("no such operation", "CALLS", reason, "", label)
            return Link(Resolution("unresolved", "no such operation", reason), loose=end)
        if request.placed.fact.get("client") in _SCRAPING:
            reason = f"{target.reason}; a scrape configuration says that it answers there"
            offer = Offer(service, "http", request.method or "GET", path, operational=True)
            return Link(Resolution(target.status, SCRAPED, reason), offer.node, offer)
        if all(offer.operational for offer in self._state.offers.of(service)):
            reason = f"{target.reason}; its code shows no operations, so {label} is assumed from this call"
            offer = Offer(service, "http", request.method or "ANY", path, sure=False)
            return Link(Resolution("candidate", "assumed operation", reason), offer.node, offer)
        unknown = "; ".join(dict.fromkeys(h.reason for h in request.url.path_holes))
        reason = f"{service} has no {request.method or 'ANY'} {path}" + (f" ({unknown})" if unknown else "")
        end = LooseEnd("no such operation", "CALLS", reason, "", label, service)
        return Link(Resolution("unresolved", "no such operation", reason), loose=end)

    def _without_host(self, request: Request) -> list[Link]:
        """A path alone: the sender's own gateway rules, then its own operations, then any unique operation."""
        own = Target((request.service,), "same origin", "resolved", "", "a relative URL goes to the serving host")
        path = request.url.path
        if request.service and self._state.offers.routed(request.service, path, request.method):
            return self._within(request, request.service, own)
        matches = self._state.offers.match(request.service, "http", request.method, path)
        if matches:
            return self._found(request, matches, own)
        gateways = [g for g in sorted(self._state.offers.rules) if self._state.offers.routed(g, path)]
        if len(gateways) == 1 and path != "/":
            shown = gateways[0].removeprefix(EDGE)
            via = Target((gateways[0],), "only gateway", "resolved", "", f"only {shown} routes {path}")
            return self._within(request, gateways[0], via)
        by_path = self._unique(request, "the URL has no host")
        if by_path:
            return by_path
        reason = f"{request.method or 'ANY'} {path} has no host and is no operation of a known service"
        end = LooseEnd("no host", "CALLS", reason, "", path)
        return [Link(Resolution("unresolved", "no host", reason), loose=end)]

    def _unique(self, request: Request, why: str) -> list[Link]:
        """No host: a unique (method, template) is a candidate, never resolved."""
        path = request.url.path
        if not any(part and part != "{}" for part in path.split("/")):
            return []
        found = [
            match
            for name in self._state.services.by_name
            if name != request.service and self._plausible(request.service, name, path)
            for match in self._state.offers.match(name, "http", request.method, path)
            if match.fit.exact and match.fit.whole
        ]
        if len(found) != 1:
            return []
        reason = f"{why}; {request.method or 'ANY'} {path} is offered by one service only"
        return [Link(Resolution("candidate", "unique operation", reason), found[0].offer.node, found[0].offer)]

    def _plausible(self, caller: str, name: str, path: str) -> bool:
        """A path alone says little about a service deployed elsewhere, unless it is a long one."""
        literals = sum(part != "{}" for part in path.split("/") if part)
        return not caller or self._state.services.beside(caller, name) or literals > _GENERIC

    def _unknown_host(self, target: Target) -> LooseEnd:
        return LooseEnd("unknown host", "CALLS", target.reason, suggestion(target), target.settles)

    def _edge(self, request: Request, link: Link, *, alone: bool) -> None:
        state, fact = self._state, request.placed.fact
        evidence = self.evidence(request)
        target = self._target(request, link, evidence)
        file = request.placed.file
        scope = fact.get("symbol", "") or ""
        read = self._shapes.whole(self._read(request), file, scope)
        sent = self._shapes.whole(fact.get("sends"), file, scope)
        props = {"sends": sends(sent), "reads": reads(read), "expects": sends(read)}
        if link.resolution.status == "candidate" and link.settle[0]:
            props |= {"settles": link.settle[0], "annotation": link.settle[1]}
        starts = [state.symbol(origin, evidence) for origin in self._origins(request)]
        if alone:
            starts = state.starts(request.reading, request.service, evidence, alone=True)
        for source in starts:
            state.builder.edge("CALLS", (source, target), link.resolution, evidence, props)
            state.configured(source, [request.service] * bool(request.service), sorted(request.reading.keys), evidence)

    def _read(self, request: Request) -> Shape | None:
        """What is read of the answer: where the wrapper hands it on, what its caller reads."""
        own: Shape | None = request.placed.fact.get("reads")
        handed_on = (site.fact.get("reads") for site in request.reading.sites)
        return own or next((shape for shape in handed_on if shape is not None), None) or self._by_callers(request)

    def _by_callers(self, request: Request) -> Shape | None:
        """What all callers of the sending function read of its result, when every one of them says so."""
        sites = self._state.calls.callers.get(request.reading.origin, [])
        shapes: list[Shape | None] = [site.fact.get("reads") for site in sites]
        known = [shape for shape in shapes if shape is not None]
        if not known or len(known) < len(shapes):
            return None
        return reduce(united, known)

    def _origins(self, request: Request) -> list[SymbolKey]:
        reading = request.reading
        origins = [reading.origin]
        if reading.built and not request.url.holes and request.url.path != "/":
            outer = reading.built[-1].symbol
            origins += [outer] if outer[1] and self._decides_path(request) else []
        return origins

    def _decides_path(self, request: Request) -> bool:
        """Whether the constructing call gives the path, not only the host: then the request is decided there."""
        fact = request.placed.fact
        return fact.get("base") is None and not request.reading.sites and not _writes_path(fact.get("url"))

    def evidence(self, request: Request) -> list[Evidence]:
        """The request's own place, then the calls of the wrapper it went through.

        Args:
            request: the request.
        """
        corpus = self._state.corpus
        places = [corpus.evidence(request.placed)]
        for site in (*request.reading.sites, *request.reading.built):
            places.append(corpus.evidence(Placed(site.fact, site.file), "call"))
        return places

    def _target(self, request: Request, link: Link, evidence: Sequence[Evidence]) -> NodeKey:
        state = self._state
        if link.loose is not None:
            return state.loose_end(request.placed, link.loose)
        assert link.node is not None
        state.builder.node(*link.node, evidence if link.node not in state.builder.nodes else ())
        if link.resolution.rule in ("assumed operation", SCRAPED) and link.offer is not None:
            owner: NodeKey = ("Service", (link.offer.service,))
            state.builder.node(*link.node, (), {"operational": link.offer.operational or None})
            state.builder.edge("OWNS", (owner, link.node), link.resolution, evidence)
        return link.node


def _goal(link: Link) -> tuple[object, ...]:
    """What tells the goals of links apart."""
    loose = link.loose
    return (link.node,) if loose is None else (loose.cause, loose.settles, loose.service)


def _call_of(request: Request) -> tuple[object, ...]:
    """The one call in the code that a request is: its origin, the calls it goes through, and its path."""
    reading = request.reading
    return reading.origin, request.url.path, *((s.file, s.fact.at.line) for s in reading.sites)


def _settle(target: Target, link: Link) -> tuple[str, str]:
    service = link.offer.service if link.offer is not None else ""
    return target.settles, suggestion(replace(target, suggested=service))


def _method(text: Text) -> str:
    """A request's options that name no method mean GET."""
    if text.holes and text.holes[0].reason == f"{OBJECT}(...) is given no `method`":
        return "GET"
    return "" if text.holes else text.template.upper()


def _known_base(text: Text) -> Text:
    """A client without a base URL adds nothing; a base that could not be read stays a hole."""
    holes = text.holes
    nothing = len(text.parts) == 1 and holes and "is given no" in holes[0].reason
    return Text(()) if nothing else text


def _writes_path(value: Value | None) -> bool:
    """Whether a URL is put together with path text of its own."""
    if isinstance(value, Lit):
        return "/" in str(value.value)
    if isinstance(value, Format):
        return "/" in value.template
    return isinstance(value, Concat) and any(_writes_path(p) for p in value.parts)
