"""What settings say about who talks to whom, where code could not be read: a loose end that no code shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from graph.queries.impact.world import World
from graph.schema import Node

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_ADDRESS = re.compile(rf"^\s*(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?({_HOST.pattern})(?::\d+)?(?:/[^\s]*)?\s*$")
_LONGEST = 2048


def named_unasked(world: World) -> Mapping[str, list[tuple[Node, str]]]:
    """By service: the services a setting tells its address, though no request of theirs that goes there is known.

    Args:
        world: both revisions.
    """
    if world.unasked is None:
        world.unasked = {}
        asked = set(_asked(world))
        for asking, setting, named in _named(world):
            if (asking.key[0], named) not in asked:
                world.unasked.setdefault(named, []).append((asking, setting))
    return world.unasked


def unasked_by(world: World, asking: Node) -> Iterator[tuple[str, str]]:
    """The services a service is told of, with the setting that does, though no request that goes there is known.

    Args:
        world: both revisions.
        asking: a Service.
    """
    for named, told in named_unasked(world).items():
        yield from ((named, setting) for service, setting in told if service.uid == asking.uid)


def operations(world: World, service: str) -> list[Node]:
    """The operations a service answers.

    Args:
        world: both revisions.
        service: its name.
    """
    return [node for node in world.of("Endpoint") if node.key[0] == service]


def told_of(world: World, hosts: Iterable[str]) -> list[Node]:
    """The services of which a setting names one of these hosts.

    Args:
        world: both revisions.
        hosts: names, with or without port.
    """
    names = "|".join(sorted({re.escape(host.partition(":")[0]) for host in hosts if host}))
    named = re.compile(rf"(?i)(?<![\w.-])(?:{names})(?![\w-])") if names else None
    told = {c.key[0] for c in world.of("Config") if named and named.search(str(c.props.get("value") or "")[:_LONGEST])}
    return [s for s in world.of("Service") if s.key[0] in told and s.props.get("sort") != "infrastructure"]


def _named(world: World) -> Iterator[tuple[Node, str, str]]:
    services = {s.key[0]: s for s in world.of("Service") if s.props.get("sort") != "infrastructure"}
    hosts: dict[str, str] = {}
    for service in services.values():
        for host in service.props.get("hosts") or ():
            hosts.setdefault(str(host).partition(":")[0].lower(), service.key[0])
    for config in world.of("Config"):
        asking, named = services.get(config.key[0]), hosts.get(_host(str(config.props.get("value") or "")))
        if asking is not None and named is not None and named != asking.key[0]:
            yield asking, config.label, named


def _host(value: str) -> str:
    """The host of an address, with or without scheme and port; empty for what is none."""
    found = _ADDRESS.match(value[:_LONGEST])
    return found.group(1).lower() if found else ""


def _asked(world: World) -> Iterator[tuple[str, str]]:
    """(service, service) of every request and gateway rule, the ones included whose operation is not known."""
    for kind in ("CALLS", "ROUTES_TO"):
        for target in (*world.of("Endpoint"), *world.of("Unresolved")):
            named = target.key[0] if target.kind == "Endpoint" else str(target.props.get("service") or "")
            for _, source in world.back(target.uid, kind) if named else ():
                owners = [source.key[0]] if source.kind in ("Endpoint", "Service") else []
                yield from ((name, named) for name in owners or [s.key[0] for s in world.services(source.uid)])


def is_silent(world: World, service: Node) -> bool:
    """Whether a deployed service answers, asks, sends and writes nothing that any scanner saw.

    Args:
        world: both revisions.
        service: a Service.
    """
    if service.uid not in world.silent:
        owned = [far for _, far in world.out(service.uid, "OWNS")]
        answers = any(far.kind == "Endpoint" for far in owned)
        world.silent[service.uid] = not answers and not any(is_heard(world, far) for far in (service, *owned))
    return world.silent[service.uid]


def is_heard(world: World, node: Node) -> bool:
    """Whether something asks, sends or writes anything outside its own code.

    Args:
        world: both revisions.
        node: a Service or a Symbol.
    """
    reached = world.out(node.uid, "CALLS", "PUBLISHES", "WRITES")
    return any(far.kind != "Symbol" for _, far in reached)
