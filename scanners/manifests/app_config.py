"""Configuration files that programs read themselves (viper, koanf, cleanenv and the like): their values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from posixpath import dirname

from graph.facts import SourceFile
from graph.values import Concat, Env, Fact, Lit, Location, Value
from scanners.idioms.spring_properties import sections

_FILE = re.compile(
    r"(^|/)((configs?|conf|cfg|etc)/([\w-]+/)?(?!application|bootstrap)[\w.-]+|(config|conf|app\.config|settings)([._-][\w-]+)?)\.(ya?ml|toml)$"
)
_FOREIGN = (
    "apiVersion",
    "kind",
    "openapi",
    "swagger",
    "asyncapi",
    "spring",
    "services",
    "scrape_configs",
    "receivers",
    "static_resources",
    "on",
    "jobs",
    "resources",
    "provider",
    "version",
)
_VARIANT = re.compile(
    r"(?:^|[._-])(local|docker|dev|development|prod|production|staging|stage|k8s|kubernetes|release)$"
)
_TESTS = re.compile(r"(?:^|[._-])(test|testing|ci|example|sample|template)$")
_PLACE = re.compile(r"\$\{(\w+)(?::-?([^}$]*))?\}|\$(\w+)")
_MOST = 2_000
_DEPTH = 20


class AppConfig:
    """config.yaml, configs/dev.toml and the like."""

    name: str = "app_config"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path looks like a program's own configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path)) and not _TESTS.search(_stem(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Values by dotted key; a file of another format says nothing here.

        Args:
            source: the file.
        """
        rows = list(_toml(source) if source.path.endswith(".toml") else _yaml(source))
        heads = {key.split(".", 1)[0] for key, _, _ in rows}
        if heads & set(_FOREIGN):
            return
        named = {key: text for key, text, _ in rows if key in ("Name", "Host", "Port", "ListenOn")}
        program = "Name" in named and ("ListenOn" in named or {"Host", "Port"} <= set(named))
        if program:
            yield _registers(source.path, named)
        elif source.path.split("/")[-2:-1] == ["etc"]:
            return
        variant = _VARIANT.search(_stem(source.path))
        for key, text, line in rows[:_MOST]:
            if not text or "[" in key:
                continue
            fields: dict[str, object] = {"service": "", "key": key, "value": _value(text)}
            if variant is not None:
                fields["variant"] = variant.group(1)
            yield Fact("env_value", fields, Location(source.path, line))


def _registers(path: str, named: Mapping[str, str]) -> Fact:
    """The name and port of a go-zero program: ``Name: order-api`` in its ``etc`` folder."""
    port = named.get("Port") or named.get("ListenOn", "").rpartition(":")[2]
    fields = {"root": dirname(dirname(path)), "name": named["Name"], "ports": (port,) if port.isdigit() else ()}
    return Fact("registers", fields, Location(path, 1))


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _yaml(source: SourceFile) -> Iterator[tuple[str, str, int]]:
    found, _ = sections(source)
    for section in found[:1]:
        for item in section.properties:
            yield item.key, item.text, item.line


def _toml(source: SourceFile) -> Iterator[tuple[str, str, int]]:
    text = source.data.decode("utf-8", "replace")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for key, value in _flat(data, "", _DEPTH):
        last = re.escape(key.rpartition(".")[2])
        match = re.search(rf"(?m)^\s*[\"']?{last}[\"']?\s*=", text)
        yield key, value, text.count("\n", 0, match.start()) + 1 if match else 1


def _flat(data: Mapping[str, object], prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict) and depth > 0:
            yield from _flat(value, name, depth - 1)
        elif isinstance(value, str | int | float):
            yield name, str(value)


def _value(text: str) -> Value:
    """A text in which ``${NAME}`` is an environment variable."""
    parts: list[Value] = []
    at = 0
    for match in _PLACE.finditer(text):
        parts += [Lit(text[at : match.start()])] if match.start() > at else []
        default = Lit(match.group(2)) if match.group(2) else None
        parts.append(Env(match.group(1) or match.group(3), default))
        at = match.end()
    parts += [Lit(text[at:])] if at < len(text) else []
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


MANIFEST = AppConfig()
