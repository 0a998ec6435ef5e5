"""Where a request goes: host to service, through gateways, to the operation; or why nobody can say (DESIGN §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graph.linking.build import NodeKey
from graph.linking.corpus import Placed
from graph.linking.hosts import UNKNOWN_PORT, Target, suggestion
from graph.linking.listed import listed
from graph.linking.offers import EDGE, Match, Offer
from graph.linking.state import Linking, LooseEnd
from graph.linking.urls import Url
from graph.linking.wrappers import Reading
from graph.schema import Resolution

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


class Goals:
    """Finds where requests go.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state

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
        if target.rule == UNKNOWN_PORT and request.service and self._state.offers.routed(request.service, url.path):
            target = Target((request.service,), "same origin", "resolved", "", "its own gateway rules serve the path")
        if not target.services and not url.holes:
            target = listed(self._state, url, request.service) or target
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


def _settle(target: Target, link: Link) -> tuple[str, str]:
    service = link.offer.service if link.offer is not None else ""
    return target.settles, suggestion(replace(target, suggested=service))
