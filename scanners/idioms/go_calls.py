"""Calls of Go libraries as Values: Sprintf, joins, environment reads, configuration keys, URLs, stubs and channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from graph.values import Call, Concat, Config, Env, Format, Lit, Member, Name, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.expressions import concat
from scanners.idioms.go_rpc import stub_channel
from scanners.idioms.go_values import members, value

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_About = tuple[Scope, int]
_Reader = Callable[["GoCode", CallSite, _About], Value]
_VERB = re.compile(r"%(?:\[\d+\])?[-#0 +]*[\d.*]*[sdvqxXtfgeTwcUbop]")
_SAME = frozenset(
    """strings.TrimSpace strings.Split strings.SplitN strings.Fields net/url.QueryEscape net/url.PathEscape
    net/url.Parse net/url.ParseRequestURI net/url.MustParse strconv.Itoa os.ExpandEnv bytes.NewBufferString
    bytes.NewBuffer bytes.NewReader strings.NewReader path.Clean path/filepath.Clean strings.Clone""".split()  # noqa: SIM905
)
_TEXTS = {
    "TrimSuffix": ("removesuffix",),
    "TrimRight": ("rstrip",),
    "TrimPrefix": ("removeprefix",),
    "TrimLeft": ("lstrip",),
    "Trim": ("rstrip", "lstrip"),
    "ToLower": ("lower",),
    "ToUpper": ("upper",),
    "ReplaceAll": ("replace",),
    "Replace": ("replace",),
}
_CASES = (
    "github.com/iancoleman/strcase",
    "github.com/stoewer/go-strcase",
    "github.com/ettle/strcase",
    "github.com/gobeam/stringy",
)
_CONVERSIONS = frozenset("string []byte byte rune int int32 int64 uint uint64".split())  # noqa: SIM905
_VIPER = re.compile(
    r"^github\.com/spf13/viper(\.(New|GetViper|Viper|Sub))?\.(Get(String|Int|Int64|Bool|Duration|StringSlice|Float64)?)$"
)
_HELPER = re.compile(
    r"(?i)^(must|try|safe)?_?(get|read|lookup|load|fetch|resolve|require|parse|mustget)?_?env(ironment)?(var|variable|str|string|value)?"
    r"_?(int|bool|duration|str|string|list)?(or(else|default|panic|fail)?|with(default|fallback)?|default|fallback|required|variable|value)*$"
)
_ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_NAMES = ("type_identifier", "qualified_type", "identifier", "selector_expression")


def special(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """The Value of a call whose result is known, None for others.

    Args:
        code: the file.
        site: a call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    head = site.dotted or code.text(site.node.child_by_field_name("function"))
    if head in _CONVERSIONS or site.node.type == "type_conversion_expression":
        return value(code, site.args[0], scope, depth) if site.args else Unknown("a conversion")
    if head == "make":
        return Unknown("a made value")
    if head == "new" and site.args:
        known = site.args[0].type in _NAMES
        return Call(Name(code.text(site.args[0]))) if known else Unknown("a new value")
    callee = code.callee(site)
    if site.args and site.dotted:
        made = _library(code, callee, site, (scope, depth))
        if made is not None:
            return made
    channel = stub_channel(code, site)
    if channel is not None:
        return value(code, channel, scope, depth)
    found = _method(code, callee, site, (scope, depth)) if site.receiver is not None else None
    return found if found is not None else env_helper(code, site, scope, depth)


def _method(code: GoCode, callee: str, site: CallSite, about: _About) -> Value | None:
    if site.method in ("Collection", "C") and len(site.args) == 1 and _documents(code):
        return value(code, site.args[0], *about)
    if not site.args and site.method in ("Name", "String", "Error"):
        reflected = _type_name(code, site, *about)
        if reflected is not None or site.method == "Name":
            return reflected
        return None if callee.startswith("self") else _text_of(code, site, *about)
    if site.method in ("JoinPath", "ResolveReference", "Parse") and site.args:
        return _joined_onto(code, callee, site, about)
    return None


