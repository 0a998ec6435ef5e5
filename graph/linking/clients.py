"""HTTP clients made in one file and used in another: their calls become request facts like any other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from graph.linking.build import united
from graph.linking.corpus import Placed
from graph.linking.interfaces import Interfaces
from graph.linking.names import dotted
from graph.linking.outcomes import Context, Frame, Outside
from graph.linking.state import Linking
from graph.values import Call, Fact, Lit, Member, Name, Shape, Value

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
    interfaces = Interfaces(state)
    for placed in state.corpus.of("http_call"):
        seen.add((placed.file, placed.fact.at.line))
        yield from interfaces.complete(placed)
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
    found = _base(state, placed, callee, receiver)
    if found is None:
        return None
    base, factory = found
    args = tuple(placed.fact.get("args", ()) or ())
    named = dict(placed.fact.get("named", ()) or ())
    method: Value | None = Lit(verb.upper())
    if verb == "request":
        method, args = (args[0] if args else named.get("method")), args[1:]
    url = args[0] if args else named.get("url")
    if url is None:
        return None
    fields = {"method": method, "url": url, "base": base, "symbol": placed.fact.get("symbol", ""), "client": factory}
    read = _body_of_data(placed.fact) if factory.startswith("axios") else _body_of_json(state, placed)
    fields |= {
        name: shape for name, shape in (("reads", read), ("sends", placed.fact.get("sends"))) if shape is not None
    }
    return Placed(Fact("http_call", fields, placed.fact.at), placed.file)


def _body_of_data(fact: Fact) -> Shape | None:
    """What is read of the body of an answer that carries it as ``data``; nothing when only other parts are read."""
    whole: Shape | None = fact.get("reads")
    if whole is None:
        return None
    data = whole.field("data")
    if data is not None:
        return data.shape
    return None if whole.open else Shape("object", open=False)


def _body_of_json(state: Linking, placed: Placed) -> Shape | None:
    """What is read of ``answer.json()``, where the answer is this call's result; None when it is not known."""
    fact, index = placed.fact, state.names.files[placed.file]
    scope = fact.get("symbol", "") or ""
    made = (fact.get("callee"), tuple(fact.get("args", ()) or ()))
    holders = {
        target.removeprefix(f"{scope}.")
        for target, bindings in index.bindings.items()
        for b in bindings
        if b.scope == scope and isinstance(b.value, Call) and (b.value.callee, b.value.args) == made
    }
    shapes: list[Shape | None] = []
    for call in index.calls:
        callee = call.get("callee")
        name, _, method = dotted(callee).rpartition(".")
        chained = isinstance(callee, Member) and isinstance(callee.base, Call) and callee.base.callee == made[0]
        same = (name in holders and method == "json") or (
            chained and isinstance(callee, Member) and callee.name == "json" and call.at.line >= fact.at.line
        )
        if call.get("symbol", "") == scope and same:
            shapes.append(call.get("reads"))
    known = [shape for shape in shapes if shape is not None]
    return reduce(united, known) if known and len(known) == len(shapes) else None


def _base(state: Linking, placed: Placed, callee: Value | None, receiver: str) -> tuple[Value, str] | None:
    """The Value of the client's base URL and what made the client, when the receiver is an HTTP client, else None."""
    value: Value | None = Name(receiver) if receiver else callee.base if isinstance(callee, Member) else None
    if value is None:
        return None
    frame = Frame(placed.file, placed.fact.get("symbol", "") or "")
    for outcome in state.evaluator.evaluate(value, frame, Context()):
        thing = outcome.thing
        if isinstance(thing, Outside) and thing.call is not None and thing.name in FACTORIES:
            return Member(value, FACTORIES[thing.name]), thing.name
    return None
