"""What services offer: operations and gateway rules, matched by method and template within one service."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from graph.linking.build import NodeKey
from graph.linking.corpus import FileKey, SymbolKey
from graph.linking.paths import Fit, fit, rewritten


@dataclass(frozen=True, slots=True)
class Offer:
    """An operation.

    Args:
        service: who offers it.
        protocol: http, grpc, ...
        method: upper case or ANY.
        path: template.
        sure: code, or a spec of a service whose code we cannot read.
        folded: its framework does not tell upper from lower case in paths (ASP.NET).
        operational: health, metrics and the like, which say nothing about the code behind.
    """

    service: str
    protocol: str
    method: str
    path: str
    sure: bool = True
    folded: bool = False
    operational: bool = False

    @property
    def node(self) -> NodeKey:
        """Its Endpoint node."""
        return "Endpoint", (self.service, self.protocol, self.method, self.path)


EDGE = "edge:"
"""In front of the name of a gateway that is no service: an Ingress, a cloud load balancer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A gateway rule.

    Args:
        gateway: service name.
        path: template as served, maybe with ``/**``.
        services: who it goes to.
        to_path: rewritten template, empty = unchanged.
        method: only this method, empty for all.
        host: only requests to this host, empty for all.
        folded: the gateway does not tell upper from lower case in paths.
    """

    gateway: str
    path: str
    services: tuple[str, ...]
    to_path: str
    method: str = ""
    host: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """An operation that a call may reach.

    Args:
        offer: the operation.
        fit: how well.
    """

    offer: Offer
    fit: Fit


@dataclass(slots=True)
class Offers:
    """All operations and gateway rules.

    Args:
        by_service: operations of each service.
        handlers: the code behind an operation.
        rules: gateway rules by gateway.
        handed_on: places of requests that are gateway rules written in code.
        bases: prefixes a service takes off the paths of requests.
    """

    by_service: dict[str, dict[Offer, None]] = field(default_factory=lambda: defaultdict(dict))
    handlers: dict[NodeKey, dict[SymbolKey, None]] = field(default_factory=lambda: defaultdict(dict))
    rules: dict[str, list[Rule]] = field(default_factory=lambda: defaultdict(list))
    handed_on: set[tuple[FileKey, int, SymbolKey]] = field(default_factory=set)
    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def hand_on(self, place: tuple[FileKey, int, SymbolKey], rule: Rule) -> None:
        """Remember a request that sends the rest of a path on.

        Args:
            place: file and line of the request, and the handler it is sent for.
            rule: the gateway rule it is.
        """
        self.handed_on.add(place)
        if rule not in self.rules[rule.gateway]:
            self.rules[rule.gateway].append(rule)

    def add(self, offer: Offer) -> None:
        """Remember an operation.

        Args:
            offer: the operation.
        """
        self.by_service[offer.service][offer] = None

    def of(self, service: str, protocol: str = "http") -> list[Offer]:
        """The operations of a service.

        Args:
            service: its name.
            protocol: only these.
        """
        return [o for o in self.by_service.get(service, ()) if o.protocol == protocol]

    def match(self, service: str, protocol: str, method: str, path: str) -> list[Match]:
        """The best fitting operations of a service: one when certain, several when ambiguous.

        Args:
            service: its name.
            protocol: http or grpc.
            method: upper case, empty when unknown.
            path: called template.
        """
        found = self._matching(service, protocol, method, path)
        for base in sorted(self.bases.get(service, ())) if not found else ():
            if f"{path}/".lower().startswith(f"{base}/".lower()):
                found += self._matching(service, protocol, method, path[len(base) :] or "/")
        if not found:
            return []
        best = max(m.fit for m in found)
        kept = [m for m in found if m.fit == best]
        exact = [m for m in kept if m.offer.method == method]
        return sorted(exact or kept, key=lambda m: (m.offer.method, m.offer.path))

    def _matching(self, service: str, protocol: str, method: str, path: str) -> list[Match]:
        found: list[Match] = []
        for offer in self.of(service, protocol):
            if method and offer.method not in (method, "ANY") and method != "ANY":
                continue
            how = fit(path.lower(), offer.path.lower()) if offer.folded else fit(path, offer.path)
            if how is not None:
                found.append(Match(offer, how))
        return found

    def edges(self, host: str) -> list[str]:
        """The gateways at the system's edge that answer at a host name.

        Args:
            host: as called.
        """
        return [
            gateway
            for gateway, rules in sorted(self.rules.items())
            if gateway.startswith(EDGE) and any(rule.host.lower() == host for rule in rules)
        ]

    def routed(self, gateway: str, path: str, method: str = "") -> list[tuple[Rule, str]]:
        """The gateway's rules for a path, longest first match only, with the path behind it.

        Args:
            gateway: service name.
            path: called template.
            method: upper case, empty when unknown.
        """
        fits = [
            (how, rule)
            for rule in self.rules.get(gateway, ())
            if (not method or rule.method in ("", method)) and (how := _fit(path, rule)) is not None
        ]
        if not fits:
            return []
        best = max((how for how, _ in fits))
        return [(rule, rewritten(path, rule.path, rule.to_path)) for how, rule in fits if how == best]


def _fit(path: str, rule: Rule) -> Fit | None:
    return fit(path.lower(), rule.path.lower()) if rule.folded else fit(path, rule.path)
