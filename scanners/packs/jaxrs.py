"""JAX-RS resources (Jersey, RESTEasy, Quarkus, Helidon, MicroProfile) and Micronaut controllers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Lit, Name, Shape, Value
from scanners.idioms.code import Scope
from scanners.idioms.expressions import concat
from scanners.idioms.http import operational
from scanners.idioms.java import Mark, Member
from scanners.idioms.java_reads import param_shape
from scanners.idioms.java_shapes import of_type, qualified
from scanners.idioms.java_web import (
    VERBS,
    from_package,
    known,
    one,
    paths,
    responds,
    served_bases,
    status_named,
    status_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.java import JavaCode

_APPLICATION = "jakarta.ws.rs.ApplicationPath"
_MICRONAUT = {name: name.upper() for name in ("Get", "Post", "Put", "Delete", "Patch", "Head", "Options")}
_CLIENTS = frozenset(("RegisterRestClient", "FeignClient", "Client"))
_GIVEN = ("PathParam", "QueryParam", "HeaderParam", "CookieParam", "FormParam", "MatrixParam", "BeanParam", "Context",
          "Suspended", "RestPath", "RestQuery", "RestHeader", "PathVariable", "QueryValue", "Header", "CookieValue",
          "Auth", "RestForm", "Parameter", "RequestAttribute", "RequestBean", "Claim")  # fmt: skip
_PLUMBING = frozenset(
    ("UriInfo", "SecurityContext", "HttpHeaders", "Request", "HttpServletRequest", "HttpServletResponse",
     "AsyncResponse",
     "Principal", "Authentication", "HttpRequest", "Sse", "SseEventSink", "Pageable", "RoutingContext")
)  # fmt: skip
_ANSWERS = frozenset(
    ("ok", "created", "accepted", "noContent", "notFound", "badRequest", "serverError", "unauthorized", "notModified",
     "seeOther", "temporaryRedirect", "notAllowed", "unprocessableEntity")
)  # fmt: skip
_DO = {"doGet": "GET", "doPost": "POST", "doPut": "PUT", "doDelete": "DELETE", "doPatch": "PATCH"}
_EXCEPTIONS = {
    "NotFoundException": 404,
    "BadRequestException": 400,
    "ForbiddenException": 403,
    "NotAuthorizedException": 401,
    "InternalServerErrorException": 500,
    "ServiceUnavailableException": 503,
    "NotAllowedException": 405,
    "NotAcceptableException": 406,
    "NotSupportedException": 415,
}


class JaxRs:
    """Resources of JAX-RS and controllers of Micronaut."""

    name: str = "jaxrs"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (b"ws.rs", b"io.micronaut.http", b"WebServlet", b"ServerEndpoint")

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a Java file.
        """
        for mark in parsed.marks.get("ApplicationPath", ()):
            text = parsed.string(mark.arg("value")).strip("/")
            value: Value = Lit(f"/{text}" if text else "")
            if not text and mark.arg("value") is not None:
                value = one(paths(parsed, mark, "value"))
            yield Fact("env_value", {"service": "", "key": _APPLICATION, "value": value}, parsed.at(mark.node))
        for scope in parsed.scopes[1:]:
            if scope.sort != "method":
                yield from _class(parsed, scope)
        yield from _statuses(parsed)
        yield from _servlets(parsed)


def _servlets(code: JavaCode) -> Iterator[Fact]:
    """Servlets and web socket endpoints by their annotations."""
    for mark in code.marks.get("WebServlet", ()):
        named = {m: s for m in _DO for s in code.method_names.get(f"{mark.scope.name}.{m}", ())}
        for path in paths(code, mark, "value", "urlPatterns"):
            for method, verb in _DO.items() if named else (("", "ANY"),):
                if method and method not in named:
                    continue
                handler = named[method].name if method else mark.scope.name
                yield _plain_endpoint(code, mark, ("http", verb, _any(path), handler))
    for mark in code.marks.get("ServerEndpoint", ()):
        for path in paths(code, mark, "value"):
            yield _plain_endpoint(code, mark, ("websocket", "GET", path, mark.scope.name))


def _any(path: Value) -> Value:
    """A servlet pattern as a template: ``/x/*`` is everything below."""
    text = path.value if isinstance(path, Lit) else None
    if not isinstance(text, str):
        return path
    return Lit(f"{text[:-1]}**" if text.endswith("/*") else text)


def _plain_endpoint(code: JavaCode, mark: Mark, about: tuple[str, str, Value, str]) -> Fact:
    protocol, method, path, handler = about
    fields = {"protocol": protocol, "method": method, "path": path, "handler": handler, "framework": "servlet"}
    return Fact("endpoint", fields, code.at(mark.node))


def _class(code: JavaCode, scope: Scope) -> Iterator[Fact]:
    marks = {m.name: m for m in code.on.get(scope.name, ())}
    if marks.keys() & _CLIENTS:
        return
    controller = marks.get("Controller")
    micronaut = controller is not None and from_package(code, controller, "io.micronaut")
    whole = controller if micronaut else marks.get("Path")
    handlers = list(_handlers(code, scope))
    if whole is None and not handlers:
        return
    own = one(paths(code, whole, "value", "uri")) if whole is not None else Lit("")
    prefix = own if micronaut else concat([_application(), _slash(own)]) if whole is not None else Lit("")
    yield Fact("router", {"name": scope.name, "framework": "jaxrs", "prefix": prefix}, code.at(scope.node))
    for base in served_bases(code, scope) if whole is not None and scope.sort == "class" else ():
        mount = {"parent": Name(scope.name), "child": Name(base), "prefix": Lit(""), "replaces": True}
        yield Fact("mount", mount, code.at(scope.node))
    declared = scope.sort == "interface" or (whole is None)
    for method, verb, path in handlers:
        if verb:
            yield _endpoint(code, (scope, method), (verb, path), declared=declared)
        else:
            yield from _located(code, (scope, method), path)


