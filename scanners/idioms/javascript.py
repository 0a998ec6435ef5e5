"""JavaScript and TypeScript read once with tree-sitter, so that language and packs share one look at a file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Shape, Value
from scanners.idioms import js_components, js_imports, js_scopes, js_types, parsing
from scanners.idioms.code import Assign, CallSite, Code, Scope
from scanners.idioms.digest import Cuts
from scanners.idioms.js_decorators import Decorator, decorators

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_COMMON = """
(function_declaration) @scope
(generator_function_declaration) @scope
(method_definition) @scope
(class_declaration) @scope
(arrow_function) @scope
(class) @scope
(decorator) @decorator
(function_expression) @scope
(import_statement) @import
(export_statement) @export
(call_expression) @call
(new_expression) @call
(variable_declarator) @assign
(assignment_expression) @assign
(return_statement) @return
(for_in_statement) @for
(member_expression) @member
(subscript_expression) @member
(throw_statement) @throw
(comment) @comment
(string) @string
(template_string) @string
(regex) @string
"""
_QUERIES = {
    "javascript": _COMMON + "(field_definition) @assign",
    "typescript": _COMMON
    + "(public_field_definition) @assign (interface_declaration) @type (type_alias_declaration) @type"
    + " (abstract_class_declaration) @scope (enum_declaration) @enum",
}
_QUERIES["tsx"] = _QUERIES["typescript"]
_TRANSPARENT = (
    "parenthesized_expression",
    "await_expression",
    "as_expression",
    "non_null_expression",
    "satisfies_expression",
    "type_assertion",
)


@dataclass(frozen=True, slots=True, eq=False)
class JsSite(CallSite):
    """A call; in a chain over several lines it stands where its own name is written."""

    @property
    def line(self) -> int:
        """1-based line."""
        head = bare(self.node.child_by_field_name("function"))
        named = head.child_by_field_name("property") if head is not None else None
        return int((named or self.node).start_point[0]) + 1


class JsCode(Code):
    """A parsed JavaScript or TypeScript file."""

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        super().__init__(path, data, root)
        self.members: list[Node] = []
        self.exports: list[Node] = []
        self.import_nodes: list[Node] = []
        self.throws: list[tuple[Node, Scope]] = []
        self.type_nodes: list[Node] = []
        self.comments: list[Node] = []
        self.strings: list[Node] = []
        self.enums: list[Node] = []
        self.decorators: list[Decorator] = []
        self.type_arguments: dict[str, tuple[str, ...]] = {}
        self._valued: list[tuple[int, int, Assign]] = []
        self._values: list[int] = []
        self._called: list[int] = []
        self._made: dict[str, list[Assign]] = {}
        self.named_shapes: dict[tuple[str, int, str], Shape] = {}

    def value(self, node: Node | None, scope: Scope) -> Value:
        from scanners.idioms import js_values

        return js_values.value(self, node, scope)

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        from scanners.idioms import js_shapes

        return js_shapes.shape(self, node, scope)

    def dotted(self, node: Node | None) -> str:
        parts: list[str] = []
        node = bare(node)
        while node is not None:
            if node.type in ("identifier", "this", "property_identifier", "shorthand_property_identifier"):
                parts.append(self.text(node))
                return ".".join(reversed(parts))
            if node.type == "member_expression":
                parts.append(self.text(node.child_by_field_name("property")))
            elif node.type == "subscript_expression" and self.string(node.child_by_field_name("index")).isidentifier():
                parts.append(self.string(node.child_by_field_name("index")))
            else:
                return ""
            node = bare(node.child_by_field_name("object"))
        return ""

    def string(self, node: Node | None) -> str:
        """The text of a plain string literal, empty for anything else.

        Args:
            node: expression.
        """
        if node is None or node.type not in ("string", "template_string"):
            return ""
        if any(c.type == "template_substitution" for c in node.named_children):
            return ""
        return self.text(node)[1:-1]

    def read_site(self, node: Node) -> CallSite | None:
        inner = bare(node)
        if inner is None or inner.type not in ("call_expression", "new_expression"):
            return None
        # the grammar reads `await a.b<T>(c)` as a call of `await a.b`
        head = bare(inner.child_by_field_name("function") or inner.child_by_field_name("constructor"))
        if head is None:
            return None
        member = head.type == "member_expression"
        receiver = head.child_by_field_name("object") if member else None
        method = self.text(head.child_by_field_name("property") if member else head)
        listed = inner.child_by_field_name("arguments")
        tagged = listed is not None and listed.type == "template_string"
        args = () if listed is None else tuple(c for c in listed.named_children if c.type != "comment")
        args = (listed,) if tagged and listed is not None else args
        return JsSite(inner, self.dotted(head), receiver, method, args, {}, self.scope_at(inner.start_byte))

    def assigns_within(self, start: int, end: int) -> list[Assign]:
        """Assignments whose value starts in a span, in source order.

        Args:
            start: first byte.
            end: byte after the last.
        """
        if not self._valued:
            valued = [(a.value.start_byte, n, a) for n, a in enumerate(self.assigns) if a.value is not None]
            self._valued = sorted(valued, key=lambda v: v[:2])
            self._values = [v[0] for v in self._valued]
        first, last = bisect_left(self._values, start), bisect_left(self._values, end)
        return [v[2] for v in self._valued[first:last]]

    def calls_within(self, start: int, end: int) -> list[CallSite]:
        """Calls that start in a span, in source order.

        Args:
            start: first byte.
            end: byte after the last.
        """
        if not self._called:
            self._called = [site.node.start_byte for site in self.calls]
        return self.calls[bisect_left(self._called, start) : bisect_left(self._called, end)]

    def made_of(self, dotted: str, scope: Scope) -> CallSite | None:
        if not self._made:
            self._made[""] = []
            for assign in self.assigns:
                if assign.value is not None and not assign.key:
                    self._made.setdefault(self.bound_name(assign), []).append(assign)
        found = [a for outer in scope.outward() for a in self._made.get(outer.qualify(dotted), ())]
        for assign in sorted(found, key=lambda a: a.line) if len(found) > 1 else found:
            made = self.site(assign.value) if assign.value is not None else None
            if made is not None:
                return made
        return None

    def callee(self, site: CallSite) -> str:
        head = site.node.child_by_field_name("function")
        required = js_imports.required(self, head) if head is not None and not site.dotted else ""
        if required:
            return required
        made = js_imports.required(self, site.receiver) if site.receiver is not None else ""
        return f"{made}.{site.method}" if made else super().callee(site)

    def annotation(self, node: Node | None) -> str:
        """The dotted class of a type annotation, through imports; empty for anything but a plain name.

        Args:
            node: a type annotation or a type.
        """
        return js_types.declared(self, node)[0]

    def written(self, origin: str) -> str:
        """A name through imports as it is written in this file.

        Args:
            origin: as :meth:`origin` gives it.
        """
        for local, found in self.imports.items():
            full = f"{found.module}.{found.name}" if found.name not in ("", "default") else found.module
            if origin == full or origin.startswith(f"{full}."):
                return local + origin[len(full) :]
        return origin

    def cuts(self) -> Cuts:
        """What of the file is not plain code."""
        return Cuts(_spans(self.comments), _spans(self.strings), indented=False)


def bare(node: Node | None) -> Node | None:
    """An expression without parentheses, await and type assertions.

    Args:
        node: expression.
    """
    while node is not None and node.type in _TRANSPARENT and node.named_child_count:
        node = node.named_children[0]
    return node


def option(code: JsCode, node: Node | None, key: str) -> Node | None:
    """The value of a key of an object literal; a shorthand's identifier.

    Args:
        code: the file.
        node: expression.
        key: property name.
    """
    node = bare(node)
    for child in node.named_children if node is not None and node.type == "object" else ():
        if child.type == "pair" and key_of(code, child) == key:
            return child.child_by_field_name("value")
        if child.type == "shorthand_property_identifier" and code.text(child) == key:
            return child
    return None


def key_of(code: JsCode, pair: Node) -> str:
    """The key of a pair or method of an object literal, without quotes.

    Args:
        code: the file.
        pair: its node.
    """
    key = pair.child_by_field_name("key") or pair.child_by_field_name("name")
    return (code.string(key) or code.text(key)) if key is not None and key.type != "computed_property_name" else ""


def parse(source: SourceFile, grammar: str) -> JsCode:
    """Read a file.

    Args:
        source: within the size limit; broken syntax is read as far as it goes.
        grammar: javascript, typescript or tsx.
    """
    language, query = _tools(grammar)
    component = js_components.is_component(source.path)
    text = js_components.script(source.path, source.data) if component else source.data
    root = parsing.tree(language, text).root_node
    code = JsCode(source.path, source.data, root)
    found = parsing.captures(query, root)
    code.index_scopes(list(js_scopes.scopes(code, found.get("scope", ()))))
    code.comments, code.strings = found.get("comment", []), found.get("string", [])
    code.import_nodes = found.get("import", [])
    code.members, code.type_nodes, code.exports = (found.get(n, []) for n in ("member", "type", "export"))
    code.all_imports = list(js_imports.imports(code, found))
    code.imports = {i.local: i for i in code.all_imports if i.name != "*" or i.local != "*"}
    code.assigns = sorted(_assigns(code, found), key=lambda a: a.line)
    for assign in code.assigns:
        if assign.how != ":=" and "." not in assign.target:
            assign.scope.bound.add(assign.target)
    code.calls = [site for node in found.get("call", ()) if (site := code.site(node)) is not None]
    code.returns = [(n, code.scope_at(n.start_byte)) for n in found.get("return", ())]
    code.throws = [(n, code.scope_at(n.start_byte)) for n in found.get("throw", ())]
    code.enums = found.get("enum", [])
    js_types.types(code)
    code.decorators = list(decorators(code, found.get("decorator", ())))
    return code


@cache
def _tools(grammar: str) -> tuple[Language, Query]:
    from tree_sitter import Language, Query

    if grammar == "javascript":
        import tree_sitter_javascript

        language = Language(tree_sitter_javascript.language())
    else:
        import tree_sitter_typescript

        made = tree_sitter_typescript.language_tsx if grammar == "tsx" else tree_sitter_typescript.language_typescript
        language = Language(made())
    return language, Query(language, _QUERIES[grammar])


def _spans(nodes: Iterable[Node]) -> tuple[tuple[int, int], ...]:
    return tuple((n.start_byte, n.end_byte) for n in nodes)


def _assigns(code: JsCode, found: dict[str, list[Node]]) -> Iterator[Assign]:
    for node in found.get("assign", ()):
        scope = code.scope_at(node.start_byte)
        line = int(node.start_point[0]) + 1
        if node.type == "assignment_expression":
            target = code.dotted(node.child_by_field_name("left"))
            if target:
                yield Assign(target, node.child_by_field_name("right"), None, scope, line, ":=")
            continue
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
        value, annotation = node.child_by_field_name("value"), node.child_by_field_name("type")
        if name is None:
            continue
        if name.type in ("object_pattern", "array_pattern"):
            yield from _taken_apart(code, name, value, (scope, line))
        else:
            target = f"this.{code.text(name)}" if node.type.endswith("field_definition") else code.text(name)
            yield Assign(target, value, annotation, scope, line)
    for node in found.get("for", ()):
        target = code.text(node.child_by_field_name("left"))
        if target.isidentifier():
            scope = code.scope_at(node.start_byte)
            yield Assign(target, node.child_by_field_name("right"), None, scope, int(node.start_point[0]) + 1, "for")


def _taken_apart(code: JsCode, pattern: Node, value: Node | None, about: tuple[Scope, int]) -> Iterator[Assign]:
    """``const { a, b: c = 1 } = value``; positions of arrays are keys ``0``, ``1``..."""
    scope, line = about
    for index, child in enumerate(pattern.named_children):
        name, key = parts_of(code, child)
        key = str(index) if pattern.type == "array_pattern" and not key else key
        if name:
            yield Assign(name, value, None, scope, line, "=", key or name, given_default(child))


def given_default(child: Node) -> Node | None:
    """The default of one part of an object pattern.

    Args:
        child: the part.
    """
    inner = child.child_by_field_name("value") if child.type == "pair_pattern" else child
    if inner is not None and inner.type in ("object_assignment_pattern", "assignment_pattern"):
        return inner.child_by_field_name("right")
    return None


def parts_of(code: JsCode, child: Node) -> tuple[str, str]:
    """Local name and key of one part of an object pattern.

    Args:
        code: the file.
        child: the part.
    """
    if child.type in ("shorthand_property_identifier_pattern", "identifier"):
        return code.text(child), code.text(child) if child.type != "identifier" else ""
    if child.type in ("object_assignment_pattern", "assignment_pattern"):
        return parts_of(code, child.named_children[0])
    if child.type == "pair_pattern":
        value = child.child_by_field_name("value")
        if value is not None and value.type == "assignment_pattern":
            value = value.named_children[0]
        if value is not None and value.type == "identifier":
            return code.text(value), key_of(code, child)
    return "", ""
