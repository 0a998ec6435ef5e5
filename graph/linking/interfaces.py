"""Requests declared elsewhere: client interfaces whose mappings are the operations, and clients given by injection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from graph.linking.corpus import FileKey, Placed
from graph.linking.outcomes import Context, Frame, Hole, Part
from graph.linking.paths import below
from graph.linking.routers import RouterKey, Routers
from graph.linking.state import Linking
from graph.values import Concat, Env, Fact, Lit, Unknown, Value

_BASE = ".baseUrl"
_TOPIC = ".topicName"


class Interfaces:
    """Completes request facts from what other files say.

    Args:
        state: the link run.
    """

    def __init__(self, state: Linking) -> None:
        self._state = state
        self._routers: Routers | None = None
        self._declared: dict[RouterKey, list[Placed]] = defaultdict(list)
        self._made: dict[str, list[tuple[FileKey, str]]] = defaultdict(list)
        for file, index in state.names.files.items():
            for target in index.bindings:
                if target.endswith((_BASE, _TOPIC)):
                    method = target.rpartition(".")[0]
                    for type_name in (*index.typed.get(f"{method}.return", ()), *index.typed.get(method, ())):
                        self._made[type_name.rpartition(".")[2]].append((file, method))

    def complete(self, placed: Placed) -> Iterator[Placed]:
        """A request fact as it is really sent: once per operation of its interface, with the base of its client.

        Args:
            placed: an http_call fact.
        """
        if placed.fact.get("operations") is not None:
            yield from self._operations(placed)
        elif placed.fact.get("injected") and placed.fact.get("base") is None:
            base = self._injected(placed, str(placed.fact.get("injected")))
            yield placed if base is None else _changed(placed, {"base": base})
        else:
            yield placed

    def named(self, placed: Placed) -> Placed:
        """A message's fact with the topic of the object that is given by injection.

        Args:
            placed: a publish or consume fact.
        """
        given = str(placed.fact.get("injected") or "")
        topic = self._injected(placed, given) if given else None
        return placed if topic is None else _changed(placed, {"topic": topic})

    def _operations(self, placed: Placed) -> Iterator[Placed]:
        if self._routers is None:
            self._routers = Routers(self._state)
            for endpoint in self._state.corpus.of("endpoint"):
                for router in self._routers.registered(endpoint):
                    self._declared[router].append(endpoint)
        for router in self._routers.find(placed.file, placed.symbol[1], placed.fact.get("operations")):
            for endpoint in self._declared.get(router, ()):
                handler = (endpoint.fact.get("handler", "") or "").rpartition(".")[2]
                yield from self._request(placed, endpoint, self._symbol(placed, handler))

    def _request(self, placed: Placed, endpoint: Placed, symbol: str) -> Iterator[Placed]:
        routers, shapes = self._routers, self._state.shapes
        assert routers is not None
        scope = endpoint.fact.get("handler", "") or ""
        own = [s.prefix for r in routers.registered(endpoint) for s in routers.own(r)] or [""]
        for path in routers.text(endpoint, endpoint.fact.get("path"), scope):
            for prefix in dict.fromkeys(own):
                fields = {
                    "method": Lit(endpoint.fact.get("method", "") or ""),
                    "url": Lit(below(prefix, path)),
                    "symbol": symbol,
                    "sends": shapes.whole(endpoint.fact.get("accepts"), endpoint.file, scope),
                    "reads": shapes.whole(endpoint.fact.get("returns"), endpoint.file, scope),
                }
                yield _changed(placed, fields)

    def _symbol(self, placed: Placed, method: str) -> str:
        own = f"{placed.symbol[1]}.{method}"
        return own if own in self._state.names.files[placed.file].symbols else placed.symbol[1]

    def _injected(self, placed: Placed, text: str) -> Value | None:
        """The base URL of the bean of that name, else of the only one of its type in the same service."""
        type_name, _, name = text.partition(" ")
        mine = set(self._state.owners(placed.file))
        made = [
            (file, method)
            for file, method in self._made.get(type_name.rpartition(".")[2], ())
            if mine & set(self._state.owners(file)) or (not mine and not self._state.owners(file))
        ]
        named = [one for one in made if one[1].rpartition(".")[2].partition("/")[0] == name]
        chosen = named or made
        return self._base(*chosen[0], min(mine, default="")) if len(chosen) == 1 else None

    def _base(self, file: FileKey, method: str, service: str) -> Value | None:
        bindings = self._state.names.files[file].bindings
        value = (bindings.get(f"{method}{_BASE}") or bindings[f"{method}{_TOPIC}"])[0].value
        found = self._state.evaluator.texts(value, Frame(file, method), Context(service=service))
        return Concat(tuple(_value(part) for part in found[0][0].parts)) if len(found) == 1 else None


def _value(part: Part) -> Value:
    if isinstance(part, Hole):
        return Env(part.env) if part.env else Unknown(part.reason)
    return Lit(part)


def _changed(placed: Placed, fields: dict[str, object]) -> Placed:
    kept = {name: value for name, value in placed.fact.fields.items() if name != "operations"}
    given = {name: value for name, value in fields.items() if value is not None}
    return Placed(Fact(placed.fact.kind, kept | given, placed.fact.at), placed.file)