def _application() -> Value:
    """The path of the application class of the same service, or the key that says it."""
    return Config(_APPLICATION, Config("quarkus.rest.path", Config("spring.jersey.application-path", Lit(""))))


def _slash(path: Value) -> Value:
    text = path.value if isinstance(path, Lit) else None
    return Lit(f"/{text.strip('/')}" if text.strip("/") else "") if isinstance(text, str) else path


def _handlers(code: JavaCode, scope: Scope) -> Iterator[tuple[Scope, str, Value]]:
    for method in code.scopes:
        if method.parent is not scope or method.sort != "method":
            continue
        marks = code.on.get(method.name, ())
        path = next((m for m in marks if m.name == "Path"), None)
        verb = next((m for m in marks if m.name in VERBS and _is_verb(m)), None)
        if verb is not None or (path is not None and path.full.endswith(("ws.rs.Path", "Path"))):
            given = _slash(one(paths(code, path, "value"))) if path is not None else Lit("")
            yield method, verb.name if verb is not None else "", given
            continue
        for mark in marks:
            if mark.name in _MICRONAUT and (mark.full == mark.name or mark.full.startswith("io.micronaut.http")):
                for given in paths(code, mark, "value", "uri", "uris") or [Lit("")]:
                    yield method, _MICRONAUT[mark.name], given


def _is_verb(mark: Mark) -> bool:
    return mark.full == mark.name or mark.full.endswith(f"ws.rs.{mark.name}")


def _endpoint(code: JavaCode, about: tuple[Scope, Scope], how: tuple[str, Value], *, declared: bool) -> Fact:
    scope, method = about
    verb, path = how
    fields: dict[str, object] = {
        "protocol": "http",
        "method": verb,
        "path": path,
        "router": Name(scope.name),
        "handler": method.name,
        "framework": "jaxrs",
    }
    query = [code.string(m.arg("value")) or p.name for p, m in _asked(code, method)]
    if query:
        fields["query"] = tuple(query)
    body = _body(code, method) if verb in ("POST", "PUT", "PATCH") else ANYTHING
    if body != ANYTHING:
        fields["accepts"] = body
    returned = _returned(code, method)
    if returned != ANYTHING:
        fields["returns"] = returned
    if declared:
        fields["declared"] = True
    if operational(path):
        fields["operational"] = True
    return Fact("endpoint", fields, code.at(method.node))


def _asked(code: JavaCode, method: Scope) -> Iterator[tuple[Member, Mark]]:
    for param in code.params.get(method.name, ()):
        mark = param.mark("QueryParam", "RestQuery", "QueryValue")
        if mark is not None:
            yield param, mark


def _body(code: JavaCode, method: Scope) -> Shape:
    for param in code.params.get(method.name, ()):
        name = code.type_text(param.type).rsplit(".", 1)[-1]
        if param.mark("Body") is not None or (param.mark(*_GIVEN) is None and name not in _PLUMBING):
            return param_shape(code, method, param.name, param.type) or of_type(code, param.type)
    return ANYTHING


def _returned(code: JavaCode, method: Scope) -> Shape:
    declared = method.node.child_by_field_name("type")
    found = of_type(code, declared)
    plain = found not in (ANYTHING, Shape("object"))
    if plain and code.type_text(declared) not in ("Response", "void"):
        return found
    for node in code.inside(method)[2]:
        if node.named_child_count:
            shape = _entity(code, node.named_children[0], method)
            if known(shape):
                return shape
    return ANYTHING


def _entity(code: JavaCode, node: Node, scope: Scope) -> Shape:
    """What ``Response.ok(x).build()`` or ``Response.status(201).entity(x).build()`` carries."""
    last = code.site(node)
    for step in (last, *code.before(last)) if last is not None else ():
        if (step.method == "entity" or step.dotted in ("Response.ok", "HttpResponse.ok")) and step.args:
            return code.shape(step.args[0], scope)
    return code.shape(node, scope)


def _located(code: JavaCode, about: tuple[Scope, Scope], path: Value) -> Iterator[Fact]:
    """A sub-resource locator: what it returns serves the rest of the path."""
    scope, method = about
    declared = method.node.child_by_field_name("type")
    args = code.type_args(declared)
    written = code.type_text(args[0] if args and code.type_text(declared) == "Class" else declared)
    if written and written != "Response":
        child = qualified(code, written, method.node.start_byte)
        fields = {"parent": Name(scope.name), "child": Name(child), "prefix": path}
        yield Fact("mount", fields, code.at(method.node))


def _statuses(code: JavaCode) -> Iterator[Fact]:
    for mark in code.marks.get("ResponseStatus", ()) if b"resteasy" in code.data else ():
        yield from responds(mark.scope.name, status_of(code, mark.arg("value")), code, mark.node)
    for site in code.calls:
        status = 0
        if site.node.type == "object_creation_expression":
            status = _EXCEPTIONS.get(site.method, 0)
            if site.method == "WebApplicationException":
                status = next((s for s in (status_of(code, a) for a in site.args) if s), 0)
        elif site.dotted.startswith(("Response.", "HttpResponse.", "RestResponse.")):
            if site.method in _ANSWERS:
                status = 500 if site.method == "serverError" else status_named(site.method)
            elif site.method == "status" and site.args:
                status = status_of(code, site.args[0])
        yield from responds(site.scope.name, status, code, site.node)


PACK = JaxRs()
