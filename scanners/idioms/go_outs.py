"""What Go functions put through pointers: ``mustMapEnv(&svc.addr, "CART_ADDR")`` binds ``svc.addr``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Call, Choice, Concat, Env, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.code import Assign, CallSite, Scope

if TYPE_CHECKING:
    from scanners.idioms.go import GoCode

_DEPTH = 8
_FLAGS = re.compile(r"^(?:String|Int|Int64|Uint|Uint16|Uint64)Var(P?)$")
_GETENV = ("os.Getenv", "syscall.Getenv", "os.LookupEnv")


@dataclass(frozen=True, slots=True)
class Put:
    """A value that a call puts into a variable whose address it is given.

    Args:
        target: qualified name of the variable.
        written: the variable as written.
        value: what is put there.
        scope: where the call is.
        line: of the call.
    """

    target: str
    written: str
    value: Value
    scope: Scope
    line: int


def put_through(code: GoCode) -> Iterator[Put]:
    """Values put through pointers by functions of this file.

    Args:
        code: the file.
    """
    outs = _outs(code)
    yield from _flags(code)
    for site in code.calls if outs else ():
        for index, value in outs.get(site.dotted.removeprefix("self."), ()):
            node = site.arg(index)
            if node is None or node.type != "unary_expression":
                continue
            written = code.dotted(node)
            found = _given(code, value, site, _DEPTH) if written else Unknown("")
            if not isinstance(found, Unknown):
                yield Put(_qualified(code, written, site.scope), written, found, site.scope, site.line)


def _flags(code: GoCode) -> Iterator[Put]:
    """``flag.StringVar(&host, "host", "orders:8080", "..")``, of pflag and cobra, too: the default."""
    for site in code.calls if b"flag" in code.data or b"Flags()" in code.data else ():
        match = _FLAGS.match(site.method)
        at = 3 if match is not None and match.group(1) else 2
        if match is None or site.receiver is None or len(site.args) != at + 2:
            continue
        node, written = site.args[0], code.dotted(site.args[0])
        found = code.value(site.args[at], site.scope)
        if node.type == "unary_expression" and written and not isinstance(found, Unknown):
            yield Put(_qualified(code, written, site.scope), written, found, site.scope, site.line)


def _qualified(code: GoCode, written: str, scope: Scope) -> str:
    return code.bound_name(Assign(written, None, None, scope, 0, ":="))


def _outs(code: GoCode) -> dict[str, list[tuple[int, Value]]]:
    """By function: positions of parameters it puts something through, and what."""
    outs: dict[str, list[tuple[int, Value]]] = {}
    for assign in code.assigns:
        scope = assign.scope
        if assign.how != ":=" or assign.value is None or (assign.key and assign.key != "?"):
            continue
        if assign.target not in scope.params or not _through_pointer(code, assign):
            continue
        value = _inlined(code, code.value(assign.value, scope), scope, _DEPTH)
        outs.setdefault(scope.name.rpartition(".")[2], []).append((scope.params.index(assign.target), value))
    return outs


def _through_pointer(code: GoCode, assign: Assign) -> bool:
    start = assign.value.start_byte if assign.value is not None else 0
    line_start = code.data.rfind(b"\n", 0, start) + 1
    return b"*" + assign.target.encode() in code.data[line_start:start]


def _inlined(code: GoCode, value: Value, scope: Scope, depth: int) -> Value:
    """A value with local names replaced by what they are bound to, as far as parameters."""
    if depth <= 0 or not isinstance(value, Name):
        return value
    made = code.assigned(scope, value.name)
    if len(made) != 1 or made[0].value is None or made[0].key:
        return value
    return _inlined(code, code.value(made[0].value, scope), scope, depth - 1)


def _given(code: GoCode, value: Value, site: CallSite, depth: int) -> Value:
    """A value of a function with its parameters replaced by what a call gives."""
    if depth <= 0:
        return Unknown("too many steps")
    if isinstance(value, Param):
        return code.value(site.arg(value.index), site.scope)
    if isinstance(value, Lit | Env | Unknown):
        return value
    if isinstance(value, Concat):
        return Concat(tuple(_given(code, p, site, depth - 1) for p in value.parts))
    if isinstance(value, Format):
        return Format(value.template, tuple(_given(code, a, site, depth - 1) for a in value.args))
    if isinstance(value, Member):
        base = _given(code, value.base, site, depth - 1)
        return base if isinstance(base, Unknown) else Member(base, value.name)
    if isinstance(value, Choice):
        return Choice(tuple(_given(code, o, site, depth - 1) for o in value.options))
    if isinstance(value, Call):
        args = tuple(_given(code, a, site, depth - 1) for a in value.args)
        name = args[0].value if args and isinstance(args[0], Lit) else None
        if isinstance(value.callee, Name) and value.callee.name in _GETENV and isinstance(name, str):
            return Env(name)
        return Call(value.callee, args, tuple((n, _given(code, v, site, depth - 1)) for n, v in value.named))
    return Unknown("a name of another function")
