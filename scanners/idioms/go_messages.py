"""Messages in Go: publish and consume facts, the function that handles a message, and the fields it decodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Env, Fact, Lit, Location, Member, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_bodies import conversions, decoded, sent
from scanners.idioms.go_handlers import handler
from scanners.idioms.go_values import members

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_MESSAGE = re.compile(r"(?i)\.(value|body|data|payload|message|msg|content|bytes)\b|^\w+$|^\[\]byte\(\w+\)$")


def literal(code: GoCode, node: Node | None, scope: Scope) -> Node | None:
    """A struct literal, through one name of this file; None for anything else.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    inner = bare(node)
    if inner is None or inner.type in ("composite_literal", "literal_value"):
        return inner
    dotted = code.dotted(inner)
    for outer in scope.outward() if dotted else ():
        for assign in reversed(code.assigned(outer, dotted)):
            made = bare(assign.value)
            if made is not None and made.type == "composite_literal":
                return made
    return None


def items(code: GoCode, node: Node | None, scope: Scope) -> list[Node]:
    """Items of a list literal, through one name; the expression itself when it is none.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node is None:
        return []
    listed = literal(code, node, scope)
    kind = listed.child_by_field_name("type") if listed is not None and listed.type == "composite_literal" else None
    if listed is not None and kind is not None and kind.type in ("slice_type", "array_type"):
        return [item for _, item in members(code, listed)]
    return [node]


def published(code: GoCode, broker: str, site: CallSite, message: tuple[Value, Shape], **more: object) -> Fact:
    """A message that is sent.

    Args:
        code: the file.
        broker: kind of broker.
        site: the call that sends it.
        message: topic and payload.
        more: further fields of the fact.
    """
    topic, shape = message
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": site.scope.name, **more}
    if shape != ANYTHING:
        fields["shape"] = shape
    return Fact("publish", fields, Location(code.path, site.line))


def consumed(code: GoCode, broker: str, site: CallSite, about: tuple[Value, Node | None], **more: object) -> Fact:
    """A subscription, with the function that handles its messages and the type they are decoded into.

    Args:
        code: the file.
        broker: kind of broker.
        site: the call that subscribes.
        about: the topic, and the handler when one is given.
        more: further fields of the fact.
    """
    topic, given = about
    name, scope = handler(code, given, site.scope) if given is not None else (site.scope.name, site.scope)
    name = name.removesuffix(".ServeHTTP") if scope is None else name
    known = scope is not None and isinstance(topic, Lit | Env | Config)
    fields: dict[str, object] = {"broker": broker, "topic": topic, "symbol": name if known else site.scope.name, **more}
    if not known and name and name != site.scope.name:
        fields["handler"] = name
    read = shape_read(code, scope, site.node.start_byte if given is None else 0) if scope is not None else None
    if read is not None:
        fields["shape"] = read
    return Fact("consume", fields, Location(code.path, site.line))


def shape_read(code: GoCode, scope: Scope, after: int = 0) -> Shape | None:
    """What a handler decodes messages into, itself or in a function of this file it hands them to.

    Args:
        code: the file.
        scope: the handler.
        after: byte to look from.
    """
    start, end = scope.node.start_byte, scope.node.end_byte
    inside = [s for s in code.calls if start <= s.node.start_byte < end and _of_message(code, s)]
    inside = sorted((*inside, *conversions(code, (start, end))), key=lambda s: s.node.start_byte)
    found = decoded(code, iter(inside), after)
    if found is not None:
        return found
    for site in inside:
        if site.node.start_byte <= after or not site.args:
            continue
        _, called = handler(code, site.node.child_by_field_name("function"), site.scope)
        if called is not None and called is not scope:
            found = decoded(code, (s for s in code.calls if s.scope is called), 0)
            if found is not None:
                return found
    return None


def _of_message(code: GoCode, site: CallSite) -> bool:
    """Not a decoding of something else, such as ``json.Unmarshal([]byte(e.String()), &stats)``."""
    return (
        not site.method.startswith("Unmarshal") or not site.args or _MESSAGE.search(code.text(site.args[0])) is not None
    )


def payload(code: GoCode, node: Node | None, scope: Scope) -> Shape:
    """The shape of a message's body.

    Args:
        code: the file.
        node: expression, None when there is none.
        scope: where it is.
    """
    return sent(code, node, scope) if node is not None else ANYTHING


def part(code: GoCode, node: Node | None, scope: Scope, name: str) -> Node | None:
    """A member of a struct literal, None when it has none.

    Args:
        code: the file.
        node: the literal or a name of it.
        scope: where it is.
        name: of the member.
    """
    found = literal(code, node, scope)
    return dict(members(code, found)).get(name) if found is not None else None


def held(code: GoCode, node: Node | None, scope: Scope, name: str) -> Value:
    """A member of what an expression was made with: ``writer.Topic`` of a writer made elsewhere.

    Args:
        code: the file.
        node: the object.
        scope: where it is.
        name: of the member.
    """
    base = code.value(node, scope) if node is not None else Unknown("nothing given")
    return base if isinstance(base, Unknown) else Member(base, name)


def made_where(code: GoCode, node: Node | None, scope: Scope, wanted: Callable[[CallSite], bool]) -> CallSite | None:
    """The call that made an object of this file, in the same function or as a field of the same struct.

    Args:
        code: the file.
        node: the object.
        scope: where it is used.
        wanted: whether a call makes such an object.
    """
    inner = bare(node)
    if inner is None:
        return None
    site = code.site(inner)
    if site is not None:
        return site if wanted(site) else None
    dotted = code.dotted(inner)
    made = code.made_of(dotted, scope) if dotted else None
    if made is not None and wanted(made):
        return made
    last = dotted.rpartition(".")[2]
    return next((s for s in code.calls if wanted(s) and last and _field_of(code, s) == last), None)


def _field_of(code: GoCode, site: CallSite) -> str:
    parent = site.node.parent
    while parent is not None and parent.type in ("literal_element", "unary_expression"):
        parent = parent.parent
    if parent is not None and parent.type == "keyed_element":
        return code.text(parent.child_by_field_name("key"))
    holder = code.held(site)
    return holder.target.rpartition(".")[2] if holder is not None else ""


def uses(code: GoCode, *modules: str) -> bool:
    """Whether a file imports one of some modules.

    Args:
        code: the file.
        modules: import paths, as prefixes.
    """
    return any(found.module.startswith(modules) for found in code.all_imports)


def of_package(code: GoCode, made: str, modules: Iterable[str]) -> bool:
    """Whether a type or factory is of one of some packages, or unknown in this file.

    Args:
        code: the file.
        made: as types of names keep it.
        modules: import paths, as prefixes.
    """
    return not made or made.startswith(tuple(modules)) or code.scope_is_function(made)
