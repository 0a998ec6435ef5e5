"""What code writes where a name is needed, unevaluated: packs emit Values, only linking evaluates them (DESIGN §3).

JSON form: a list whose first item is the tag, e.g. ``["concat", [["name", "BASE"], ["lit", "/orders"]]]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeAlias

VERSION = 1
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Lit:
    """A literal scalar."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name as written, to be looked up from the fact's scope outwards, then through imports."""

    name: str


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the enclosing function.

    Args:
        index: 0-based position, not counting self/cls/this.
        name: its name.
    """

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Env:
    """A read of a process environment variable.

    Args:
        name: the variable.
        default: what the code uses without it, or None when it has no default.
    """

    name: str
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """A read of a configuration key (``application.yml``, settings object, ``config.get``).

    Args:
        key: the key.
        default: what the code uses without it, or None when it has no default.
    """

    key: str
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class Concat:
    """Parts written one after the other: ``+``, f-strings, template literals, joins of URLs."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """A format string with arguments: ``"%s/x" % a``, ``"{}/x".format(a)``, ``Sprintf``.

    Args:
        template: text with ``{}`` (or ``{name}``) where arguments go, ``%s`` already rewritten.
        args: positional arguments.
        named: keyword arguments, sorted by name.
    """

    template: str
    args: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose result is the value.

    Args:
        callee: usually a Name or Member.
        args: positional arguments.
        named: keyword arguments.
    """

    callee: Value
    args: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """An attribute or item of another value (``settings().payments_url``, ``cfg["x"]``)."""

    base: Value
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values (``a or b``, conditional expression, reassigned name), most likely first."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something no rule reads; the reason is shown to people."""

    reason: str


Value: TypeAlias = Lit | Name | Param | Env | Config | Concat | Format | Call | Member | Choice | Unknown


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload.

    Args:
        name: as it travels on the wire.
        shape: what it holds.
        required: True, False, or None when the code does not say.
        enum: the only values allowed, or empty.
    """

    name: str
    shape: Shape
    required: bool | None = None
    enum: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a payload looks like where it is sent or received (DESIGN §3).

    Args:
        type: object, array, string, integer, number, boolean, null or unknown.
        fields: of an object, in source order.
        item: of an array.
        open: other fields may be there too (a literal that spreads, a reader that picks fields).
        named: name of the class or type it came from, resolved through the fact's file when not empty.
    """

    type: str = "unknown"
    fields: tuple[Field, ...] = ()
    item: Shape | None = None
    open: bool = True
    named: str = ""

    def field(self, name: str) -> Field | None:
        """The field of that name, or None.

        Args:
            name: wire name.
        """
        return next((f for f in self.fields if f.name == name), None)


ANYTHING = Shape()


def encode(value: Value | None) -> Any:
    """The JSON form of a Value.

    Args:
        value: a Value, or None (encoded as None).
    """
    if value is None:
        return None
    return _ENCODERS[type(value)](value)


_ENCODERS: dict[type, Any] = {
    Lit: lambda v: ["lit", v.value],
    Name: lambda v: ["name", v.name],
    Param: lambda v: ["param", v.index, v.name],
    Env: lambda v: ["env", v.name, encode(v.default)],
    Config: lambda v: ["config", v.key] if v.default is None else ["config", v.key, encode(v.default)],
    Concat: lambda v: ["concat", _list(v.parts)],
    Format: lambda v: ["format", v.template, _list(v.args), _pairs(v.named)],
    Call: lambda v: ["call", encode(v.callee), _list(v.args), _pairs(v.named)],
    Member: lambda v: ["member", encode(v.base), v.name],
    Choice: lambda v: ["choice", _list(v.options)],
    Unknown: lambda v: ["unknown", v.reason],
}


def _list(values: Sequence[Value]) -> list[Any]:
    return [encode(v) for v in values]


def _pairs(values: Sequence[tuple[str, Value]]) -> list[Any]:
    return [[name, encode(v)] for name, v in values]


def decode(data: Any) -> Value:
    """The Value of a JSON form.

    Args:
        data: what :func:`encode` made; not None.

    Raises:
        KeyError: an unknown tag (facts of another version).
    """
    value: Value = _DECODERS[data[0]](data)
    return value


_DECODERS: Mapping[str, Any] = {
    "lit": lambda d: Lit(d[1]),
    "name": lambda d: Name(intern(d[1])),
    "param": lambda d: Param(d[1], intern(d[2])),
    "env": lambda d: Env(d[1], None if d[2] is None else decode(d[2])),
    "config": lambda d: Config(d[1], None if len(d) < 3 or d[2] is None else decode(d[2])),
    "concat": lambda d: Concat(_tuple(d[1])),
    "format": lambda d: Format(d[1], _tuple(d[2]), _named(d[3])),
    "call": lambda d: Call(decode(d[1]), _tuple(d[2]), _named(d[3])),
    "member": lambda d: Member(decode(d[1]), intern(d[2])),
    "choice": lambda d: Choice(_tuple(d[1])),
    "unknown": lambda d: Unknown(d[1]),
}


def _tuple(data: list[Any]) -> tuple[Value, ...]:
    return tuple(decode(d) for d in data)


def _named(data: list[Any]) -> tuple[tuple[str, Value], ...]:
    return tuple((name, decode(d)) for name, d in data)


def encode_shape(shape: Shape | None) -> Any:
    """The JSON form of a Shape, defaults left out.

    Args:
        shape: a Shape, or None (encoded as None).
    """
    if shape is None:
        return None
    out: dict[str, Any] = {"type": shape.type}
    if shape.fields:
        out["fields"] = [_encode_field(f) for f in shape.fields]
    if shape.item is not None:
        out["item"] = encode_shape(shape.item)
    if not shape.open:
        out["closed"] = True
    if shape.named:
        out["named"] = shape.named
    return out


def _encode_field(item: Field) -> dict[str, Any]:
    out: dict[str, Any] = {"name": item.name, "shape": encode_shape(item.shape)}
    if item.required is not None:
        out["required"] = item.required
    if item.enum:
        out["enum"] = list(item.enum)
    return out


def decode_shape(data: Any) -> Shape:
    """The Shape of a JSON form.

    Args:
        data: what :func:`encode_shape` made; not None.
    """
    return Shape(
        type=data["type"],
        fields=tuple(
            Field(f["name"], decode_shape(f["shape"]), f.get("required"), tuple(f.get("enum", ())))
            for f in data.get("fields", ())
        ),
        item=decode_shape(data["item"]) if "item" in data else None,
        open=not data.get("closed", False),
        named=data.get("named", ""),
    )


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file of a repository at the scanned revision.

    Args:
        file: path relative to the repository's root, with forward slashes.
        line: 1-based.
        end_line: last line of the construct, 0 when it is a single line.
    """

    file: str
    line: int
    end_line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Fact:
    """What one source says at one place.

    Args:
        kind: a key of ``graph.facts.FACT_KINDS``.
        fields: by name; str, int, bool, None, list of str, Value, Shape or a mapping of those, as the kind says.
        at: where it says so.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    at: Location = Location("", 1)

    def get(self, name: str, default: Any = None) -> Any:
        """A field, or `default` when the source did not say.

        Args:
            name: field name of the kind.
            default: what to give instead.
        """
        return self.fields.get(name, default)
