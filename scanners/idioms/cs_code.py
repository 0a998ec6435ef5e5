"""C# read once with tree-sitter, so that the language and its packs share one look at a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import ANYTHING, Shape, Value
from scanners.idioms import parsing
from scanners.idioms.code import Assign, CallSite, Code, Scope
from scanners.idioms.cs_records import Attribute, Declared, Kept
from scanners.idioms.cs_types import TypeRef, child, type_ref
from scanners.idioms.digest import Cuts

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_QUERY = """
[(class_declaration) (struct_declaration) (record_declaration) (interface_declaration) (enum_declaration)
 (method_declaration) (constructor_declaration) (local_function_statement) (lambda_expression)
 (property_declaration)] @scope
(using_directive) @using
[(namespace_declaration) (file_scoped_namespace_declaration)] @namespace
[(invocation_expression) (object_creation_expression) (implicit_object_creation_expression)] @call
[(variable_declarator) (assignment_expression) (foreach_statement) (declaration_expression)
 (declaration_pattern)] @assign
[(return_statement) (arrow_expression_clause)] @return
(attribute) @attribute
(element_access_expression) @element
(throw_statement) @throw
(comment) @comment
[(string_literal) (verbatim_string_literal) (raw_string_literal) (interpolated_string_expression)
 (character_literal)] @string
