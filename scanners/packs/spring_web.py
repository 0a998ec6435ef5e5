"""Spring MVC and WebFlux: controllers, mappings declared by interfaces, statuses, Spring Data REST resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Config, Fact, Lit, Name, Shape, Value
from scanners.idioms.code import Scope
from scanners.idioms.http import operational
from scanners.idioms.java import Mark
from scanners.idioms.java_noise import words
from scanners.idioms.java_reads import param_shape
from scanners.idioms.java_scopes import base_nodes
from scanners.idioms.java_shapes import of_type
from scanners.idioms.java_web import (
    EXCHANGES,
    MAPPINGS,
    from_package,
    known,
    methods,
    one,
    paths,
    responds,
    served_bases,
    status_named,
    status_of,
)

if TYPE_CHECKING:
    from scanners.idioms.java import JavaCode

_ALL = {**MAPPINGS, **EXCHANGES}
_CONTROLLERS = frozenset(("RestController", "Controller", "RepositoryRestController", "BasePathAwareController"))
_CLIENTS = frozenset(("FeignClient", "ReactiveFeignClient", "RegisterRestClient"))
_QUERY = ("RequestParam", "RequestPart", "MatrixVariable")
_PLUMBING = words(
    """HttpServletRequest HttpServletResponse ServerHttpRequest ServerHttpResponse ServerWebExchange Principal Model
    ModelMap BindingResult Errors Pageable Sort Authentication HttpSession Locale UriComponentsBuilder WebRequest
    HttpHeaders RedirectAttributes Jwt ServletRequest ServletResponse InputStream OutputStream Writer Reader
    MultipartFile FilePart SessionStatus TimeZone OAuth2AuthenticationToken UserDetails HttpMethod"""
)
_ANSWERS = words(
    """ok created accepted noContent notFound badRequest internalServerError unprocessableEntity
    unprocessableContent"""
)
_STATUS_CALLS = frozenset(("status", "sendError", "setStatus", "setStatusCode", "forStatusAndDetail", "forStatus"))
_STARTER = "org.springframework.boot:spring-boot-starter-data-rest"
_REST_WRITES = {"save": ("POST", "PUT", "PATCH"), "delete": ("DELETE",), "deleteById": ("DELETE",)}
_CRUD = ("CrudRepository", "PagingAndSortingRepository", "JpaRepository", "MongoRepository", "ListCrudRepository",
         "ListPagingAndSortingRepository", "KeyValueRepository", "Neo4jRepository", "GraphRepository")  # fmt: skip


class SpringWeb:
    """Spring's annotated web endpoints."""

    name: str = "spring_web"
    version: int = 1
    language: tuple[str, ...] = ("java",)
    markers: tuple[bytes, ...] = (
        b"Mapping",
        b"Controller",
        b"HttpExchange",
        b"ResponseStatus",
        b"ExceptionHandler",
        b"RepositoryRestResource",
        b"ResponseEntity",
        b"Repository<",
        b"RepositoryRestConfiguration",
    )

    def facts(self, parsed: JavaCode) -> Iterator[Fact]:
        """Routers, mounts, endpoints, statuses.

        Args:
            parsed: a Java file.
        """
        for scope in parsed.scopes[1:]:
            if scope.sort != "method":
                yield from _class(parsed, scope)
        yield from _statuses(parsed)
        yield from _base_path(parsed)


def _base_path(code: JavaCode) -> Iterator[Fact]:
    """``config.setBasePath("/api")`` of Spring Data REST is the property of that name."""
    if "RepositoryRestConfiguration" not in code.imports:
        return
    for site in code.calls:
        if site.method in ("setBasePath", "setBaseUri") and len(site.args) == 1:
            fields = {"service": "", "key": "spring.data.rest.base-path", "value": code.value(site.args[0], site.scope)}
            yield Fact("env_value", fields, code.at(site.node))


