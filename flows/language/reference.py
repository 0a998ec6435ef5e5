"""The reference of step actions, written from what each action declares, so that it cannot tell another story."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from flows.language.catalogue import ActionSpec, Alias, always, never
from flows.language.config import Field, fields_of
from flows.language.shapes import Shape

_KINDS: Mapping[str, str] = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "any": "any value",
    "duration": "duration",
    "expression": "expression",
    "map": "map",
    "text_map": "map of texts",
    "expression_map": "map of expressions",
    "list": "list",
    "text_list": "list of texts",
    "text_or_list": "text or list of texts",
    "expression_list": "list of expressions",
    "expression_or_map": "expression or map",
    "expression_or_list": "expression or list",
    "steps": "steps",
    "branches": "lists of steps",
    "assertions": "assertions",
    "record": "map",
    "record_list": "list of maps",
    "record_map": "map of maps",
}


def overview(specs: Iterable[ActionSpec]) -> str:
    """One line for every action.

    Args:
        specs: the actions.
    """
    rows = sorted((spec.name, spec.summary) for spec in specs)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {summary}" for name, summary in rows) + "\n"


def page(specs: Iterable[ActionSpec]) -> str:
    """The whole reference as Markdown.

    Args:
        specs: the actions.
    """
    ordered = sorted(specs, key=lambda spec: spec.name)
    intro = (
        "# Step actions\n\n"
        "<!-- written by `testmesh actions --markdown`; a test compares -->\n\n"
        "What every action takes and gives, from its own declaration. The language itself: [flows.md](flows.md).\n\n"
    )
    contents = "\n".join(f"- [`{spec.name}`](#{spec.name}): {spec.summary}" for spec in ordered)
    return intro + contents + "\n\n" + "\n".join(described(spec) for spec in ordered)


def described(spec: ActionSpec) -> str:
    """One action as Markdown.

    Args:
        spec: the action.
    """
    parts = [f"## {spec.name}", "", spec.summary, ""]
    parts += [f"- {note}" for note in _notes(spec)]
    fields = list(_rows(spec.config))
    if spec.open_config:
        parts += ["", "Config: any names; their values may be templates."]
    elif fields:
        parts += ["", "| config | kind | default | |", "| --- | --- | --- | --- |", *fields]
    result = _result(spec)
    if result:
        parts += ["", f"Result: {result}"]
    return "\n".join(parts) + "\n"


def _notes(spec: ActionSpec) -> Iterator[str]:
    if spec.aliases:
        yield "also written: " + ", ".join(_alias(alias) for alias in spec.aliases)
    if spec.reads is always:
        yield "waits: asked again until its assertions hold or the window ends"
    elif spec.reads is not never:
        yield "waits when what it asks changes nothing (see Waiting)"
    if spec.windowed:
        yield "its window is the config's `timeout`"
    if spec.checks_itself:
        yield "can fail without assertions"
    elif spec.checks_when is not never:
        yield "can fail without assertions when it waits for something"
    if spec.connection and spec.implied:
        named = " or ".join(f"`{key}`" for key in spec.connection)
        yield f"without {named}, connects to what {', '.join(f'`{name}`' for name in spec.implied)} says"
    for old in spec.deprecated:
        yield f"older key `{old.key}`: write {old.instead}"


def _alias(alias: Alias) -> str:
    if not alias.implies:
        return f"`{alias.name}`"
    implied = ", ".join(f"{key}: {value}" for key, value in alias.implies.items())
    return f"`{alias.name}` ({implied})"


def _rows(config: type, prefix: str = "") -> Iterator[str]:
    for field in fields_of(config).values():
        yield _row(field, prefix)
        inner = field.option.record
        if inner is not None and prefix.count(".") < 2:
            many = {"record_list": "[]", "record_map": ".*"}.get(field.kind, "")
            yield from _rows(inner, f"{prefix}{field.key}{many}.")


def _row(field: Field, prefix: str) -> str:
    kind = _KINDS[field.kind]
    if field.option.choices:
        kind = ", ".join(f"`{choice}`" for choice in field.option.choices)
    doc = field.option.doc
    if field.option.scope == "message" and "expression" in field.kind:
        doc += " Over one message."
    if field.option.also:
        doc += " Also " + ", ".join(f"`{name}`" for name in field.option.also) + "."
    if field.option.short:
        doc += f" A text alone is its `{field.option.short}`."
    cells = (f"`{prefix}{field.key}`", kind, _default(field), doc)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _default(field: Field) -> str:
    if field.option.required:
        return "**required**"
    value = field.default
    if value is None or value in ((), {}):
        return ""
    if field.kind == "duration" and isinstance(value, int | float):
        return f"`{value:g}s`" if value >= 1 else f"`{value * 1000:g}ms`"
    return f"`{json.dumps(value)}`"


def _result(spec: ActionSpec) -> str:
    if spec.fields_from is not None:
        return "its own names."
    fields = spec.result.fields
    return ", ".join(f"`{name}` ({_kind(shape)})" for name, shape in fields.items()) + "." if fields else ""


def _kind(shape: Shape) -> str:
    return f"{shape.kind} or null" if shape.nullable else shape.kind