"""
_TRANSPARENT = {
    "parenthesized_expression": 0,
    "await_expression": 0,
    "postfix_unary_expression": 0,
    "checked_expression": 0,
    "cast_expression": -1,
    "as_expression": 0,
}


class CsCode(Code):
    """A parsed C# file."""

    language = "csharp"

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        super().__init__(path, data, root)
        self.kept = Kept()
        self.attributes: dict[int, list[Attribute]] = {}
        self.declared: dict[str, dict[str, Declared]] = {}
        self.refs: dict[str, TypeRef] = {}
        self.generics: dict[str, tuple[str, ...]] = {}
        self.own_names: frozenset[str] | None = None
        self.modelled: bool | None = None
        self.contexts: frozenset[str] | None = None
        self._made_of: dict[str, Assign] = {}

    def value(self, node: Node | None, scope: Scope) -> Value:
        from scanners.idioms import cs_values

        return cs_values.value(self, node, scope)

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        from scanners.idioms import cs_shapes

        return cs_shapes.shape(self, node, scope) if node is not None else ANYTHING

    def dotted(self, node: Node | None) -> str:
        parts: list[str] = []
        node = bare(node)
        while node is not None:
            kind = node.type
            if kind in ("identifier", "this", "base", "predefined_type"):
                parts.append(self.text(node).removeprefix("@"))
                return ".".join(reversed(parts))
            if kind in ("member_access_expression", "qualified_name"):
                parts.append(self.simple(node.child_by_field_name("name")))
                node = bare(node.child_by_field_name("expression") or node.child_by_field_name("qualifier"))
            elif kind == "conditional_access_expression":
                binding = node.named_children[-1]
                if binding.type != "member_binding_expression":
                    return ""
                parts.append(self.simple(binding.child_by_field_name("name")))
                node = bare(node.child_by_field_name("condition"))
            elif kind == "generic_name":
                node = node.named_children[0]
            else:
                return ""
        return ""

    def simple(self, node: Node | None) -> str:
        """A name without type arguments and ``@``.

        Args:
            node: identifier or generic name.
        """
        if node is not None and node.type == "generic_name":
            node = node.named_children[0]
        return self.text(node).removeprefix("@")

    def string(self, node: Node | None) -> str:
        """The text of a plain string literal, empty for anything else.

        Args:
            node: expression.
        """
        from graph.values import Lit
        from scanners.idioms.cs_strings import literal

        if node is None or node.type not in ("string_literal", "verbatim_string_literal", "raw_string_literal"):
            return ""
        read = literal(self, node)
        return read.value if isinstance(read, Lit) and isinstance(read.value, str) else ""

    def read_site(self, node: Node) -> CallSite | None:
        inner = bare(node)
        if inner is None:
            return None
        kind = inner.type
        if kind == "invocation_expression":
            return self._invocation(inner)
        if kind not in ("object_creation_expression", "implicit_object_creation_expression"):
            return None
        made = inner.child_by_field_name("type")
        ref = type_ref(self, made) if made is not None else self.target_type(inner)
        args, named = self.arguments(child(inner, "argument_list"))
        name = ref.name if ref is not None else ""
        return CallSite(inner, name, None, name.rpartition(".")[2], args, named, self.scope_at(inner.start_byte))

    def _invocation(self, node: Node) -> CallSite | None:
        head = node.child_by_field_name("function")
        if head is None:
            return None
        receiver: Node | None = None
        if head.type == "member_access_expression":
            receiver, last = head.child_by_field_name("expression"), head.child_by_field_name("name")
        elif head.type == "conditional_access_expression":
            receiver, last = _conditional(head)
        else:
            last = head
        args, named = self.arguments(node.child_by_field_name("arguments"))
        scope = self.scope_at(node.start_byte)
        return CallSite(node, self.dotted(head), receiver, self.simple(last), args, named, scope)

    def arguments(self, listed: Node | None) -> tuple[tuple[Node, ...], Mapping[str, Node]]:
        """Positional and named arguments of a list.

        Args:
            listed: argument list, None gives none.
        """
        args: list[Node] = []
        named: dict[str, Node] = {}
        for item in listed.named_children if listed is not None else ():
            if item.type not in ("argument", "attribute_argument") or not item.named_child_count:
                continue
            name = item.child_by_field_name("name")
            if name is None:
                args.append(item.named_children[-1])
            else:
                named[self.text(name)] = item.named_children[-1]
        return tuple(args), named

    def type_args(self, site: CallSite) -> tuple[TypeRef, ...]:
        """Type arguments of a call: ``AddScoped<IOrders, Orders>()``, ``new List<Order>()``.

        Args:
            site: a call.
        """
        head = site.node.child_by_field_name("function") or site.node.child_by_field_name("type")
        if head is not None and head.type == "member_access_expression":
            head = head.child_by_field_name("name")
        elif head is not None and head.type == "conditional_access_expression":
            head = _conditional(head)[1]
        ref = type_ref(self, head) if head is not None and head.type == "generic_name" else None
        return ref.args if ref is not None else ()

    def target_type(self, node: Node) -> TypeRef | None:
        """The type ``new(...)`` makes: of the declaration it initialises, None when the file does not say.

        Args:
            node: implicit creation.
        """
        parent = node.parent
        if parent is not None and parent.type == "variable_declarator" and parent.parent is not None:
            declared = parent.parent.child_by_field_name("type")
            return type_ref(self, declared) if declared is not None and declared.type != "implicit_type" else None
        if parent is not None and parent.type == "property_declaration":
            return type_ref(self, parent.child_by_field_name("type"))
        if parent is not None and parent.type == "assignment_expression":
            return self.ref_of(self.dotted(parent.child_by_field_name("left")), self.scope_at(node.start_byte))
        return None

    def ref_of(self, dotted: str, scope: Scope) -> TypeRef | None:
        """The declared or constructed type of a name with its type arguments, None when unknown.

        Args:
            dotted: as written.
            scope: where it is used.
        """
        head, dot, rest = dotted.partition(".")
        if dot and head in ("this", "base"):
            return self.refs.get(f"{scope.owner}.{rest}")
        for outer in scope.outward():
            found = self.refs.get(f"{outer.name}.{dotted}" if outer.name else dotted)
            if found is not None:
                return found
        if dot:
            return self._ref_of_member(head, rest, scope)
        return None

    def _ref_of_member(self, head: str, rest: str, scope: Scope) -> TypeRef | None:
        """``options.Value.Url``: through the types this file declares."""
        ref = self.ref_of(head, scope)
        for part in rest.split("."):
            if ref is None:
                return None
            ref = (
                ref.inner
                if part in ("Value", "CurrentValue", "Result") and ref.args
                else self.refs.get(f"{ref.name}.{part}")
            )
        return ref

    def type_of(self, dotted: str, scope: Scope) -> str:
        ref = self.ref_of(dotted, scope) if dotted else None
        return ref.name if ref is not None else ""

    def made_of(self, dotted: str, scope: Scope) -> CallSite | None:
        if not self._made_of:
            for assign in reversed(self.assigns):
                if assign.value is not None and not assign.key:
                    self._made_of[self.bound_name(assign)] = assign
        for outer in scope.outward():
            found = self._made_of.get(outer.qualify(dotted))
            made = self.site(found.value) if found is not None and found.value is not None else None
            if made is not None:
                return made
        return None

    def bound_name(self, assign: Assign) -> str:
        head = assign.target.partition(".")[0]
        for outer in assign.scope.outward():
            if head in outer.params:
                return outer.qualify(assign.target)
        return super().bound_name(assign)

    def attributes_of(self, node: Node) -> list[Attribute]:
        """Attributes of a declaration or parameter.

        Args:
            node: the declaration.
        """
        return self.attributes.get(node.id, [])

    def cuts(self) -> Cuts:
        """What of the file is not plain code."""
        return Cuts(_spans(self.kept.comments), _spans(self.kept.strings), indented=False)


