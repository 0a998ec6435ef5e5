"""Which Django model an expression is about: query sets through chains and names, rows through what made them."""

from __future__ import annotations

from posixpath import basename, dirname
from typing import TYPE_CHECKING

from scanners.idioms.code import SELVES, CallSite, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

KNOWN_TABLES = {
    "django.contrib.auth.models.User": "auth_user",
    "django.contrib.auth.models.Group": "auth_group",
    "django.contrib.auth.models.Permission": "auth_permission",
    "django.contrib.contenttypes.models.ContentType": "django_content_type",
    "django.contrib.sites.models.Site": "django_site",
    "django.contrib.sessions.models.Session": "django_session",
    "rest_framework.authtoken.models.Token": "authtoken_token",
}
BASES = frozenset(("Model", "AbstractUser", "AbstractBaseUser", "MPTTModel", "PolymorphicModel"))
RELATIONS = ("ForeignKey", "OneToOneField", "TreeForeignKey")
_FIELDS = ("django.db", "django.contrib.postgres", "models.", "django.contrib.gis.db")
_STEPS = 40
_NAMED = 4
_WRITES = ("create", "bulk_create", "update", "bulk_update", "delete", "_raw_delete", "create_user", "create_superuser")
_BOTH = ("get_or_create", "update_or_create")
_ONE = ("get", "first", "last", "create", "earliest", "latest", "create_user", "get_by_natural_key")
_GETS = ("get_object_or_404", "aget_object_or_404")
_NO_MODEL = ("Path", "Manager", "QuerySet", "Serializer", "Form", "Client", "Session", "Image", "Workbook", "File")


def app_of(path: str) -> str:
    """The label of the app a model's file belongs to: the folder around ``models.py`` or ``models/``.

    Args:
        path: of the file.
    """
    folder = dirname(path)
    while basename(folder) in ("models", "migrations"):
        folder = dirname(folder)
    return basename(folder).lower()


def is_model(code: PyCode, scope: Scope) -> bool:
    """Whether a class is a model: by its base, or by fields that are neither a form's nor a serializer's.

    Args:
        code: the file.
        scope: a class.
    """
    if {b.rsplit(".", 1)[-1] for b in scope.bases} & BASES and b"django" in code.data:
        return True
    sites = [code.site(a.value) for a in code.assigns if a.scope is scope and a.value is not None]
    return bool(scope.bases) and any(
        s is not None and s.method.endswith((*RELATIONS, "Field")) and code.origin(s.dotted).startswith(_FIELDS)
        for s in sites
    )


def model_of_set(code: PyCode, node: Node, scope: Scope, named: int = 0) -> str:
    """The model a query set expression is about, as written; empty when it is none.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        named: how many names it was followed through.
    """
    current: Node | None = node
    for _ in range(_STEPS):
        if current is None:
            return ""
        if current.type in ("await", "parenthesized_expression", "call"):
            inner = current.child_by_field_name("function") if current.type == "call" else None
            current = inner or (current.named_children[0] if current.named_child_count else None)
        elif current.type == "subscript":
            current = current.child_by_field_name("value")
        elif current.type == "attribute":
            last = code.text(current.child_by_field_name("attribute"))
            owner = current.child_by_field_name("object")
            if _is_manager(last):
                model = code.dotted(owner)
                return model if model.rsplit(".", 1)[-1][:1].isupper() else ""
            if owner is not None and owner.type == "identifier" and code.text(owner) in SELVES:
                return _own_set(code, last, scope)
            current = owner
        else:
            return _followed(code, current, scope, named) if current.type == "identifier" else ""
    return ""


def _is_manager(name: str) -> bool:
    return name in ("objects", "_default_manager", "_base_manager") or name.endswith("_objects")


def _own_set(code: PyCode, attribute: str, scope: Scope) -> str:
    """``self.queryset`` and ``self.get_queryset()`` of a view."""
    if attribute not in ("queryset", "get_queryset", "filter_queryset", "get_object") or not scope.owner:
        return ""
    owner = code.scope(scope.owner)
    for assign in code.assigned(owner, "queryset") if owner is not None else ():
        if assign.value is not None:
            return model_of_set(code, assign.value, owner or scope, _NAMED)
    return ""


def _followed(code: PyCode, node: Node, scope: Scope, named: int) -> str:
    """A local name that holds a query set."""
    name = code.text(node)
    if named >= _NAMED or name in SELVES:
        return ""
    for outer in scope.outward():
        for assign in code.assigned(outer, name):
            if assign.value is None or assign.value.start_byte == node.start_byte or assign.how == "for":
                continue
            if assign.value.type in ("call", "attribute", "await", "subscript") and not _one_row(code, assign.value):
                found = model_of_set(code, assign.value, outer, named + 1)
                if found:
                    return found
    return ""


def _one_row(code: PyCode, node: Node) -> bool:
    site = code.site(node)
    return site is not None and site.method.removeprefix("a") in (*_ONE, *(o.removeprefix("a") for o in _ONE))


def step_modes(code: PyCode, site: CallSite) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the last step of a chain does to the table, and the columns it names.

    Args:
        code: the file.
        site: the outermost call of the chain.
    """
    method = site.method
    bare = method[1:] if method[:1] == "a" and method[1:] in (*_WRITES, *_BOTH) else method
    columns = tuple(n for n in site.named if n not in ("defaults", "batch_size", "ignore_conflicts", "using"))
    if bare in _BOTH:
        return ("read", "write"), columns
    if bare in _WRITES:
        return ("write",), columns if bare in ("create", "update") else ()
    return ("read",), ()


def model_of_rows(code: PyCode, name: str, scope: Scope) -> str:
    """The model of a row a local name holds, as written; empty when this file does not show it.

    Args:
        code: the file.
        name: dotted.
        scope: where it is.
    """
    if name in SELVES:
        owner = code.scope(scope.owner) if scope.owner else None
        return scope.owner if owner is not None and is_model(code, owner) else ""
    for outer in scope.outward():
        for assign in reversed(code.assigned(outer, name)):
            if assign.value is not None and assign.how in ("=", "for", "with"):
                found = _made(code, assign.value, outer, looped=assign.how == "for" or assign.key == "0")
                if found:
                    return found
    declared = code.type_of(name, scope)
    last = declared.rsplit(".", 1)[-1]
    typed = last[:1].isupper() and not last.endswith(_NO_MODEL) and _imports_models(code, declared)
    return _written(code, last) if typed else ""


def _imports_models(code: PyCode, declared: str) -> bool:
    return ".models" in declared or declared.startswith("models") or code.scope(declared) is not None


def _written(code: PyCode, last: str) -> str:
    return last if last in code.imports or code.scope(last) is not None else ""


def _made(code: PyCode, node: Node, scope: Scope, *, looped: bool) -> str:
    if looped:
        return model_of_set(code, node, scope)
    site = code.site(node)
    if site is None:
        return ""
    last = site.dotted.rsplit(".", 1)[-1]
    if last[:1].isupper() and not last.endswith(_NO_MODEL):
        return site.dotted if _imports_models(code, code.origin(site.dotted)) else ""
    if site.method in _GETS and site.args:
        model = code.dotted(site.args[0])
        return model if model[:1].isupper() else model_of_set(code, site.args[0], scope)
    return model_of_set(code, node, scope) if _one_row(code, node) else ""
