"""Routes that are files: Next.js route handlers and API pages, SvelteKit, Nuxt/Nitro, Remix and Astro endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Fact, Lit
from scanners.idioms import js_routes
from scanners.idioms.code import Scope
from scanners.idioms.http import operational

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_APP = re.compile(r"(?:^|/)(?:src/)?app/((?:.*/)?)route\.[cm]?[jt]sx?$")
_PAGES = re.compile(r"(?:^|/)(?:src/)?pages/(api/.*|api)\.[cm]?[jt]sx?$")
_KIT = re.compile(r"(?:^|/)routes/((?:.*/)?)\+server\.[jt]s$")
_NITRO = re.compile(r"(?:^|/)server/(api|routes)/(.+?)(?:\.(get|post|put|patch|delete|head|options))?\.[cm]?[jt]s$")
_REMIX = re.compile(r"(?:^|/)app/routes/(.+?)(?:/route)?\.[jt]sx?$")
_ASTRO = re.compile(r"(?:^|/)src/pages/(.+?)(?:\.json|\.xml)?\.[jt]s$")
_METHOD = re.compile(rb"""(?:req|request)\.method\s*(?:===?|!==?)\s*['"](\w+)['"]""")
_CASE = re.compile(rb"""case\s+['"](GET|POST|PUT|PATCH|DELETE)['"]\s*:""")
_PAGE_STYLE = js_routes.Style()
_ROUTE_STYLE = js_routes.Style(
    body=(),
    calls=("json", "formData", "request.json"),
    query=("nextUrl.searchParams",),
    answers=("NextResponse", "Response"),
    status_last=True,
)