def bare(node: Node | None) -> Node | None:
    """An expression without parentheses, await, casts and ``!``.

    Args:
        node: expression.
    """
    while node is not None and node.type in _TRANSPARENT and node.named_child_count:
        node = node.named_children[_TRANSPARENT[node.type]]
    return node


def items(node: Node | None) -> list[Node]:
    """Items of an array or collection written in place, empty for anything else.

    Args:
        node: expression.
    """
    node = bare(node)
    if node is None:
        return []
    if node.type == "collection_expression":
        held = [
            c.named_children[0] if c.type == "collection_element" and c.named_child_count else c
            for c in node.named_children
        ]
        return [c.named_children[0] for c in held if c.type == "expression_element" and c.named_child_count]
    listed = child(node, "initializer_expression")
    return list(listed.named_children) if listed is not None else []


def _conditional(head: Node) -> tuple[Node | None, Node | None]:
    """Receiver and name of ``a?.B`` as the function of a call."""
    binding = head.named_children[-1]
    receiver = head.child_by_field_name("condition")
    if binding.type == "member_binding_expression":
        return receiver, binding.child_by_field_name("name")
    return receiver, binding.child_by_field_name("name")


def _spans(nodes: Iterable[Node]) -> tuple[tuple[int, int], ...]:
    return tuple((n.start_byte, n.end_byte) for n in nodes)


def parse(source: SourceFile) -> CsCode:
    """Read a file.

    Args:
        source: within the size limit; broken syntax is read as far as it goes.
    """
    from scanners.idioms import cs_assigns, cs_scopes

    language, query = _tools()
    root = parsing.tree(language, source.data).root_node
    code = CsCode(source.path, source.data, root)
    found = parsing.captures(query, root)
    code.kept = Kept(
        found.get("using", []),
        found.get("comment", []),
        found.get("string", []),
        found.get("element", []),
        found.get("throw", []),
        [name for n in found.get("namespace", ()) if (name := n.child_by_field_name("name")) is not None],
    )
    code.all_imports = list(cs_assigns.imports(code))
    code.imports = {i.local: i for i in code.all_imports if i.name != "*"}
    cs_assigns.attributes(code, found.get("attribute", ()))
    code.index_scopes(list(cs_scopes.scopes(code, found.get("scope", ()))))
    cs_scopes.declare(code)
    code.assigns = sorted(cs_assigns.assigns(code, found.get("assign", ())), key=lambda a: a.line)
    for assign in code.assigns:
        if assign.how != ":=" and "." not in assign.target:
            assign.scope.bound.add(assign.target)
    cs_scopes.types(code)
    code.calls = [site for node in found.get("call", ()) if (site := code.site(node)) is not None]
    code.returns = [(n, code.scope_at(n.start_byte)) for n in found.get("return", ())]
    return code


@cache
def _tools() -> tuple[Language, Query]:
    import tree_sitter_c_sharp
    from tree_sitter import Language, Query

    language = Language(tree_sitter_c_sharp.language())
    return language, Query(language, _QUERY)
