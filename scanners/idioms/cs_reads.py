"""Which fields of an untyped or generated result C# code reads, by the members it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Shape
from scanners.idioms.code import CallSite
from scanners.idioms.cs_shapes import wire
from scanners.idioms.reading import Reads, places

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_KEYS = frozenset(
    [
        "GetProperty",
        "TryGetProperty",
        "Value",
        "SelectToken",
        "GetValue",
        "ContainsKey",
        "TryGetValue",
        "TryGetPropertyValue",
    ]
)
_SCALARS = frozenset(
    [
        "ToString",
        "GetString",
        "GetInt32",
        "GetInt64",
        "GetDecimal",
        "GetDouble",
        "GetBoolean",
        "GetGuid",
        "GetDateTime",
        "HasValue",
        "Equals",
        "GetSingle",
        "GetInt16",
        "GetByte",
        "GetDateTimeOffset",
        "GetRawText",
        "ValueKind",
        "GetUInt32",
    ]
)
_PASSED = frozenset(["RootElement", "AsObject", "Root", "EnumerateObject"])
_ITEMS = frozenset(["EnumerateArray", "AsArray", "First", "FirstOrDefault"])
_LOOPS = 12
_WHOLE = frozenset({"argument", "return_statement", "assignment_expression", "arrow_expression_clause"})


def result_reads(code: CsCode, site: CallSite) -> Shape | None:
    """Fields read of what a call gives: of the name it is held by, or right behind the call.

    Args:
        code: the file.
        site: the call.
    """
    found = Reads()
    assign = code.held(site)
    if assign is not None and "." not in assign.target.removeprefix("this."):
        name_reads(code, assign.target, (site.node.end_byte, site.scope.node.end_byte), found)
        return found.all()
    parent = _outer(site.node)
    if parent is not None and parent.type in ("member_access_expression", "element_access_expression"):
        _chain(code, parent, (), found)
        return found.all()
    return None


def name_reads(code: CsCode, name: str, span: tuple[int, int], found: Reads, path: tuple[str, ...] = ()) -> None:
    """Add what is read of a name.

    Args:
        code: the file.
        name: local or parameter.
        span: where it is used.
        found: what is known so far.
        path: what the name itself stands for.
    """
    for around in places(code.root, code.data, span, [name]):
        node, parent = around[0], around[1] if len(around) > 1 else None
        if parent is None or parent.type in ("variable_declarator", "parameter"):
            continue
        if parent.type == "foreach_statement" and parent.child_by_field_name("left") == node:
            continue
        if parent.type == "member_access_expression" and parent.child_by_field_name("expression") != node:
            continue
        _read(code, node, path, found)


def _outer(node: Node) -> Node | None:
    """The expression around a node, awaits and parentheses left out."""
    parent = node.parent
    while parent is not None and parent.type in (
        "await_expression",
        "parenthesized_expression",
        "postfix_unary_expression",
    ):
        parent = parent.parent
    return parent


def _read(code: CsCode, node: Node, path: tuple[str, ...], found: Reads) -> None:
    parent = _outer(node)
    if parent is None:
        return
    if parent.type in ("member_access_expression", "element_access_expression", "conditional_access_expression"):
        _chain(code, parent, path, found)
    elif parent.type == "foreach_statement":
        _loop(code, parent, path, found)
    elif parent.type in _WHOLE:
        found.whole(path)


def _loop(code: CsCode, node: Node, path: tuple[str, ...], found: Reads) -> None:
    left, body = node.child_by_field_name("left"), node.child_by_field_name("body")
    if left is None or body is None or left.type != "identifier" or len(path) > _LOOPS:
        return
    inner = Reads()
    span = (body.start_byte, body.end_byte)
    name_reads(code, code.simple(left), span, inner, (*path, "[]"))
    found.merge(inner)


def _chain(code: CsCode, node: Node, path: tuple[str, ...], found: Reads) -> None:
    """``reply.Items[0].Sku``, ``element.GetProperty("sku").GetString()``."""
    at: Node | None = node
    for _ in range(24):
        if at is None:
            return
        key, after = _step(code, at)
        if key is None:
            if path:
                found.add(path)
            return
        path = (*path, *key)
        parent = _outer(after)
        if key and _must(code, at):
            found.add(path, required=True)
        if parent is not None and parent.type == "variable_declarator" and _opens(code, path, key):
            _alias(code, parent, path, found)
            return
        if parent is not None and parent.type == "foreach_statement":
            _loop(code, parent, path, found)
        if parent is None or parent.type not in ("member_access_expression", "element_access_expression"):
            break
        at = parent
    if path:
        found.add(path)


def _must(code: CsCode, node: Node) -> bool:
    """``GetProperty`` fails without its property."""
    return node.type == "member_access_expression" and code.simple(node.child_by_field_name("name")) == "GetProperty"


def _opens(code: CsCode, path: tuple[str, ...], key: tuple[str, ...]) -> bool:
    """Whether a name given here stands for the payload or for an object in it."""
    return not path or path[-1:] == ("[]",) or bool(key)


def _alias(code: CsCode, node: Node, path: tuple[str, ...], found: Reads) -> None:
    """``var root = document.RootElement``: what is read of the new name is read of the payload."""
    name = node.child_by_field_name("name")
    if name is None or name.type != "identifier" or len(path) > _LOOPS:
        return
    scope = code.scope_at(node.start_byte)
    name_reads(code, code.simple(name), (node.end_byte, scope.node.end_byte), found, path)


def _step(code: CsCode, node: Node) -> tuple[tuple[str, ...] | None, Node]:
    """The key one step reads (empty for a step that reads none, None where reading ends), and the node behind it."""
    if node.type == "element_access_expression":
        listed = node.child_by_field_name("subscript")
        key = (
            code.string(listed.named_children[0].named_children[-1])
            if listed is not None and listed.named_children
            else ""
        )
        return ((key,) if key else ("[]",)), node
    binding = node.named_children[-1] if node.type == "conditional_access_expression" else node
    name = code.simple(binding.child_by_field_name("name"))
    call = node.parent if node.parent is not None and node.parent.type == "invocation_expression" else None
    if call is not None and call.child_by_field_name("function") == node:
        if name in _KEYS:
            site = code.site(call)
            key = code.string(site.args[0]) if site is not None and site.args else ""
            return ((key,) if key else None), call
        if name in _ITEMS:
            return ("[]",), call
        return (() if name in _PASSED else None), call
    if name in _SCALARS:
        return None, node
    return (() if name in _PASSED or name == "Value" else (wire(name),)), node


OPAQUE = frozenset(
    [
        "JsonElement",
        "JsonNode",
        "JsonObject",
        "JsonDocument",
        "JObject",
        "JToken",
        "JArray",
        "dynamic",
        "object",
        "ExpandoObject",
        "JsonArray",
    ]
)
_PARSERS = ("JsonDocument", "JsonNode", "JObject", "JToken", "JArray", "JsonElement", "JsonObject")


def untyped(code: CsCode, site: CallSite) -> bool:
    """Whether a call decodes JSON into something that is read by keys: ``Deserialize<JsonElement>``, ``JObject.Parse``.

    Args:
        code: the file.
        site: a call.
    """
    types = code.type_args(site)
    if types:
        return types[0].short in OPAQUE
    parses = site.method in ("Parse", "ParseAsync", "ParseValue")
    return parses and site.receiver is not None and code.dotted(site.receiver).rpartition(".")[2] in _PARSERS


def parameter_reads(code: CsCode, name: str, span: tuple[int, int]) -> Shape | None:
    """What a function reads of a parameter that holds JSON; None when it is not known.

    Args:
        code: the file.
        name: of the parameter.
        span: the function's body.
    """
    found = Reads()
    name_reads(code, name, span, found)
    return found.all()
