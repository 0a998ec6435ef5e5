"""Configuration that Python code itself sets: Django settings modules, Flask's ``app.config`` and config classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from graph.values import Config, Fact, Lit, Location, Unknown
from scanners.idioms.code import Assign, Scope
from scanners.idioms.python_config import SETTINGS

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_SETTINGS = (
    b"INSTALLED_APPS",
    b"ROOT_URLCONF",
    b"DATABASES",
    b"SECRET_KEY",
    b"from .base",
    b"from .settings",
    b"BASE_DIR",
)
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|PRIVATE_KEY|SALT")
_KEY = re.compile(r"^[A-Z][A-Z0-9_]+$")
_FLASK = re.compile(r"^(?:\w+\.)*config\.([A-Z][A-Z0-9_]+)$")
_PROFILES = re.compile(r"^(Dev\w*|Prod\w*|Test\w*|Stag\w*|Local)(Config|Settings)$")
_PATHS = ("dev", "prod", "test", "stag", "local", "ci")


class ConfigPy:
    """Settings in code."""

    name: str = "config_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (*_SETTINGS, b".config[", b"Config(", b"Config:", b"from_object", b"from_mapping")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Values given to configuration keys, and reads of keys.

        Args:
            parsed: a Python file.
        """
        if _is_settings(parsed):
            for assign in parsed.assigns:
                if assign.scope.sort == "module" and _KEY.match(assign.target):
                    yield from _given(parsed, assign, assign.target, _profile(basename(parsed.path)))
        for assign in parsed.assigns:
            named = _FLASK.match(assign.target)
            if named is not None and assign.how == "=":
                yield from _given(parsed, assign, named.group(1), "")
            elif assign.scope.sort == "class" and _is_config(parsed, assign.scope) and _KEY.match(assign.target):
                yield from _given(parsed, assign, assign.target, _class_profile(assign.scope))
        yield from _mapped(parsed)
        yield from _reads(parsed)


def _is_settings(code: PyCode) -> bool:
    """A Django settings module: by its name, and by what only settings have."""
    folders = code.path.rsplit("/", 2)
    named = "settings" in folders[-1] or (len(folders) > 1 and "settings" in folders[-2])
    return named and any(mark in code.data for mark in _SETTINGS)


def _is_config(code: PyCode, scope: Scope) -> bool:
    """A class handed to ``from_object``: called so, and without declared field types."""
    last = scope.name.rsplit(".", 1)[-1]
    plain = not any(b.rsplit(".", 1)[-1] in ("BaseSettings", "BaseModel", "AppConfig") for b in scope.bases)
    return plain and last.endswith("Config") and scope.parent is code.scopes[0]


def _profile(name: str) -> str:
    stem = name.removesuffix(".py").lower()
    return stem if stem.startswith(_PATHS) else ""


def _class_profile(scope: Scope) -> str:
    found = _PROFILES.match(scope.name)
    return found.group(1).lower() if found else ""


def _given(code: PyCode, assign: Assign, key: str, profile: str) -> Iterator[Fact]:
    value = code.value(assign.value, assign.scope) if assign.value is not None else Unknown("nothing given")
    if (isinstance(value, Lit) and not isinstance(value.value, str)) or (
        isinstance(value, Lit) and _SECRET.search(key)
    ):
        return
    if isinstance(value, Unknown) or value == Config(key):
        yield from _inner(code, assign.value, assign.scope, key)
        return
    fields: dict[str, object] = {"service": "", "key": key, "value": value}
    if profile:
        fields["profile"] = profile
    yield Fact("env_value", fields, Location(code.path, assign.line))


def _inner(code: PyCode, node: Node | None, scope: Scope, key: str) -> Iterator[Fact]:
    """``SERVICES = {"orders": "http://orders"}``: each entry is a key below."""
    if node is None or node.type != "dictionary":
        return
    for pair in node.named_children:
        name = code.string(pair.child_by_field_name("key")) if pair.type == "pair" else ""
        value = code.value(pair.child_by_field_name("value"), scope) if name else Unknown("")
        if not isinstance(value, Unknown):
            yield Fact("env_value", {"service": "", "key": f"{key}.{name}", "value": value}, code.at(pair))


def _mapped(code: PyCode) -> Iterator[Fact]:
    """``app.config.from_mapping(KEY=value)``, ``app.config.update(KEY=value)``."""
    for site in code.called("from_mapping", "update"):
        if site.receiver is None or not code.text(site.receiver).endswith("config"):
            continue
        for name, node in site.named.items():
            value = code.value(node, site.scope)
            if _KEY.match(name) and not isinstance(value, Unknown):
                fields = {"service": "", "key": name, "value": value}
                yield Fact("env_value", fields, Location(code.path, site.line))


def _attributes(code: PyCode, seen: set[tuple[str, str]]) -> Iterator[Fact]:
    """``settings.PAYMENTS_URL`` of Django."""
    local = next((i.local for i in code.all_imports if f"{i.module}.{i.name}" in SETTINGS), "")
    pattern = re.compile(rb"(?<![\w.])" + re.escape(local.encode()) + rb"\.([A-Z][A-Z0-9_]+)\b")
    for match in pattern.finditer(code.data) if local else ():
        scope = code.scope_at(match.start())
        key = match.group(1).decode()
        if (scope.name, key) not in seen:
            seen.add((scope.name, key))
            line = code.data.count(b"\n", 0, match.start()) + 1
            yield Fact("config_read", {"symbol": scope.name, "key": key}, Location(code.path, line))


def _reads(code: PyCode) -> Iterator[Fact]:
    """Keys of settings objects that functions read."""
    if b"django.conf" not in code.data and b"current_app" not in code.data and b"dynaconf" not in code.data:
        return
    found = [(n, s) for n, s in code.subscripts if n.parent is None or n.parent.type not in ("subscript", "attribute")]
    found += [(s.node, s.scope) for s in code.called("get", "getattr")]
    seen: set[tuple[str, str]] = set()
    yield from _attributes(code, seen)
    for node, scope in found:
        value = code.value(node, scope)
        if isinstance(value, Config) and (scope.name, value.key) not in seen:
            seen.add((scope.name, value.key))
            fields: dict[str, object] = {"symbol": scope.name, "key": value.key}
            if value.default is not None:
                fields["default"] = value.default
            yield Fact("config_read", fields, code.at(node))


PACK = ConfigPy()
