"""HTTP clients made in one file and used in another: their calls become request facts like any other."""

from __future__ import annotations

from collections.abc import Iterator

from graph.linking.corpus import Placed
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Frame, Outside
from graph.linking.state import Linking
from graph.values import Fact, Lit, Member, Name, Value

FACTORIES = {
    "httpx.Client": "base_url",
    "httpx.AsyncClient": "base_url",
    "requests.Session": "base_url",
    "requests.session": "base_url",
    "aiohttp.ClientSession": "base_url",
    "axios.create": "baseURL",
    "axios": "baseURL",
}
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})


def requests(state: Linking) -> Iterator[Placed]:
    """Every request: what packs saw, and calls on clients that only linking can recognise.

    Args:
        state: the link run.
    """
    seen = set()
    for placed in state.corpus.of("http_call"):
        seen.add((placed.file, placed.fact.at.line))
        yield placed
    for placed in state.calls.outside:
        if (placed.file, placed.fact.at.line) not in seen:
            made = _request(state, placed)
            if made is not None:
                yield made


def _request(state: Linking, placed: Placed) -> Placed | None:
    callee = placed.fact.get("callee")
    name = dotted(callee)
    receiver, _, verb = name.rpartition(".")
    if isinstance(callee, Member) and not name:
        verb = callee.name
    if verb not in _VERBS and verb != "request":
        return None
    base = _base(state, placed, callee, receiver)
    if base is None:
        return None
    args = tuple(placed.fact.get("args", ()) or ())
    named = dict(placed.fact.get("named", ()) or ())
    method: Value | None = Lit(verb.upper())
    if verb == "request":
        method, args = (args[0] if args else named.get("method")), args[1:]
    url = args[0] if args else named.get("url")
    if url is None:
        return None
    fields = {"method": method, "url": url, "base": base, "symbol": placed.fact.get("symbol", ""), "client": "client"}
    if placed.fact.get("reads") is not None:
        fields["reads"] = placed.fact.get("reads")
    return Placed(Fact("http_call", fields, placed.fact.at), placed.file)


def _base(state: Linking, placed: Placed, callee: Value | None, receiver: str) -> Value | None:
    """The Value of the client's base URL when the receiver is an HTTP client, else None."""
    value: Value | None = Name(receiver) if receiver else callee.base if isinstance(callee, Member) else None
    if value is None:
        return None
    frame = Frame(placed.file, placed.fact.get("symbol", "") or "")
    for outcome in state.evaluator.evaluate(value, frame, Context()):
        thing = outcome.thing
        if isinstance(thing, Outside) and thing.call is not None and thing.name in FACTORIES:
            return Member(value, FACTORIES[thing.name])
    return None
