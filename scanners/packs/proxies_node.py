"""Gateways written in JavaScript: proxy middleware, Fastify's and Koa's proxies, rewrites of Next.js and Vite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.javascript import bare, key_of, option
from scanners.idioms.js_imports import required

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.javascript import JsCode

_HPM = "http-proxy-middleware"
_MADE = ("createProxyMiddleware", "proxy", "legacyCreateProxyMiddleware", "default")
_MIDDLEWARE = (_HPM, *(f"{_HPM}.{name}" for name in _MADE))
_EXPRESS = ("express-http-proxy", "express-http-proxy.default")
_FASTIFY = ("@fastify/http-proxy", "fastify-http-proxy")
_KOA = ("koa-proxies", "koa-proxy", "koa-better-http-proxy", "koa2-proxy-middleware")
_HTTP_PROXY = ("http-proxy.createProxyServer", "http-proxy.createProxy", "http-proxy", "httpProxy.createProxyServer")
_ROUTING = ("use", "all", "get", "post", "put", "patch", "delete")
_CONFIG = re.compile(r"(?:^|/)(?:vite|vue|webpack[\w.-]*|next|nuxt|rspack|rsbuild|astro|craco)\.(?:config|dev)[\w.]*$")
_CAPTURE = re.compile(r"/?:[\w]+[*+](?:\(.*\))?$|/?\(\.\*\)$|/?:path\*$|/?\*\*?$|/?\$1$")
_UP = 12


class ProxiesNode:
    """Proxies of Node."""

    name: str = "proxies_node"
    version: int = 1
    language: tuple[str, ...] = ("javascript", "typescript")
    markers: tuple[bytes, ...] = (b"roxy", b"rewrites", b"routeRules")

    def facts(self, parsed: JsCode) -> Iterator[Fact]:
        """Gateway rules.

        Args:
            parsed: a JavaScript or TypeScript file.
        """
        for site in parsed.calls:
            callee = parsed.callee(site)
            if callee in _MIDDLEWARE:
                yield from _middleware(parsed, site)
            elif callee in _EXPRESS and site.args:
                yield from _stripped(parsed, site)
            elif callee in _KOA and len(site.args) > 1:
                yield from _koa(parsed, site)
            elif site.method == "register" and site.args:
                yield from _fastify(parsed, site)
            elif site.method in ("web", "ws") and len(site.args) > 2:
                yield from _forwarded(parsed, site)
        if _CONFIG.search(parsed.path):
            yield from _configured(parsed)


def _rule(code: JsCode, at: Node, paths: tuple[str, str], target: tuple[Value, Scope]) -> Fact:
    path, to_path = paths
    value, scope = target
    fields: dict[str, object] = {"gateway": "", "path": path, "to": "", "target": value, "symbol": scope.name}
    return Fact("route", fields | ({"to_path": to_path} if to_path else {}), code.at(at))


def _below(path: str) -> str:
    """A mount as a template of everything below it."""
    bare_path = _CAPTURE.sub("", path.strip()).rstrip("/")
    return (bare_path if bare_path.startswith("/") or not bare_path else f"/{bare_path}") + "/**"


def _middleware(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``createProxyMiddleware({target, pathRewrite})``, with a path in front, as a filter, or where it is mounted."""
    options = site.args[-1] if site.args else None
    target = option(code, options, "target")
    if options is None or (target is None and option(code, options, "router") is None):
        return
    mounted = list(_mounts(code, site))
    given = _texts(code, site.args[0]) if len(site.args) > 1 else _texts(code, option(code, options, "pathFilter"))
    paths = given or mounted
    if not paths and (under := _mounted(code, site)) is not None:
        value = code.value(target, site.scope) if target is not None else Unknown("a target chosen for every request")
        fact = _rule(code, site.node, ("", ""), (value, site.scope))
        yield Fact("route", {**fact.fields, "mounted": code.value(under, site.scope)}, fact.at)
        return
    paths = paths or [""]
    rewrite = bare(option(code, options, "pathRewrite"))
    value = code.value(target, site.scope) if target is not None else Unknown("a target chosen for every request")
    for path in paths:
        for to_path in _rewritten(code, path, rewrite, bool(mounted) and not given and target is not None):
            yield _rule(code, site.node, (_below(path), to_path), (value, site.scope))


