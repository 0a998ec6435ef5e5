"""Clients of .NET that are registered in one place and used in another: names, addresses, and what answers hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Call, Choice, Concat, Config, Fact, Lit, Location, Member, Name, Param, Shape, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_reads import result_reads, untyped
from scanners.idioms.cs_shapes import of_ref

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_CHAINED = 24
_DECODES = ("Read", "Deserialize", "GetFromJson", "Receive", "FromJson")


def key(kind: str, name: str, what: str = "BaseAddress") -> str:
    """The configuration key under which a registered client's address is kept.

    Args:
        kind: HttpClient, GrpcClient...
        name: of the client.
        what: property.
    """
    return f"{kind}:{name}:{what}"


def given(code: CsCode, about: tuple[str, str], value: Value, scope: Scope, line: int) -> Fact:
    """A client's address as a value of the services whose code registers it.

    Args:
        code: the file.
        about: kind and name of the client, and nothing else.
        value: address as written.
        scope: where it is written.
        line: 1-based.
    """
    kind, name = about
    what = "Address" if kind == "GrpcClient" else "BaseAddress"
    fields = {"service": "", "key": key(kind, name, what), "value": qualified(code, value, scope)}
    return Fact("env_value", fields, Location(code.path, line))


def qualified(code: CsCode, value: Value, scope: Scope) -> Value:
    """A Value whose names can be looked up from the module: locals, parameters and members carry their owner's name.

    Args:
        code: the file.
        value: as written in a function.
        scope: the function.
    """

    def inner(part: Value) -> Value:
        return qualified(code, part, scope)

    if isinstance(value, Name):
        return Name(_owner(code, value.name.partition(".")[0], scope) + value.name)
    if isinstance(value, Param):
        return Name(f"{scope.name}.{value.name}") if not value.name.startswith("<") else value
    if isinstance(value, Concat):
        return Concat(tuple(inner(p) for p in value.parts))
    if isinstance(value, Choice):
        return Choice(tuple(inner(p) for p in value.options))
    if isinstance(value, Member):
        return Member(inner(value.base), value.name)
    if isinstance(value, Call):
        args = tuple(inner(a) for a in value.args)
        return Call(inner(value.callee), args, tuple((n, inner(v)) for n, v in value.named))
    if isinstance(value, Config) and value.default is not None:
        return Config(value.key, inner(value.default))
    return value


def _owner(code: CsCode, head: str, scope: Scope) -> str:
    """What a name's first part belongs to, with a dot behind it; empty for the module and other files."""
    for outer in scope.outward():
        inside = outer.sort in ("class", "interface")
        known = head in code.declared.get(outer.name, ()) if inside else head in outer.bound or head in outer.params
        if outer.name and known:
            return f"{outer.name}."
    return ""


def chained(code: CsCode, site: CallSite) -> Iterator[CallSite]:
    """The calls made on a call's result, in a chain.

    Args:
        code: the file.
        site: first call.
    """
    node = site.node.parent
    for _ in range(_CHAINED):
        if node is None or node.type not in ("member_access_expression", "invocation_expression"):
            return
        found = code.site(node) if node.type == "invocation_expression" else None
        if found is not None:
            yield found
        node = node.parent


def set_inside(code: CsCode, node: Node | None, prop: str) -> tuple[Value, Scope, int] | None:
    """What a lambda or named function sets a property of its argument to: ``c => c.BaseAddress = x``.

    Args:
        code: the file.
        node: the lambda, or the function's name.
        prop: property.
    """
    if node is None:
        return None
    span = (node.start_byte, node.end_byte)
    if node.type not in ("lambda_expression", "anonymous_method_expression"):
        scope = _named_scope(code, node)
        if scope is None:
            return None
        span = (scope.node.start_byte, scope.node.end_byte)
    for assign in code.assigns:
        made = assign.value
        if made is None or not span[0] <= made.start_byte < span[1]:
            continue
        if assign.target.rpartition(".")[2] == prop and "." in assign.target:
            return code.value(made, assign.scope), assign.scope, assign.line
    return None


def _named_scope(code: CsCode, node: Node) -> Scope | None:
    dotted = code.dotted(node).rpartition(".")[2]
    return next((s for s in code.scopes if dotted and s.name.rpartition(".")[2].partition("/")[0] == dotted), None)


def decoded(code: CsCode, site: CallSite, requests: list[CallSite]) -> Shape | None:
    """What a request's answer is read as: its own type argument, or the first decoding after it.

    Args:
        code: the file.
        site: the request.
        requests: every request of the file, in source order.
    """
    if untyped(code, site):
        return result_reads(code, site)
    generated = _generated(code, site)
    if generated is not None:
        return generated
    own = () if _generic(code, site) else code.type_args(site)
    if own and site.method.startswith(("Get", "Send", "Post", "Put", "Invoke", "Delete", "Patch", "Execute")):
        shape = of_ref(own[-1])
        return shape if shape != ANYTHING else None
    start = site.node.start_byte
    following = [r.node.start_byte for r in requests if r.scope is site.scope and r.node.start_byte > start]
    end = min(following, default=site.scope.node.end_byte)
    for other in code.calls:
        if other.scope is site.scope and start <= other.node.end_byte and other.node.start_byte < end:
            if other.node.end_byte <= start:
                continue
            if untyped(code, other):
                return result_reads(code, other)
            if not other.method.startswith(_DECODES):
                continue
            types = () if _generic(code, other) else code.type_args(other)
            shape = of_ref(types[0]) if types else ANYTHING
            if shape != ANYTHING:
                return shape
    return None


def _generic(code: CsCode, site: CallSite) -> bool:
    """Whether a call's type argument is a type parameter of the code around it."""
    known = {name for outer in site.scope.outward() for name in code.generics.get(outer.name, ())}
    return any(name in known for ref in code.type_args(site) for name in ref.names())


def rest(path: str) -> str:
    """A route template with ``/**`` for a catch-all, constraints left out.

    Args:
        path: as written.
    """
    return re.sub(r"\{(\w+)[:?][^{}]*\}", r"{\1}", re.sub(r"/?\{\*{1,2}[\w-]*\}$", "/**", path)) or "/**"


def _generated(code: CsCode, site: CallSite) -> Shape | None:
    """The type of generated metadata: ``GetFromJsonAsync(url, JsonContext.Default.OrderArray)``."""
    for arg in site.args[1:]:
        parts = code.dotted(arg).split(".")
        if len(parts) > 2 and parts[-2] == "Default" and site.method.endswith(("JsonAsync", "Deserialize")):
            name = parts[-1]
            inner = name.removesuffix("Array").removeprefix("List")
            shape = Shape("object", named=inner)
            return Shape("array", item=shape) if inner != name else shape
    return None


def name_of(value: Value | None) -> str:
    """The text of a name given to a client, empty when it is not written in place.

    Args:
        value: as written.
    """
    return value.value if isinstance(value, Lit) and isinstance(value.value, str) else ""
