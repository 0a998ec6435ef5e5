"""What Java code itself says: symbols, imports, bindings, returns, calls, types and configuration reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit, Location, Name, Param, Shape, Unknown
from scanners.idioms import java_around, java_config
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import Member
from scanners.idioms.java_noise import HEADS, METHODS, foreign, words
from scanners.idioms.java_reads import dynamic, of_result
from scanners.idioms.java_scopes import CONSTRUCTOR, apart
from scanners.idioms.java_shapes import class_fields, declared_type, of_type, qualified
from scanners.idioms.java_values import callee
from scanners.idioms.symbols import Parts, symbol_facts

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_LOGGERS = ("org.slf4j.Logger", "org.apache.logging.log4j.Logger", "org.apache.commons.logging.Log",
            "java.util.logging.Logger", "org.jboss.logging.Logger")  # fmt: skip
_DATA = (
    "Data", "Value", "Getter", "Builder", "Entity", "Document", "Embeddable", "JsonInclude", "JsonIgnoreProperties",
    "JsonNaming", "JsonTypeInfo", "JsonPropertyOrder", "RedisHash", "SuperBuilder", "MappedSuperclass",
    "XmlRootElement", "Introspected", "Serdeable", "RegisterForReflection", "JsonDeserialize", "JsonSerialize",
)  # fmt: skip
_TEXTS = ("Object", "URI", "URL", "CharSequence", "StringBuilder", "StringBuffer", "HttpUrl")
_TAKES = ("get", "getFirst", "getLast", "getOrDefault", "poll", "peek", "next", "getObject", "getIfAvailable", "orElse")
_BEANS = words(
    """Service Component Controller RestController Repository Configuration SpringBootApplication RestControllerAdvice
    ControllerAdvice ConfigurationProperties Path ApplicationScoped RequestScoped Singleton FeignClient Aspect
    ConfigMapping EnableWebSecurity"""
)


def facts(code: JavaCode) -> Iterator[Fact]:
    """Every fact the language says about a file.

    Args:
        code: the file.
    """
    if code.package_node is not None:
        yield Fact("package", {"name": code.package}, code.at(code.package_node))
    yield from symbol_facts(code, _parts(code))
    for found in code.all_imports:
        fields = {"local": found.local, "module": found.module, "name": found.name}
        yield Fact("import", fields, Location(code.path, found.line))
    yield from _bindings(code)
    yield from java_config.injected(code)
    yield from _returns(code)
    yield from _calls(code)
    yield from java_config.config_reads(code)
    yield from _types(code)
    yield from _typed(code)
    yield from _binds(code)
    yield from _program(code)
    yield from java_around.facts(code)


def _parts(code: JavaCode) -> Parts:
    ours = {i.local for i in code.all_imports if i.local != "*" and not _foreign(code, i.module)}
    ours |= code.owners - code.imports.keys()
    return Parts(code.cuts(), {}, {}, code.import_nodes, frozenset(ours))


def _bindings(code: JavaCode) -> Iterator[Fact]:
    for assign in code.assigns:
        made = code.types.get(assign.scope.qualify(assign.target))
        if assign.value is None or assign.how == "for" or made in _LOGGERS:
            continue
        target = _target(code, assign.target, assign.scope, declares=assign.how != ":=")
        value = code.value(assign.value, assign.scope)
        if target and not isinstance(value, Unknown) and value != Name(target) and value != Lit(None):
            fields = {"target": apart(code, target), "value": value, "scope": assign.scope.name}
            yield Fact("binding", fields, Location(code.path, assign.line))


def _target(code: JavaCode, written: str, scope: Scope, *, declares: bool) -> str:
    """File-wide name of what is assigned: a bare name that is no local is a field."""
    head, _, rest = written.partition(".")
    if declares or head in scope.bound or head in scope.params:
        return scope.qualify(written)
    if head == "this":
        return scope.qualify(written)
    for outer in scope.outward():
        if f"{outer.name}.{head}" in code.members:
            return f"{outer.name}.{written}"
    return f"{scope.owner}.{written}" if scope.owner and not rest else ""


def _returns(code: JavaCode) -> Iterator[Fact]:
    for node, scope in code.returns:
        if node.named_child_count and scope.sort == "method":
            value = code.value(node.named_children[0], scope)
            if not isinstance(value, Unknown) and value != Lit(None):
                yield Fact("returns", {"symbol": scope.name, "value": value}, code.at(node))


def _foreign(code: JavaCode, module: str) -> bool:
    """Whether a name is a library's; what shares the first three parts of the file's package is ours."""
    own = ".".join(code.package.split(".")[:3])
    return foreign(module) and not (own.count(".") > 1 and f"{module}.".startswith(f"{own}."))


def _calls(code: JavaCode) -> Iterator[Fact]:
    for site in code.calls:
        if not _worth(code, site):
            continue
        called = callee(code, site, site.scope)
        if isinstance(called, Unknown):
            continue
        args = tuple(code.value(a, site.scope) for a in site.args)
        fields: dict[str, object] = {"symbol": site.scope.name, "callee": called, "args": args}
        sent, read = _sent(code, site), _read(code, site)
        fields |= {"sends": sent} if sent is not None else {}
        fields |= {"reads": read} if read is not None else {}
        yield Fact("call", fields, Location(code.path, site.line))
        yield from _constant(code, site)
    yield from _references(code)


def _constant(code: JavaCode, site: CallSite) -> Iterator[Fact]:
    """``Rules.TAX.apply(1)`` reads the constant it calls a method of."""
    parts = site.dotted.split(".")
    if len(parts) == 3 and parts[0][:1].isupper() and parts[1].isupper() and parts[0] not in HEADS:
        yield Fact("use", {"symbol": site.scope.name, "name": ".".join(parts[:2])}, Location(code.path, site.line))


def _references(code: JavaCode) -> Iterator[Fact]:
    """Method references are calls made later: ``this::handle``, ``mapper::toDto``."""
    for node, scope in code.references:
        parts = [c for c in node.named_children if c.type != "type_arguments"]
        if len(parts) < 2:
            continue
        head, method = code.dotted(parts[0]) or code.text(parts[0]), code.text(parts[-1])
        found = code.imports.get(head.split(".", 1)[0])
        if head in HEADS or method in METHODS or (found is not None and _foreign(code, found.module)):
            continue
        base = code.value(parts[0], scope)
        if isinstance(base, Name):
            fields = {"symbol": scope.name, "callee": Name(f"{base.name}.{method}"), "args": ()}
            yield Fact("call", fields, code.at(node))


def _sent(code: JavaCode, site: CallSite) -> Shape | None:
    for node in site.args:
        if node.type in ("identifier", "object_creation_expression"):
            shape = code.shape(node, site.scope)
            if shape.type == "object" and (shape.fields or shape.named):
                return shape
    return None


def _read(code: JavaCode, site: CallSite) -> Shape | None:
    """The fields read of a call's result that is a tree or map."""
    held = code.held(site)
    if held is None or held.annotation is None or not dynamic(code, held.annotation):
        return None
    return of_result(code, site).all()