def _texts(code: JsCode, node: Node | None) -> list[str]:
    node = bare(node)
    if node is None:
        return []
    listed = node.named_children if node.type == "array" else [node]
    texts = []
    for item in listed:
        value = code.value(item, code.scope_at(item.start_byte))
        texts += [value.value] if isinstance(value, Lit) and isinstance(value.value, str) else []
    return [t for t in texts if not t.startswith("!")]


def _mounts(code: JsCode, site: CallSite) -> Iterator[str]:
    """Paths of ``app.use("/api", proxy)`` and ``.forRoutes("/api")`` around a call, or of the name it is bound to."""
    node: Node | None = site.node
    for _ in range(_UP):
        parent = node.parent if node is not None else None
        if parent is None or parent.type in ("statement_block", "program"):
            break
        outer = code.site(parent.parent) if parent.type == "arguments" and parent.parent is not None else None
        if outer is not None and outer.method in _ROUTING and len(outer.args) > 1:
            yield from _texts(code, outer.args[0])
            return
        if outer is not None and outer.method == "forRoutes":
            yield from (t for a in outer.args for t in _texts(code, a))
            return
        node = parent
    held = code.held(site)
    for other in code.calls if held is not None else ():
        named = held is not None and other.method in (*_ROUTING, "forRoutes") and len(other.args) > 1
        if named and held is not None and any(code.dotted(a) == held.target for a in other.args[1:]):
            yield from _texts(code, other.args[0])
    for other in _routes_of(code, site):
        yield from (t for a in other.args for t in _texts(code, a))


def _mounted(code: JsCode, site: CallSite) -> Node | None:
    """The expression a proxy is mounted under when it is no text: ``app.use(config.base, proxy)``."""
    parent = site.node.parent
    outer = code.site(parent.parent) if parent is not None and parent.type == "arguments" and parent.parent else None
    if outer is None or outer.method not in _ROUTING or len(outer.args) < 2:
        return None
    first = outer.args[0]
    return first if first.type in ("identifier", "member_expression", "template_string", "binary_expression") else None


def _routes_of(code: JsCode, site: CallSite) -> Iterator[CallSite]:
    """Nest's ``consumer.apply(proxy).forRoutes("/api")``."""
    for other in code.calls:
        inner = code.site(other.receiver) if other.method == "forRoutes" and other.receiver is not None else None
        if inner is not None and any(a.id == site.node.id for a in inner.args):
            yield other


def _rewritten(code: JsCode, path: str, rewrite: Node | None, mounted: bool) -> list[str]:
    """Where requests below a path go; without a rewrite a mount is kept by old versions and cut off by new ones."""
    template = _below(path)
    if rewrite is not None and rewrite.type == "object":
        for child in rewrite.named_children:
            key = key_of(code, child) if child.type == "pair" else ""
            to = code.value(child.child_by_field_name("value"), code.scope_at(child.start_byte)) if key else None
            prefix = key.lstrip("^").rstrip("$").replace("\\/", "/")
            if isinstance(to, Lit) and isinstance(to.value, str) and (template.startswith(prefix) or not prefix):
                return [_below(_joined(to.value, template.removeprefix(prefix).removesuffix("/**")))]
        return [template]
    if rewrite is not None:
        replaced = _replacement(code, rewrite, template)
        return [replaced] if replaced else [template, "/**"]
    return [template, "/**"] if mounted and path.strip("/") else [template]


def _joined(head: str, rest: str) -> str:
    return f"{head.rstrip('/')}/{rest.lstrip('/')}" if rest.strip("/") else head


