"""Ocelot gateway configuration: which path leads to which service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms.dotnet_json import Lines, load, problem

_FILE = re.compile(r"(?i)(^|/)([\w.-]*ocelot[\w.-]*|configuration(\.[\w-]+)?)\.json$")
_PROFILE = re.compile(r"(?i)(?:ocelot|configuration)\.(?!global|services)([\w-]+)\.json$")
_LAST = re.compile(r"/\{(\w+)\}$")
_EVERY = 5
_KEYS = re.compile(r"(?i)(id|code|name|number|sku|slug|key|date|user|email)$")


class Ocelot:
    """ocelot.json."""

    name: str = "ocelot"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may hold Ocelot routes.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Gateway rules.

        Args:
            source: the file.
        """
        if b"UpstreamPathTemplate" not in source.data:
            return
        try:
            data = load(source)
        except ValueError as error:
            yield problem(source, error)
            return
        lines = Lines(source)
        for key in ("Routes", "ReRoutes"):
            listed = data.get(key) if isinstance(data, dict) else None
            for route in listed if isinstance(listed, list) else ():
                if isinstance(route, dict) and isinstance(route.get("UpstreamPathTemplate"), str):
                    yield from _route(source, route, lines.of("UpstreamPathTemplate"))


def _route(source: SourceFile, route: dict[str, Any], line: int) -> Iterator[Fact]:
    path, rest = _template(route["UpstreamPathTemplate"])
    target = str(route.get("DownstreamPathTemplate") or "")
    to_path = _LAST.sub("/**", target) if rest and target.endswith(f"/{{{rest}}}") else target
    given = route.get("UpstreamHttpMethod")
    listed = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    verbs = [str(m).upper() for m in listed if m]
    profile = _PROFILE.search(source.path)
    for to in _targets(route):
        for method in verbs if 0 < len(verbs) < _EVERY else [""]:
            fields: dict[str, object] = {"gateway": "", "path": path, "to": to, "to_path": to_path}
            fields |= {} if route.get("RouteIsCaseSensitive") is True else {"folded": True}
            if method:
                fields["method"] = method
            if profile is not None:
                fields["variant"] = profile[1]
            yield Fact("route", fields, Location(source.path, line))


def _template(path: str) -> tuple[str, str]:
    """A path whose last placeholder takes the rest, and that placeholder's name; a key takes one segment."""
    found = _LAST.search(path)
    if found is None or _KEYS.search(found[1]):
        return path, ""
    return _LAST.sub("/**", path), found[1]


def _targets(route: dict[str, Any]) -> list[str]:
    scheme = str(route.get("DownstreamScheme") or "http")
    if route.get("ServiceName"):
        return [f"lb://{route['ServiceName']}"]
    listed = route.get("DownstreamHostAndPorts")
    found = []
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and item.get("Host"):
            port = item.get("Port")
            found.append(f"{scheme}://{item['Host']}:{port}" if port else f"{scheme}://{item['Host']}")
    return found


MANIFEST = Ocelot()
