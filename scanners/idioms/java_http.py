"""HTTP requests sent by Java clients: where the client object comes from, its base URL, and the request as a fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.values import Concat, Config, Env, Fact, Lit, Name, Shape, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.java import bare
from scanners.idioms.java_noise import words
from scanners.idioms.java_reads import of_result
from scanners.idioms.java_strings import built_uri
from scanners.idioms.java_web import known

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

BASE = "baseUrl"


@dataclass(frozen=True, slots=True)
class Request:
    """A request about to become a fact.

    Args:
        client: the pack.
        site: the call that sends it or names its URL.
        method: HTTP method.
        url: where to.
        base: base URL and injected client object, as :func:`base_of` gives them.
        sends: request body.
        reads: response body.
    """

    client: str
    site: CallSite
    method: Value
    url: Value
    base: dict[str, object]
    sends: Shape | None = None
    reads: Shape | None = None

    def fact(self, code: JavaCode) -> Fact:
        """As a fact.

        Args:
            code: the file.
        """
        fields: dict[str, object] = {"method": self.method, "url": self.url, "symbol": self.site.scope.name}
        fields |= {"client": self.client, **self.base}
        for name, shape in (("sends", self.sends), ("reads", self.reads)):
            if known(shape):
                fields[name] = shape
        return Fact("http_call", fields, code.at(self.site.node))


def made_of(code: JavaCode, node: Node | None, scope: Scope, types: tuple[str, ...]) -> bool:
    """Whether an expression is a client of one of the types, by its declared type or how it was made.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
        types: simple names of client types.
    """
    if node is None:
        return False
    made = code.made_by(node, scope)
    if made:
        parts = made.split(".")
        given = {name for t in types for name in (f"get{t}", f"{t[:1].lower()}{t[1:]}")}
        return any(part in types for part in parts) or parts[-1] in given
    dotted = code.dotted(node)
    last = dotted.rsplit(".", 1)[-1].lower()
    return bool(dotted) and any(last.endswith(t.lower()) for t in types)


def base_of(code: JavaCode, node: Node | None, scope: Scope, types: tuple[str, ...]) -> dict[str, object]:
    """The base URL of a client object: fields `base` or `injected` of the request, none when it has no base.

    Args:
        code: the file.
        node: the client object.
        scope: where it is used.
        types: simple names of client types.
    """
    dotted = code.dotted(node)
    made = code.made_of(dotted, scope) if dotted else code.site(node) if node is not None else None
    if made is None and dotted:
        return _given(code, dotted, scope)
    given = base_argument(code, made) if made is not None else None
    root = _root(code, made) if made is not None and given is None else None
    if made is not None and root is not None:
        again = node is not None and root.id == node.id
        return base_of(code, root, made.scope, types) if _named(code, root) and not again else {}
    if made is None or given is None:
        return {}
    value = code.value(given, made.scope)
    if made.scope is scope or not dotted or _portable(value):
        return {"base": value}
    name = dotted if dotted.startswith("this.") else f"this.{dotted}"
    return {"base": Name(f"{name}.{BASE}")}


def _named(code: JavaCode, node: Node) -> bool:
    dotted = code.dotted(node)
    return bool(dotted) and not dotted.rsplit(".", 1)[-1][:1].isupper()


def _root(code: JavaCode, made: CallSite) -> Node | None:
    chain = [made, *code.before(made)]
    return chain[-1].receiver


def _given(code: JavaCode, dotted: str, scope: Scope) -> dict[str, object]:
    made = code.type_of(dotted, scope).rsplit(".", 1)[-1]
    if made == "Builder":
        made = ".".join(code.type_of(dotted, scope).rsplit(".", 2)[-2:])
    return {"injected": f"{made} {dotted.rsplit('.', 1)[-1]}"} if made else {}


def _portable(value: Value) -> bool:
    """Whether a Value means the same in every scope of the file."""
    if isinstance(value, Lit | Env | Config):
        return True
    if isinstance(value, Name):
        return value.name.startswith("this.") or value.name[:1].isupper()
    if isinstance(value, Concat):
        return all(_portable(p) for p in value.parts)
    return False


_BASES = words("baseUrl rootUri baseUri target create uri setBaseUrl")
_HOLDERS = frozenset(("DefaultUriBuilderFactory", "RootUriTemplateHandler"))


def base_argument(code: JavaCode, made: CallSite) -> Node | None:
    """The argument of a client's construction that is its base URL, None when it has none.

    Args:
        code: the file.
        made: the last call of the construction.
    """
    for site in (made, *code.before(made)):
        if site.method in _BASES and site.args:
            if site.method == "create" and site.dotted not in ("WebClient.create", "RestClient.create"):
                continue
            return site.args[0]
        if site.method in ("uriBuilderFactory", "uriTemplateHandler") and site.args:
            inner = code.site(site.args[0])
            if inner is not None and inner.method in _HOLDERS and inner.args:
                return inner.args[0]
    return None


def base_bindings(code: JavaCode, types: tuple[str, ...]) -> Iterator[Fact]:
    """Bindings that say the base URL of clients made in one place and used in another.

    Args:
        code: the file.
        types: simple names of client types.
    """
    for assign in code.assigns:
        if assign.value is None or assign.scope.sort != "method":
            continue
        made = code.site(assign.value)
        target = code.bound_name(assign)
        if made is None or target.startswith(f"{assign.scope.name}."):
            continue
        declared = code.types.get(target, "").rsplit(".", 1)[-1]
        given = base_argument(code, made) if declared in types else None
        if given is not None:
            yield _binding(code, target, given, assign.scope)
    for node, scope in code.returns:
        declared = code.type_text(scope.node.child_by_field_name("type")).rsplit(".", 1)[-1]
        inner = bare(node.named_children[0]) if node.named_child_count and declared in types else None
        made = code.site(inner) if inner is not None else None
        if inner is None:
            continue
        given = base_argument(code, made) if made is not None else _set_later(code, scope)
        general = customized(code) if given is None else None
        given = general.args[0] if general is not None else given
        if given is not None:
            yield _binding(code, scope.name, given, scope)


def _set_later(code: JavaCode, scope: Scope) -> Node | None:
    """``client.setUriTemplateHandler(new DefaultUriBuilderFactory(url))`` in the method that makes the client."""
    for site in code.inside(scope)[0]:
        if site.method in ("setUriTemplateHandler", "baseUrl", "rootUri") and site.args:
            inner = code.site(site.args[0])
            return inner.args[0] if inner is not None and inner.args else site.args[0]
    return None


def customized(code: JavaCode) -> CallSite | None:
    """The base URL a customizer bean of this file gives every client builder.

    Args:
        code: the file.
    """
    for site in code.calls:
        declared = code.type_text(site.scope.node.child_by_field_name("type"))
        if site.method in ("baseUrl", "rootUri") and site.args and declared.endswith("Customizer"):
            return site
    return None


def _binding(code: JavaCode, target: str, given: Node, scope: Scope) -> Fact:
    fields = {"target": f"{target}.{BASE}", "value": code.value(given, scope), "scope": scope.name}
    return Fact("binding", fields, code.at(given))


def read_of(code: JavaCode, site: CallSite, declared: Shape | None) -> Shape | None:
    """What is read of a response: the type it is parsed into, else the fields read of the tree or map it becomes.

    Args:
        code: the file.
        site: the call whose result is the response.
        declared: the type given for it.
    """
    return declared if known(declared) else of_result(code, site).all()


def url_value(code: JavaCode, node: Node | None, scope: Scope) -> Value:
    """The Value of a URL argument: text, a URI, or a lambda that builds one.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    node = bare(node)
    if node is not None and node.type == "lambda_expression":
        return built_uri(code, node, scope)
    return code.value(node, scope)


def verb_value(code: JavaCode, node: Node | None, scope: Scope) -> Value:
    """The Value of a method argument: ``HttpMethod.POST``, ``"POST"``.

    Args:
        code: the file.
        node: expression.
        scope: where it is.
    """
    text = code.text(bare(node)) if node is not None else ""
    last = text.rsplit(".", 1)[-1].strip('"').upper()
    if "HttpMethod" in text or text.startswith('"') or text.isupper():
        return Lit(last)
    return code.value(node, scope)