def _library(code: GoCode, callee: str, site: CallSite, about: _About) -> Value | None:
    reader = _LIBRARY.get(callee)
    if reader is not None:
        return reader(code, site, about)
    path, _, name = callee.rpartition(".")
    if path.startswith(_CASES) and len(site.args) == 1:
        return Call(Member(value(code, site.args[0], *about), name))
    return _key(code, site, about) if _VIPER.match(callee) else None


def _first(code: GoCode, site: CallSite, about: _About) -> Value:
    return value(code, site.args[0], *about)


def _environment(code: GoCode, site: CallSite, about: _About) -> Value:
    name = _first(code, site, about)
    if isinstance(name, Lit) and isinstance(name.value, str):
        return Env(name.value)
    return Call(Name(site.dotted), (name,))


def _key(code: GoCode, site: CallSite, about: _About) -> Value:
    key = _first(code, site, about)
    if isinstance(key, Lit) and isinstance(key.value, str):
        return Config(key.value)
    return Unknown("a configuration key chosen at run time")


def _printed(code: GoCode, site: CallSite, about: _About) -> Value:
    return concat([value(code, a, *about) for a in site.args])


def _host_port(code: GoCode, site: CallSite, about: _About) -> Value:
    return concat([_first(code, site, about), Lit(":"), value(code, site.arg(1), *about)])


