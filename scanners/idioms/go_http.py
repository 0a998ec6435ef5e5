"""What Go HTTP frameworks share: statuses, what a handler reads and answers, and which expression is the handler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from graph.values import ANYTHING, Fact, Lit, Location, Shape
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.go import bare
from scanners.idioms.go_bodies import sent
from scanners.idioms.go_reads import map_reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.go import GoCode

_ODD = {"OK": 200, "IMUsed": 226, "HTTPVersionNotSupported": 505, "NonAuthoritativeInfo": 203, "URITooLong": 414}
STATUSES = {"".join(p.capitalize() for p in s.name.split("_")): int(s) for s in HTTPStatus} | {
    "RequestEntityTooLarge": 413,
    "RequestURITooLong": 414,
    "RequestedRangeNotSatisfiable": 416,
    "UnprocessableEntity": 422,
    "Teapot": 418,
    **_ODD,
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE")
_NUMBER = re.compile(r"[1-5]\d\d")
_BINDS = frozenset(
    """Decode ShouldBindJSON BindJSON ShouldBind Bind ShouldBindBodyWith MustBindWith BodyParser DecodeJSON Unmarshal
    ReadJSON ReadEntity ShouldBindBodyWithJSON UnmarshalRead BindAndValidate BindByContentType""".split()  # noqa: SIM905
)
_ANSWERS = re.compile(
    r"(?i)^(json|indentedjson|purejson|securejson|asciijson|jsonpretty|jsonblob|writejson|renderjson|respondjson|sendjson|"
    r"(respond|write|render|send|return)_?(with)?_?(json|response|success|data|ok)?|encode|writeentity|writeheaderandentity|writeasjson)$"
)
_QUERIES = frozenset(
    """Query DefaultQuery GetQuery QueryParam FormValue QueryInt QueryArray QueryBool
    QueryParameter""".split()  # noqa: SIM905  -- a list of words reads better as words
)
_CONTEXTS = (
    "github.com/gin-gonic/gin.Context",
    "github.com/labstack/echo",
    "github.com/gofiber/fiber",
    "github.com/kataras/iris",
)
_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Kit:
    """What one handler reads and answers.

    Args:
        fields: of an endpoint or handler fact.
        methods: HTTP methods it tells apart itself.
    """

    fields: dict[str, object]
    methods: tuple[str, ...] = ()


def status_of(code: GoCode, node: Node | None) -> int:
    """The status an expression names, 0 when it does not: ``404``, ``http.StatusNotFound``.

    Args:
        code: the file.
        node: expression.
    """
    if node is None:
        return 0
    text = code.text(node)
    if _NUMBER.fullmatch(text):
        return int(text)
    _, mark, name = text.rpartition("Status")
    return STATUSES.get(name, 0) if mark else 0


def method_of(code: GoCode, node: Node | None) -> str:
    """The HTTP method an expression names, empty when it does not: ``"GET"``, ``http.MethodGet``, ``fiber.MethodGet``.

    Args:
        code: the file.
        node: expression.
    """
    text = code.string(node)
    if not text and node is not None:
        _, mark, text = code.text(node).rpartition("Method")
        text = text if mark else ""
    text = text.upper()
    return text if text in METHODS else ""


def requests(code: GoCode, scope: Scope) -> dict[str, str]:
    """Names of the request or context parameters of a handler, with their type.

    Args:
        code: the file.
        scope: the function.
    """
    names = {}
    prefix = f"{scope.name}."
    for target, made in code.types.items():
        plain = made in ("net/http.Request", "net/http.ResponseWriter")
        context = made.startswith(_CONTEXTS) and made.endswith((".Context", ".Ctx"))
        if (plain or context) and target.startswith(prefix) and "." not in target[len(prefix) :]:
            names[target[len(prefix) :]] = made
    return names


def kit(code: GoCode, scope: Scope) -> Kit:
    """What a handler of this file reads and answers.

    Args:
        code: the file.
        scope: the function, or the factory that returns it.
    """
    fields: dict[str, object] = {}
    query: dict[str, None] = {}
    shape, status, unread = ANYTHING, 0, False
    names = requests(code, scope)
    for site in sites(code, scope):
        if site.method in _BINDS and "accepts" not in fields:
            accepted = _bound(code, site, names)
            if accepted is not None:
                fields["accepts"] = accepted
        query.update(dict.fromkeys(_queried(code, site)))
        answer = answered(code, site)
        if answer is not None and answer[0] < 400:
            status = status or answer[0]
            if answer[1] != ANYTHING and shape in (ANYTHING, answer[1]):
                shape = answer[1]
            else:
                unread = True
    if shape != ANYTHING and not unread:
        fields["returns"] = shape
    if status:
        fields["status"] = status
    if query:
        fields["query"] = tuple(query)
    return Kit(fields, tuple(told_apart(code, scope)))


def sites(code: GoCode, scope: Scope) -> Iterator[CallSite]:
    """Calls inside a function, those of its closures included.

    Args:
        code: the file.
        scope: the function.
    """
    start, end = scope.node.start_byte, scope.node.end_byte
    yield from (site for site in code.calls if start <= site.node.start_byte < end)


def _bound(code: GoCode, site: CallSite, names: dict[str, str]) -> Shape | None:
    node = site.args[-1] if site.args else None
    if site.method in ("Decode", "Unmarshal", "UnmarshalRead") and not _of_request(code, site, names):
        return None
    if site.method == "ShouldBindBodyWith" and site.args:
        node = site.args[0]
    read = map_reads(code, node, site.scope)
    if read is not None:
        return read
    found = code.shape(node, site.scope) if node is not None else ANYTHING
    handed = found.named.endswith((".Context", ".Ctx")) or found.named == "error"
    return found if found.type in ("object", "array") and not handed else None


def _of_request(code: GoCode, site: CallSite, names: dict[str, str]) -> bool:
    """Whether what is decoded is the body of the handled request, not of an answer to a request sent."""
    source = (
        code.site(bare(site.receiver) or site.receiver)
        if site.receiver is not None and site.method == "Decode"
        else None
    )
    node = source.arg(0) if source is not None else site.receiver if site.method == "Decode" else site.arg(0)
    for _ in range(_DEPTH):
        text = code.text(node)
        if any(re.search(rf"\b{re.escape(name)}\.(Body|Request|Body\(\))", text) for name in names):
            return True
        dotted = code.dotted(node)
        made = code.assigned(site.scope, dotted) if dotted else []
        if not made or made[0].value is None:
            return False
        node = made[0].value
    return False


def _queried(code: GoCode, site: CallSite) -> Iterator[str]:
    text = code.text(site.receiver) if site.method == "Get" else ""
    if site.method in _QUERIES or (text.endswith(".Query()") or text in ("query", "q", "params", "values")):
        name = code.string(site.arg(0))
        if name:
            yield name


def answered(code: GoCode, site: CallSite) -> tuple[int, Shape] | None:
    """Status and payload of a call that answers a request; status 0 when the call does not say; None for others.

    Args:
        code: the file.
        site: a call.
    """
    if not _ANSWERS.match(site.method) or not site.args:
        return None
    status = 0
    for arg in site.args[:-1]:
        status = status or status_of(code, arg)
    receiver = code.site(bare(site.receiver) or site.receiver) if site.receiver is not None else None
    if receiver is not None and receiver.method == "Status":
        status = status_of(code, receiver.arg(0))
    if site.method == "Encode" and "Encoder" not in code.text(site.receiver):
        return None
    if site.receiver is None and len(site.args) < 2:
        return None
    payload = next((a for a in reversed(site.args) if not status_of(code, a)), None)
    if not status and len(site.args) == 2 and site.method.lower().endswith("json") and not _writer(code, site):
        return 500, ANYTHING  # a status that is computed is not known to be success
    status = status or _written_before(code, site)
    return status, sent(code, payload, site.scope)


def _writer(code: GoCode, site: CallSite) -> bool:
    return "esponseWriter" in code.made_by(site.args[0], site.scope) or code.text(site.args[0]) in (
        "w",
        "rw",
        "ctx",
        "c",
    )


def _written_before(code: GoCode, site: CallSite) -> int:
    """The status a ``w.WriteHeader(404)`` in front of an answer gives."""
    at, status = site.node.start_byte, 0
    for other in code.calls:
        if other.method == "WriteHeader" and other.scope is site.scope and other.node.start_byte < at:
            around = other.node.parent
            while around is not None and around.type not in ("statement_list", "block"):
                around = around.parent
            if around is not None and around.start_byte <= at < around.end_byte:
                status = status_of(code, other.arg(0)) or status
    return status


def told_apart(code: GoCode, scope: Scope) -> Iterator[str]:
    """HTTP methods a handler tells apart: ``if r.Method != http.MethodPost``, ``switch r.Method { case ... }``.

    Args:
        code: the file.
        scope: the function.
    """
    text = code.text(scope.node)
    if ".Method" not in text:
        return
    found: dict[str, None] = {}
    wanted = r'(?:http\.Method(\w+)|"([A-Z]+)")'
    switch = re.search(r"switch\s+\w+\.Method\s*\{", text)
    if switch is not None:
        for case in re.finditer(r"case\s+((?:" + wanted + r"\s*,?\s*)+):", text[switch.end() :]):
            found.update(dict.fromkeys((a or b).upper() for a, b in re.findall(wanted, case.group(1))))
    for match in re.finditer(r"\w+\.Method\s*[!=]=\s*" + wanted, text):
        found[(match.group(1) or match.group(2)).upper()] = None
    yield from (m for m in found if m in METHODS and m != "OPTIONS")


def responds(code: GoCode, site: CallSite) -> Iterator[Fact]:
    """The status a call answers with.

    Args:
        code: the file.
        site: a call.
    """
    status = 0
    if site.method in (
        "WriteHeader",
        "Status",
        "SendStatus",
        "AbortWithStatus",
        "NoContent",
        "NewHTTPError",
        "NewError",
        "StatusText",
    ):
        status = status_of(code, site.arg(0)) if site.method != "StatusText" else 0
    elif site.method in ("Error", "AbortWithStatusJSON", "AbortWithError", "Redirect") and site.args:
        status = next((s for a in site.args if (s := status_of(code, a))), 0)
    elif _ANSWERS.match(site.method) and len(site.args) > 1:
        status = next((s for a in site.args[:-1] if (s := status_of(code, a))), 0)
    if status:
        fields = {"symbol": site.scope.name, "status": status, "error": status >= 400}
        yield Fact("responds", fields, Location(code.path, site.line))


def literal(text: str) -> Lit:
    """A literal text.

    Args:
        text: its text.
    """
    return Lit(text)
