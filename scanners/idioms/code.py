"""A parsed source file as packs see it, whatever its language: scopes, imports, calls and assignments, read once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Location, Name, Shape, Unknown, Value

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_DEPTH = 60
SELVES = ("self", "cls", "this")


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function.

    Args:
        name: qualified within the file, empty for the module.
        sort: module, class, function or method.
        node: its definition, with decorators.
        parent: the enclosing scope, None for the module.
        params: parameter names without self/cls.
        bases: dotted names a class extends.
        bound: names assigned in it.
        decorated: it has decorators, which may register it somewhere.
        opens: what its text starts with when that stands before `node`: its first decorator, the word export.
    """

    name: str
    sort: str
    node: Node
    parent: Scope | None
    params: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    bound: set[str] = field(default_factory=set)
    decorated: bool = False
    opens: Node | None = None

    def outward(self) -> Iterator[Scope]:
        """This scope, then each enclosing one."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def owner(self) -> str:
        """Name of the nearest class, or empty."""
        return next((s.name for s in self.outward() if s.sort in ("class", "interface")), "")

    def qualify(self, name: str) -> str:
        """The file-wide name of something bound here; ``self.x`` belongs to the class.

        Args:
            name: dotted, as written.
        """
        head, dot, rest = name.partition(".")
        if dot and head in SELVES and self.owner:
            return f"{self.owner}.{rest}"
        return f"{self.name}.{name}" if self.name else name


@dataclass(frozen=True, slots=True)
class Import:
    """A local name bound to something of another module.

    Args:
        local: name in this file.
        module: as written.
        name: inside the module, ``*``, or empty for the module itself.
        line: 1-based.
    """

    local: str
    module: str
    name: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class CallSite:
    """A call.

    Args:
        node: the call.
        dotted: callee as dotted text, empty when it is not a plain name.
        receiver: what the method is called on, None for a plain function.
        method: last part of the callee.
        args: positional arguments.
        named: keyword arguments.
        scope: where it is.
    """

    node: Node
    dotted: str
    receiver: Node | None
    method: str
    args: Sequence[Node]
    named: Mapping[str, Node]
    scope: Scope

    @property
    def line(self) -> int:
        """1-based line."""
        return int(self.node.start_point[0]) + 1

    def arg(self, index: int, *names: str) -> Node | None:
        """The argument at a position or under one of the names, None when it is not given.

        Args:
            index: position, negative for keyword-only.
            names: keywords.
        """
        for name in names:
            if name in self.named:
                return self.named[name]
        return self.args[index] if 0 <= index < len(self.args) else None


@dataclass(frozen=True, slots=True, eq=False)
class Assign:
    """Something given a name.

    Args:
        target: dotted, as written.
        value: right side, None for a bare annotation.
        annotation: declared type, None without one.
        scope: where it is.
        line: 1-based.
        how: ``=``, ``+=``, ``with`` or ``for``; ``:=`` for an assignment that declares nothing (JavaScript ``x = 1``).
        key: the part of the value that is taken, when it is taken apart.
        default: what the name is when that part is not there, None without one.
    """

    target: str
    value: Node | None
    annotation: Node | None
    scope: Scope
    line: int
    how: str = "="
    key: str = ""
    default: Node | None = None


class Code:
    """One parsed file; a language fills it, packs read it.

    Args:
        path: relative to the repository.
        data: the bytes.
        root: the tree's root node.
    """

    language = ""

    def __init__(self, path: str, data: bytes, root: Node) -> None:
        self.path = path
        self.data = data
        self.root = root
        self.scopes: list[Scope] = [Scope("", "module", root, None)]
        self.imports: dict[str, Import] = {}
        self.all_imports: list[Import] = []
        self.calls: list[CallSite] = []
        self.assigns: list[Assign] = []
        self.returns: list[tuple[Node, Scope]] = []
        self.types: dict[str, str] = {}
        self._starts: list[int] = []
        self._assigned: dict[tuple[int, str], list[Assign]] = {}
        self._by_name: dict[str, Scope] = {}
        self._sites: dict[tuple[int, int], CallSite | None] = {}
        self._results: dict[int, Assign | None] = {}

    # what a language implements

    def value(self, node: Node | None, scope: Scope) -> Value:
        """The Value an expression stands for.

        Args:
            node: expression.
            scope: where it is.
        """
        raise NotImplementedError

    def shape(self, node: Node | None, scope: Scope) -> Shape:
        """The Shape of a payload expression.

        Args:
            node: expression.
            scope: where it is.
        """
        return ANYTHING

    def dotted(self, node: Node | None) -> str:
        """An expression as dotted text, empty when it is not a plain name.

        Args:
            node: expression.
        """
        raise NotImplementedError

    def read_site(self, node: Node) -> CallSite | None:
        """The call site of a call node, read anew.

        Args:
            node: expression.
        """
        raise NotImplementedError

    # shared reading

    def site(self, node: Node) -> CallSite | None:
        """The call site of a call node, None for anything but a call.

        Args:
            node: expression.
        """
        key = (node.id, node.end_byte)
        if key not in self._sites:
            self._sites[key] = self.read_site(node)
        return self._sites[key]

    def text(self, node: Node | None) -> str:
        """Source text of a node.

        Args:
            node: any node, None gives empty text.
        """
        if node is None:
            return ""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def at(self, node: Node) -> Location:
        """Where a node is.

        Args:
            node: any node.
        """
        first, last = int(node.start_point[0]) + 1, int(node.end_point[0]) + 1
        return Location(self.path, first, last if last != first else 0)

    def index_scopes(self, scopes: Sequence[Scope]) -> None:
        """Take the file's scopes, in source order.

        Args:
            scopes: without the module.
        """
        self.scopes += scopes
        self._starts = [0, *(s.node.start_byte for s in scopes)]

    def scope_at(self, byte: int) -> Scope:
        """The innermost scope around a place.

        Args:
            byte: offset in the file.
        """
        scope: Scope | None = self.scopes[max(0, bisect_right(self._starts, byte) - 1)]
        while (
            scope is not None and scope.parent is not None and not scope.node.start_byte <= byte < scope.node.end_byte
        ):
            scope = scope.parent
        return scope or self.scopes[0]

    def scope(self, name: str) -> Scope | None:
        """The scope of that qualified name, None when there is none.

        Args:
            name: qualified.
        """
        if not self._by_name:
            self._by_name = {s.name: s for s in reversed(self.scopes)}
        return self._by_name.get(name)

    def assigned(self, scope: Scope, target: str) -> list[Assign]:
        """What a scope itself assigns to a name, in source order.

        Args:
            scope: of this file.
            target: dotted, as written.
        """
        if not self._assigned:
            for assign in self.assigns:
                self._assigned.setdefault((id(assign.scope), assign.target), []).append(assign)
        return self._assigned.get((id(scope), target), [])

    def held(self, site: CallSite) -> Assign | None:
        """What a call's result is assigned to, None when it is not.

        Args:
            site: a call.
        """
        if not self._results:
            self._results[0] = None
            for assign in reversed(self.assigns):
                made = self.site(assign.value) if assign.value is not None else None
                if made is not None and assign.how != "for":
                    self._results[made.node.id] = assign
        return self._results.get(site.node.id)

    def origin(self, dotted: str) -> str:
        """A dotted name with its first part replaced by what it was imported as.

        Args:
            dotted: as written.
        """
        head, dot, rest = dotted.partition(".")
        found = self.imports.get(head)
        if found is None:
            return dotted
        module = f"{found.module}.{found.name}" if found.name and found.name != "default" else found.module
        return f"{module}{dot}{rest}"

    def type_of(self, dotted: str, scope: Scope) -> str:
        """The type or factory a name was made by (``httpx.AsyncClient``), empty when unknown.

        Args:
            dotted: as written.
            scope: where it is used.
        """
        head, dot, rest = dotted.partition(".")
        if dot and head in SELVES:
            return self.types.get(f"{scope.owner}.{rest}", "") if scope.owner else ""
        for outer in scope.outward():
            found = self.types.get(f"{outer.name}.{dotted}" if outer.name else dotted)
            if found:
                return found
        return ""

    def callee(self, site: CallSite) -> str:
        """What is called, through imports and types: ``requests.get``, ``httpx.AsyncClient.post``; empty when unknown.

        Args:
            site: a call.
        """
        if site.receiver is None:
            return self.origin(site.dotted) if site.dotted else ""
        made_by = self.made_by(site.receiver, site.scope)
        if made_by:
            return f"{made_by}.{site.method}"
        return self.origin(site.dotted) if site.dotted else ""

    def made_by(self, node: Node, scope: Scope) -> str:
        """The type or factory an expression comes from, empty when unknown.

        Args:
            node: expression.
            scope: where it is.
        """
        dotted = self.dotted(node)
        if dotted:
            return self.type_of(dotted, scope)
        inner = self.site(node)
        return self.callee(inner) if inner is not None else ""

    def bound_name(self, assign: Assign) -> str:
        """File-wide name of what is assigned: the scope that binds its first part decides, not the one that assigns.

        Args:
            assign: of this file.
        """
        head = assign.target.split(".", 1)[0]
        declares = assign.how != ":=" and head == assign.target
        if declares or head in SELVES:
            return assign.scope.qualify(assign.target)
        for outer in assign.scope.outward():
            if head in outer.bound:
                return outer.qualify(assign.target)
        return assign.target

    def made_of(self, dotted: str, scope: Scope) -> CallSite | None:
        """The call that made a name in this file, e.g. the client's construction; None when there is none.

        Args:
            dotted: as written.
            scope: where it is used.
        """
        names = {outer.qualify(dotted) for outer in scope.outward()}
        for assign in self.assigns:
            if assign.value is not None and not assign.key and self.bound_name(assign) in names:
                made = self.site(assign.value)
                if made is not None:
                    return made
        return None


def name_value(dotted: str, why: str) -> Value:
    """A Name, or Unknown when there is no plain name.

    Args:
        dotted: dotted text or empty.
        why: reason for Unknown.
    """
    return Name(dotted) if dotted else Unknown(why)
