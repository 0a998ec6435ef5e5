"""Facts about Go code that no framework is needed for: symbols, imports, bindings, calls, types, environment reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Call, Concat, Config, Env, Fact, Lit, Location, Member, Name, Shape, Unknown, Value
from scanners.idioms.code import SELVES, Assign, CallSite, Scope
from scanners.idioms.generics import parametrised
from scanners.idioms.go import bare
from scanners.idioms.go_bodies import filled, is_filled, sent
from scanners.idioms.go_commands import subcommands
from scanners.idioms.go_env import struct_reads
from scanners.idioms.go_imports import is_standard
from scanners.idioms.go_outs import put_through
from scanners.idioms.go_shapes import struct, type_parameters, written
from scanners.idioms.go_values import members
from scanners.idioms.symbols import Parts, symbol_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_CALL_OPTIONS = "CallOption"
_BUILTINS = frozenset(
    """append len cap make new panic recover copy delete print println close complex real imag min max clear string
    int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 float32 float64 bool byte rune error any""".split()  # noqa: SIM905
)
_LOGS = (
    "github.com/sirupsen/logrus",
    "go.uber.org/zap",
    "github.com/rs/zerolog",
    "github.com/stretchr",
    "github.com/pkg/errors",
    "go.opentelemetry.io",
    "github.com/golang/glog",
    "k8s.io/klog",
    "github.com/prometheus",
)
_PLAIN = frozenset("string bool int int32 int64 float64 error byte any uint uint64 rune float32".split())  # noqa: SIM905
_TYPED_STANDARD = ("net/http", "net/http/httputil", "database/sql", "net/url")
_ENTRIES = 60


def facts(code: GoCode) -> Iterator[Fact]:
    """Every fact the language says about a file.

    Args:
        code: the file.
    """
    protobuf = code.path.endswith(".pb.go")
    yield from _symbols(code, named=not protobuf)
    if code.package:
        yield Fact("package", {"name": code.package}, Location(code.path, 1))
    for found in code.all_imports:
        yield Fact(
            "import",
            {"local": found.local, "module": found.module, "name": found.name},
            Location(code.path, found.line),
        )
    yield from _types(code)
    yield from _typed(code)
    if protobuf:
        return
    yield from _bindings(code)
    for put in put_through(code):
        fields = {"target": put.target, "value": put.value, "scope": put.scope.name}
        yield Fact("binding", fields, Location(code.path, put.line))
        of_type = _field_of(code, put.written, put.scope)
        if of_type:
            yield Fact("binding", {**fields, "target": of_type}, Location(code.path, put.line))
    yield from _returns(code)
    yield from _calls(code)
    yield from _constructions(code)
    yield from _environment(code)
    yield from subcommands(code)
    yield from struct_reads(code)


def _symbols(code: GoCode, *, named: bool) -> Iterator[Fact]:
    interfaces = {s.name: s for s in code.scopes if s.sort == "interface"}
    for fact in symbol_facts(code, _parts(code, named=named)):
        scope = interfaces.get(fact.get("name", "")) if fact.kind == "symbol" else None
        if scope is None:
            yield fact
        else:
            yield Fact("symbol", {**fact.fields, "methods": tuple(_methods(code, scope))}, fact.at)


def _methods(code: GoCode, scope: Scope) -> Iterator[str]:
    """Names of the methods that a type needs; a generated RPC client is not what a server with the same ones is."""
    if scope.name.endswith("Client") and _CALL_OPTIONS in code.text(scope.node):
        return
    body = scope.node.child_by_field_name("type")
    for child in body.named_children if body is not None else ():
        if child.type == "method_elem":
            yield code.text(child.child_by_field_name("name"))


def _parts(code: GoCode, *, named: bool) -> Parts:
    constants: dict[str, list[Node]] = {}
    for assign in code.assigns:
        node = _spec(assign.value or assign.annotation) if assign.scope.sort == "module" else None
        if node is not None and "." not in assign.target and assign.how == "=":
            listed = constants.setdefault(assign.target, [])
            listed += [node] if all(n.id != node.id for n in listed) else []
    ours = {i.local for i in code.all_imports if not is_standard(i.module)}
    types = {s.name for s in code.scopes if s.sort in ("class", "interface")}
    outside = [*code.import_nodes, *(s.node for s in code.scopes if s.sort == "method")]
    names = frozenset({*constants, *ours, *types} - {"*", "_"}) if named else frozenset()
    return Parts(code.cuts(), constants, {}, outside, names)


def _spec(node: Node | None) -> Node | None:
    while node is not None and node.type not in ("var_spec", "const_spec", "source_file"):
        node = node.parent
    return node


def _bindings(code: GoCode) -> Iterator[Fact]:
    for assign in code.assigns:
        if assign.value is None or assign.how == "+=":
            continue
        found = _taken(code, assign)
        target = code.bound_name(assign)
        if (
            not isinstance(found, Unknown)
            and found != Lit(None)
            and found != Name(target)
            and found != Name(assign.target)
        ):
            where = Location(code.path, assign.line)
            yield Fact("binding", {"target": target, "value": found, "scope": assign.scope.name}, where)
            of_type = _field_of(code, assign.target, assign.scope)
            if of_type and of_type != target:
                yield Fact("binding", {"target": of_type, "value": found, "scope": assign.scope.name}, where)
        node = bare(assign.value)
        if node is not None and node.type == "composite_literal" and not assign.key:
            yield from _entries(code, node, target, assign.scope)


def _field_of(code: GoCode, dotted: str, scope: Scope) -> str:
    """``Server.url`` for ``srv.url`` where ``srv`` is a Server, empty for anything else."""
    base, _, field = dotted.rpartition(".")
    made = code.type_of(base, scope) if base and base not in SELVES else ""
    if not made or made in code.factories or made.startswith(("[]", "map[]", "chan ")) or code.scope_is_function(made):
        return ""
    text = written(code, made)
    return f"{text}.{field}" if text.count(".") < 2 and text not in _PLAIN else ""


def _taken(code: GoCode, assign: Assign) -> Value:
    if assign.key and assign.key != "?":
        return Unknown("not the first result")
    value = code.value(assign.value, assign.scope)
    if value == Concat((Lit("."), Name(assign.target))):
        return Unknown("a path made relative, as generated clients do")
    if assign.how == "for":
        return value if isinstance(value, Unknown) or assign.key else Member(value, "[]")
    return value


def _entries(code: GoCode, literal: Node, target: str, scope: Scope) -> Iterator[Fact]:
    """Entries of a map or of an anonymous struct: ``urls["orders"]``, ``cfg.URL``."""
    kind = literal.child_by_field_name("type")
    if kind is None or kind.type not in ("map_type", "struct_type"):
        return
    for key, node in members(code, literal)[:_ENTRIES]:
        value = code.value(node, scope)
        if key.isidentifier() and not isinstance(value, Unknown):
            yield Fact("binding", {"target": f"{target}.{key}", "value": value, "scope": scope.name}, code.at(node))


def _constructions(code: GoCode) -> Iterator[Fact]:
    """Struct literals: what each field is given, and the call that a construction is."""
    for node in code.literals:
        kind = node.child_by_field_name("type")
        if kind is None or kind.type not in ("type_identifier", "qualified_type", "generic_type"):
            continue
        named = code.text(kind.child_by_field_name("type") if kind.type == "generic_type" else kind)
        head = code.imports.get(named.partition(".")[0]) if "." in named else None
        if head is not None and (is_standard(head.module) or head.module.startswith(_LOGS)):
            continue
        scope = code.scope_at(node.start_byte)
        value = code.value(node, scope)
        if not isinstance(value, Call):
            continue
        fields: dict[str, object] = {"symbol": scope.name, "callee": value.callee, "args": ()}
        if value.named:
            fields["named"] = value.named
        yield Fact("call", fields, code.at(node))
        for key, given in value.named:
            if key.isidentifier() and given != Lit(None):
                binding = {"target": f"{named}.{key}", "value": given, "scope": scope.name}
                yield Fact("binding", binding, code.at(node))


def _returns(code: GoCode) -> Iterator[Fact]:
    for node, scope in code.returns:
        if not node.named_child_count or scope.sort not in ("function", "method"):
            continue
        listed = node.named_children[0]
        first = listed.named_children[0] if listed.type == "expression_list" and listed.named_child_count else listed
        if listed.type == "expression_list" and _failed(code, listed):
            continue
        value = code.value(first, scope)
        if not isinstance(value, Unknown):
            yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(node))


def _failed(code: GoCode, listed: Node) -> bool:
    """``return nil, err``: the error branch gives no result."""
    parts = [c for c in listed.named_children if c.type != "comment"]
    empty = len(parts) > 1 and code.text(parts[0]) in ("nil", '""', "0", "false", "``")
    return empty and parts[-1].type not in ("nil", "true", "false")


def _calls(code: GoCode) -> Iterator[Fact]:
    for site in code.calls:
        if not _worth(code, site):
            continue
        head = site.node.child_by_field_name("function")
        callee = code.value(head, site.scope)
        if isinstance(callee, Unknown):
            continue
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": callee}
        fields["args"] = tuple(code.value(a, site.scope) for a in site.args)
        given = _payload(code, site)
        if given is not None:
            fields["sends"] = given
        read = filled(code, site)
        if read is not None:
            fields["reads"] = read
        yield Fact("call", fields, Location(code.path, site.line))


def _payload(code: GoCode, site: CallSite) -> Shape | None:
    for node in site.args:
        inner = bare(node)
        if inner is not None and inner.type in ("composite_literal", "identifier") and not is_filled(code, node, site):
            followed = sent(code, inner, site.scope)
            shape = followed if followed != ANYTHING else code.shape(inner, site.scope)
            if shape.type == "object" and (shape.fields or shape.named) and not shape.named.startswith("context."):
                return shape
    return None


def _worth(code: GoCode, site: CallSite) -> bool:
    """Whether a call may lead to code of the scanned system."""
    if site.receiver is None:
        return site.method not in _BUILTINS and bool(site.dotted)
    head = site.dotted.split(".", 1)[0]
    if not head:
        inner = code.site(site.receiver)
        return inner is not None and _worth(code, inner)
    if head in SELVES:
        return True
    bound = any(head in s.params or head in s.bound for s in site.scope.outward())
    found = code.imports.get(head) if not bound else None
    if found is not None:
        return not is_standard(found.module) and not found.module.startswith(_LOGS)
    made = code.type_of(head, site.scope).removeprefix("[]")
    path = made.rpartition(".")[0]
    return not (path and (is_standard(path) or path.startswith(_LOGS))) and made not in _PLAIN


def _environment(code: GoCode) -> Iterator[Fact]:
    for site in code.calls:
        if "nv" not in site.method and "iper" not in site.dotted:
            continue
        read = code.value(site.node, site.scope)
        if isinstance(read, Env | Config):
            fields: dict[str, object] = {
                "symbol": site.scope.name,
                "key": read.name if isinstance(read, Env) else read.key,
            }
            if read.default is not None:
                fields["default"] = read.default
            yield Fact("config_read", fields, Location(code.path, site.line))


def _types(code: GoCode) -> Iterator[Fact]:
    owners = dict.fromkeys(m.owner.name for m in code.fields)
    for owner in owners:
        shape = struct(code, owner)
        scope = code.scope(owner)
        if shape is not None and scope is not None:
            own = parametrised(shape, type_parameters(code, scope.node))
            yield Fact("type", {"name": owner, "shape": own}, code.at(scope.node))


def _typed(code: GoCode) -> Iterator[Fact]:
    starts = {s.name: s.node for s in code.scopes}
    lines = {code.bound_name(a): a.line for a in reversed(code.assigns)}
    for member in code.fields:
        lines.setdefault(f"{member.owner.name}.{member.name}", int(member.node.start_point[0]) + 1)
    for name, received in code.receivers.items():
        owner = name.rpartition(".")[0]
        yield Fact("typed", {"target": f"{name}.{received}", "type": owner}, code.at(starts[name]))
    for target, made in code.types.items():
        fact = _typed_fact(code, (target, made), code.type_args.get(target, ()))
        if fact is not None:
            owner_node = starts.get(target.rpartition(".")[0], code.root)
            line = lines.get(target) or int(owner_node.start_point[0]) + 1
            yield Fact("typed", fact, Location(code.path, line))
    for name, made in code.results.items():
        fact = _typed_fact(code, (f"{name}.return", made), code.type_args.get(f"{name}.return", ()))
        if fact is not None:
            yield Fact("typed", fact, code.at(starts[name]))


def _typed_fact(code: GoCode, about: tuple[str, str], of: tuple[str, ...]) -> dict[str, object] | None:
    target, made = about
    mark = next((m for m in ("map[]", "[]", "chan ") if made.startswith(m)), "")
    bare_type = made[len(mark) :]
    type_name = written(code, bare_type)
    path = bare_type.rpartition(".")[0]
    if path and is_standard(path) and path not in _TYPED_STANDARD:
        return None
    if not bare_type or bare_type in _PLAIN or type_name.count(".") > 1 or code.scope_is_function(bare_type):
        return None
    if (
        "." not in type_name
        and code.scope(type_name) is None
        and type_name[:1].islower()
        and target not in code.type_args
    ):
        declared = code.results.get(type_name)
        if declared is None and not type_name.isidentifier():
            return None
    fields: dict[str, object] = {
        "target": target,
        "type": {"map[]": "map", "[]": "slice", "chan ": "chan"}.get(mark, type_name),
    }
    if mark:
        fields["of"] = of or (type_name,)
    elif of:
        fields["of"] = of
    return fields
