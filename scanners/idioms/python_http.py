"""HTTP requests sent by Python clients: what is sent and where to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from graph.values import Concat, Env, Fact, Format, Lit, Location, Member, Name, Shape, Unknown, Value
from scanners.idioms.code import CallSite, Scope
from scanners.idioms.http import VERBS
from scanners.idioms.python_reads import local_function
from scanners.idioms.python_results import response_reads
from scanners.idioms.python_tasks import mapping
from scanners.idioms.python_values import is_local

if TYPE_CHECKING:
    from tree_sitter import Node

    from scanners.idioms.python import PyCode

_GENERATED = ("get_httpx_client", "get_async_httpx_client")
_STEPS = 4
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
        form = form or (_generated(code, site) if client.module == "httpx" else None)
        if form is not None and not _wraps(code, client, site):
            yield _request(code, client, site, form)


@cache
def _senders(client: PythonClient) -> Mapping[str, tuple[str, str]]:
    """Callee to how its arguments stand and its HTTP method, empty when an argument says it."""
    owners = [f"{client.module}.{c}" for c in client.clients] + ([] if client.scheme else [client.module])
    senders = {f"{owner}.{verb}": (_VERB, verb.upper()) for owner in owners for verb in VERBS}
    senders |= {f"{owner}.{name}": (_GENERAL, "") for owner in owners for name in client.general}
    return senders | {f"{owner}.{name}": (_PLAIN, "") for owner in owners for name in client.plain}


def _generated(code: PyCode, site: CallSite) -> tuple[str, str] | None:
    """openapi-python-client: ``client.get_httpx_client().request(**kwargs)``."""
    made = code.site(site.receiver) if site.receiver is not None else None
    return (_GENERAL, "") if made is not None and made.method in _GENERATED and site.method == "request" else None


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
    spread = spread_values(code, site)
    url = site.arg(at, "url", "str_or_url")
    fields: dict[str, object] = {
        "method": Lit(method) if method else upper(spread.get("method") or _method(code, client, site, sort)),
        "url": spread["url"] if url is None and "url" in spread else code.value(url, site.scope),
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
    return upper(code.value(given, site.scope))


def upper(value: Value) -> Value:
    """A method's name as HTTP writes it.

    Args:
        value: as the code writes it.
    """
    return Lit(value.value.upper()) if isinstance(value, Lit) and isinstance(value.value, str) else value


def spread_values(code: PyCode, site: CallSite) -> dict[str, Value]:
    """Keyword arguments that come from a dictionary of this file: ``request(**kwargs)``.

    Args:
        code: the file.
        site: the call.
    """
    listed = site.node.child_by_field_name("arguments")
    for child in listed.named_children if listed is not None else ():
        if child.type == "dictionary_splat" and child.named_child_count:
            return _entries(code, child.named_children[0], site.scope, 0)
    return {}


def _entries(code: PyCode, node: Node, scope: Scope, depth: int) -> dict[str, Value]:
    """The entries of a dictionary: written here, behind a name, or returned by a function of this file."""
    if node.type == "dictionary":
        return {key: _foreign(code.value(value, scope), scope, depth) for key, value in mapping(code, node).items()}
    if depth > _STEPS:
        return {}
    made = code.site(node)
    function = local_function(code, made) if made is not None else None
    for returned, where in code.returns if function is not None else ():
        if where is function and returned.named_child_count:
            return _entries(code, returned.named_children[0], where, depth + 1)
    for outer in scope.outward() if made is None else ():
        for assign in code.assigned(outer, code.dotted(node)):
            if assign.value is not None and assign.how == "=":
                return _entries(code, assign.value, outer, depth if outer is scope else depth + 1)
    return {}


def _foreign(value: Value, scope: Scope, depth: int) -> Value:
    """A value written in another function: what only that function knows is not known here."""
    if not depth or not is_local(value, scope):
        return value
    if isinstance(value, Concat):
        return Concat(tuple(_foreign(part, scope, depth) for part in value.parts))
    if isinstance(value, Format):
        args = tuple(_foreign(a, scope, depth) for a in value.args)
        return Format(value.template, args, tuple((n, _foreign(v, scope, depth)) for n, v in value.named))
    return Unknown("what another function was given")


def _base(code: PyCode, client: PythonClient, site: CallSite) -> Value | None:
    generated = code.site(site.receiver) if site.receiver is not None else None
    if generated is not None and generated.method in _GENERATED and generated.receiver is not None:
        return Member(code.value(generated.receiver, site.scope), "base_url")
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
