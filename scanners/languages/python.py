"""What Python code itself says: symbols, imports, bindings, returns, calls, payload types and environment reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Env, Fact, Location, Shape, Unknown
from scanners.idioms import python as py
from scanners.idioms.code import SELVES, Assign, CallSite, Scope
from scanners.idioms.noise import PYTHON_BUILTINS, PYTHON_STDLIB
from scanners.idioms.python import PyCode
from scanners.idioms.python_dicts import contents, pairs
from scanners.idioms.python_results import result_reads
from scanners.idioms.python_settings import settings_facts
from scanners.idioms.python_tables import handed, looped, parsed_arguments
from scanners.idioms.python_types import type_facts
from scanners.idioms.symbols import Parts, symbol_facts

if TYPE_CHECKING:
    from tree_sitter import Node


class Python:
    """The Python language."""

    name = "python"
    version = 2
    suffixes = (".py",)

    def parse(self, source: SourceFile) -> PyCode:
        """Read a file once.

        Args:
            source: within the size limit.
        """
        return py.parse(source)

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """What the code says.

        Args:
            parsed: what :meth:`parse` made.
        """
        yield from symbol_facts(parsed, _parts(parsed))
        yield from _imports(parsed)
        yield from _bindings(parsed)
        yield from _defaults(parsed)
        yield from _returns(parsed)
        yield from _calls(parsed)
        yield from _env_reads(parsed)
        yield from type_facts(parsed)
        yield from settings_facts(parsed)
        yield from _typed(parsed)


def _parts(code: PyCode) -> Parts:
    constants: dict[str, list[Node]] = {}
    functions = {scope.name for scope in code.scopes}
    for assign in code.assigns:
        node = _statement(assign.value or assign.annotation)
        plain = assign.scope.sort == "module" and "." not in assign.target and assign.how in ("=", "+=")
        if plain and node is not None and assign.target not in functions:
            listed = constants.setdefault(assign.target, [])
            listed += [node] if all(n.id != node.id for n in listed) else []
    ours = {i.local for i in code.all_imports if i.module.split(".", 1)[0] not in PYTHON_STDLIB}
    return Parts(code.cuts(), constants, {}, code.import_nodes, frozenset({*constants, *ours} - {"*"}))


def _statement(node: Node | None) -> Node | None:
    """The whole top-level statement around an expression."""
    while node is not None and node.parent is not None and node.parent.type not in ("module", "block"):
        node = node.parent
    return node


def _imports(code: PyCode) -> Iterator[Fact]:
    for found in code.all_imports:
        fields = {"local": found.local, "module": found.module, "name": found.name}
        yield Fact("import", fields, Location(code.path, found.line))
    for site in code.called("import_module", "__import__", "import_string"):
        held = code.held(site)
        module = code.string(site.arg(0, "name"))
        if held is not None and module:
            head, dot, last = module.rpartition(".") if site.method == "import_string" else (module, "", "")
            fields = {"local": held.target, "module": head, "name": last if dot else ""}
            yield Fact("import", fields, Location(code.path, site.line))


def _bindings(code: PyCode) -> Iterator[Fact]:
    for assign in code.assigns:
        if assign.value is None or assign.how not in ("=", "with", "for") or (assign.key and assign.how != "for"):
            continue
        where = Location(code.path, assign.line)
        target = code.bound_name(assign)
        if assign.how == "for":
            for value in looped(code, assign):
                if not isinstance(value, Unknown):
                    yield Fact("binding", {"target": target, "value": value, "scope": assign.scope.name}, where)
            continue
        value = code.value(assign.value, assign.scope)
        if not isinstance(value, Unknown):
            yield Fact("binding", {"target": target, "value": value, "scope": assign.scope.name}, where)
        elif assign.value.type == "dictionary":
            yield from _entries(code, assign, target)
    for target, value, option in parsed_arguments(code):
        yield Fact(
            "binding",
            {"target": target, "value": value, "scope": option.scope.name},
            Location(code.path, option.line),
        )


def _defaults(code: PyCode) -> Iterator[Fact]:
    """What parameters are when a caller does not give them."""
    for scope in code.scopes:
        if scope.sort not in ("function", "method"):
            continue
        for name, node in py.parameters(code, scope):
            given = node.child_by_field_name("value")
            value = code.value(given, scope.parent or scope) if given is not None else Unknown("")
            if not isinstance(value, Unknown):
                fields = {"target": f"{scope.name}.{name}", "value": value, "scope": scope.name}
                yield Fact("binding", fields, code.at(node))


def _entries(code: PyCode, assign: Assign, target: str) -> Iterator[Fact]:
    for key_node, node in pairs(assign.value):
        key = code.string(key_node)
        value = code.value(node, assign.scope)
        if node is not None and key.isidentifier() and not isinstance(value, Unknown):
            fields = {"target": f"{target}.{key}", "value": value, "scope": assign.scope.name}
            yield Fact("binding", fields, code.at(node))
    held = contents(code, assign)
    if held is not None:
        whole: dict[str, object] = {"target": f"{target}.[]", "value": held, "scope": assign.scope.name}
        yield Fact("binding", whole, Location(code.path, assign.line))


def _returns(code: PyCode) -> Iterator[Fact]:
    for node, scope in code.returns:
        if not node.named_child_count or scope.sort not in ("function", "method"):
            continue
        value = code.value(node.named_children[0], scope)
        if not isinstance(value, Unknown):
            yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(node))


def _calls(code: PyCode) -> Iterator[Fact]:
    for site in code.calls:
        yield from _handed(code, site)
        if not _worth(code, site):
            continue
        head = site.node.child_by_field_name("function")
        callee = code.value(head, site.scope)
        if isinstance(callee, Unknown):
            continue
        named = tuple((n, code.value(v, site.scope)) for n, v in sorted(site.named.items()))
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": callee}
        fields["args"] = tuple(code.value(a, site.scope) for a in site.args)
        if named:
            fields["named"] = named
        fields |= _payloads(code, site)
        yield Fact("call", fields, Location(code.path, site.line))


def _handed(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """A function handed on with its arguments is called with them."""
    found = handed(code, site) if len(site.args) > 1 else None
    if found is not None:
        args = tuple(code.value(a, site.scope) for a in found[1])
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": code.value(found[0], site.scope)}
        yield Fact("call", fields | {"args": args}, Location(code.path, site.line))


def _payloads(code: PyCode, site: CallSite) -> dict[str, object]:
    """The payload among a call's arguments, and the fields read of its result."""
    out: dict[str, object] = {}
    for node in (*site.args, *site.named.values()):
        shape = code.shape(node, site.scope) if node.type in ("dictionary", "identifier", "call") else Shape()
        if shape.type == "object" and (shape.fields or shape.named):
            out["sends"] = shape
            break
    parent = site.node.parent
    held = code.held(site)
    if held is not None or (parent is not None and parent.type in ("subscript", "attribute", "await")):
        read = result_reads(code, site, held)
        if read is not None:
            out["reads"] = read
    return out


