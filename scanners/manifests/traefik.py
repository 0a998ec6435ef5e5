"""Traefik's dynamic configuration in files: routers, middlewares and where services lead."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import deploy
from scanners.idioms.gateways import REST, Passed, traefik_rule, traefik_target
from testmesh.guard.yaml import plain

_MARKS = (b"routers", b"rule")


class Traefik:
    """Files of Traefik's file provider."""

    name: str = "traefik"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml", ".toml"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        if not all(mark in source.data for mark in _MARKS):
            return
        text = source.data.decode("utf-8", "replace")
        if source.path.endswith(".toml"):
            try:
                found: list[object] = [tomllib.loads(text)]
            except (tomllib.TOMLDecodeError, RecursionError) as error:
                if "[http.routers" in text:
                    fields = {"rule": "toml/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
                    at = re.search(r"at line (\d+)", str(error))
                    yield Fact("problem", fields, Location(source.path, int(at[1]) if at else 1))
                return
        else:
            found = [plain(root) for root in deploy.documents(source)[0]]
        for document in found:
            http = _map(_map(document).get("http"))
            for name, router in _map(http.get("routers")).items():
                yield from _router(source, text, (str(name), _map(router)), http)


def _router(source: SourceFile, text: str, named: tuple[str, dict[str, Any]], http: dict[str, Any]) -> Iterator[Fact]:
    name, router = named
    rule = traefik_rule(str(router.get("rule", "")))
    known = _map(http.get("middlewares"))
    used = router.get("middlewares")
    chain = [
        (str(sort).lower(), {str(k).lower(): v for k, v in _map(options).items()})
        for item in (used if isinstance(used, list) else ())
        for sort, options in _map(known.get(str(item).split("@")[0])).items()
    ]
    service = str(router.get("service", "")).split("@")[0]
    balancer = _map(_map(_map(http.get("services")).get(service)).get("loadBalancer"))
    servers = balancer.get("servers")
    urls = [str(_map(s).get("url", "")) for s in (servers if isinstance(servers, list) else ())]
    to = urls[0].rstrip("/") if urls and urls[0] else service
    host = rule.hosts[0] if len(rule.hosts) == 1 else ""
    if to and not to.startswith(("api", "dashboard", "noop")):
        for path in rule.paths or ((REST,) if rule.hosts else ()):
            passed = Passed(path, to, traefik_target(path, chain), rule.method, host)
            yield Fact("route", passed.fields(""), Location(source.path, _line(text, name)))


def _line(text: str, name: str) -> int:
    for written in (f"{name}:", f"routers.{name}]", f'"{name}"'):
        at = text.find(written)
        if at >= 0:
            return text.count("\n", 0, at) + 1
    return 1


def _map(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


MANIFEST = Traefik()
