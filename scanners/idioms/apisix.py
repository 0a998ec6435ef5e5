"""APISIX's standalone configuration: routes with the upstreams they lead to."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.gateways import REST, Passed, below, replaced
from testmesh.guard.yaml import MapNode, Node


def facts(source: SourceFile) -> Iterator[Fact]:
    """Routes.

    Args:
        source: the file.
    """
    if b"routes:" not in source.data or b"upstream" not in source.data:
        return
    roots, problems = deploy.documents(source)
    yield from problems
    for root in roots:
        body = deploy.mapping(root)
        upstreams = {deploy.text(u.get("id")): u for u in map(deploy.mapping, deploy.items(body.get("upstreams")))}
        services = {deploy.text(s.get("id")): s for s in map(deploy.mapping, deploy.items(body.get("services")))}
        for item in deploy.items(body.get("routes")):
            route = deploy.mapping(item)
            holder = route if {"upstream", "upstream_id"} & route.keys() else {}
            holder = holder or services.get(deploy.text(route.get("service_id")), {})
            upstream = deploy.mapping(holder.get("upstream")) or upstreams.get(
                deploy.text(holder.get("upstream_id")), {}
            )
            for passed in _passed(route, _nodes(upstream)):
                yield Fact("route", passed.fields(""), deploy.at(source, item))


def _nodes(upstream: dict[str, Node]) -> list[str]:
    """Addresses of an upstream: weights by address, or hosts with ports."""
    nodes = upstream.get("nodes")
    if isinstance(nodes, MapNode):
        return list(nodes.entries)
    listed = [deploy.mapping(n) for n in deploy.items(nodes)]
    found = [f"{deploy.text(n.get('host'))}:{deploy.text(n.get('port'))}".rstrip(":") for n in listed]
    named = deploy.text(upstream.get("service_name"))
    return [f for f in found if f] or ([named] if named else [])


def _passed(route: dict[str, Node], nodes: list[str]) -> Iterator[Passed]:
    """One target a route; upstreams of different services behind one path balance nothing and are all named."""
    written = [deploy.text(u) for u in deploy.items(route.get("uris"))] or [deploy.text(route.get("uri"))]
    methods = [deploy.text(m).upper() for m in deploy.items(route.get("methods"))]
    hosts = [deploy.text(h) for h in deploy.items(route.get("hosts"))] or [deploy.text(route.get("host"))]
    rewrite = deploy.mapping(deploy.mapping(route.get("plugins")).get("proxy-rewrite"))
    for path in written if nodes else []:
        template = below(path.rstrip("*")) if path.endswith("*") else path
        pair = [deploy.text(p) for p in deploy.items(rewrite.get("regex_uri"))]
        target = deploy.text(rewrite.get("uri")) or template
        target = replaced(template, pair[0], pair[1]) if len(pair) == 2 else target
        different = dict.fromkeys(n.split(":")[0] for n in nodes)
        chosen = [next(n for n in nodes if n.split(":")[0] == name) for name in different]
        host = hosts[0] if len(hosts) == 1 else ""
        for to in chosen if template else []:
            for method in methods if 0 < len(methods) < 5 else [""]:
                yield Passed(template or REST, to, target, method, host)
