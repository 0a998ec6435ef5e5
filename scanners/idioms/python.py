"""Python read once with tree-sitter, so that the language and every pack share one look at a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Shape, Value
from scanners.idioms import parsing
from scanners.idioms.code import Assign, CallSite, Code, Import, Scope
from scanners.idioms.digest import Cuts

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_QUERY = """
(function_definition) @scope
(class_definition) @scope
(import_statement) @import
(import_from_statement) @import
(call) @call
(assignment) @assign
(augmented_assignment) @assign
(named_expression) @assign
(with_item) @with
(for_statement) @for
(for_in_clause) @for
(return_statement) @return
(raise_statement) @raise
(subscript) @subscript
(comment) @comment
(string) @string
(block . (expression_statement (string) @doc))
(module . (expression_statement (string) @doc))
"""
_WRAPPERS = ("parenthesized_expression", "await")
_UNWRAPPED_TYPES = ("Annotated", "Optional", "Final", "ClassVar", "Awaitable", "Type", "type")


class PyCode(Code):
    """A parsed Python file."""

    language = "python"

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        super().__init__(path, data, root)
        self.raises: list[tuple[Node, Scope]] = []
        self.subscripts: list[tuple[Node, Scope]] = []
        self.comments: list[Node] = []
        self.strings: list[Node] = []
        self.docs: list[Node] = []
        self.import_nodes: list[Node] = []
        self.named_shapes: dict[tuple[str, int, str], Shape] = {}
        self._called: dict[str, list[CallSite]] = {}
        self._callees: dict[int, str] | None = None

    def called(self, *methods: str) -> list[CallSite]:
        """Calls whose callee ends in one of these names, in source order: packs look here instead of at every call.

        Args:
            methods: last parts of callees.
        """
        if not self._called:
            for site in self.calls:
                self._called.setdefault(site.method, []).append(site)
        found = [site for method in methods for site in self._called.get(method, ())]
        return sorted(found, key=lambda s: s.node.start_byte) if len(methods) > 1 else found

    def callee(self, site: CallSite) -> str:
        if self._callees is None:
            return super().callee(site)
        key = site.node.id
        if key not in self._callees:
            self._callees[key] = super().callee(site)
        return self._callees[key]

    def held(self, site: CallSite) -> Assign | None:
        found = super().held(site)
        return None if found is not None and found.key else found

    def settle(self) -> None:
        """From now on what a call leads to is computed once."""
        self._callees = {}

    def value(self, node: Node | None, scope: Scope) -> Value:
        from scanners.idioms import python_values

        return python_values.value(self, node, scope)

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        from scanners.idioms import python_shapes

        return python_shapes.shape(self, node, scope)

    def dotted(self, node: Node | None) -> str:
        parts: list[str] = []
        while node is not None:
            if node.type == "identifier":
                parts.append(self.text(node))
                return ".".join(reversed(parts))
            if node.type == "attribute":
                parts.append(self.text(node.child_by_field_name("attribute")))
                node = node.child_by_field_name("object")
            elif node.type == "subscript":
                key = self.string(node.child_by_field_name("subscript"))
                if not key.isidentifier():
                    return ""
                parts.append(key)
                node = node.child_by_field_name("value")
            else:
                return ""
        return ""

    def string(self, node: Node | None) -> str:
        """The text of a plain string literal, empty for anything else.

        Args:
            node: expression.
        """
        if node is None or node.type != "string" or any(c.type == "interpolation" for c in node.named_children):
            return ""
        return "".join(self.text(c) for c in node.named_children if c.type == "string_content")

    def read_site(self, node: Node) -> CallSite | None:
        while node.type in _WRAPPERS and node.named_child_count:
            node = node.named_children[0]
        if node.type != "call":
            return None
        head = node.child_by_field_name("function")
        if head is None:
            return None
        receiver = head.child_by_field_name("object") if head.type == "attribute" else None
        method = self.text(head.child_by_field_name("attribute") if head.type == "attribute" else head)
        args, named = self._arguments(node.child_by_field_name("arguments"))
        return CallSite(node, self.dotted(head), receiver, method, args, named, self.scope_at(node.start_byte))

    def _arguments(self, node: Node | None) -> tuple[tuple[Node, ...], dict[str, Node]]:
        args: list[Node] = []
        named: dict[str, Node] = {}
        for child in node.named_children if node is not None else ():
            if child.type == "keyword_argument":
                value = child.child_by_field_name("value")
                if value is not None:
                    named[self.text(child.child_by_field_name("name"))] = value
            elif child.type not in ("comment", "dictionary_splat"):
                args.append(child)
        return tuple(args), named

    def annotation(self, node: Node | None) -> str:
        """The dotted class of a type annotation, with Annotated, Optional and the like taken off; through imports.

        Args:
            node: a ``type`` node or an expression.
        """
        while node is not None and node.type in ("type", "string") and node.named_child_count:
            node = node.named_children[0]
        if node is None:
            return ""
        if node.type == "string_content":
            text = self.text(node)
            return self.origin(text) if all(p.isidentifier() for p in text.split(".")) else ""
        if node.type in ("generic_type", "subscript"):
            return self._generic(node)
        if node.type == "binary_operator":
            return self.annotation(node.child_by_field_name("left"))
        dotted = self.dotted(node)
        return self.types.get(f"={dotted}") or (self.origin(dotted) if dotted else "")

    def _generic(self, node: Node) -> str:
        parts = node.named_children
        head = self.text(parts[0]).rsplit(".", 1)[-1] if parts else ""
        if head not in _UNWRAPPED_TYPES:
            return self.origin(self.dotted(parts[0])) if parts else ""
        inner = parts[1] if len(parts) > 1 else None
        if inner is not None and inner.type == "type_parameter":
            inner = inner.named_children[0] if inner.named_child_count else None
        return self.annotation(inner)

    def cuts(self) -> Cuts:
        """What of the file is not plain code."""
        return Cuts(_spans((*self.comments, *self.docs)), _spans(self.strings), indented=True)


def parse(source: SourceFile) -> PyCode:
    """Read a Python file.

    Args:
        source: within the size limit; broken syntax is read as far as it goes.
    """
    language, query = _tools()
    root = parsing.tree(language, source.data).root_node
    code = PyCode(source.path, source.data, root)
    found = parsing.captures(query, root)
    code.index_scopes(list(_scopes(code, found.get("scope", ()))))
    code.import_nodes = [n for n in found.get("import", ()) if not code.scope_at(n.start_byte).name]
    for node in found.get("import", ()):
        code.all_imports += _imports(code, node)
    code.imports = {i.local: i for i in code.all_imports if i.name != "*"}
    code.comments, code.strings, code.docs = (found.get(n, []) for n in ("comment", "string", "doc"))
    code.assigns = sorted(_assigns(code, found), key=lambda a: a.line)
    for assign in code.assigns:
        assign.scope.bound.add(assign.target)
    code.calls = [site for node in found.get("call", ()) if (site := code.site(node)) is not None]
    code.returns = [(n, code.scope_at(n.start_byte)) for n in found.get("return", ())]
    code.raises = [(n, code.scope_at(n.start_byte)) for n in found.get("raise", ())]
    code.subscripts = [(n, code.scope_at(n.start_byte)) for n in found.get("subscript", ())]
    _types(code)
    code.settle()
    return code


@cache
def _tools() -> tuple[Language, Query]:
    import tree_sitter_python
    from tree_sitter import Language, Query

    language = Language(tree_sitter_python.language())
    return language, Query(language, _QUERY)


def _spans(nodes: Iterable[Node]) -> tuple[tuple[int, int], ...]:
    return tuple((n.start_byte, n.end_byte) for n in nodes)


def _scopes(code: PyCode, nodes: Iterable[Node]) -> Iterator[Scope]:
    stack = [code.scopes[0]]
    for node in nodes:
        whole = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else node
        while len(stack) > 1 and whole.start_byte >= stack[-1].node.end_byte:
            stack.pop()
        outer = stack[-1]
        if len(stack) > parsing.SCOPES:
            raise parsing.TooHard("scan/too-deep", "functions are nested too deeply in it; not read as code")
        scope = Scope(outer.qualify(code.text(node.child_by_field_name("name"))), "", whole, outer)
        if node.type == "class_definition":
            scope.sort = "class"
            bases, _ = code._arguments(node.child_by_field_name("superclasses"))
            scope.bases = tuple(b for b in (code.dotted(n) or _generic_base(code, n) for n in bases) if b)
        else:
            scope.sort = "method" if outer.sort == "class" else "function"
            names = tuple(name for name, _ in parameters(code, scope))
            scope.params = names[1:] if scope.sort == "method" and names[:1] in (("self",), ("cls",)) else names
        scope.decorated = whole is not node
        stack.append(scope)
        yield scope


def _generic_base(code: PyCode, node: Node) -> str:
    return code.dotted(node.child_by_field_name("value")) if node.type == "subscript" else ""


def definition(scope: Scope) -> Node:
    """The function or class node of a scope, without decorators.

    Args:
        scope: a function or class.
    """
    inner = scope.node.child_by_field_name("definition") if scope.node.type == "decorated_definition" else None
    return inner if inner is not None else scope.node


def decorators(code: PyCode, scope: Scope) -> list[Node]:
    """Decorator expressions of a scope.

    Args:
        code: the file.
        scope: a function or class.
    """
    if scope.node.type != "decorated_definition":
        return []
    return [c.named_children[0] for c in scope.node.named_children if c.type == "decorator" and c.named_child_count]


def parameters(code: PyCode, scope: Scope) -> Iterator[tuple[str, Node]]:
    """Name and node of each parameter, self included.

    Args:
        code: the file.
        scope: a function.
    """
    listed = definition(scope).child_by_field_name("parameters")
    for node in listed.named_children if listed is not None else ():
        name = node if node.type == "identifier" else node.child_by_field_name("name")
        if name is None and node.type == "typed_parameter" and node.named_child_count:
            name = node.named_children[0]
        if name is not None and name.type == "identifier":
            yield code.text(name), node


def _imports(code: PyCode, node: Node) -> Iterator[Import]:
    line = int(node.start_point[0]) + 1
    module_node = node.child_by_field_name("module_name")
    module = code.text(module_node)
    for child in node.named_children:
        if module_node is not None and child.id == module_node.id:
            continue
        if child.type == "wildcard_import":
            yield Import("*", module, "*", line)
            continue
        aliased = child.type == "aliased_import"
        name = code.text(child.child_by_field_name("name") if aliased else child)
        alias = code.text(child.child_by_field_name("alias")) if aliased else ""
        if child.type not in ("dotted_name", "aliased_import"):
            continue
        if module_node is not None:
            yield Import(alias or name, module, name, line)
        else:
            head = name.split(".", 1)[0]
            yield Import(alias or head, name if alias else head, "", line)


def _assigns(code: PyCode, found: dict[str, list[Node]]) -> Iterator[Assign]:
    yield from (assign for node in found.get("assign", ()) for assign in _assignment(code, node))
    for node in found.get("with", ()):
        value = node.child_by_field_name("value")
        if value is not None and value.type == "as_pattern" and value.named_child_count > 1:
            target = code.dotted(next(iter(value.named_children[1].named_children), None))
            if target:
                yield Assign(target, value.named_children[0], None, code.scope_at(node.start_byte), _line(node), "with")
    for node in found.get("for", ()):
        left, scope = node.child_by_field_name("left"), code.scope_at(node.start_byte)
        several = left is not None and left.type in ("pattern_list", "tuple_pattern")
        for at, name in enumerate(left.named_children if left is not None and several else [left]):
            right, key = node.child_by_field_name("right"), str(at) if several else ""
            if code.dotted(name):
                yield Assign(code.dotted(name), right, None, scope, _line(node), "for", key=key)


def _assignment(code: PyCode, node: Node) -> Iterator[Assign]:
    left = node.child_by_field_name("left") or node.child_by_field_name("name")
    right = node.child_by_field_name("right") or node.child_by_field_name("value")
    while right is not None and right.type == "assignment":
        right = right.child_by_field_name("right")
    annotation = node.child_by_field_name("type")
    how = code.text(node.child_by_field_name("operator")) if node.type == "augmented_assignment" else "="
    scope = code.scope_at(node.start_byte)
    if left is not None and left.type in ("pattern_list", "tuple_pattern") and right is not None:
        listed = right.named_children if right.type == "expression_list" else None
        for at, name in enumerate(left.named_children):
            if code.dotted(name) and (listed is None or at < len(listed)):
                value, key = (right, str(at)) if listed is None else (listed[at], "")
                yield Assign(code.dotted(name), value, None, scope, _line(node), key=key)
        return
    target = code.dotted(left)
    if target:
        yield Assign(target, right, annotation, scope, _line(node), how)


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1


def _types(code: PyCode) -> None:
    """Fill the file's map from qualified names to the types or factories they come from."""
    for assign in code.assigns:
        if assign.value is not None and assign.value.type == "subscript" and assign.scope.sort == "module":
            code.types[f"={assign.target}"] = code.annotation(assign.value)
    made_by = {
        s.name: code.annotation(definition(s).child_by_field_name("return_type"))
        for s in code.scopes
        if s.sort in ("function", "method")
    }
    for scope in code.scopes:
        if scope.sort in ("function", "method"):
            for name, node in parameters(code, scope):
                declared = code.annotation(node.child_by_field_name("type"))
                if declared:
                    code.types[scope.qualify(name)] = declared
    for node, scope in code.returns:
        if not made_by.get(scope.name) and scope.name in made_by and node.named_child_count:
            site = code.site(node.named_children[0])
            callee = code.callee(site) if site is not None else ""
            made_by[scope.name] = callee if callee.rsplit(".", 1)[-1][:1].isupper() else ""
    for assign in code.assigns:
        _type_of_assign(code, assign, made_by)


def _type_of_assign(code: PyCode, assign: Assign, made_by: dict[str, str]) -> None:
    target = assign.scope.qualify(assign.target)
    if assign.key:
        return
    if assign.annotation is not None:
        declared = code.annotation(assign.annotation)
        if declared and declared not in ("Any", "typing.Any", "None"):
            code.types[target] = declared
            return
    if assign.value is None or assign.how not in ("=", "with"):
        return
    site = code.site(assign.value)
    if site is not None:
        callee = code.callee(site)
        own = f"{assign.scope.owner}.{callee[5:]}" if callee.startswith("self.") else callee
        code.types.setdefault(target, made_by.get(own) or callee)
    else:
        known = code.type_of(code.dotted(assign.value), assign.scope) if code.dotted(assign.value) else ""
        if known:
            code.types.setdefault(target, known)
