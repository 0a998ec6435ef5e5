"""Envoy's static configuration: routes of virtual hosts and where their clusters lead."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.gateways import Passed, below, of_expression, onto, replaced, without
from testmesh.guard.yaml import ListNode, MapNode, Node

_MOST = 100_000


def facts(source: SourceFile) -> Iterator[Fact]:
    """Routes.

    Args:
        source: the file.
    """
    if b"virtual_hosts" not in source.data or b"{{" in source.data:
        return
    roots, problems = deploy.documents(source)
    yield from problems
    for root in roots:
        clusters = {deploy.text(c.get("name")): a for c in _maps(root, "clusters") if (a := _address(c))}
        for virtual in _maps(root, "virtual_hosts"):
            domains = [deploy.text(d) for d in deploy.items(virtual.get("domains"))]
            host = domains[0].split(":")[0] if len(domains) == 1 and "*" not in domains[0] else ""
            for item in deploy.items(virtual.get("routes")):
                for passed in _passed(deploy.mapping(item), clusters, host):
                    yield Fact("route", passed.fields(""), deploy.at(source, item))


def _maps(root: Node, key: str) -> Iterator[dict[str, Node]]:
    """Maps in every list of that name, anywhere."""
    todo: list[Node] = [root]
    for _ in range(_MOST):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, ListNode):
            todo += reversed(node.items)
        elif isinstance(node, MapNode):
            for name, entry in reversed(node.entries.items()):
                todo.append(entry.value)
                if name == key:
                    yield from (deploy.mapping(i) for i in deploy.items(entry.value))


def _address(cluster: dict[str, Node]) -> str:
    """The first address of a cluster, in both spellings."""
    loads = deploy.items(deploy.mapping(cluster.get("load_assignment")).get("endpoints"))
    nested = [e for load in loads for e in deploy.items(deploy.mapping(load).get("lb_endpoints"))]
    found = [deploy.mapping(deploy.mapping(deploy.mapping(e).get("endpoint")).get("address")) for e in nested]
    found += [deploy.mapping(h) for h in deploy.items(cluster.get("hosts"))]
    for address in found:
        socket = deploy.mapping(address.get("socket_address"))
        host, port = deploy.text(socket.get("address")), deploy.text(socket.get("port_value"))
        if host:
            return f"{host}:{port}" if port else host
    return ""


def _passed(item: dict[str, Node], clusters: dict[str, str], host: str) -> Iterator[Passed]:
    match, route = deploy.mapping(item.get("match")), deploy.mapping(item.get("route"))
    weighted = deploy.items(deploy.mapping(route.get("weighted_clusters")).get("clusters"))
    named = [deploy.text(route.get("cluster")), *(deploy.text(deploy.mapping(w).get("name")) for w in weighted)]
    regex = deploy.text(deploy.mapping(match.get("safe_regex")).get("regex")) or deploy.text(match.get("regex"))
    prefix = deploy.text(match.get("prefix") or match.get("path_separated_prefix"))
    exact = deploy.text(match.get("path"))
    template = exact or (of_expression(regex) if regex else below(prefix))
    target = template
    if "prefix_rewrite" in route:
        rewrite = deploy.text(route["prefix_rewrite"])
        target = rewrite if exact else onto(without(template, prefix), rewrite)
    elif "regex_rewrite" in route:
        change = deploy.mapping(route["regex_rewrite"])
        pattern = deploy.text(deploy.mapping(change.get("pattern")).get("regex"))
        target = replaced(template, pattern, deploy.text(change.get("substitution")))
    for name in dict.fromkeys(n for n in named if n):
        yield Passed(template, clusters.get(name) or name, target, host=host)