def _class(code: JavaCode, scope: Scope) -> Iterator[Fact]:
    marks = {m.name: m for m in code.on.get(scope.name, ())}
    foreign = "Controller" in marks and from_package(code, marks["Controller"], "io.micronaut")
    if foreign or marks.keys() & _CLIENTS:
        return
    if "RepositoryRestResource" in marks or _exposable(scope):
        yield from _rest_resource(code, scope, marks.get("RepositoryRestResource"))
        return
    handlers = [(s, m) for s in code.scopes if s.parent is scope for m in code.on.get(s.name, ()) if m.name in _ALL]
    serves = bool(marks.keys() & _CONTROLLERS)
    whole = next((marks[n] for n in ("RequestMapping", "HttpExchange") if n in marks), None)
    if not handlers and whole is None and (not serves or "Path" in marks):
        return
    prefixes = paths(code, whole, "value", "path", "url") if whole is not None else []
    fields = {"name": scope.name, "framework": "spring_web", "prefix": one(prefixes)}
    yield Fact("router", fields, code.at(scope.node))
    for base in served_bases(code, scope):
        mount: dict[str, object] = {"parent": Name(scope.name), "child": Name(base), "prefix": Lit("")}
        if whole is not None:
            mount["replaces"] = True
        yield Fact("mount", mount, code.at(scope.node))
    declared = not serves and (scope.sort == "interface" or _abstract(code, scope) or whole is None)
    for method, mark in handlers:
        yield from _endpoints(code, method, mark, (scope, whole, declared))


def _abstract(code: JavaCode, scope: Scope) -> bool:
    first = scope.node.named_children[0] if scope.node.named_child_count else None
    return first is not None and first.type == "modifiers" and any(c.type == "abstract" for c in first.children)


def _endpoints(code: JavaCode, method: Scope, mark: Mark, about: tuple[Scope, Mark | None, bool]) -> Iterator[Fact]:
    owner, whole, declared = about
    verbs = methods(code, mark, _ALL) or (methods(code, whole, _ALL) if whole is not None else []) or ["ANY"]
    payloads = _payloads(code, method, owner)
    for path in paths(code, mark, "value", "path", "url") or [Lit("")]:
        for verb in verbs:
            fields: dict[str, object] = {
                "protocol": "http",
                "method": verb,
                "path": path,
                "router": Name(owner.name),
                "handler": method.name,
                "framework": "spring_web",
            }
            fields |= payloads
            if declared:
                fields["declared"] = True
            if operational(path):
                fields["operational"] = True
            yield Fact("endpoint", fields, code.at(method.node))


def _payloads(code: JavaCode, method: Scope, owner: Scope) -> dict[str, object]:
    out: dict[str, object] = {}
    query: list[str] = []
    for param in code.params.get(method.name, ()):
        body = param.mark("RequestBody", "Payload")
        asked = param.mark(*_QUERY)
        if body is not None:
            shape = param_shape(code, method, param.name, param.type) or of_type(code, param.type)
            out |= {"accepts": shape} if shape != ANYTHING else {}
        elif asked is not None:
            query.append(code.string(asked.arg("value", "name")) or param.name)
    if query:
        out["query"] = tuple(query)
    returned = _returned(code, method, owner)
    if returned != ANYTHING:
        out["returns"] = returned
    answers = next((m for m in code.on.get(method.name, ()) if m.name == "ResponseStatus"), None)
    status = status_of(code, answers.arg("value", "code")) if answers is not None else 0
    if status:
        out["status"] = status
    return out


def _returned(code: JavaCode, method: Scope, owner: Scope) -> Shape:
    declared = method.node.child_by_field_name("type")
    marks = {m.name for s in (method, owner) for m in code.on.get(s.name, ())}
    written = code.type_text(declared)
    if "Controller" in marks and "ResponseBody" not in marks and written in ("String", "ModelAndView", "void", ""):
        return ANYTHING
    found = of_type(code, declared)
    if found != ANYTHING and found.named not in _PLUMBING and found != Shape("object"):
        return found
    for node in code.inside(method)[2]:
        if node.named_child_count:
            shape = code.shape(node.named_children[0], method)
            if known(shape):
                return shape
    return found if found.named not in _PLUMBING else ANYTHING


def _statuses(code: JavaCode) -> Iterator[Fact]:
    for mark in code.marks.get("ResponseStatus", ()):
        if not mark.member:
            yield from responds(mark.scope.name, status_of(code, mark.arg("value", "code")), code, mark.node)
    for site in code.calls:
        status = 0
        if site.node.type == "object_creation_expression":
            if site.method == "ResponseStatusException" and site.args:
                status = status_of(code, site.args[0])
            elif site.method.rsplit(".", 1)[-1] == "ResponseEntity" and site.args:
                status = status_of(code, site.args[-1])
        elif site.dotted.startswith(("ResponseEntity.", "ServerResponse.")) and site.method in _ANSWERS:
            status = status_named(site.method)
        elif site.method in _STATUS_CALLS and site.args:
            status = status_of(code, site.args[0])
        yield from responds(site.scope.name, status, code, site.node)