def _worth(code: JavaCode, site: CallSite) -> bool:
    """Whether a call may lead to code of the scanned system."""
    if site.node.type != "method_invocation":
        found = code.imports.get(site.dotted.split(".", 1)[0])
        outside = found is not None and _foreign(code, found.module)
        return bool(site.dotted) and not outside and site.dotted not in HEADS
    if site.receiver is None:
        found = code.imports.get(site.method)
        return not (found is not None and _foreign(code, found.module))
    if not site.dotted:
        return site.method not in METHODS and _worth_chained(code, site)
    head = site.dotted.split(".", 1)[0]
    if head in HEADS:
        return False
    found = code.imports.get(head)
    if found is not None:
        return not _foreign(code, found.module)
    made = code.type_of(site.dotted.rpartition(".")[0], site.scope)
    if not made and site.method in METHODS:
        return head[:1].isupper() and site.method in ("valueOf", "values") and head in code.owners
    return not _foreign(code, made) and made not in HEADS


def _holds_ours(code: JavaCode, site: CallSite) -> bool:
    """Whether a collection that something is taken out of holds objects of a type of ours."""
    declared = declared_type(code, site.dotted.rpartition(".")[0], site.scope) if site.dotted else None
    names = [code.type_text(a) for a in code.type_args(declared)]
    return any(n and n not in HEADS and not _foreign(code, code.origin(n)) for n in names)


def _worth_chained(code: JavaCode, site: CallSite) -> bool:
    """A method of a call's result, unless what is called first belongs to a library."""
    chain = list(code.before(site))
    if not chain or len(chain) > 3:
        return False
    root = chain[-1]
    if len(chain) == 1 and root.receiver is not None and root.method in _TAKES and _holds_ours(code, root):
        return True
    return _worth(code, root) if root.receiver is None or root.dotted else False


