"""Configuration in Java code: injected values, classes and interfaces bound to keys, reads of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Call, Concat, Config, Env, Fact, Lit, Location, Name, Unknown, Value
from scanners.idioms.java import Mark, Member
from scanners.idioms.java_scopes import apart
from scanners.idioms.java_shapes import qualified, snake
from scanners.idioms.java_values import configured

if TYPE_CHECKING:
    from scanners.idioms.java import JavaCode


def injected(code: JavaCode) -> Iterator[Fact]:
    """Fields and enum constants whose value an annotation or a constructor call gives, and configuration classes.

    Args:
        code: the file.
    """
    for name, member in code.members.items():
        mark = member.mark("Value", "ConfigProperty", "Property")
        if mark is not None and mark.args:
            value = configured(code, mark.name, dict(mark.args), member.scope)
            fields = {"target": apart(code, name), "value": value, "scope": member.scope.name}
            yield Fact("binding", fields, code.at(member.node))
        elif member.type is None and member.value is not None:
            listed = member.value.child_by_field_name("arguments")
            args = tuple(code.value(n, member.scope) for n in listed.named_children) if listed is not None else ()
            value = Call(Name(member.scope.name), args)
            fields = {"target": name, "value": value, "scope": member.scope.name}
            yield Fact("binding", fields, code.at(member.node))
    for mark in code.marks.get("ConfigurationProperties", ()):
        yield from _properties(code, mark)
    for mark in code.marks.get("ConfigMapping", ()):
        yield from _mapped(code, mark.scope.name, code.string(mark.arg("prefix")), 4)


def _properties(code: JavaCode, mark: Mark) -> Iterator[Fact]:
    """Fields of a class bound to configuration keys under a prefix, nested classes of the file included."""
    prefix = code.string(mark.arg("prefix", "value"))
    for key, name, member in _bound(code, mark.scope.name, prefix, 4):
        default = code.value(member.value, member.scope) if member.value is not None else None
        known = default if not isinstance(default, Unknown | Call) else None
        fields = {"target": apart(code, name), "value": Config(key, known), "scope": member.scope.name}
        yield Fact("binding", fields, code.at(member.node))
        yield Fact("config_read", {"symbol": member.scope.name, "key": key}, code.at(member.node))


def _bound(code: JavaCode, owner: str, prefix: str, depth: int) -> Iterator[tuple[str, str, Member]]:
    for name, member in code.members.items():
        if member.scope.name != owner or member.static or member.type is None:
            continue
        key = ".".join(p for p in (prefix, snake(member.name).replace("_", "-")) if p)
        inner = qualified(code, code.type_text(member.type), member.node.start_byte)
        if inner in code.type_nodes and depth > 0 and code.type_nodes[inner].type != "enum_declaration":
            yield from _bound(code, inner, key, depth - 1)
        else:
            yield key, name, member


def _mapped(code: JavaCode, owner: str, prefix: str, depth: int) -> Iterator[Fact]:
    """Methods of a ``@ConfigMapping`` interface return the configuration under their names."""
    for name, scopes in code.method_names.items():
        if name.rpartition(".")[0] != owner or scopes[0].params:
            continue
        method = scopes[0]
        marks = {m.name: code.string(m.arg("value")) for m in code.on.get(method.name, ())}
        part = marks.get("WithName") or snake(name.rpartition(".")[2]).replace("_", "-")
        key = f"{prefix}.{part}" if prefix else part
        declared = method.node.child_by_field_name("type")
        inner = qualified(code, code.type_text(declared), method.node.start_byte)
        if inner in code.type_nodes and depth > 0:
            yield from _mapped(code, inner, key, depth - 1)
            yield Fact("returns", {"symbol": method.name, "value": Call(Name(inner))}, code.at(method.node))
            continue
        default = Lit(marks["WithDefault"]) if marks.get("WithDefault") else None
        yield Fact("returns", {"symbol": method.name, "value": Config(key, default)}, code.at(method.node))
        yield Fact("config_read", {"symbol": method.name, "key": key}, code.at(method.node))


def config_reads(code: JavaCode) -> Iterator[Fact]:
    """Reads of environment variables and configuration keys.

    Args:
        code: the file.
    """
    seen: set[tuple[int, str]] = set()
    for site in code.calls:
        if site.method in ("getenv", "getProperty", "getRequiredProperty"):
            yield from _reads(code.value(site.node, site.scope), site.scope.name, code.at(site.node), seen)
    for mark in (m for n in ("Value", "ConfigProperty") for m in code.marks.get(n, ())):
        if mark.args:
            value = configured(code, mark.name, dict(mark.args), mark.scope)
            yield from _reads(value, mark.scope.name, code.at(mark.node), seen)


def _reads(value: Value, symbol: str, where: Location, seen: set[tuple[int, str]]) -> Iterator[Fact]:
    parts = value.parts if isinstance(value, Concat) else (value,)
    for part in parts:
        if isinstance(part, Env | Config):
            key = part.name if isinstance(part, Env) else part.key
            if (where.line, key) in seen:
                continue
            seen.add((where.line, key))
            fields: dict[str, object] = {"symbol": symbol, "key": key}
            if part.default is not None:
                fields["default"] = part.default
            yield Fact("config_read", fields, where)