def _exposable(scope: Scope) -> bool:
    """A repository that Spring Data REST serves without being told, where a service depends on it."""
    return scope.sort == "interface" and any(b.rsplit(".", 1)[-1] in _CRUD for b in scope.bases)


def _rest_resource(code: JavaCode, scope: Scope, mark: Mark | None) -> Iterator[Fact]:
    """A repository served as a REST resource by Spring Data REST: an annotation says so, or a dependency does."""
    if mark is not None and code.text(mark.arg("exported")) == "false":
        return
    entity = _entity(code, scope)
    given = paths(code, mark, "path") if mark is not None else []
    path = one(given) if given else Lit(_plural(entity.rsplit(".", 1)[-1])) if entity else None
    if path is None:
        return
    base = Config("spring.data.rest.base-path", Lit(""))
    yield Fact("router", {"name": scope.name, "framework": "spring_web", "prefix": base}, code.at(scope.node))
    hidden = _hidden(code, scope)
    for fact in _resources(code, scope, (path, entity), hidden):
        yield fact if mark is not None else Fact("endpoint", {**fact.fields, "only": _STARTER}, fact.at)


def _resources(code: JavaCode, scope: Scope, about: tuple[Value, str], hidden: set[str]) -> Iterator[Fact]:
    path, entity = about
    collection = [("GET", ""), ("POST", "")]
    single = [(verb, "/{id}") for verb in ("GET", "PUT", "PATCH", "DELETE")]
    writable = any(b.rsplit(".", 1)[-1] in _CRUD for b in scope.bases)
    for verb, below in [*collection, *single] if writable else []:
        if verb not in hidden:
            yield _resource(code, scope, (verb, path, below), entity)
    for method in code.scopes:
        name = method.name.rsplit(".", 1)[-1]
        searches = method.parent is scope and name.startswith(("find", "query", "read", "get", "search"))
        if searches and not _unexported(code, method) and not _overrides(method):
            below = f"/search/{_search_name(code, method)}"
            yield _resource(code, scope, ("GET", path, below), entity, method.name)


def _overrides(method: Scope) -> bool:
    return method.name.rsplit(".", 1)[-1] in ("findAll", "findById", "findOne", "findAllById")


def _resource(code: JavaCode, scope: Scope, about: tuple[str, Value, str], entity: str, handler: str = "") -> Fact:
    from scanners.idioms.expressions import concat

    verb, path, below = about
    shape = Shape("object", named=entity, open=False) if entity else ANYTHING
    fields: dict[str, object] = {
        "protocol": "http",
        "method": verb,
        "path": concat([Lit("/"), path, Lit(below)]),
        "router": Name(scope.name),
        "handler": handler or scope.name,
        "framework": "spring_data_rest",
    }
    if verb in ("POST", "PUT", "PATCH"):
        fields["accepts"] = shape
    elif verb == "GET" and below == "/{id}":
        fields["returns"] = shape
    return Fact("endpoint", fields, code.at(scope.node))


def _entity(code: JavaCode, scope: Scope) -> str:
    for node in base_nodes(scope.node):
        args = code.type_args(node)
        if args:
            return code.type_text(args[0])
    return ""


def _plural(name: str) -> str:
    """The plural Spring Data REST derives of an entity's name, for regular English nouns."""
    word = name[:1].lower() + name[1:]
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"


def _hidden(code: JavaCode, scope: Scope) -> set[str]:
    """Methods that are not served because the repository's own declaration says so."""
    hidden: set[str] = set()
    for method in code.scopes:
        if method.parent is scope and _unexported(code, method):
            hidden.update(_REST_WRITES.get(method.name.split("/")[0].rsplit(".", 1)[-1], ()))
    return hidden


def _unexported(code: JavaCode, method: Scope) -> bool:
    marks = [m for m in code.on.get(method.name, ()) if m.name == "RestResource"]
    return any(code.text(m.arg("exported")) == "false" for m in marks)


def _search_name(code: JavaCode, method: Scope) -> str:
    marks = [m for m in code.on.get(method.name, ()) if m.name == "RestResource"]
    named = next((code.string(m.arg("path")) for m in marks if m.arg("path") is not None), "")
    return named or method.name.split("/")[0].rsplit(".", 1)[-1]


PACK = SpringWeb()