def _types(code: JavaCode) -> Iterator[Fact]:
    for scope in code.scopes[1:]:
        if scope.sort == "method":
            continue
        if scope.node.type == "enum_declaration":
            yield Fact("type", {"name": scope.name, "shape": Shape("string", open=False)}, code.at(scope.node))
            continue
        if not _is_payload(code, scope):
            continue
        fields = tuple(field for _, field in class_fields(code, scope))
        if fields:
            shape = Shape("object", fields, open=False)
            yield Fact("type", {"name": scope.name, "shape": shape}, code.at(scope.node))


def _is_payload(code: JavaCode, scope: Scope) -> bool:
    """Records, and classes with data annotations, getters, setters or public fields that are no beans."""
    marks = {m.name for m in code.on.get(scope.name, ())}
    if scope.sort != "class" or marks & _BEANS:
        return False
    if scope.node.type == "record_declaration" or marks & set(_DATA):
        return True
    for name, member in code.members.items():
        if member.scope is not scope or member.static:
            continue
        title = f"{member.name[:1].upper()}{member.name[1:]}"
        made = (f"get{title}", f"is{title}", f"set{title}", member.name)
        if any(f"{scope.name}.{m}" in code.method_names for m in made) or _public(code, name):
            return True
    return False


def _public(code: JavaCode, name: str) -> bool:
    declared = code.members[name].node.parent
    first = declared.named_children[0] if declared is not None and declared.named_child_count else None
    return first is not None and first.type == "modifiers" and any(c.type == "public" for c in first.children)


def _typed(code: JavaCode) -> Iterator[Fact]:
    rows: list[tuple[str, Node | None, Node]] = [(n, m.type, m.node) for n, m in code.members.items()]
    for scope_name, params in code.params.items():
        rows += [(f"{scope_name}.{p.name}", p.type, p.node) for p in params]
    for assign in code.assigns:
        if assign.scope.sort == "method" and assign.annotation is not None and assign.how != ":=":
            rows.append((assign.scope.qualify(assign.target), assign.annotation, assign.annotation))
    for scope in code.scopes[1:]:
        if scope.node.type == "method_declaration":
            declared = scope.node.child_by_field_name("type")
            rows.append((f"{scope.name}.return", declared, scope.node))
    seen: set[tuple[str, str]] = set()
    for target, declared, node in rows:
        written = code.type_text(declared)
        name = written.rsplit(".", 1)[-1]
        if not name[:1].isupper() or name in HEADS or name in _TEXTS or (target, written) in seen:
            continue
        seen.add((target, written))
        fields: dict[str, object] = {"target": target, "type": qualified(code, written, node.start_byte)}
        of = tuple(code.type_text(a) for a in code.type_args(declared))
        if of:
            fields["of"] = tuple(qualified(code, a, node.start_byte) for a in of if a)
        yield Fact("typed", fields, Location(code.path, int(node.start_point[0]) + 1))


def _binds(code: JavaCode) -> Iterator[Fact]:
    """``@Bean`` and ``@Produces`` methods: who asks for their type gets what they make."""
    for mark in (m for n in ("Bean", "Produces") for m in code.marks.get(n, ())):
        node = mark.scope.node
        if node.type != "method_declaration" or mark.member:
            continue
        asked = code.type_text(node.child_by_field_name("type"))
        for given in _made_in(code, mark.scope):
            if asked and given != asked:
                fields = {"type": qualified(code, asked, node.start_byte), "to": given, "symbol": mark.scope.name}
                yield Fact("binds", fields, code.at(node))


def _program(code: JavaCode) -> Iterator[Fact]:
    """The module of a main method is a program, even when others depend on it."""
    folder, source, _ = f"/{code.path}".partition("/src/main/java/")
    for name, scopes in code.method_names.items() if source else ():
        owner = name.rpartition(".")[0]
        takes = [p for s in scopes for p in code.params.get(s.name, ())]
        if name.endswith(".main") and "." not in owner and len(takes) == 1 and _strings(code, takes[0]):
            command = f"java {code.package}.{owner}" if code.package else f"java {owner}"
            fields = {"root": folder.strip("/"), "sort": "program", "name": "", "command": command}
            yield Fact("root", fields, code.at(scopes[0].node))


def _strings(code: JavaCode, param: Member) -> bool:
    return code.text(param.type).removesuffix("[]") == "String"


def _made_in(code: JavaCode, scope: Scope) -> list[str]:
    made = []
    for node, where in code.returns:
        first = node.named_children[0] if where is scope and node.named_child_count else None
        if first is not None and first.type == "object_creation_expression":
            written = code.type_text(first.child_by_field_name("type"))
            made.append(qualified(code, written, first.start_byte))
    return made


__all__ = ["CONSTRUCTOR", "Param", "facts", "of_type"]
