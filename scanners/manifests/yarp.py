"""YARP reverse proxy configuration in settings files: which path leads to which cluster, and its destinations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import cs_clients
from scanners.idioms.dotnet_json import Lines, load, problem

_FILE = re.compile(r"(?i)(^|/)[\w.-]*(appsettings|yarp|reverse-?proxy|gateway|proxy)[\w.-]*\.json$")
_PROFILE = re.compile(r"(?i)(?:appsettings|yarp)\.([\w-]+)\.json$")


class Yarp:
    """The ``ReverseProxy`` section."""

    name: str = "yarp"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may hold a ReverseProxy section.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Gateway rules.

        Args:
            source: the file.
        """
        if b"Clusters" not in source.data or b"Routes" not in source.data:
            return
        try:
            data = load(source)
        except ValueError as error:
            yield problem(source, error)
            return
        lines = Lines(source)
        for section in _sections(data):
            clusters = _destinations(section.get("Clusters"))
            routes = section.get("Routes")
            named = routes.items() if isinstance(routes, dict) else ()
            for name, route in named:
                if isinstance(route, dict):
                    yield from _route(source, route, clusters, lines.of(str(name)))


def _sections(data: Any) -> Iterator[dict[str, Any]]:
    """``ReverseProxy``, wherever it stands in the first levels, or a document that is nothing else."""
    if not isinstance(data, dict):
        return
    for value in (data, *data.values()):
        if (
            isinstance(value, dict)
            and isinstance(value.get("Routes"), dict)
            and isinstance(value.get("Clusters"), dict)
        ):
            yield value


def _destinations(clusters: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, cluster in clusters.items() if isinstance(clusters, dict) else ():
        listed = cluster.get("Destinations") if isinstance(cluster, dict) else None
        for item in listed.values() if isinstance(listed, dict) else ():
            if isinstance(item, dict) and item.get("Address"):
                found.setdefault(str(name), []).append(str(item["Address"]).rstrip("/"))
    return found


def _route(source: SourceFile, route: dict[str, Any], clusters: dict[str, list[str]], line: int) -> Iterator[Fact]:
    match = route.get("Match")
    path = match.get("Path") if isinstance(match, dict) else None
    shown = cs_clients.rest("/" + str(path).removeprefix("/")) if path else "/**"
    methods = match.get("Methods") if isinstance(match, dict) else None
    transforms = route.get("Transforms")
    to_path = transformed(shown, transforms if isinstance(transforms, list) else [])
    profile = _PROFILE.search(source.path)
    for to in clusters.get(str(route.get("ClusterId")), ()):
        for method in [str(m).upper() for m in methods] if isinstance(methods, list) and methods else [""]:
            fields: dict[str, object] = {"gateway": "", "path": shown, "to": to, "folded": True}
            if to_path:
                fields["to_path"] = to_path
            if method:
                fields["method"] = method
            if profile is not None:
                fields["variant"] = profile[1]
            yield Fact("route", fields, Location(source.path, line))


def transformed(path: str, transforms: list[Any]) -> str:
    """What a route's transforms make of its path, empty when they leave it.

    Args:
        path: of the route.
        transforms: as configured.
    """
    target = path
    for item in transforms:
        if not isinstance(item, dict):
            continue
        if "PathRemovePrefix" in item:
            prefix = "/" + str(item["PathRemovePrefix"]).strip("/")
            target = (target.removeprefix(prefix) or "/") if target.startswith(prefix) else target
        elif "PathPrefix" in item:
            target = ("/" + str(item["PathPrefix"]).strip("/")).rstrip("/") + target
        elif "PathPattern" in item or "PathSet" in item:
            target = cs_clients.rest(str(item.get("PathPattern") or item.get("PathSet")))
    return target if target != path else ""


MANIFEST = Yarp()
