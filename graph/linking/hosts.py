"""Which service answers at a host: names and ports of deployment files, annotations, and variables by their name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from graph.linking.corpus import Corpus
from graph.linking.deployed import Service
from graph.linking.services import Services
from graph.linking.urls import Url
from graph.schema import Status
from graph.values import Concat, Lit, Value

_LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "host.docker.internal", "10.0.2.2"})
UNKNOWN_PORT = "unknown port"
_CLUSTER = re.compile(r"^([^.]+)\.[^.]+\.svc(\.cluster\.local)?$")
_NAMED_ENDPOINT = re.compile(r"^_[a-z0-9-]+\.")
_UNKNOWN_PORT = re.compile(r"^([a-z0-9][a-z0-9.-]*):\{\}$")
_ENDINGS = re.compile(
    r"(_(BASE|SERVICE|API|HTTP|GRPC|SVC|INTERNAL|PUBLIC))*_(URL|URI|HOST|HOSTNAME|ADDR|ADDRESS|ENDPOINT|BASE|SERVICE|API|BASE_URL|HOSTPORT)$"
)
_PORT_KEYS = re.compile(r"(^|_)PORT$")


@dataclass(frozen=True, slots=True)
class Target:
    """Who answers at a host.

    Args:
        services: names; several when it is ambiguous.
        rule: how it was found.
        status: resolved or candidate; unresolved when nobody was found.
        external: host outside the system, or empty.
        reason: for people.
        settles: what an annotation would be keyed by.
        suggested: service an annotation would probably name, or empty.
        variable: `settles` is an environment variable.
    """

    services: tuple[str, ...] = ()
    rule: str = ""
    status: Status = "resolved"
    external: str = ""
    reason: str = ""
    settles: str = ""
    suggested: str = ""
    variable: bool = False


class Hosts:
    """Looks hosts up.

    Args:
        corpus: for port variables of deployment files.
        services: who exists.
    """

    def __init__(self, corpus: Corpus, services: Services) -> None:
        self._services = services
        self._names: dict[str, set[str]] = defaultdict(set)
        self._ports: dict[str, set[str]] = defaultdict(set)
        self._variables: dict[str, set[str]] = defaultdict(set)
        self._plain: dict[str, set[str]] = defaultdict(set)
        for service in services.by_name.values():
            self._take(service)
        self._take_port_variables(corpus)
        self._take_local_ports()

    @property
    def declared(self) -> frozenset[str]:
        """Environment variables a person tied to a service."""
        return frozenset(self._variables)

    def _take(self, service: Service) -> None:
        self._names[service.declared.lower()].add(service.name)
        self._plain[_plain(service.declared)].add(service.name)
        for host in service.hosts:
            self._names[host].add(service.name)
            name, _, port = host.partition(":")
            if name in _LOCAL and port:
                self._ports[port].add(service.name)
        for published, _ in service.ports:
            if published:
                self._ports[published].add(service.name)
        for variable in service.variables:
            self._variables[variable].add(service.name)

    def _take_port_variables(self, corpus: Corpus) -> None:
        for placed in corpus.of("env_value"):
            service = self._services.lookup(placed.file[0], placed.fact.get("service", ""))
            text = _literal(placed.fact.get("value"))
            if service is not None and text.isdigit() and _PORT_KEYS.search(placed.fact.get("key", "")):
                self._ports.setdefault(text, set()).add(service.name)

    def _take_local_ports(self) -> None:
        """Ports of configuration files: what runs on one's own machine; only where one service has that port."""
        every: dict[str, set[str]] = defaultdict(set)
        for service in self._services.by_name.values():
            for port in service.local_ports:
                every[port].add(service.name)
        for port, names in every.items():
            if len(names) == 1:
                self._ports.setdefault(port, names)

    def find(self, url: Url, caller: str = "") -> Target:
        """Who answers at a URL's host.

        Args:
            url: taken apart; with a host.
            caller: service that asks; what is deployed with it counts first.
        """
        named = _UNKNOWN_PORT.match(url.host)
        if url.holes and named is None:
            return self._variable(url)
        host, _, port = (named.group(1) if named is not None else url.host).partition(":")
        host = _NAMED_ENDPOINT.sub("", host)
        if host in _LOCAL:
            return self._local(host, port, caller)
        found = self._names.get(url.host) or self._names.get(host) or self._in_cluster(host)
        if found:
            return _among(self._nearest(self._deployed(found, host), caller), "host name", f"host `{host}`", host)
        if "." in host:
            return Target(external=host, rule="external host", reason=f"`{host}` is no service of the system")
        reason = f"no deployment file names a host `{host}`"
        return Target(status="unresolved", rule="unknown host", reason=reason, settles=url.host)

    def _in_cluster(self, host: str) -> set[str]:
        match = _CLUSTER.match(host)
        return self._names.get(match.group(1), set()) if match else set()

    def _deployed(self, found: set[str], host: str) -> set[str]:
        """Of several services the one that deployment names so, before those that only call themselves so."""
        named = {name for name in found if self._services.by_name[name].declared.lower() == host}
        return named if len(named) == 1 else found

    def _nearest(self, found: set[str], caller: str) -> set[str]:
        """Of several services of one name those deployed with the caller, else those of its repository."""
        known = self._services.by_name.get(caller)
        if len(found) < 2 or known is None:
            return found
        beside = {name for name in found if self._services.beside(caller, name)}
        here = {name for name in found if self._services.by_name[name].repositories & known.repositories}
        return beside or here or found

    def _local(self, host: str, port: str, caller: str) -> Target:
        found = self._names.get(f"{host}:{port}") or self._ports.get(port)
        if found:
            return _among(self._nearest(found, caller), "published port", f"port {port}", f"{host}:{port}")
        place = f"{host}:{port}" if port else host
        reason = f"no service is known to listen at {place}"
        return Target(status="unresolved", rule=UNKNOWN_PORT, reason=reason, settles=place)

    def _variable(self, url: Url) -> Target:
        keys = [h.env for h in url.holes if h.env]
        for key in keys:
            if key in self._variables:
                return _among(self._variables[key], "annotation", f"{key} is declared in testmesh.toml", key)
        for key in keys:
            found = self._by_variable_name(key)
            if found:
                target = _among(found, "variable name", f"{key} is set nowhere; its name suggests the service", key)
                first = sorted(found)[0]
                return Target(target.services, target.rule, "candidate", "", target.reason, key, first, variable=True)
        reason = "; ".join(dict.fromkeys(h.reason for h in url.holes))
        return Target(
            status="unresolved",
            rule="unknown host",
            reason=reason,
            settles=keys[0] if keys else "",
            variable=bool(keys),
        )

    def _by_variable_name(self, key: str) -> set[str]:
        stem = _ENDINGS.sub("", key.replace(".", "_").replace("-", "_").upper())
        return self._plain.get(_plain(stem), set())


def _among(found: Iterable[str], rule: str, reason: str, settles: str) -> Target:
    names = tuple(sorted(found))
    if len(names) == 1:
        return Target(names, rule, "resolved", "", f"{reason} is {names[0]}")
    return Target(names, rule, "candidate", "", f"{reason} is ambiguous: {', '.join(names)}", settles)


def _plain(name: str) -> str:
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"(service|svc|api|server)$", "", bare) or bare


def _literal(value: Value | None) -> str:
    if isinstance(value, Lit):
        return str(value.value)
    if isinstance(value, Concat):
        return "".join(_literal(p) for p in value.parts)
    return ""


def suggestion(target: Target) -> str:
    """The testmesh.toml lines that would settle a host.

    Args:
        target: what was found.
    """
    if not target.settles:
        return ""
    name = target.suggested or (target.services[0] if target.services else "NAME")
    host = f"${{{target.settles}}}" if target.variable else target.settles
    key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
    return f'[services.{key}]\nhosts = ["{host}"]'
