"""Go read once with tree-sitter, so that the language and every pack share one look at a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Shape, Value
from scanners.idioms import go_scopes, go_types, parsing
from scanners.idioms.code import Assign, CallSite, Code, Import, Scope
from scanners.idioms.digest import Cuts
from scanners.idioms.go_imports import imports

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_QUERY = """
(function_declaration) @scope
(method_declaration) @scope
(type_spec) @scope
(type_alias) @scope
(func_literal) @scope
(package_clause) @package
(import_spec) @import
(call_expression) @call
(short_var_declaration) @assign
(assignment_statement) @assign
(var_spec) @assign
(const_spec) @assign
(range_clause) @for
(receive_statement) @assign
(return_statement) @return
(composite_literal) @literal
(type_switch_statement) @switch
(comment) @comment
(interpreted_string_literal) @string
(raw_string_literal) @string
"""
_PLAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_NAMED = ("identifier", "selector_expression", "type_identifier", "qualified_type", "field_identifier")
_TRANSPARENT = ("parenthesized_expression", "literal_element", "parenthesized_type", "pointer_type")
_ASIDE = re.compile(rb"(?m)^//(go:build|\s*\+build)\s+(wireinject|ignore|tools|integration|e2e|never|mage)\s*$")
_HEAD = 4096
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class GoCode(Code):
    """A parsed Go file."""

    language = "go"

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        super().__init__(path, data, root)
        self.package = ""
        self.comments: list[Node] = []
        self.strings: list[Node] = []
        self.import_nodes: list[Node] = []
        self.literals: list[Node] = []
        self.receivers: dict[str, str] = {}
        self.fields: list[go_types.Member] = []
        self.type_args: dict[str, tuple[str, ...]] = {}
        self.results: dict[str, str] = {}
        self.factories: set[str] = set()
        self.closures: dict[int, Scope] = {}
        self.loose: list[tuple[Scope, Node]] = []
        self._receiver_names: frozenset[str] = frozenset()

    def value(self, node: Node | None, scope: Scope) -> Value:
        from scanners.idioms import go_values

        return go_values.value(self, node, scope)

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        from scanners.idioms import go_shapes

        return go_shapes.shape(self, node, scope)

    def dotted(self, node: Node | None) -> str:
        node = bare(node)
        if node is None or node.type not in _NAMED:
            return ""
        text = self.text(node)
        if _PLAIN.fullmatch(text) is None:
            return self._spelled(node)
        head, dot, rest = text.partition(".")
        return f"self{dot}{rest}" if head in self._receiver_names and self._is_receiver(head, node) else text

    def _spelled(self, node: Node) -> str:
        """A chain written over several lines or with parentheses in it."""
        parts: list[str] = []
        inner: Node | None = node
        for _ in range(parsing.SCOPES):
            if inner is None or inner.type != "selector_expression":
                break
            parts.append(self.text(inner.child_by_field_name("field")))
            inner = bare(inner.child_by_field_name("operand"))
        head = self.dotted(inner) if inner is not None and inner.type == "identifier" else ""
        return ".".join((head, *reversed(parts))) if head else ""

    def _is_receiver(self, head: str, node: Node) -> bool:
        for outer in self.scope_at(node.start_byte).outward():
            if head in outer.bound or head in outer.params:
                return False
            if outer.name in self.receivers:
                return self.receivers[outer.name] == head
        return False

    def seal_receivers(self) -> None:
        """Remember the names methods call their receiver, which :meth:`dotted` gives as ``self``."""
        self._receiver_names = frozenset(self.receivers.values())

    def string(self, node: Node | None) -> str:
        """The text of a string literal, empty for anything else.

        Args:
            node: expression.
        """
        node = bare(node)
        if node is None:
            return ""
        if node.type == "raw_string_literal":
            return self.text(node)[1:-1]
        if node.type != "interpreted_string_literal":
            return ""
        text = self.text(node)[1:-1]
        return _ESCAPE.sub(lambda m: _ESCAPES.get(m.group(1), m.group(1)), text) if "\\" in text else text

    def read_site(self, node: Node) -> CallSite | None:
        inner = bare(node)
        if inner is None or inner.type not in ("call_expression", "type_conversion_expression"):
            return None
        scope = self.scope_at(inner.start_byte)
        head = inner.child_by_field_name("function") or inner.child_by_field_name("type")
        if head is None:
            return None
        if head.type == "index_expression":
            head = head.child_by_field_name("operand") or head
        elif head.type == "type_instantiation_expression":
            head = head.named_children[0]
        elif head.type == "generic_type":
            head = head.child_by_field_name("type") or head
        receiver = head.child_by_field_name("operand") if head.type == "selector_expression" else None
        dotted = self.dotted(head)
        method = self.text(head.child_by_field_name("field")) if receiver is not None else dotted.rpartition(".")[2]
        return CallSite(inner, dotted, receiver, method, self._arguments(inner), {}, scope)

    def _arguments(self, call: Node) -> tuple[Node, ...]:
        listed = call.child_by_field_name("arguments")
        if listed is None:
            operand = call.child_by_field_name("operand")
            return (operand,) if operand is not None else ()
        return tuple(c for c in listed.named_children if c.type != "comment")

    def type_of(self, dotted: str, scope: Scope) -> str:
        return go_types.type_of(self, dotted, scope)

    def bound_name(self, assign: Assign) -> str:
        head = assign.target.split(".", 1)[0]
        if assign.how == ":=" or head != assign.target:
            for outer in assign.scope.outward():
                if head in outer.params and head not in outer.bound:
                    return f"{outer.name}.{assign.target}"
        return super().bound_name(assign)

    def callee(self, site: CallSite) -> str:
        if site.receiver is None or not site.dotted:
            return super().callee(site)
        head = site.dotted.split(".", 1)[0]
        if head in self.imports and not any(head in s.bound or head in s.params for s in site.scope.outward()):
            return self.origin(site.dotted)
        made_by = self.type_of(site.dotted.rpartition(".")[0], site.scope)
        return f"{made_by}.{site.method}" if made_by else site.dotted

    def made_by(self, node: Node, scope: Scope) -> str:
        inner = bare(node)
        if inner is None:
            return ""
        if inner.type == "composite_literal":
            return self.annotation(inner.child_by_field_name("type"))
        dotted = self.dotted(inner)
        if dotted:
            return self.type_of(dotted, scope)
        site = self.site(inner)
        if site is None:
            if inner.type == "selector_expression":
                return self._of_part(inner, scope)
            return ""
        callee = self.callee(site)
        return self.results.get(callee) or callee

    def _of_part(self, node: Node, scope: Scope) -> str:
        operand = node.child_by_field_name("operand")
        owner = self.made_by(operand, scope) if operand is not None else ""
        return go_types.member(self, owner, self.text(node.child_by_field_name("field"))) if owner else ""

    def annotation(self, node: Node | None) -> str:
        """The type a type expression names, through imports; ``[]T``, ``map[]T`` and ``chan T`` keep their mark.

        Args:
            node: a type.
        """
        return go_types.annotation(self, node)

    def scope_is_function(self, name: str) -> bool:
        """Whether a qualified name is a function of this file.

        Args:
            name: qualified.
        """
        found = self.scope(name)
        return found is not None and found.sort in ("function", "method")

    @cached_property
    def locals(self) -> dict[str, str]:
        """Local names of imported packages, by path."""
        return {found.module: local for local, found in self.imports.items()}

    def cuts(self) -> Cuts:
        """What of the file is not plain code."""
        return Cuts(_spans(self.comments), _spans(self.strings), indented=False)


def bare(node: Node | None) -> Node | None:
    """An expression without parentheses, ``&``, ``*`` and type assertions.

    Args:
        node: expression.
    """
    while node is not None:
        kind = node.type
        if kind == "unary_expression":
            operator = node.child_by_field_name("operator")
            if operator is None or operator.type not in ("&", "*"):
                return node
            node = node.child_by_field_name("operand")
        elif kind == "type_assertion_expression":
            node = node.child_by_field_name("operand")
        elif kind in _TRANSPARENT and node.named_child_count:
            node = node.named_children[0]
        else:
            return node
    return None


def parse(source: SourceFile) -> GoCode:
    """Read a Go file.

    Args:
        source: within the size limit; broken syntax is read as far as it goes.
    """
    if _ASIDE.search(source.data[:_HEAD]):
        source = SourceFile(source.path, b"")
    language, query = _tools()
    root = parsing.tree(language, source.data).root_node
    code = GoCode(source.path, source.data, root)
    found = parsing.captures(query, root)
    package = found.get("package", [])
    code.package = code.text(package[0].named_children[0]) if package and package[0].named_child_count else ""
    code.import_nodes = found.get("import", [])
    code.all_imports = list(imports(code, code.import_nodes))
    code.imports = {i.local: i for i in code.all_imports if i.local not in ("*", "_")}
    code.index_scopes(go_scopes.scopes(code, found.get("scope", ())))
    code.comments, code.strings = found.get("comment", []), found.get("string", [])
    code.literals = found.get("literal", [])
    code.assigns = sorted(_assigns(code, found), key=lambda a: a.line)
    for assign in code.assigns:
        if assign.how != ":=" and "." not in assign.target:
            assign.scope.bound.add(assign.target)
    code.seal_receivers()
    code.calls = [site for node in found.get("call", ()) if (site := code.site(node)) is not None]
    code.returns = [(n, code.scope_at(n.start_byte)) for n in found.get("return", ()) if _own_return(code, n)]
    go_types.fill(code)
    return code


@cache
def _tools() -> tuple[Language, Query]:
    import tree_sitter_go
    from tree_sitter import Language, Query

    language = Language(tree_sitter_go.language())
    return language, Query(language, _QUERY)


def _spans(nodes: Iterable[Node]) -> tuple[tuple[int, int], ...]:
    return tuple((n.start_byte, n.end_byte) for n in nodes)


def _own_return(code: GoCode, node: Node) -> bool:
    """A return of a named function, not of a closure that belongs to what is around it."""
    parent = node.parent
    while parent is not None:
        if parent.type == "func_literal":
            return parent.id in code.closures
        if parent.type.endswith("_declaration"):
            return True
        parent = parent.parent
    return True


def _assigns(code: GoCode, found: dict[str, list[Node]]) -> Iterator[Assign]:
    for node in found.get("assign", ()):
        if node.type in ("var_spec", "const_spec"):
            yield from _declared(code, node)
        else:
            yield from _assigned(code, node)
    for node in found.get("for", ()):
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        names = left.named_children if left is not None else []
        if names and right is not None:
            target = code.text(names[-1])
            if target != "_" and target.isidentifier():
                key = "" if len(names) > 1 else "?"
                yield Assign(target, right, None, code.scope_at(node.start_byte), _line(node), "for", key)
            if len(names) > 1 and code.text(names[0]) != "_":
                code.scope_at(node.start_byte).bound.add(code.text(names[0]))
    for node in found.get("switch", ()):
        alias = node.child_by_field_name("alias")
        if alias is not None:
            target = code.text(alias)
            yield Assign(target, node.child_by_field_name("value"), None, code.scope_at(node.start_byte), _line(node))


def _declared(code: GoCode, node: Node) -> Iterator[Assign]:
    names = [code.text(n) for n in node.children_by_field_name("name")]
    listed = node.child_by_field_name("value")
    values = [c for c in listed.named_children if c.type != "comment"] if listed is not None else []
    annotation = node.child_by_field_name("type")
    scope, line = code.scope_at(node.start_byte), _line(node)
    for index, name in enumerate(names):
        if name != "_":
            yield _part(name, index, values, (annotation, scope, line, "="))


def _assigned(code: GoCode, node: Node) -> Iterator[Assign]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return
    operator = node.child_by_field_name("operator")
    how = "=" if node.type == "short_var_declaration" else ":="
    if operator is not None and code.text(operator) == "+=":
        how = "+="
    values = right.named_children if right.type == "expression_list" else [right]
    values = [v for v in values if v.type != "comment"]
    scope, line = code.scope_at(node.start_byte), _line(node)
    for index, target in enumerate(c for c in left.named_children if c.type != "comment"):
        dotted = _target(code, target)
        if dotted and dotted != "_":
            yield _part(dotted, index, values, (None, scope, line, how))


def _target(code: GoCode, node: Node) -> str:
    inner = bare(node)
    if inner is None or inner.type not in ("identifier", "selector_expression"):
        return ""
    text = code.text(inner)
    if _PLAIN.fullmatch(text) is None:
        return ""
    head, dot, rest = text.partition(".")
    if dot:
        for outer in code.scope_at(inner.start_byte).outward():
            if outer.name in code.receivers:
                return f"self.{rest}" if code.receivers[outer.name] == head else text
    return text


def _part(name: str, index: int, values: list[Node], about: tuple[Node | None, Scope, int, str]) -> Assign:
    """One name of an assignment; results of a call but the first are marked with their position."""
    annotation, scope, line, how = about
    if len(values) == 1 and index:
        return Assign(name, values[0], annotation, scope, line, how, str(index))
    return Assign(name, values[index] if index < len(values) else None, annotation, scope, line, how)


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


__all__ = ["GoCode", "Import", "bare", "parse"]
