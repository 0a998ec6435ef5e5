"""Requests between services: URL to host to operation, with a rule and a reason for every step (DESIGN §5)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from graph.linking import clients
from graph.linking.build import NodeKey, united
from graph.linking.corpus import Placed, SymbolKey
from graph.linking.goals import SCRAPED, Goals, Link, Request
from graph.linking.hosts import Target
from graph.linking.outcomes import Text
from graph.linking.shapes import Mention, reads, sends
from graph.linking.shared import apart
from graph.linking.state import Linking
from graph.linking.strings import OBJECT
from graph.linking.urls import Url, after, take_apart
from graph.linking.wrappers import Reading, Results, all_params
from graph.schema import Evidence, Resolution
from graph.values import Concat, Format, Lit, Shape, Value

_CLIENT = re.compile(r"HttpClient:[^:]*:BaseAddress")
"""Where the address of a .NET client is kept that code registers by name; without one the client adds nothing."""


class Requests:
    """Links requests.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._shapes = state.shapes
        self._goals = Goals(state)

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
        return self._state.sources.mine(readings, service)

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
                apart = take_apart(after(_known_base(before, text), text))
                for verb in methods:
                    request = Request(placed, service, verb, apart, trail | more, reading)
                    for link in self._goals.links(request):
                        yield request, link

    def _edge(self, request: Request, link: Link, *, alone: bool) -> None:
        state, fact = self._state, request.placed.fact
        evidence = self.evidence(request)
        target = self._target(request, link, evidence)
        file = request.placed.file
        scope = fact.get("symbol", "") or ""
        read = self._read(request, Mention(fact.get("reads"), file, scope))
        outer = (Mention(site.fact.get("sends"), *site.symbol) for site in request.reading.sites)
        sent = self._shapes.first([Mention(fact.get("sends"), file, scope), *outer])
        props = {"sends": sends(sent), "reads": reads(read), "expects": sends(read)}
        if link.resolution.status == "candidate" and link.settle[0]:
            props |= {"settles": link.settle[0], "annotation": link.settle[1]}
        starts = [state.symbol(origin, evidence) for origin in self._origins(request)]
        if alone:
            starts = state.starts(request.reading, request.service, evidence, alone=True)
        for source in starts:
            state.builder.edge("CALLS", (source, target), link.resolution, evidence, props)
            state.configured(source, [request.service] * bool(request.service), sorted(request.reading.keys), evidence)

    def _read(self, request: Request, own: Mention) -> Shape | None:
        """What is read of the answer: where the wrapper hands it on, what its caller reads."""
        handed_on = [Mention(site.fact.get("reads"), *site.symbol) for site in request.reading.sites]
        known = [mention for mention in (own, *handed_on) if mention.shape is not None]
        return self._shapes.first(known) if known else self._by_callers(request)

    def _by_callers(self, request: Request) -> Shape | None:
        """What all callers of the sending function read of its result, when every one of them says so."""
        sites = self._state.calls.callers.get(request.reading.origin, [])
        shapes = [self._shapes.whole(site.fact.get("reads"), *site.symbol) for site in sites]
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


def _method(text: Text) -> str:
    """A request's options that name no method mean GET."""
    if text.holes and text.holes[0].reason == f"{OBJECT}(...) is given no `method`":
        return "GET"
    return "" if text.holes else text.template.upper()


def _known_base(text: Text, url: Text) -> Text:
    """A client without a base URL adds nothing; a base that could not be read stays a hole."""
    holes = text.holes
    nothing = len(text.parts) == 1 and holes and "is given no" in holes[0].reason
    first = url.parts[0] if url.parts else ""
    whole = not isinstance(first, str) or "://" in first
    unnamed = len(text.parts) == 1 and holes and _CLIENT.fullmatch(holes[0].env or "") and whole
    return Text(()) if nothing or unnamed else text


def _writes_path(value: Value | None) -> bool:
    """Whether a URL is put together with path text of its own."""
    if isinstance(value, Lit):
        return "/" in str(value.value)
    if isinstance(value, Format):
        return "/" in value.template
    return isinstance(value, Concat) and any(_writes_path(p) for p in value.parts)
