"""Java read once with tree-sitter: scopes, fields, annotations, calls and types for the language and every pack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Shape, Value
from scanners.idioms import parsing
from scanners.idioms.code import Assign, CallSite, Code, Import, Scope
from scanners.idioms.digest import Cuts
from scanners.idioms.java_noise import HEADS
from scanners.idioms.java_parts import Found, Mark, Member

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_QUERY = """
(package_declaration) @package
(import_declaration) @import
(class_declaration) @scope
(interface_declaration) @scope
(enum_declaration) @scope
(record_declaration) @scope
(annotation_type_declaration) @scope
(method_declaration) @scope
(constructor_declaration) @scope
(compact_constructor_declaration) @scope
(object_creation_expression (class_body (method_declaration) @inline))
(enum_constant (class_body (method_declaration) @inline))
(lambda_expression) @lambda
(field_declaration) @field
(constant_declaration) @field
(enum_constant) @constant
(local_variable_declaration) @local
(enhanced_for_statement) @for
(resource) @resource
(catch_formal_parameter) @catch
(assignment_expression) @assign
(annotation) @mark
(marker_annotation) @mark
(method_invocation) @call
(object_creation_expression) @call
(explicit_constructor_invocation) @call
(method_reference) @reference
(return_statement) @return
(throw_statement) @throw
(line_comment) @comment
(block_comment) @comment
(string_literal) @string
(character_literal) @string
"""
_OWNER = re.compile(rb"(?<![\w.$@])([A-Z][A-Za-z0-9_]{0,80})\.(?=[A-Za-z_])")
_WRAPPERS = ("parenthesized_expression", "cast_expression")
_CALLS = ("method_invocation", "object_creation_expression", "explicit_constructor_invocation")


class JavaCode(Code):
    """A parsed Java file."""

    language = "java"

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        super().__init__(path, data, root)
        self.package = ""
        self.package_node: Node | None = None
        self.members: dict[str, Member] = {}
        self.params: dict[str, tuple[Member, ...]] = {}
        self.marks: dict[str, list[Mark]] = {}
        self.on: dict[str, list[Mark]] = {}
        self.type_names: frozenset[str] = frozenset()
        self.method_names: dict[str, list[Scope]] = {}
        self.type_nodes: dict[str, Node] = {}
        self.throws: list[tuple[Node, Scope]] = []
        self.references: list[tuple[Node, Scope]] = []
        self.comments: list[Node] = []
        self.strings: list[Node] = []
        self.import_nodes: list[Node] = []
        self.stars: tuple[str, ...] = ()
        self.inline: list[Node] = []
        self._values: dict[tuple[int, int, int], Value] = {}

    def value(self, node: Node | None, scope: Scope) -> Value:
        from scanners.idioms import java_values

        if node is None:
            return java_values.value(self, node, scope)
        key = (node.id, node.end_byte, id(scope))
        if key not in self._values:
            self._values[key] = java_values.value(self, node, scope)
        return self._values[key]

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        from scanners.idioms import java_shapes

        return java_shapes.shape(self, node, scope)

    def dotted(self, node: Node | None) -> str:
        parts: list[str] = []
        node = bare(node)
        while node is not None:
            if node.type in ("identifier", "this", "super", "type_identifier"):
                parts.append(self.text(node))
                return ".".join(reversed(parts))
            if node.type == "scoped_type_identifier":
                return self.text(node).replace(" ", "")
            if node.type != "field_access":
                return ""
            parts.append(self.text(node.child_by_field_name("field")))
            node = bare(node.child_by_field_name("object"))
        return ""

    def string(self, node: Node | None) -> str:
        """The text of a plain string literal, empty for anything else.

        Args:
            node: expression.
        """
        from scanners.idioms import java_values

        node = bare(node)
        return java_values.literal(self, node) if node is not None and node.type == "string_literal" else ""

    def read_site(self, node: Node) -> CallSite | None:
        inner = bare(node)
        if inner is None or inner.type not in _CALLS:
            return None
        listed = inner.child_by_field_name("arguments")
        args = tuple(c for c in listed.named_children if not c.is_extra) if listed is not None else ()
        scope = self.scope_at(inner.start_byte)
        if inner.type == "object_creation_expression":
            made = self.type_text(inner.child_by_field_name("type"))
            return CallSite(inner, made, None, made, args, {}, scope)
        if inner.type == "explicit_constructor_invocation":
            word = self.text(inner.child_by_field_name("constructor"))
            return CallSite(inner, word, None, word, args, {}, scope)
        receiver = inner.child_by_field_name("object")
        method = self.text(inner.child_by_field_name("name"))
        before = self.dotted(receiver) if receiver is not None else ""
        dotted = f"{before}.{method}" if before else ("" if receiver is not None else method)
        return CallSite(inner, dotted, receiver, method, args, {}, scope)

    def made_by(self, node: Node, scope: Scope) -> str:
        inner = bare(node)
        dotted = self.dotted(inner)
        if dotted:
            return self.type_of(dotted, scope)
        site = self.site(inner) if inner is not None else None
        if site is None:
            return ""
        chain = [site, *self.before(site)]
        root = chain[-1]
        if len(chain) > parsing.SCOPES or (root.receiver is not None and not self.dotted(root.receiver)):
            return ""
        found = self.types.get(f"{root.dotted}()", "") if root.node.type == "method_invocation" else ""
        found = found or super().callee(root)
        return ".".join((found, *(s.method for s in reversed(chain[:-1])))) if found else ""

    def callee(self, site: CallSite) -> str:
        if site.receiver is None or self.dotted(site.receiver):
            return super().callee(site)
        made = self.made_by(site.receiver, site.scope)
        return f"{made}.{site.method}" if made else ""

    def type_text(self, node: Node | None) -> str:
        """The dotted name of a type as written, without type arguments, array brackets and annotations.

        Args:
            node: a type.
        """
        while node is not None and node.type in ("generic_type", "array_type", "annotated_type"):
            named = [c for c in node.named_children if c.type not in ("marker_annotation", "annotation")]
            node = named[0] if named else None
        return self.text(node) if node is not None and node.type != "void_type" else ""

    def type_args(self, node: Node | None) -> list[Node]:
        """The type arguments of a type; of an array, its element.

        Args:
            node: a type.
        """
        if node is None:
            return []
        if node.type == "array_type":
            element = node.child_by_field_name("element")
            return [element] if element is not None else []
        listed = next((c for c in node.named_children if c.type == "type_arguments"), None)
        return list(listed.named_children) if listed is not None else []

    def means(self, written: str, *full: str) -> bool:
        """Whether a type name, as written or through imports, is one of the library's.

        Args:
            written: dotted name.
            full: names with their packages.
        """
        last = written.rsplit(".", 1)[-1]
        named = [name for name in full if name.rpartition(".")[2] == last]
        if not named:
            return False
        if "." in written:
            return written in named
        known = self.imports.get(last)
        return known.module in named if known is not None else last not in self.type_names

    def following(self, site: CallSite) -> Iterator[CallSite]:
        """The calls chained behind a call: ``b`` and ``c`` of ``a().b().c()``.

        Args:
            site: a call.
        """
        node: Node | None = site.node
        for _ in range(parsing.SCOPES):
            parent = node.parent if node is not None else None
            while parent is not None and parent.type in _WRAPPERS:
                node, parent = parent, parent.parent
            if parent is None or node is None or parent.type != "method_invocation":
                return
            receiver = parent.child_by_field_name("object")
            if receiver is None or receiver.id != node.id:
                return
            found = self.site(parent)
            if found is None:
                return
            yield found
            node = parent

    def before(self, site: CallSite) -> Iterator[CallSite]:
        """The calls a chained call stands behind, nearest first: ``b`` and ``a`` of ``a().b().c()``.

        Args:
            site: a call.
        """
        inner = self.site(site.receiver) if site.receiver is not None else None
        for _ in range(parsing.SCOPES):
            if inner is None:
                return
            yield inner
            inner = self.site(inner.receiver) if inner.receiver is not None else None

    @cached_property
    def _by_scope(self) -> dict[int, tuple[list[CallSite], list[Assign], list[Node]]]:
        found: dict[int, tuple[list[CallSite], list[Assign], list[Node]]] = {}
        for site in self.calls:
            found.setdefault(id(site.scope), ([], [], []))[0].append(site)
        for assign in self.assigns:
            found.setdefault(id(assign.scope), ([], [], []))[1].append(assign)
        for node, scope in self.returns:
            found.setdefault(id(scope), ([], [], []))[2].append(node)
        return found

    def inside(self, scope: Scope) -> tuple[list[CallSite], list[Assign], list[Node]]:
        """Calls, assignments and return statements of a method, each in source order.

        Args:
            scope: the method.
        """
        return self._by_scope.get(id(scope), ([], [], []))

    @cached_property
    def owners(self) -> frozenset[str]:
        """Names of classes a member of which is named in the file, the platform's left out."""
        return frozenset(n.decode() for n in _OWNER.findall(self.data)) - HEADS

    def cuts(self) -> Cuts:
        """What of the file is not plain code."""
        return Cuts(_spans(self.comments), _spans(self.strings), indented=False)


