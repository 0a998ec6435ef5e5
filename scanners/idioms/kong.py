"""Kong's declarative configuration: services with the routes that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.gateways import REST, Passed, below, of_expression, onto, without
from testmesh.guard.yaml import Node


def facts(source: SourceFile) -> Iterator[Fact]:
    """Routes.

    Args:
        source: the file.
    """
    if b"_format_version" not in source.data:
        return
    roots, problems = deploy.documents(source)
    yield from problems
    for root in roots:
        body = deploy.mapping(root)
        services = [deploy.mapping(s) for s in deploy.items(body.get("services"))]
        upstreams = {
            deploy.text(u.get("name")): _target(u) for u in map(deploy.mapping, deploy.items(body.get("upstreams")))
        }
        for service in services:
            for item in deploy.items(service.get("routes")):
                yield from _routes(source, item, _where(service, upstreams))
        named = {deploy.text(s.get("name")): s for s in services}
        for item in deploy.items(body.get("routes")):
            reference = deploy.mapping(item).get("service")
            name = deploy.text(deploy.mapping(reference).get("name")) or deploy.text(reference)
            if name in named:
                yield from _routes(source, item, _where(named[name], upstreams))


def _target(upstream: dict[str, Node]) -> str:
    targets = deploy.items(upstream.get("targets"))
    return deploy.text(deploy.mapping(targets[0]).get("target")) if targets else ""


def _where(service: dict[str, Node], upstreams: dict[str, str]) -> tuple[str, str]:
    """Host with port, and the path every request gets in front."""
    url = deploy.filled(deploy.text(service.get("url")))
    if url:
        host, _, path = url.split("://", 1)[-1].partition("/")
        return upstreams.get(host) or host, urlsplit(f"//x/{path}").path.rstrip("/")
    host, port = deploy.text(service.get("host")), deploy.text(service.get("port"))
    known = upstreams.get(host) or (f"{host}:{port}" if port else host)
    return known, deploy.text(service.get("path")).rstrip("/")


def _routes(source: SourceFile, item: Node, where: tuple[str, str]) -> Iterator[Fact]:
    to, prefix = where
    body = deploy.mapping(item)
    methods = [deploy.text(m).upper() for m in deploy.items(body.get("methods"))]
    hosts = [deploy.text(h) for h in deploy.items(body.get("hosts"))]
    strips = deploy.text(body.get("strip_path")) != "false"
    paths = [deploy.text(p) for p in deploy.items(body.get("paths"))] or ([""] if hosts else [])
    for path in paths if to else ():
        template = of_expression(path[1:]) if path.startswith("~") else below(path)
        rest = without(template, template.removesuffix(REST)) if strips and template.endswith(REST) else template
        rest = "/" if strips and not template.endswith(REST) else rest
        host = hosts[0] if len(hosts) == 1 else ""
        for method in methods if 0 < len(methods) < 5 else [""]:
            yield Fact(
                "route", Passed(template, to, onto(rest, prefix), method, host).fields(""), deploy.at(source, item)
            )
