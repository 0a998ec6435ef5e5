"""Configuration of Java services: application and bootstrap files of Spring, Quarkus, Micronaut, and config servers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace

from graph.facts import SourceFile
from graph.values import Concat, Config, Fact, Lit, Location, Unknown, Value
from scanners.idioms.java_noise import words
from scanners.idioms.java_values import spring
from scanners.idioms.spring_properties import BUILD, Property, Section, sections
from scanners.idioms.spring_routes import routes

_OWN = re.compile(
    r"(^|/)(application|bootstrap)(-[\w-]+)?\.(ya?ml|properties)$|(^|/)META-INF/microprofile-config[\w-]*\.properties$"
)
_SHARED = re.compile(
    r"(^|/)(config[-_]?repo(sitory)?|config[-_]?files|configs?|configuration|configurations|config[-_]?data"
    r"|central[-_]config\w*|cloud[-_]?configs?|shared|config[-_]server[-_]\w+|properties)/([\w.-]+/)?"
    r"([\w-]+)\.(ya?ml|properties)$",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"(?<=[^/])/(resources|config|conf)$")
_ROUTE = re.compile(r"spring\.cloud\.gateway\.[\w.]*routes\b")
_SPRING = words("spring server eureka management zuul feign ribbon hystrix security logging info")
_NAMES = ("spring.application.name", "quarkus.application.name", "micronaut.application.name")
_PORTS = ("server.port", "quarkus.http.port", "micronaut.server.port")
_PREFIXES = (
    "server.servlet.context-path",
    "server.context-path",
    "spring.webflux.base-path",
    "quarkus.http.root-path",
    "micronaut.server.context-path",
    "server.contextPath",
    "spring.mvc.servlet.path",
)
_SERVER = "config server"
_PROFILES = words(
    """dev development prod production test local docker staging stage qa uat int default native cloud k8s kubernetes
    sit pre preprod aws azure gcp ci demo peer1 peer2"""
)


class SpringConfig:
    """Application and bootstrap files."""

    name: str = "spring_config"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be a service's configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_OWN.search(path) or _SHARED.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Values, the name the service registers under, gateway rules.

        Args:
            source: the file.
        """
        found, problems = sections(source)
        shared = served_by_config_server(source.path)
        if not _OWN.search(source.path):
            words = {p.key.partition(".")[0] for s in found for p in s.properties}
            if not words & _SPRING:
                return
        yield from problems
        service = _service_of(source.path) if shared else ""
        profile = _profiled(source.path)[1] if shared else ""
        found = [replace(s, profile=s.profile or profile) for s in found]
        for section in found:
            yield from _values(source, section, service, shared=shared)
            yield from _registers(source, section, service, shared=shared)
            yield from _asks_as(source, section, shared=shared)
            if not shared:
                yield from _actuator(source, section)
            for fact in routes(source.path, section):
                yield Fact("route", {**fact.fields, "gateway": service}, fact.at) if service else fact


def served_by_config_server(path: str) -> bool:
    """Whether a file lies in a folder a Spring Cloud Config server hands out to all services.

    Args:
        path: relative to the repository.
    """
    match = _SHARED.search(path)
    if match is None:
        return False
    name = posixpath.basename(path).rsplit(".", 1)[0]
    own = re.match(r"(application|bootstrap)", name) is not None
    folder = match.group(2).lower()
    if not own:
        return True
    return folder == "shared" or ("repo" in folder) or "server" in folder or "central" in folder


def _service_of(path: str) -> str:
    """The service a config server's file is for, empty when it is for all of them."""
    name = _profiled(path)[0]
    return "" if name in ("application", "bootstrap") else name


def _profiled(path: str) -> tuple[str, str]:
    """A config server's file name as application and profile, where the profile is one of the usual names."""
    name = posixpath.basename(path).rsplit(".", 1)[0]
    if re.match(r"(application|bootstrap)-", name):
        return name.partition("-")[0], name.partition("-")[2]
    head, _, tail = name.rpartition("-")
    return (head, tail) if head and tail.lower() in _PROFILES else (name, "")


