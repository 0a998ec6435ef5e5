"""KrakenD: endpoints of the gateway and the backends that each of them asks."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.gateways import Passed


def facts(source: SourceFile) -> Iterator[Fact]:
    """Routes.

    Args:
        source: the file.
    """
    if b"endpoints" not in source.data:
        return
    roots, problems = deploy.documents(source)
    yield from problems
    for root in roots:
        body = deploy.mapping(root)
        shared = [deploy.text(h) for h in deploy.items(body.get("host"))]
        for item in deploy.items(body.get("endpoints")):
            served = deploy.mapping(item)
            for part in deploy.items(served.get("backend")):
                backend = deploy.mapping(part)
                hosts = [deploy.text(h) for h in deploy.items(backend.get("host"))] or shared
                method = deploy.text(served.get("method")).upper() or "GET"
                path, target = deploy.text(served.get("endpoint")), deploy.text(backend.get("url_pattern"))
                if hosts and hosts[0] and path:
                    passed = Passed(path, hosts[0].rstrip("/"), target.split("?", 1)[0] or "/", method)
                    yield Fact("route", passed.fields(""), deploy.at(source, part))
