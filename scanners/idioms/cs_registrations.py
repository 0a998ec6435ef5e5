"""What C# code registers for injection: who asks for what gets what, and which classes hold configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Member, Unknown
from scanners.idioms import cs_config, cs_scopes
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_code import bare
from scanners.idioms.cs_noise import words

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_MEDIATORS = ("IMediator", "ISender", "IPublisher", "Mediator", "ICommandBus", "IQueryBus", "IDispatcher")
_MEDIATOR = re.compile(r"(?i)_?(mediator|mediatr)$")
_BINDERS = frozenset({"Configure", "Bind", "BindConfiguration", "ConfigureOptions", "Get"})


def facts(code: CsCode) -> Iterator[Fact]:
    """Registrations of a file.

    Args:
        code: the file.
    """
    yield from _binds(code)
    yield from _handlers(code)
    for site in code.calls:
        if site.method in _BINDERS and site.receiver is not None:
            found = _options(code, site)
            if found is not None:
                name, section = found
                fields = {"type": name, "section": section, "symbol": site.scope.name}
                yield Fact("options", fields, Location(code.path, site.line))


def _options(code: CsCode, site: CallSite) -> tuple[str, str] | None:
    """The class that is filled and the section it is filled from."""
    types = code.type_args(site)
    if site.method == "Configure" and types and site.args:
        section = cs_config.prefix(code, site.args[-1], site.scope)
        return (types[0].name, section) if section is not None else None
    if site.method == "Get" and types:
        section = cs_config.prefix(code, site.receiver, site.scope)
        return (types[0].name, section) if section is not None else None
    if site.method == "BindConfiguration" and site.args:
        given = code.value(site.args[0], site.scope)
        made = _added(code, site)
        return (made, str(given.value)) if made and isinstance(given, Lit) else None
    if site.method == "Bind" and site.args:
        return _bound(code, site)
    return None


def _bound(code: CsCode, site: CallSite) -> tuple[str, str] | None:
    """``AddOptions<T>().Bind(section)``, ``section.Bind(options)``, ``configuration.Bind("Section", options)``."""
    made = _added(code, site)
    if made:
        section = cs_config.prefix(code, site.args[0], site.scope)
        return (made, section) if section is not None else None
    section = cs_config.prefix(code, site.receiver, site.scope)
    ref = code.ref_of(code.dotted(site.args[-1]), site.scope) if code.dotted(site.args[-1]) else None
    if section is None or ref is None:
        return None
    if len(site.args) > 1:
        inner = code.value(site.args[0], site.scope)
        section = f"{section}:{inner.value}".strip(":") if isinstance(inner, Lit) else section
    return ref.name, section


def _added(code: CsCode, site: CallSite) -> str:
    inner = code.site(site.receiver) if site.receiver is not None else None
    for _ in range(6):
        if inner is None or inner.method in ("AddOptions", "AddOptionsWithValidateOnStart"):
            break
        inner = code.site(inner.receiver) if inner.receiver is not None else None
    types = code.type_args(inner) if inner is not None else ()
    return types[0].name if types else ""


def _binds(code: CsCode) -> Iterator[Fact]:
    """``services.AddScoped<IOrders, Orders>()`` and its like."""
    for site in code.calls:
        if site.method not in _REGISTERS or site.receiver is None:
            continue
        found = [r.name for r in code.type_args(site)]
        if not found:
            kinds = [a for a in site.args if a.type == "typeof_expression"]
            found = [code.dotted(k.named_children[0]) or code.text(k.named_children[0]) for k in kinds]
        given = found[1] if len(found) > 1 else _made_type(code, site) if "Add" in site.method else ""
        if found and found[0] and given and given != found[0]:
            fields = {"type": found[0].partition("<")[0], "to": given.partition("<")[0], "symbol": site.scope.name}
            yield Fact("binds", fields, Location(code.path, site.line))


def _made_type(code: CsCode, site: CallSite) -> str:
    """The type a factory lambda or instance argument makes."""
    for arg in site.args:
        node = bare(arg.child_by_field_name("body") if arg.type == "lambda_expression" else arg)
        made = code.site(node) if node is not None else None
        if made is not None and made.node.type == "object_creation_expression":
            return made.dotted
        if made is not None and made.method in ("GetRequiredService", "GetService") and code.type_args(made):
            return code.type_args(made)[0].name
    return ""


_REGISTERS = words(
    """AddScoped AddSingleton AddTransient TryAddScoped TryAddSingleton TryAddTransient AddHttpClient AddKeyedScoped
    AddKeyedSingleton AddKeyedTransient AddHostedService TryAddEnumerable RegisterType Decorate Replace
    AddRefitClient AddDbContext Bind For Register AddSingletonIfNotExists"""
)


def entries(code: CsCode) -> Iterator[Fact]:
    """Keys put into dictionaries, as bindings ``Owner.member.keys``: ``options.EventTypes[typeof(T).Name] = ..``.

    Args:
        code: the file.
    """
    found = []
    for node in code.kept.elements:
        parent = node.parent
        if parent is None or parent.type != "assignment_expression" or parent.child_by_field_name("left") != node:
            continue
        listed = node.child_by_field_name("subscript")
        if listed is not None and listed.named_child_count:
            found.append((node.child_by_field_name("expression"), listed.named_children[0].named_children[-1]))
    for site in code.calls:
        if site.method in ("Add", "TryAdd", "GetOrAdd", "AddOrUpdate") and len(site.args) > 1:
            found.append((site.receiver, site.args[0]))
    for held, key in found:
        dotted = code.dotted(held)
        scope = code.scope_at(key.start_byte)
        target = _dictionary(code, held, dotted, scope) if dotted else ""
        value = code.value(key, scope)
        if target and ".Headers" not in target and not isinstance(value, Unknown):
            fields = {"target": f"{target}.keys", "value": value, "scope": scope.name}
            yield Fact("binding", fields, code.at(key))


def _dictionary(code: CsCode, node: Node | None, dotted: str, scope: Scope) -> str:
    """The name a dictionary has for other files: its class's member, or the type of what it is a property of."""
    head, _, rest = dotted.removeprefix("this.").partition(".")
    if scope.owner and head in code.declared.get(scope.owner, ()):
        return f"{scope.owner}.{head}" + (f".{rest}" if rest else "")
    if not rest:
        return ""
    ref = code.ref_of(head, scope)
    owner = ref.inner.name if ref is not None else _configured(code, node, head)
    return f"{owner}.{rest}" if owner else ""