def value_of(text: str) -> Value:
    """A property's text as a Value; what the build fills in is unknown.

    Args:
        text: as written.
    """
    if BUILD not in text:
        return spring(text, expression=False)
    parts: list[Value] = []
    for index, piece in enumerate(text.split(BUILD)):
        parts += [Unknown("filled in by the build")] if index else []
        parts += [spring(piece, expression=False)] if piece else []
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


def _values(source: SourceFile, section: Section, service: str, *, shared: bool) -> Iterator[Fact]:
    for item in section.properties:
        if item.key.startswith(("logging.", "zuul.routes.")) or _ROUTE.match(item.key):
            continue
        fields: dict[str, object] = {"service": service, "key": item.key, "value": value_of(item.text)}
        if shared:
            fields["source"] = _SERVER
        if section.profile:
            fields["profile"] = section.profile
        yield Fact("env_value", fields, Location(source.path, item.line))


def _plain(item: Property | None) -> str:
    """The text of a property, or the default of the placeholder it is."""
    if item is None:
        return ""
    value = value_of(item.text)
    if isinstance(value, Config):
        value = value.default if value.default is not None else Lit("")
    return str(value.value) if isinstance(value, Lit) else ""


def _asks_as(source: SourceFile, section: Section, *, shared: bool) -> Iterator[Fact]:
    """The names under which a service asks a config server for its values, when they are not its own."""
    item = section.find("spring.cloud.config.name")
    for name in _plain(item).split(",") if item is not None and not shared else ():
        fields = {"root": root_of(source.path), "name": name.strip(), "ports": (), "prefix": ""}
        if name.strip():
            yield Fact("registers", fields, Location(source.path, item.line if item is not None else 1))


def _registers(source: SourceFile, section: Section, service: str, *, shared: bool) -> Iterator[Fact]:
    name, port, prefix = section.find(*_NAMES), section.find(*_PORTS), section.find(*_PREFIXES)
    if (name is None and port is None and prefix is None) or (shared and not service):
        return
    first = next(p for p in (name, port, prefix) if p is not None)
    number = _plain(port)
    fields: dict[str, object] = {
        "root": "" if shared else root_of(source.path),
        "name": _plain(name) or service,
        "ports": (number,) if number.isdigit() and number != "0" else (),
        "prefix": _plain(prefix).rstrip("/"),
    }
    if shared:
        fields["source"] = _SERVER
    if section.profile:
        fields["profile"] = section.profile
    yield Fact("registers", fields, Location(source.path, first.line))


def _actuator(source: SourceFile, section: Section) -> Iterator[Fact]:
    """Operational endpoints that configuration exposes."""
    item = section.find("management.endpoints.web.exposure.include")
    names = [p for rows in section.below("management.endpoints.web.exposure.include").values() for p in rows]
    listed = [part.strip() for part in item.text.split(",")] if item is not None else [p.text for p in names]
    base = section.get("management.endpoints.web.base-path") or "/actuator"
    for name in dict.fromkeys(listed):
        path = f"{base.rstrip('/')}/{'{endpoint}' if name == '*' else name}"
        line = item.line if item is not None else names[0].line
        fields = {"protocol": "http", "method": "GET", "path": Lit(path), "handler": "", "framework": "spring_config"}
        yield Fact("endpoint", {**fields, "operational": True}, Location(source.path, line))


def root_of(path: str) -> str:
    """The folder of the service whose configuration a file is.

    Args:
        path: relative to the repository.
    """
    folder = posixpath.dirname(path)
    if "src/main/" in f"{folder}/":
        return f"/{folder}/".partition("/src/main/")[0].strip("/")
    return _BESIDE.sub("", folder)


MANIFEST = SpringConfig()