def bare(node: Node | None) -> Node | None:
    """An expression without parentheses and casts.

    Args:
        node: expression.
    """
    while node is not None and node.type in _WRAPPERS:
        inner = node.child_by_field_name("value") if node.type == "cast_expression" else None
        node = inner if inner is not None else (node.named_children[-1] if node.named_child_count else None)
    return node


def items(node: Node | None) -> list[Node]:
    """Elements of an array in braces or of ``new X[] {...}``, ``List.of(...)``; the expression itself otherwise.

    Args:
        node: expression.
    """
    node = bare(node)
    if node is None:
        return []
    if node.type in ("element_value_array_initializer", "array_initializer"):
        return [c for c in node.named_children if not c.is_extra]
    if node.type == "array_creation_expression":
        return items(node.child_by_field_name("value"))
    return [node]


def parse(source: SourceFile) -> JavaCode:
    """Read a Java file.

    Args:
        source: within the size limit; broken syntax is read as far as it goes.
    """
    from scanners.idioms import java_scopes

    language, query = _tools()
    root = parsing.tree(language, source.data).root_node
    code = JavaCode(source.path, source.data, root)
    found = Found(parsing.captures(query, root))
    _header(code, found)
    java_scopes.fill(code, found)
    code.comments, code.strings = found.of("comment"), found.of("string")
    code.calls = [site for node in found.of("call") if (site := code.site(node)) is not None]
    java_scopes.names(code, found)
    return code