def _replacement(code: JsCode, function: Node, template: str) -> str:
    """``(path) => path.replace(/^\\/api/, "")``."""
    for site in code.calls:
        inside = function.start_byte <= site.node.start_byte < function.end_byte
        if inside and site.method in ("replace", "replaceAll") and len(site.args) == 2:
            text = code.string(site.args[0]) or code.text(site.args[0]).rpartition("/")[0].removeprefix("/")
            prefix = text.removeprefix("^").removesuffix("$").replace("\\/", "/")
            to = code.string(site.args[1])
            if template.startswith(prefix):
                return _below(_joined(to, template.removeprefix(prefix).removesuffix("/**")))
    return ""


def _stripped(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """express-http-proxy passes on what follows the mount."""
    resolver = option(code, site.arg(1), "proxyReqPathResolver")
    for path in list(_mounts(code, site)) or [""]:
        for to_path in ("/**",) if resolver is None else (_below(path), "/**"):
            value = code.value(site.args[0], site.scope)
            yield _rule(code, site.node, (_below(path), to_path), (value, site.scope))


def _koa(code: JsCode, site: CallSite) -> Iterator[Fact]:
    options = site.args[1]
    target = option(code, options, "target") or option(code, options, "host")
    rewrite = bare(option(code, options, "rewrite"))
    for path in _texts(code, site.args[0]) if target is not None else ():
        for to_path in _rewritten(code, path, rewrite, False):
            yield _rule(code, site.node, (_below(path), to_path), (code.value(target, site.scope), site.scope))


def _fastify(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``app.register(proxy, {upstream, prefix, rewritePrefix})``."""
    given = site.args[0]
    dotted = code.dotted(given)
    origin = code.origin(dotted) if dotted else code.callee(made) if (made := code.site(given)) is not None else ""
    inline = required(code, given)
    upstream = option(code, site.arg(1), "upstream")
    if upstream is None or not any(m in (origin, inline) or origin.startswith(m) for m in _FASTIFY):
        return
    prefix = "".join(_texts(code, option(code, site.arg(1), "prefix"))[:1])
    to = "".join(_texts(code, option(code, site.arg(1), "rewritePrefix"))[:1])
    yield _rule(code, site.node, (_below(prefix), _below(to)), (code.value(upstream, site.scope), site.scope))


def _forwarded(code: JsCode, site: CallSite) -> Iterator[Fact]:
    """``proxy.web(req, res, {target})`` in a handler."""
    made = code.made_by(site.receiver, site.scope) if site.receiver is not None else ""
    known = made in _HTTP_PROXY or "roxy" in code.dotted(site.receiver)
    target = option(code, site.args[2], "target")
    if not known or target is None:
        return
    paths, cut = _around(code, site)
    for path in paths or [""]:
        to_path = "/**" if cut else ""
        yield _rule(code, site.node, (_below(path), to_path), (code.value(target, site.scope), site.scope))


def _around(code: JsCode, site: CallSite) -> tuple[list[str], bool]:
    """The route a handler is registered for, and whether its path is cut off (a mount)."""
    node = site.node.parent
    while node is not None:
        outer = code.site(node.parent) if node.type == "arguments" and node.parent is not None else None
        if outer is not None and outer.method in _ROUTING and len(outer.args) > 1:
            return _texts(code, outer.args[0]), outer.method == "use"
        node = node.parent
    return [], False


def _configured(code: JsCode) -> Iterator[Fact]:
    """Proxies and rewrites of a build tool's or a framework's configuration."""
    for node in _objects(code):
        for child in node.named_children:
            key = key_of(code, child) if child.type in ("pair", "method_definition") else ""
            inner = child.child_by_field_name("value") if child.type == "pair" else child
            texts = inner is not None and inner.type in ("string", "template_string")
            if key in ("proxy", "devProxy") and inner is not None and (not texts or "vue.config" in code.path):
                yield from _table(code, inner)
            elif key == "rewrites" and inner is not None:
                yield from _rewrites(code, inner)
            elif key == "routeRules" and inner is not None:
                yield from _rules(code, inner)


def _objects(code: JsCode) -> Iterator[Node]:
    """Object literals of a file, not too deep."""
    todo: list[tuple[Node, int]] = [(code.root, 0)]
    while todo:
        node, depth = todo.pop()
        if node.type == "object":
            yield node
        if depth < 24:
            todo += [(c, depth + 1) for c in reversed(node.named_children)]


def _table(code: JsCode, node: Node) -> Iterator[Fact]:
    """``{"/api": "http://orders:3000", "/x": {target, rewrite}}`` or ``[{context, target}]``."""
    inner = bare(node)
    scope = code.scope_at(node.start_byte)
    if inner is not None and inner.type == "array":
        for item in inner.named_children:
            target = option(code, item, "target")
            for path in _texts(code, option(code, item, "context")) if target is not None else ():
                yield from _entry(code, item, path, (target, option(code, item, "pathRewrite"), scope))
    elif inner is not None and inner.type in ("string", "template_string"):
        yield _rule(code, inner, ("/**", ""), (code.value(inner, scope), scope))
    for child in inner.named_children if inner is not None and inner.type == "object" else ():
        path = key_of(code, child) if child.type == "pair" else ""
        value = bare(child.child_by_field_name("value")) if path else None
        if value is None:
            continue
        target = option(code, value, "target") if value.type == "object" else value
        rewrite = option(code, value, "rewrite") or option(code, value, "pathRewrite")
        if target is not None and path[:1] in ("/", "^", "'"):
            yield from _entry(code, child, path.lstrip("^").replace("\\/", "/"), (target, rewrite, scope))


def _entry(code: JsCode, at: Node, path: str, how: tuple[Node | None, Node | None, Scope]) -> Iterator[Fact]:
    target, rewrite, scope = how
    if target is not None:
        to_path = _rewritten(code, path, bare(rewrite), False)[0]
        yield _rule(code, at, (_below(path), to_path), (code.value(target, scope), scope))


def _rewrites(code: JsCode, node: Node) -> Iterator[Fact]:
    """Next.js: ``{source: "/api/:path*", destination: "http://orders:3000/:path*"}``."""
    for item in _objects_in(node):
        source = "".join(_texts(code, option(code, item, "source"))[:1])
        destination = option(code, item, "destination")
        if source and destination is not None:
            value = code.value(destination, code.scope_at(item.start_byte))
            target, to_path = _destination(value)
            if to_path is not None:
                kept = source if not _CAPTURE.search(source) else _below(source)
                yield _rule(code, item, (kept, to_path), (target, code.scope_at(item.start_byte)))


def _objects_in(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        current = todo.pop()
        if current.type == "object":
            yield current
        todo += list(reversed(current.named_children))


def _destination(value: Value) -> tuple[Value, str | None]:
    """Host and path of a rewrite's destination; no path when it stays on the same host."""
    parts = list(value.parts) if isinstance(value, Concat) else [value]
    last = parts[-1]
    text = str(last.value) if isinstance(last, Lit) and isinstance(last.value, str) else ""
    if len(parts) == 1 and not text.startswith("http"):
        return value, None
    scheme, slashes, rest = text.partition("://")
    if len(parts) == 1:
        host, slash, path = rest.partition("/")
        return Lit(f"{scheme}{slashes}{host}"), _path(f"/{path}" if slash else "")
    head = Concat(tuple(parts[:-1])) if len(parts) > 2 else parts[0]
    return head, _path(text)


def _path(text: str) -> str:
    return _below(text) if _CAPTURE.search(text) else text or "/"


def _rules(code: JsCode, node: Node) -> Iterator[Fact]:
    """Nuxt: ``routeRules: {"/api/**": {proxy: "http://orders:3000/**"}}``."""
    inner = bare(node)
    for child in inner.named_children if inner is not None and inner.type == "object" else ():
        path = key_of(code, child) if child.type == "pair" else ""
        given = option(code, child.child_by_field_name("value"), "proxy") if path else None
        given = option(code, given, "to") or given
        if given is not None:
            scope = code.scope_at(child.start_byte)
            target, to_path = _destination(code.value(given, scope))
            if to_path is not None:
                yield _rule(code, child, (_below(path), to_path), (target, scope))


PACK = ProxiesNode()