def _type_name(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value | None:
    """``reflect.TypeOf(event).Elem().Name()``: the name of the type of what is given."""
    named = site.method in ("Name", "String") and site.receiver is not None and not site.args
    inner = code.site(site.receiver) if named and site.receiver is not None else None
    if inner is not None and inner.method == "Elem" and inner.receiver is not None:
        inner = code.site(inner.receiver)
    if inner is None or not inner.args or code.origin(inner.dotted) != "reflect.TypeOf":
        return None
    return Member(Call(Member(value(code, inner.args[0], scope, depth), "GetType")), "Name")


def _documents(code: GoCode) -> bool:
    """Whether a file speaks to a document store: a collection of it is as good as its name."""
    return b"mongo" in code.data or b"firestore" in code.data or b"mgo" in code.data


def _text_of(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    """``u.String()``, with what was put into ``u.Path`` before."""
    base = value(code, site.receiver, scope, depth)
    dotted = code.dotted(site.receiver)
    paths = code.assigned(site.scope, f"{dotted}.Path") if dotted and site.method == "String" else []
    before = [a for a in paths if a.value is not None and a.value.start_byte < site.node.start_byte]
    if not before:
        return base
    path = value(code, before[-1].value, scope, depth)
    parts = path.parts if isinstance(path, Concat) else (path,)
    own = [p for p in parts if p != Name(f"{dotted}.Path")]
    starts = bool(own) and isinstance(own[0], Lit) and str(own[0].value).startswith("/")
    return concat([base, *own] if starts else [base, Lit("/"), *own])


def _changed(changes: tuple[str, ...], code: GoCode, site: CallSite, about: _About) -> Value:
    """``strings.TrimSuffix(url, "/")`` as what it does to its text."""
    scope, depth = about
    made = value(code, site.args[0], scope, depth)
    args = tuple(value(code, a, scope, depth) for a in site.args[1:3])
    for change in changes:
        made = Call(Member(made, change), args)
    return made


def _format(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    template = value(code, site.args[0], scope, depth)
    args = tuple(value(code, a, scope, depth) for a in site.args[1:])
    if isinstance(template, Concat):
        return _formatted(template, args)
    if not isinstance(template, Lit) or not isinstance(template.value, str):
        return Call(Name(site.dotted), (template, *args))
    text = template.value.replace("%%", "\0")
    if "{" not in text:
        return Format(_VERB.sub("{}", text).replace("\0", "%"), args)
    pieces = [Lit(piece.replace("\0", "%")) for piece in _VERB.split(text)]
    between = [*args[: len(pieces) - 1], *[Unknown("an argument that is not given")] * (len(pieces) - 1 - len(args))]
    return concat([part for pair in zip(pieces, [*between, Lit("")], strict=True) for part in pair])


def _formatted(template: Concat, args: tuple[Value, ...]) -> Value:
    """``fmt.Sprintf("http://"+host+"/orders/%s", id)``: verbs of the written parts take the arguments in turn."""
    given = iter(args)
    parts: list[Value] = []
    for part in template.parts:
        if not isinstance(part, Lit) or not isinstance(part.value, str):
            parts.append(part)
            continue
        for index, piece in enumerate(_VERB.split(part.value.replace("%%", "\0"))):
            parts += [next(given, Unknown("an argument that is not given"))] if index else []
            parts.append(Lit(piece.replace("\0", "%")))
    return concat(parts)


def _path(code: GoCode, args: Sequence[Node], scope: Scope, depth: int) -> Value:
    parts: list[Value] = []
    for arg in args:
        part = value(code, arg, scope, depth)
        if parts:
            before = parts[-1]
            ends = isinstance(before, Lit) and str(before.value).endswith("/")
            text = str(part.value) if isinstance(part, Lit) else ""
            if ends and text.startswith("/"):
                part = Lit(text[1:])
            elif not ends and not text.startswith("/"):
                parts.append(Lit("/"))
        parts.append(part)
    return concat(parts)


def _joined_onto(code: GoCode, callee: str, site: CallSite, about: tuple[Scope, int]) -> Value | None:
    """``base.JoinPath("a", "b")`` of a ``*url.URL``."""
    if not callee.startswith("net/url.") or site.receiver is None:
        return None
    if site.method == "JoinPath":
        return _path(code, (site.receiver, *site.args), *about)
    return _path(code, (site.receiver, site.args[0]), *about)


def _separated(code: GoCode, site: CallSite, scope: Scope, depth: int) -> Value:
    listed = site.args[0]
    separator = value(code, site.arg(1), scope, depth)
    if listed.type != "composite_literal":
        return Unknown("a join of a list built at run time")
    parts: list[Value] = []
    for index, (_, item) in enumerate(members(code, listed)):
        parts += [separator] if index else []
        parts.append(value(code, item, scope, depth))
    return concat(parts)


def env_helper(code: GoCode, site: CallSite, scope: Scope, depth: int = 0) -> Value | None:
    """``getEnv("PORT", "8080")``: a call of a function named for reading the environment; None for others.

    Args:
        code: the file.
        site: a call.
        scope: where it is.
        depth: how deep in the expression we are.
    """
    if not site.args or len(site.args) > 3 or _HELPER.match(site.method) is None:
        return None
    name = value(code, site.args[0], scope, depth)
    if not isinstance(name, Lit) or not isinstance(name.value, str) or not _ENV_NAME.match(name.value):
        return None
    default = value(code, site.args[1], scope, depth) if len(site.args) > 1 else None
    return Env(name.value, None if isinstance(default, Unknown) else default)


def _argument(at: int, code: GoCode, site: CallSite, about: _About) -> Value:
    return value(code, site.arg(at), *about)


def _reads(names: str, reader: _Reader) -> dict[str, _Reader]:
    return dict.fromkeys(names.split(), reader)


_LIBRARY: Mapping[str, _Reader] = {
    **dict.fromkeys(_SAME, _first),
    **_reads("os.Getenv syscall.Getenv os.LookupEnv", _environment),
    **_reads("fmt.Sprintf fmt.Errorf", lambda code, site, about: _format(code, site, *about)),
    **_reads("fmt.Sprint", _printed),
    **_reads("path.Join path/filepath.Join net/url.JoinPath", lambda code, site, about: _path(code, site.args, *about)),
    **_reads("net.JoinHostPort", _host_port),
    **_reads("strings.Join", lambda code, site, about: _separated(code, site, *about)),
    **_reads("google.golang.org/grpc.Dial google.golang.org/grpc.NewClient", _first),
    **{
        f"{module}.{kind}{short}": partial(_argument, at)
        for module in ("flag", "github.com/spf13/pflag")
        for kind in ("String", "Int", "Int64", "Uint", "Uint64")
        for short, at in (("", 1), ("P", 2))
    },
    "google.golang.org/grpc.DialContext": lambda code, site, about: value(code, site.arg(1), *about),
    **{f"strings.{name}": partial(_changed, changes) for name, changes in _TEXTS.items()},
}