def _header(code: JavaCode, found: Found) -> None:
    for node in found.of("package")[:1]:
        code.package_node = node
        named = next((c for c in node.named_children if c.type in ("scoped_identifier", "identifier")), None)
        code.package = code.text(named).replace(" ", "")
    code.import_nodes = found.of("import")
    code.all_imports = [i for node in code.import_nodes if (i := _import(code, node)) is not None]
    code.imports = {i.local: i for i in code.all_imports if i.local != "*"}
    code.stars = tuple(i.module for i in code.all_imports if i.local == "*")


def _import(code: JavaCode, node: Node) -> Import | None:
    static = any(c.type == "static" for c in node.children)
    star = any(c.type == "asterisk" for c in node.named_children)
    named = next((c for c in node.named_children if c.type in ("scoped_identifier", "identifier")), None)
    module, line = "".join(code.text(named).split()), int(node.start_point[0]) + 1
    if not module:
        return None
    if star:
        return Import("*", module, "*", line)
    if static:
        owner, _, name = module.rpartition(".")
        return Import(name, owner, name, line)
    return Import(module.rsplit(".", 1)[-1], module, "", line)


@cache
def _tools() -> tuple[Language, Query]:
    import tree_sitter_java
    from tree_sitter import Language, Query

    language = Language(tree_sitter_java.language())
    return language, Query(language, _QUERY)


def _spans(nodes: Iterable[Node]) -> tuple[tuple[int, int], ...]:
    return tuple((n.start_byte, n.end_byte) for n in nodes)


__all__ = ["Assign", "Found", "JavaCode", "Mark", "Member", "bare", "items", "parse"]