def _worth(code: PyCode, site: CallSite) -> bool:
    """Whether a call may lead to code of the scanned system."""
    function = site.node.child_by_field_name("function")
    inner = code.site(function) if function is not None else None
    if inner is not None and inner.method in ("getattr", "import_module", "partial"):
        return True
    head = site.dotted.split(".", 1)[0]
    if not head or (site.receiver is None and head in PYTHON_BUILTINS):
        return False
    found = code.imports.get(head)
    if found is not None:
        return found.module.startswith(".") or found.module.split(".", 1)[0] not in PYTHON_STDLIB
    if head in SELVES or site.receiver is None:
        return True
    return bool(code.type_of(head, site.scope)) or any(
        head in s.params or head in s.bound for s in site.scope.outward()
    )


def _env_reads(code: PyCode) -> Iterator[Fact]:
    reads = [(s.node, s.scope) for s in code.calls if s.method == "getenv" or "env" in s.dotted or s.method == "config"]
    reads += [(n, s) for n, s in code.subscripts if code.dotted(n.child_by_field_name("value")).endswith("environ")]
    for node, scope in reads:
        value = code.value(node, scope)
        if isinstance(value, Env):
            yield _read(scope, value, Location(code.path, int(node.start_point[0]) + 1))


def _read(scope: Scope, env: Env, where: Location) -> Fact:
    fields: dict[str, object] = {"symbol": scope.name, "key": env.name}
    if env.default is not None:
        fields["default"] = env.default
    return Fact("config_read", fields, where)


def _typed(code: PyCode) -> Iterator[Fact]:
    lines = {a.scope.qualify(a.target): a.line for a in reversed(code.assigns)}
    starts: dict[str, Node] = {s.name: s.node for s in code.scopes}
    for target, made in code.types.items():
        last = made.rsplit(".", 1)[-1]
        if target.startswith("=") or not last[:1].isupper():
            continue
        owner = starts.get(target.rpartition(".")[0], code.root)
        line = lines.get(target) or int(owner.start_point[0]) + 1
        yield Fact("typed", {"target": target, "type": _written(code, made)}, Location(code.path, line))
    for scope in code.scopes:
        if scope.sort in ("function", "method"):
            declared = code.annotation(py.definition(scope).child_by_field_name("return_type"))
            if declared.rsplit(".", 1)[-1][:1].isupper() and declared != "None":
                fields = {"target": f"{scope.name}.return", "type": _written(code, declared)}
                yield Fact("typed", fields, Location(code.path, int(scope.node.start_point[0]) + 1))


def _written(code: PyCode, origin: str) -> str:
    """A type as this file names it, so that it can be looked up through the file's imports."""
    for local, found in code.imports.items():
        full = f"{found.module}.{found.name}" if found.name else found.module
        if origin == full or origin.startswith(f"{full}."):
            return local + origin[len(full) :]
    return origin


LANGUAGE = Python()
