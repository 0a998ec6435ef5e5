"""Dependency injection in Python: who asks for a type gets another one (FastAPI, injector, punq, dishka)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Location
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_PROVIDERS = ("Factory", "Singleton", "ThreadSafeSingleton", "ContextLocalSingleton", "Resource", "Callable", "Object")
_REGISTERS = ("bind", "register", "add_singleton", "add_transient", "add_scoped", "add_instance", "register_factory")
_CONTAINERS = ("punq", "injector", "lagom", "svcs", "rodi", "dishka", "pinject", "kink", "wireup", "that_depends")
_MARKS = ("provider", "provide", "singleton", "inject")


class InjectionPy:
    """Containers and providers."""

    name: str = "injection_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"Depends(", b"dependency_injector", *(c.encode() for c in _CONTAINERS))

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Registrations.

        Args:
            parsed: a Python file.
        """
        yield from _depends(parsed)
        if b"dependency_injector" in parsed.data or b"that_depends" in parsed.data:
            yield from _containers(parsed)
        if any(c.encode() in parsed.data for c in _CONTAINERS):
            for site in parsed.called(*_REGISTERS, "provide"):
                yield from _registered(parsed, site)
            for scope in parsed.scopes:
                if scope.sort in ("function", "method") and scope.decorated:
                    yield from _provided(parsed, scope)


def _bound(code: PyCode, about: tuple[str, str], symbol: str, line: int) -> Iterator[Fact]:
    asked, given = about
    if asked and given and asked != given and asked[:1].isupper() | ("." in asked):
        yield Fact("binds", {"type": asked, "to": given, "symbol": symbol}, Location(code.path, line))


def _made(code: PyCode, node: Node | None, scope: Scope) -> str:
    """The class an expression is, makes, or is given by a function of this file."""
    if node is None:
        return ""
    if node.type == "lambda":
        return _made(code, node.child_by_field_name("body"), scope)
    site = code.site(node)
    if site is not None:
        if site.dotted.rsplit(".", 1)[-1][:1].isupper():
            return site.dotted
        return _returned(code, site.dotted)
    dotted = code.dotted(node)
    if dotted.rsplit(".", 1)[-1][:1].isupper():
        return dotted
    return _returned(code, dotted) or (code.type_of(dotted, scope) if dotted else "")


def _returned(code: PyCode, name: str) -> str:
    """The class of what a function of this file returns or yields."""
    scope = code.scope(name) if name else None
    if scope is None or scope.sort == "class":
        return ""
    for node, where in code.returns:
        if where is scope and node.named_child_count:
            made = code.site(node.named_children[0])
            if made is not None and made.dotted.rsplit(".", 1)[-1][:1].isupper():
                return made.dotted
    return ""


def _depends(code: PyCode) -> Iterator[Fact]:
    """``repo: Repository = Depends(get_repository)`` where the function gives another class."""
    for scope in code.scopes:
        if scope.sort not in ("function", "method"):
            continue
        for _, node in py.parameters(code, scope):
            asked = code.dotted(_type(node))
            value = node.child_by_field_name("value")
            site = code.site(value) if value is not None else None
            if site is not None and asked and site.method == "Depends" and site.args:
                line = int(node.start_point[0]) + 1
                named = code.dotted(site.args[0])
                given = named if named.rsplit(".", 1)[-1][:1].isupper() else _returned(code, named)
                yield from _bound(code, (asked, given), scope.name, line)


def _type(node: Node) -> Node | None:
    found = node.child_by_field_name("type")
    return found.named_children[0] if found is not None and found.named_child_count else found


def _containers(code: PyCode) -> Iterator[Fact]:
    """``orders = providers.Factory(OrderService, ...)`` in a container: the attribute is of that class."""
    for assign in code.assigns:
        site = code.site(assign.value) if assign.value is not None and assign.scope.sort == "class" else None
        if site is None or site.method not in _PROVIDERS or not site.args or not code.dotted(site.args[0]):
            continue
        given = code.dotted(site.args[0])
        if given.rsplit(".", 1)[-1][:1].isupper():
            fields = {"target": assign.scope.qualify(assign.target), "type": given}
            yield Fact("typed", fields, Location(code.path, assign.line))
    for scope in code.scopes:
        for _, node in py.parameters(code, scope) if scope.sort in ("function", "method") else ():
            asked = code.dotted(_type(node))
            text = code.text(node.child_by_field_name("value"))
            if asked and "Provide[" in text:
                named = text.split("Provide[", 1)[1].split("]", 1)[0]
                made = code.made_of(named, code.scopes[0]) or _attribute(code, named)
                provided = code.dotted(made.args[0]) if made is not None and made.args else ""
                yield from _bound(code, (asked, provided), scope.name, int(node.start_point[0]) + 1)


def _attribute(code: PyCode, named: str) -> CallSite | None:
    """The provider a container of this file has under a name."""
    holder, _, name = named.rpartition(".")
    scope = code.scope(holder) if holder else None
    for assign in code.assigned(scope, name) if scope is not None else ():
        made = code.site(assign.value) if assign.value is not None else None
        if made is not None and made.method in _PROVIDERS:
            return made
    return None


def _registered(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``binder.bind(Repo, to=SqlRepo)``, ``container.register(Repo, SqlRepo)``, ``provide(SqlRepo, provides=Repo)``."""
    if not site.args:
        return
    if site.method == "provide":
        asked, given = code.dotted(site.arg(-1, "provides")), _made(code, site.args[0], site.scope)
    else:
        node = site.arg(1, "to", "factory", "instance", "implementation", "impl_type", "impl")
        asked, given = code.dotted(site.args[0]), _made(code, node, site.scope)
    yield from _bound(code, (asked, given), site.scope.name, site.line)


def _provided(code: PyCode, scope: Scope) -> Iterator[Fact]:
    """``@provider def repo(self) -> Repo: return SqlRepo()``."""
    marks = [(code.dotted(d) or code.text(d).split("(", 1)[0]).rsplit(".", 1)[-1] for d in py.decorators(code, scope)]
    returned = py.definition(scope).child_by_field_name("return_type")
    if any(m in _MARKS for m in marks) and returned is not None and returned.named_child_count:
        asked = code.dotted(returned.named_children[0])
        yield from _bound(code, (asked, _returned(code, scope.name)), scope.name, int(scope.node.start_point[0]) + 1)


PACK = InjectionPy()
