"""Configuration structs of Go: env tags say which variables their fields are read from, and with which default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Env, Fact, Lit, Value
from scanners.idioms.go_shapes import tags

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode
    from scanners.idioms.go_types import Member

_DEFAULTS = ("envDefault", "env-default", "default", "envdefault")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def struct_reads(code: GoCode) -> Iterator[Fact]:
    """Bindings and reads of struct fields that a library fills from the environment or a configuration file.

    Args:
        code: the file.
    """
    for member in code.fields:
        if ":" not in member.tag:
            continue
        found = _read(code, member)
        if found is None:
            continue
        where = code.at(member.node)
        target = f"{member.owner.name}.{member.name}"
        yield Fact("binding", {"target": target, "value": found, "scope": ""}, where)
        key = found.name if isinstance(found, Env) else found.key
        fields: dict[str, object] = {"symbol": member.owner.name, "key": key}
        if found.default is not None:
            fields["default"] = found.default
        yield Fact("config_read", fields, where)


def _read(code: GoCode, member: Member) -> Env | Config | None:
    tag = tags(member.tag)
    default: Value | None = next((Lit(tag[name]) for name in _DEFAULTS if name in tag), None)
    name = (tag.get("env") or tag.get("envconfig") or "").split(",", 1)
    given = [p.partition("=")[2] for p in (name[1].split(",") if len(name) > 1 else ()) if p.startswith("default=")]
    if given:
        default = Lit(given[0])
    if name[0] and name[0] != "-":
        return Env(name[0], default)
    if "mapstructure" in tag and b"viper" in code.data:
        key = tag["mapstructure"].split(",", 1)[0]
        return Config(key, default) if key and key not in ("-",) and key.strip() else None
    return None


__all__ = ["struct_reads"]
