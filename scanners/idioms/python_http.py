"""HTTP requests sent by Python clients: what is sent and where to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from graph.values import Concat, Env, Fact, Lit, Location, Member, Name, Shape, Value
from scanners.idioms.code import CallSite
from scanners.idioms.http import VERBS
from scanners.idioms.python_results import response_reads

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_VERB, _GENERAL, _PLAIN = "verb", "general", "plain"


@dataclass(frozen=True, slots=True)
class PythonClient:
    """A client library as data.

    Args:
        name: of the pack.
        module: its import name.
        clients: its client classes.
        base: keyword of a client class that holds the base URL, or its host; empty for none.
        base_at: position of the same, -1 when it is only given by keyword.
        scheme: written in front of the base when that is a host and port; empty when it is a URL.
        body: keywords that hold a body.
        body_at: position of a body behind the URL, -1 when it is only given by keyword.
        general: functions whose first argument is the method and whose second is the URL.
        plain: functions whose first argument is the URL and that say the method by keyword, GET without a body.
    """

    name: str
    module: str
    clients: tuple[str, ...] = ()
    base: str = ""
    base_at: int = -1
    scheme: str = ""
    body: tuple[str, ...] = ("json", "data", "content")
    body_at: int = -1
    general: tuple[str, ...] = ("request", "stream", "Request", "build_request")
    plain: tuple[str, ...] = ()


def client_facts(code: PyCode, client: PythonClient) -> Iterator[Fact]:
    """Every request a file sends with a client library.

    Args:
        code: the file.
        client: the library.
    """
    senders = _senders(client)
    for site in code.called(*VERBS, *client.general, *client.plain):
        form = senders.get(code.callee(site)) or senders.get(_inherited(code, site))
        if form is not None and not _wraps(code, client, site):
            yield _request(code, client, site, form)


@cache
def _senders(client: PythonClient) -> Mapping[str, tuple[str, str]]:
    """Callee to how its arguments stand and its HTTP method, empty when an argument says it."""
    owners = [f"{client.module}.{c}" for c in client.clients] + ([] if client.scheme else [client.module])
    senders = {f"{owner}.{verb}": (_VERB, verb.upper()) for owner in owners for verb in VERBS}
    senders |= {f"{owner}.{name}": (_GENERAL, "") for owner in owners for name in client.general}
    return senders | {f"{owner}.{name}": (_PLAIN, "") for owner in owners for name in client.plain}


def _inherited(code: PyCode, site: CallSite) -> str:
    """``self.get(...)`` in a class that extends a client and has no such method itself."""
    if site.receiver is None or not site.scope.owner or code.text(site.receiver) != "self":
        return ""
    owner = code.scope(site.scope.owner)
    own = code.scope(f"{site.scope.owner}.{site.method}")
    bases = owner.bases if owner is not None and own is None else ()
    return f"{code.origin(bases[0])}.{site.method}" if bases else ""


def _wraps(code: PyCode, client: PythonClient, site: CallSite) -> bool:
    """``urlopen(request)``: the request object was told where it is made."""
    if site.method not in client.plain or not site.args:
        return False
    made = code.site(site.args[0])
    name = code.dotted(site.args[0]) if made is None else ""
    found = made or (code.made_of(name, site.scope) if name else None)
    return found is not None and found.method == "Request"


def _request(code: PyCode, client: PythonClient, site: CallSite, form: tuple[str, str]) -> Fact:
    sort, method = form
    at = 1 if sort == _GENERAL else 0
    fields: dict[str, object] = {
        "method": Lit(method) if method else _method(code, client, site, sort),
        "url": code.value(site.arg(at, "url", "str_or_url"), site.scope),
        "symbol": site.scope.name,
        "client": client.name,
    }
    base = _base(code, client, site)
    if base is not None:
        fields["base"] = base
    sends = _sent(code, client, site, sort)
    if sends is not None:
        fields["sends"] = sends
    read = response_reads(code, site)
    if read is not None:
        fields["reads"] = read
    return Fact("http_call", fields, Location(code.path, site.line))


def _method(code: PyCode, client: PythonClient, site: CallSite, sort: str) -> Value:
    given = site.arg(0 if sort == _GENERAL else -1, "method")
    if given is None:
        body = site.arg(1 if sort == _PLAIN else -1, *client.body)
        return Lit("GET" if body is None or code.text(body) == "None" else "POST")
    value = code.value(given, site.scope)
    return Lit(value.value.upper()) if isinstance(value, Lit) and isinstance(value.value, str) else value


def _base(code: PyCode, client: PythonClient, site: CallSite) -> Value | None:
    if not client.base or site.receiver is None:
        return None
    receiver = code.dotted(site.receiver)
    made = code.made_of(receiver, site.scope) if receiver else code.site(site.receiver)
    given = made.arg(client.base_at, client.base) if made is not None else None
    if made is None or given is None:
        return None
    value = code.value(given, made.scope)
    if client.scheme:
        port = made.arg(client.base_at + 1, "port")
        parts = (Lit(client.scheme), value, Lit(":"), code.value(port, made.scope))
        value = Concat(parts if port is not None else parts[:2])
    if made.scope is site.scope or not receiver or isinstance(value, Lit | Env) or client.scheme:
        return value
    return Member(Name(receiver), client.base)


def _sent(code: PyCode, client: PythonClient, site: CallSite, sort: str) -> Shape | None:
    at = client.body_at if sort == _VERB and site.method in ("post", "put", "patch") else -1
    given = site.arg(at, *client.body)
    shape = code.shape(_bytes_of(code, given), site.scope) if given is not None else Shape()
    return shape if shape != Shape() else None


def _bytes_of(code: PyCode, node: Node) -> Node:
    """What is encoded: ``json.dumps(order).encode()`` and ``urlencode(form)`` carry their argument."""
    site = code.site(node)
    if site is not None and site.method == "urlencode" and site.args:
        return site.args[0]
    return node
