"""pydantic settings classes: each field is an environment variable with a default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Env, Fact, Location, Value
from scanners.idioms.code import Assign, Scope
from scanners.idioms.python_types import first_text

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode


def settings_facts(code: PyCode) -> Iterator[Fact]:
    """Bindings and environment reads of every settings class.

    Args:
        code: the file.
    """
    for scope in code.scopes:
        if scope.sort == "class" and any(b.rsplit(".", 1)[-1].endswith("Settings") for b in scope.bases):
            prefix = _prefix(code, scope)
            for assign in code.assigns:
                if assign.scope is scope and assign.annotation is not None:
                    yield from _field(code, assign, prefix)


def _prefix(code: PyCode, scope: Scope) -> str:
    for assign in code.assigns:
        inside = assign.scope is scope or assign.scope.parent is scope
        if inside and assign.target == "env_prefix":
            return code.string(assign.value)
        if inside and assign.target == "model_config" and assign.value is not None:
            return _configured(code, assign)
    return ""


def _configured(code: PyCode, assign: Assign) -> str:
    if assign.value is None:
        return ""
    site = code.site(assign.value)
    if site is not None:
        return code.string(site.arg(-1, "env_prefix"))
    for pair in assign.value.named_children:
        if pair.type == "pair" and code.string(pair.child_by_field_name("key")) == "env_prefix":
            return code.string(pair.child_by_field_name("value"))
    return ""


def _field(code: PyCode, assign: Assign, prefix: str) -> Iterator[Fact]:
    site = code.site(assign.value) if assign.value is not None else None
    default: Value | None = None
    name = f"{prefix}{assign.target}".upper()
    if site is not None and site.method == "Field":
        alias = first_text(code, site.arg(-1, "validation_alias", "alias", "env"))
        name = alias or name
        given = site.arg(0, "default")
        default = code.value(given, assign.scope) if given is not None and code.text(given) != "..." else None
    elif assign.value is not None:
        default = code.value(assign.value, assign.scope)
    where = Location(code.path, assign.line)
    env = Env(name, default)
    yield Fact(
        "binding", {"target": f"{assign.scope.name}.{assign.target}", "value": env, "scope": assign.scope.name}, where
    )
    read: dict[str, object] = {"symbol": assign.scope.name, "key": name}
    if default is not None:
        read["default"] = default
    yield Fact("config_read", read, where)
