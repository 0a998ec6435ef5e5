"""Django REST framework: routers with their view sets, and serializers as payload types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Field, Lit, Location, Name, Scalar, Shape, Value
from scanners.idioms.code import Assign, CallSite, Scope
from scanners.idioms.django_paths import template
from scanners.idioms.expressions import concat

if TYPE_CHECKING:
    from scanners.idioms.python import PyCode

_ROUTERS = ("DefaultRouter", "SimpleRouter", "ExtendedDefaultRouter", "ExtendedSimpleRouter", "BulkRouter")
_NESTED = ("NestedDefaultRouter", "NestedSimpleRouter", "NestedRouter")
_TYPES = {
    **dict.fromkeys(("CharField", "EmailField", "SlugField", "URLField", "UUIDField", "IPAddressField"), "string"),
    **dict.fromkeys(("DateField", "DateTimeField", "TimeField", "DurationField", "ChoiceField"), "string"),
    **dict.fromkeys(("HyperlinkedIdentityField", "HyperlinkedRelatedField", "StringRelatedField"), "string"),
    **dict.fromkeys(("FileField", "ImageField", "RegexField", "SlugRelatedField"), "string"),
    **dict.fromkeys(("IntegerField",), "integer"),
    **dict.fromkeys(("FloatField", "DecimalField"), "number"),
    **dict.fromkeys(("BooleanField", "NullBooleanField"), "boolean"),
    **dict.fromkeys(("ListField", "ManyRelatedField", "MultipleChoiceField"), "array"),
    **dict.fromkeys(("DictField", "HStoreField"), "object"),
}
_NOT_SENT = ("HiddenField",)


class RestFramework:
    """Django REST framework's routers and serializers."""

    name: str = "drf"
    version: int = 1
    language: tuple[str, ...] = ("python",)
    markers: tuple[bytes, ...] = (b"rest_framework", b"Router(", b"Serializer")

    def facts(self, parsed: PyCode) -> Iterator[Fact]:
        """Routers, registrations, serializers.

        Args:
            parsed: a Python file.
        """
        for assign in parsed.assigns:
            site = parsed.site(assign.value) if assign.value is not None else None
            if site is not None and site.method in (*_ROUTERS, *_NESTED):
                yield from _router(parsed, assign, site)
        for site in parsed.called("register"):
            yield from _registered(parsed, site)
        for scope in parsed.scopes:
            if scope.sort == "class" and any(b.rsplit(".", 1)[-1].endswith("Serializer") for b in scope.bases):
                yield from _serializer(parsed, scope)


def _is_router(code: PyCode, name: str, scope: Scope) -> bool:
    made_by = code.type_of(name, scope).rsplit(".", 1)[-1]
    return made_by in (*_ROUTERS, *_NESTED) or (not made_by and name.lower().endswith("router"))


def _router(code: PyCode, assign: Assign, site: CallSite) -> Iterator[Fact]:
    prefix = _nested_prefix(code, site) if site.method in _NESTED else Lit("")
    fields = {"name": assign.scope.qualify(assign.target), "framework": "drf", "prefix": prefix}
    yield Fact("router", fields, Location(code.path, assign.line))


def _nested_prefix(code: PyCode, site: CallSite) -> Value:
    """``NestedRouter(parent, "orders", lookup="order")`` serves below ``orders/{order_pk}/``."""
    parent = site.arg(1, "parent_prefix")
    lookup = code.string(site.arg(-1, "lookup")) or "parent"
    before: Value = Lit("")
    holder = code.dotted(site.args[0]) if site.args else ""
    made = code.made_of(holder, site.scope) if holder else None
    if made is not None and made.method in _NESTED and made.node.id != site.node.id:
        outer = made.arg(1, "parent_prefix")
        before = concat(
            [template(code.value(outer, made.scope)), Lit(f"/{{{code.string(made.arg(-1, 'lookup'))}_pk}}/")]
        )
    return concat([before, template(code.value(parent, site.scope)), Lit(f"/{{{lookup}_pk}}/")])


def _registered(code: PyCode, site: CallSite) -> Iterator[Fact]:
    """``router.register("orders", OrderViewSet, basename="order")``."""
    router = code.dotted(site.receiver) if site.receiver is not None else ""
    prefix, view = site.arg(0, "prefix"), site.arg(1, "viewset")
    if not router or prefix is None or view is None or not _is_router(code, router, site.scope):
        return
    if not code.dotted(view):
        return
    fields = {
        "parent": Name(router),
        "child": Name(code.dotted(view)),
        "prefix": concat([template(code.value(prefix, site.scope)), Lit("/")]),
        "operation": True,
    }
    yield Fact("mount", fields, Location(code.path, site.line))


def _serializer(code: PyCode, scope: Scope) -> Iterator[Fact]:
    fields: dict[str, Field] = {}
    for assign in code.assigns:
        if assign.scope is scope and "." not in assign.target:
            found = _declared(code, assign)
            if found is not None:
                fields[assign.target] = found
    listed, whole = _listed(code, scope)
    for name in listed:
        fields.setdefault(name, Field(name, ANYTHING, None))
    if fields:
        kept = tuple(fields[n] for n in listed) if listed else tuple(fields.values())
        inherits = not any(b.rsplit(".", 1)[-1] in ("Serializer", "ModelSerializer") for b in scope.bases)
        shape = Shape("object", kept, open=whole or inherits)
        yield Fact("type", {"name": scope.name, "shape": shape}, code.at(scope.node))


def _declared(code: PyCode, assign: Assign) -> Field | None:
    site = code.site(assign.value) if assign.value is not None else None
    if site is None or site.method in _NOT_SENT:
        return None
    many = code.text(site.named.get("many")) == "True"
    if site.method.endswith("Serializer"):
        shape = Shape("object", named=site.dotted)
        shape = Shape("array", item=shape) if many else shape
    elif site.method.endswith("Field"):
        shape = Shape("array") if many else Shape(_TYPES.get(site.method, "unknown"))
    else:
        return None
    optional = code.text(site.named.get("required")) == "False" or "default" in site.named
    optional = optional or code.text(site.named.get("read_only")) == "True" or site.method == "SerializerMethodField"
    return Field(assign.target, shape, None if optional else True, _choices(code, site))


def _choices(code: PyCode, site: CallSite) -> tuple[Scalar, ...]:
    given = site.arg(0, "choices") if site.method == "ChoiceField" else None
    if given is None or given.type not in ("list", "tuple"):
        return ()
    firsts = [
        c.named_children[0] if c.type in ("tuple", "list") and c.named_child_count else c for c in given.named_children
    ]
    return tuple(t for t in (code.string(n) for n in firsts) if t)


def _listed(code: PyCode, scope: Scope) -> tuple[list[str], bool]:
    """``Meta.fields`` by name, and whether the model decides."""
    for assign in code.assigns:
        inside = assign.scope.sort == "class" and assign.scope.parent is scope and assign.scope.name.endswith(".Meta")
        if not inside or assign.value is None:
            continue
        if assign.target == "fields":
            names = [code.string(n) for n in assign.value.named_children if n.type == "string"]
            plain = assign.value.type in ("list", "tuple") and len(names) == assign.value.named_child_count
            return [n for n in names if n] if plain else [], not plain
        if assign.target == "exclude":
            return [], True
    return [], False


PACK = RestFramework()
