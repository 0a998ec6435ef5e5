"""Reads of .NET configuration and environment variables, as keys ``Section:Key``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph.values import Call, Config, Env, Lit, Name, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.cs_noise import words
from scanners.idioms.expressions import concat

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.cs_code import CsCode

_TYPES = words(
    """IConfiguration IConfigurationRoot ConfigurationManager IConfigurationManager
    ConfigurationRoot ConfigurationSection IConfigurationBuilder"""
)
READS = words(
    """GetValue GetConnectionString GetSection GetRequiredSection GetRequiredValue GetEnvironmentVariable Get Bind
    GetRequired"""
)
_SECTIONS = ("GetSection", "GetRequiredSection")
_SECTION = "IConfigurationSection"
SETTING = "IConfiguration.GetValue"
_NESTED = 6


def read(code: CsCode, node: Node, scope: Scope) -> Value | None:
    """The configuration key or environment variable an expression reads, None when it reads none.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    if node.type == "element_access_expression":
        section = prefix(code, node.child_by_field_name("expression"), scope)
        listed = node.child_by_field_name("subscript")
        held = listed.named_children[0] if listed is not None and listed.named_child_count else None
        named = held.named_children[-1] if held is not None else None
        return _key(code, section, named, scope) or _computed(
            code, (node.child_by_field_name("expression"), named), scope
        )
    if node.type == "member_access_expression":
        if code.simple(node.child_by_field_name("name")) != "Value":
            return None
        section = prefix(code, node.child_by_field_name("expression"), scope)
        return Config(section) if section else None
    site = code.site(node)
    return _call(code, site, scope) if site is not None and site.method in READS else None


def _call(code: CsCode, site: CallSite, scope: Scope) -> Value | None:
    if site.method == "GetEnvironmentVariable" and site.args:
        named = code.value(site.args[0], scope)
        text = named.value if isinstance(named, Lit) else None
        return Env(text) if isinstance(text, str) else Unknown("an environment variable named at run time")
    section = prefix(code, site.receiver, scope)
    if site.method in _SECTIONS:
        return _section(code, site.node, scope)
    if section is None:
        reads = site.method in ("GetValue", "GetRequiredValue") and not _typed_first(code, site)
        return _computed(code, (site.receiver, site.arg(0, "key")), scope) if reads else None
    if site.method == "GetConnectionString":
        return _key(code, "ConnectionStrings", site.arg(0, "name"), scope)
    if site.method in ("GetValue", "GetRequiredValue"):
        found = _key(code, section, site.arg(1 if _typed_first(code, site) else 0, "key"), scope)
        other = site.arg(1, "defaultValue")
        if isinstance(found, Config) and other is not None and not _typed_first(code, site):
            default = code.value(other, scope)
            return found if isinstance(default, Unknown) else Config(found.key, default)
        return found
    if site.method == "Get" and section:
        return Config(section)
    return None


def _computed(code: CsCode, about: tuple[Node | None, Node | None], scope: Scope) -> Value | None:
    """``section["Exchange"]`` of a section that was handed over: linking reads the key its callers make it."""
    held, named = about
    if held is None or named is None:
        return None
    section, key = _section(code, held, scope), code.value(named, scope)
    if section is None or isinstance(key, Unknown):
        return None
    parts: list[Value] = [key] if section == Lit("") else [section, Lit(":"), key]
    return Call(Name(SETTING), (concat(parts),))


def _section(code: CsCode, node: Node, scope: Scope) -> Value | None:
    """The path of a section as a text; None for what is no section."""
    known = prefix(code, node, scope)
    if known is not None:
        return Lit(known)
    site = code.site(node) if node.type == "invocation_expression" else None
    if site is not None:
        named = site.arg(0, "key") if site.method in _SECTIONS else None
        if named is None or site.receiver is None:
            return None
        outer, key = _section(code, site.receiver, scope), code.value(named, scope)
        if outer is None or isinstance(key, Unknown):
            return None
        return key if outer == Lit("") else concat([outer, Lit(":"), key])
    dotted = code.dotted(node)
    if not dotted:
        return None
    ref = code.ref_of(dotted, scope)
    made = code.made_of(dotted, scope) if ref is None and "." not in dotted else None
    is_section = ref is not None and ref.short == _SECTION
    if not is_section and (made is None or made.method not in _SECTIONS):
        return None
    found = code.value(node, scope)
    return None if isinstance(found, Unknown) else found


def _typed_first(code: CsCode, site: CallSite) -> bool:
    """``GetValue(typeof(string), "key")``."""
    return bool(site.args) and site.args[0].type == "typeof_expression"


def _key(code: CsCode, section: str | None, node: Node | None, scope: Scope) -> Value | None:
    if section is None or node is None:
        return None
    given = code.value(node, scope)
    text = given.value if isinstance(given, Lit) else constant(code, code.dotted(node), scope)
    if not isinstance(text, str):
        return None
    return Config(f"{section}:{text}" if section else text)


def constant(code: CsCode, dotted: str, scope: Scope) -> str | None:
    """The text of a constant of this file, None when it is none.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
    """
    if not dotted:
        return None
    name = dotted.rpartition(".")[2]
    owner = dotted.rpartition(".")[0] or scope.owner
    made = code.declared.get(owner, {}).get(name)
    return code.string(made.value) or None if made is not None and made.value is not None else None


def prefix(code: CsCode, node: Node | None, scope: Scope, depth: int = 0) -> str | None:
    """The section a configuration object stands for, empty for the root, None when it is no configuration.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        depth: how deep we are.
    """
    if node is None or depth > _NESTED:
        return None
    site = code.site(node) if node.type == "invocation_expression" else None
    if site is not None:
        if site.method not in _SECTIONS:
            return None
        outer = prefix(code, site.receiver, scope, depth + 1)
        made = _key(code, outer, site.arg(0, "key"), scope)
        return made.key if isinstance(made, Config) else None
    dotted = code.dotted(node)
    if not dotted:
        return None
    made_of = code.made_of(dotted, scope) if "." not in dotted else None
    if made_of is not None and made_of.method in _SECTIONS:
        return prefix(code, made_of.node, made_of.scope, depth + 1)
    return "" if is_configuration(code, dotted, scope) else None


def is_configuration(code: CsCode, dotted: str, scope: Scope) -> bool:
    """Whether a name is a configuration object: by its type, or the ``Configuration`` of a host builder.

    Args:
        code: the file.
        dotted: as written.
        scope: where it is used.
    """
    made_by = code.type_of(dotted, scope).rpartition(".")[2]
    if made_by:
        return made_by in _TYPES
    return dotted.rpartition(".")[2] == "Configuration"
