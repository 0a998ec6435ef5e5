"""Which HTTP framework a file without a clear import is written for, so that one route is told by one reader only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanners.idioms.javascript import JsCode

_MODULES = (
    ("express", ("express", "express-promise-router", "@types/express")),
    ("koa", ("koa", "koa-router", "@koa/router", "koa-joi-router", "koa-compose", "koa-body", "koa-mount")),
    ("fastify", ("fastify", "fastify-plugin", "@fastify/", "fastify-")),
    ("hono", ("hono", "@hono/", "elysia", "@elysiajs/")),
    ("hapi", ("@hapi/", "hapi", "@hapipal/")),
    ("restify", ("restify",)),
)
_MARKS = (
    ("fastify", (b"fastify", b"Fastify")),
    ("koa", (b"ctx.body", b"ctx.request", b"ctx.status", b"ctx.throw", b"WithAuthContext", b"koaGuard", b"koa")),
    ("hono", (b"hono", b"c.req.", b"c.json(")),
    ("hapi", (b"hapi", b"Boom.", b"h.response(")),
)


def framework(code: JsCode) -> str:
    """The framework of routers whose making is not seen in a file: by its imports, else by how handlers are written.

    Args:
        code: the file.
    """
    modules = {found.module for found in code.all_imports}
    for name, known in _MODULES:
        if any(m == k or (k.endswith(("/", "-")) and m.startswith(k)) for m in modules for k in known):
            return name
    return next((name for name, marks in _MARKS if any(mark in code.data for mark in marks)), "express")