def _configured(code: CsCode, node: Node | None, name: str) -> str:
    """The options class a lambda's parameter is: ``Configure<T>(o => ..)``."""
    parent = node.parent if node is not None else None
    while parent is not None:
        if parent.type == "lambda_expression":
            given = parent.child_by_field_name("parameters")
            call = (
                parent.parent.parent.parent if parent.parent is not None and parent.parent.parent is not None else None
            )
            site = code.site(call) if call is not None and call.type == "invocation_expression" else None
            if code.text(given).strip("() ") == name and site is not None:
                types = code.type_args(site)
                return types[0].name if types and site.method in ("Configure", "PostConfigure") else ""
        parent = parent.parent
    return ""


def _handlers(code: CsCode) -> Iterator[Fact]:
    """Classes found by the type they handle: ``class CreateHandler : IRequestHandler<Create, int>``."""
    for scope in code.scopes[1:]:
        if scope.sort != "class":
            continue
        for ref in cs_scopes.base_refs(code, scope.node):
            handles = ref.short.endswith("Handler") and ref.short[:1] == "I" and ref.args
            if handles and ref.args[0].name not in code.generics.get(scope.name, ()):
                fields = {"type": ref.args[0].name, "to": scope.name, "symbol": scope.name}
                yield Fact("binds", fields, code.at(scope.node))


def mediated(code: CsCode) -> Iterator[Fact]:
    """``mediator.Send(command)`` calls ``Handle`` of what the command is bound to.

    Args:
        code: the file.
    """
    for site in code.calls:
        if site.method not in ("Send", "Publish", "CreateStream", "SendAsync", "PublishAsync") or not site.args:
            continue
        made_by = code.made_by(site.receiver, site.scope).rpartition(".")[2] if site.receiver is not None else ""
        last = code.dotted(site.receiver).rpartition(".")[2]
        if made_by not in _MEDIATORS and (made_by or not _MEDIATOR.search(last)):
            continue
        value = code.value(site.args[0], site.scope)
        if not isinstance(value, Unknown):
            fields = {"symbol": site.scope.name, "callee": Member(value, "Handle"), "args": (value,)}
            yield Fact("call", fields, Location(code.path, site.line))
