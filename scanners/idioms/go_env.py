"""Configuration structs of Go: env tags say which variables their fields are read from, and with which default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Config, Env, Fact, Lit, Value
from scanners.idioms.go_shapes import tags

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode
    from scanners.idioms.go_types import Member

_DEFAULTS = ("envDefault", "env-default", "default", "envdefault")
_FILES = (
    ("mapstructure", (b"viper", b"mapstructure")),
    ("koanf", (b"koanf",)),
    ("yaml", (b"cleanenv", b"env-default", b"env:", b"configor", b"yaml.Unmarshal", b"viper")),
    ("toml", (b"toml.Decode", b"toml.Unmarshal", b"cleanenv", b"configor")),
)
_DEPTH = 6


def struct_reads(code: GoCode) -> Iterator[Fact]:
    """Bindings and reads of struct fields that a library fills from the environment or a configuration file.

    Args:
        code: the file.
    """
    parents = _parents(code) if any(m.tag for m in code.fields) else {}
    for member in code.fields:
        if ":" not in member.tag:
            continue
        found = _read(code, member, parents)
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


def _read(code: GoCode, member: Member, parents: dict[str, tuple[str, ...]]) -> Env | Config | None:
    tag = tags(member.tag)
    default: Value | None = next((Lit(tag[name]) for name in _DEFAULTS if name in tag), None)
    name = (tag.get("env") or tag.get("envconfig") or "").split(",", 1)
    given = [p.partition("=")[2] for p in (name[1].split(",") if len(name) > 1 else ()) if p.startswith("default=")]
    if given:
        default = Lit(given[0])
    if name[0] and name[0] != "-":
        return Env(name[0], default)
    kind = next((k for k, marks in _FILES if k in tag and any(m in code.data for m in marks)), "")
    key = tag[kind].split(",", 1)[0].strip() if kind else ""
    made = code.types.get(f"{member.owner.name}.{member.name}", "")
    if not key or key == "-" or code.scope(made.lstrip("[]")) is not None:
        return None
    above = parents.get(member.owner.name, ())
    return Config(".".join((*above, key)), default)


def _parents(code: GoCode) -> dict[str, tuple[str, ...]]:
    """Keys in front of those of a struct that another struct holds: ``Http`` inside ``Config`` is ``http``."""
    held: dict[str, tuple[str, str]] = {}
    for member in code.fields:
        tag = tags(member.tag)
        kind = next((k for k, _ in _FILES if k in tag), "")
        made = code.types.get(f"{member.owner.name}.{member.name}", "")
        if kind and made and made != member.owner.name:
            held.setdefault(made, (member.owner.name, tag[kind].split(",", 1)[0]))
    found: dict[str, tuple[str, ...]] = {}
    for owner in held:
        keys: tuple[str, ...] = ()
        at = owner
        for _ in range(_DEPTH):
            if at not in held:
                break
            at, key = held[at]
            keys = (key, *keys) if key and key != ",squash" else keys
        found[owner] = keys
    return found
