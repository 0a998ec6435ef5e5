"""GraphQL servers in Python: fields of Strawberry, Graphene and Ariadne roots as operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit
from scanners.idioms import python as py
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.python_shapes import annotation
from scanners.idioms.python_tasks import parameters_shape

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_ROOTS = {"query": "QUERY", "mutation": "MUTATION", "subscription": "SUBSCRIPTION"}
_BY_NAME = {"Query": "QUERY", "Mutation": "MUTATION", "Mutations": "MUTATION", "Subscription": "SUBSCRIPTION"}
_ARIADNE = {"QueryType": "QUERY", "MutationType": "MUTATION", "SubscriptionType": "SUBSCRIPTION"}
_FIELDS = ("field", "mutation", "subscription", "django_field", "connection")
_GIVEN = ("info", "root", "parent", "_", "__", "obj", "_info", "_root", "_obj")


class GraphqlPy:
    """Strawberry, Graphene, Ariadne."""

    name: str = "graphql_py"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"strawberry", b"graphene", b"ariadne")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Operations.

        Args:
            parsed: a Python file.
        """
        roots = _named_roots(parsed)
        for scope in parsed.scopes:
            method = roots.get(scope.name) or _BY_NAME.get(scope.name.rsplit(".", 1)[-1], "")
            if scope.sort == "class" and method and _is_root(parsed, scope):
                yield from _fields(parsed, scope, method)
            if scope.sort == "function" and scope.decorated:
                yield from _resolver(parsed, scope)


def _named_roots(code: PyCode) -> dict[str, str]:
    """``Schema(query=Query, mutation=Mutation)``."""
    found = {}
    for site in code.called("Schema", "GraphQLSchema"):
        for name, method in _ROOTS.items():
            given = site.arg(-1, name)
            if given is not None and code.dotted(given):
                found[code.dotted(given)] = method
    return found


def _is_root(code: PyCode, scope: Scope) -> bool:
    marks = [code.text(d) for d in py.decorators(code, scope)]
    bases = [code.origin(b) for b in scope.bases]
    return any("type" in m for m in marks) or any(b.startswith("graphene") or b.endswith("ObjectType") for b in bases)


def _fields(code: PyCode, scope: Scope, method: str) -> Iterator[Fact]:
    graphene = b"graphene" in code.data and b"strawberry" not in code.data
    for assign in code.assigns:
        if assign.scope is not scope or assign.target.startswith("_"):
            continue
        site = code.site(assign.value) if assign.value is not None else None
        if graphene and site is not None:
            yield from _graphene(code, (scope, method), assign.target, site)
        elif site is not None and site.dotted.startswith("strawberry"):
            resolver = code.dotted(site.arg(-1, "resolver"))
            yield _operation(code, (method, _spelled(code, site, assign.target)), resolver or scope.name, assign.value)
    for inner in code.scopes:
        if inner.parent is scope and inner.sort == "method" and not graphene:
            for decorator in py.decorators(code, inner):
                made = code.site(decorator)
                last = (made.dotted if made is not None else code.dotted(decorator)).rsplit(".", 1)[-1]
                if last in _FIELDS:
                    name = inner.name.rsplit(".", 1)[-1]
                    yield _operation(code, (method, _spelled(code, made, name)), inner.name, inner.node)


def _graphene(code: PyCode, about: tuple[Scope, str], name: str, site: CallSite) -> Iterator[Fact]:
    """``orders = graphene.List(Order)`` with ``resolve_orders``, ``place = PlaceOrder.Field()`` with its ``mutate``."""
    scope, method = about
    own = code.scope(f"{scope.name}.resolve_{name}")
    if site.method == "Field" and site.receiver is not None and code.dotted(site.receiver)[:1].isupper():
        mutation = code.dotted(site.receiver)
        mutate = code.scope(f"{mutation}.mutate") or code.scope(f"{mutation}.mutate_and_get_payload")
        handler = mutate.name if mutate is not None else f"{mutation}.mutate"
        yield _operation(code, (method, _spelled(code, site, name)), handler, site.node)
    elif own is not None or code.origin(site.dotted).startswith("graphene"):
        yield _operation(
            code, (method, _spelled(code, site, name)), own.name if own is not None else scope.name, site.node
        )


def _spelled(code: PyCode, site: CallSite | None, name: str) -> str:
    """The field's name on the wire: as given, else in camel case."""
    given = code.string(site.arg(-1, "name")) if site is not None else ""
    head, *rest = name.split("_")
    return given or head + "".join(part[:1].upper() + part[1:] for part in rest)


def _operation(code: PyCode, about: tuple[str, str], handler: str, node: Node | None) -> Fact:
    method, path = about
    fields: dict[str, object] = {"protocol": "graphql", "method": method, "path": Lit(path), "handler": handler}
    fields["framework"] = "graphql_py"
    scope = code.scope(handler)
    if scope is not None and scope.sort != "class":
        shape = parameters_shape(code, scope)
        kept = tuple(f for f in shape.fields if f.name not in _GIVEN)
        if kept:
            fields["query"] = tuple(f.name for f in kept)
        returned = annotation(code, py.definition(scope).child_by_field_name("return_type"))
        if returned != ANYTHING and returned.type != "unknown":
            fields["returns"] = returned
    return Fact("endpoint", fields, code.at(node if node is not None else code.root))


def _resolver(code: PyCode, scope: Scope) -> Iterator[Fact]:
    """Ariadne: ``@query.field("orders")``."""
    for decorator in py.decorators(code, scope):
        site = code.site(decorator)
        if site is None or site.receiver is None or site.method not in ("field", "source") or not site.args:
            continue
        made_by = code.made_by(site.receiver, site.scope).rsplit(".", 1)[-1]
        made = code.made_of(code.dotted(site.receiver), site.scope) if code.dotted(site.receiver) else None
        method = _ARIADNE.get(made_by, "")
        if made_by == "ObjectType" and made is not None and made.args:
            method = _BY_NAME.get(code.string(made.args[0]), "")
        name = code.string(site.args[0])
        if method and name and b"ariadne" in code.data:
            yield _operation(code, (method, name), scope.name, scope.node)


PACK = GraphqlPy()