class NextJs:
    """Frameworks whose routes are files."""

    name: str = "nextjs"
    version: int = 1
    language: tuple[str, ...] = ("typescript", "javascript")
    markers: tuple[bytes, ...] = (b"export", b"module.exports")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Endpoints.

        Args:
            parsed: a TypeScript or JavaScript file.
        """
        for pattern, reader in _READERS:
            match = pattern.search(parsed.path)
            if match:
                yield from reader(parsed, match)
                return


def template(path: str) -> str:
    """A route from folders: ``[id]`` is a parameter, ``[...rest]`` the rest, ``(group)`` and ``@slot`` are nothing.

    Args:
        path: folders below the routes' folder.
    """
    segments = []
    for segment in path.strip("/").split("/"):
        if not segment or segment.startswith("@") or (segment.startswith("(") and segment.endswith(")")):
            continue
        bare = re.sub(r"^\(\.+\)", "", segment)
        if re.match(r"\[{1,2}\.\.\.", bare):
            segments.append("**")
            continue
        segments.append(re.sub(r"\[{1,2}(\w+)(?:=\w+)?\]{1,2}", r"{\1}", bare))
    return "/" + "/".join(segments)


def _exports(code: JsCode) -> Iterator[tuple[str, Node]]:
    """Exported names with their nodes."""
    for node in code.exports:
        declaration = node.child_by_field_name("declaration")
        if declaration is not None and declaration.type in ("function_declaration", "generator_function_declaration"):
            yield code.text(declaration.child_by_field_name("name")), declaration
        for child in declaration.named_children if declaration is not None else ():
            if child.type == "variable_declarator":
                named = child.child_by_field_name("name")
                yield from ((name, child) for name in _bound(code, named))
        for clause in node.named_children:
            for part in clause.named_children if clause.type == "export_clause" else ():
                alias = part.child_by_field_name("alias") or part.child_by_field_name("name")
                yield code.text(alias), part


def _bound(code: JsCode, named: Node | None) -> list[str]:
    if named is None:
        return []
    if named.type == "object_pattern":
        return [code.text(c.child_by_field_name("value") or c) for c in named.named_children]
    return [code.text(named)]


def _verbs(code: JsCode, path: str, framework: str) -> Iterator[Fact]:
    for name, node in _exports(code):
        if name.upper() in (*_VERBS, "ALL", "FALLBACK") and name in (*_VERBS, "ALL", "fallback"):
            scope = code.scope(name) or next((s for s in code.scopes if s.name.startswith(f"{name}.")), None)
            yield _endpoint(code, (name if name in _VERBS else "ANY", path, framework), (node, scope))


def _endpoint(code: JsCode, about: tuple[str, str, str], given: tuple[Node, Scope | None]) -> Fact:
    method, path, framework = about
    node, scope = given
    fields: dict[str, object] = {"protocol": "http", "method": method, "path": Lit(path), "framework": framework}
    fields["handler"] = scope.name if scope is not None else ""
    if scope is not None:
        fields |= js_routes.payloads(code, scope, _PAGE_STYLE if framework == "next pages" else _ROUTE_STYLE)
    if operational(Lit(path.removeprefix("/api"))):
        fields["operational"] = True
    return Fact("endpoint", fields, code.at(node))


def _app(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    yield from _verbs(code, template(match[1]), "next app")


def _pages(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    """An API page answers every method, or those it compares ``req.method`` with."""
    path = template(match[1].removesuffix("/index"))
    named = {m.decode().upper() for m in (*_METHOD.findall(code.data), *_CASE.findall(code.data))}
    node = next((n for n in code.exports if any(c.type == "default" for c in n.children)), None)
    if node is None and b"module.exports" not in code.data:
        return
    declaration = node.child_by_field_name("declaration") if node is not None else None
    value = node.child_by_field_name("value") if node is not None else None
    name = code.text(declaration.child_by_field_name("name")) if declaration is not None else ""
    name = name or (js_routes.handler(code, value, code.scopes[0])[0] if value is not None else "") or "default"
    scope = code.scope(name)
    for method in sorted(named & set(_VERBS)) or ["ANY"]:
        yield _endpoint(code, (method, path, "next pages"), (node or code.root, scope))


def _kit(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    yield from _verbs(code, template(match[1]), "sveltekit")


def _nitro(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    """``server/api/orders/[id].get.ts``: Nuxt and Nitro."""
    if b"Handler(" not in code.data:
        return
    prefix = "/api/" if match[1] == "api" else "/"
    path = template(prefix + match[2].removesuffix("/index").removesuffix("index"))
    scope = code.scope("default")
    node = code.exports[0] if code.exports else code.root
    yield _endpoint(code, ((match[3] or "any").upper(), path, "nitro"), (node, scope))


def _remix(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    """Resource routes: a ``loader`` answers GET, an ``action`` the rest; those with a component are pages."""
    names = {name: node for name, node in _exports(code)}
    if any(c.type == "default" for n in code.exports for c in n.children):
        return
    escaped = re.sub(r"\[([^\]]*)\]", lambda m: m[1].replace(".", "\0"), match[1])
    segments = [s.replace("\0", ".") for s in escaped.replace("/", ".").split(".")]
    segments = [s.removesuffix("+") for s in segments]
    kept = [s for s in segments if s not in ("_index", "index") and not s.startswith("_")]
    path = "/" + "/".join(re.sub(r"^\$(\w+)", r"{\1}", s).rstrip("_") for s in kept)
    path = path.replace("/$", "/**")
    for name, method in (("loader", "GET"), ("action", "POST")):
        if name in names:
            yield _endpoint(code, (method, path, "remix"), (names[name], code.scope(name)))


def _astro(code: JsCode, match: re.Match[str]) -> Iterator[Fact]:
    if b"APIRoute" in code.data or b"astro" in code.data:
        yield from _verbs(code, template(match[1].removesuffix("/index").removesuffix("index")), "astro")


_READERS = ((_APP, _app), (_PAGES, _pages), (_KIT, _kit), (_NITRO, _nitro), (_REMIX, _remix), (_ASTRO, _astro))
PACK = NextJs()
