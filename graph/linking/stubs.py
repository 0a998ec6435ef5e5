"""Stubs of generated clients that a struct of another file holds: ``self.data.users.GetUser(..)`` in Go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.linking.corpus import Placed, SymbolKey
from graph.linking.names import SELVES, dotted
from graph.linking.protos import Protos
from graph.linking.state import Linking
from graph.values import Fact, Name

_CLIENT = re.compile(r"\w+\.(\w+)Client$")
_LANGUAGE = ".go"


def held(state: Linking, protos: Protos) -> Iterator[Placed]:
    """Calls of RPC clients that are fields, where the file of the call does not say so itself.

    Args:
        state: the link run.
        protos: described services.
    """
    fields = _fields(state)
    known = {(p.file, p.fact.at.line) for p in state.corpus.of("rpc_call")} if fields else set()
    names = {field for _, field in fields}
    for placed in state.corpus.of("call") if fields else ():
        base, _, method = dotted(placed.fact.get("callee")).rpartition(".")
        above, _, field = base.rpartition(".")
        if field not in names or not method[:1].isupper() or not placed.file[1].endswith(_LANGUAGE):
            continue
        if (placed.file, placed.fact.at.line) in known:
            continue
        for owner in _owners(state, placed, above):
            service = fields.get((owner, field), "")
            if service and protos.find(service, owner[0], (method,)):
                said = {**placed.fact.fields, "service": service, "method": method, "client": "go_grpc"}
                yield Placed(Fact("rpc_call", said, placed.fact.at), placed.file)


def _owners(state: Linking, placed: Placed, above: str) -> tuple[SymbolKey, ...]:
    file, scope = placed.symbol
    if above in SELVES:
        owner = state.names.enclosing_class(file, scope)
        return (owner,) if owner is not None else ()
    return state.calls.types.of(Name(above), file, scope) if above else ()


def _fields(state: Linking) -> dict[tuple[SymbolKey, str], str]:
    """Fields of structs whose type is a client of a package: to the service it is called by."""
    found: dict[tuple[SymbolKey, str], str] = {}
    for file, index in state.names.files.items():
        if not file[1].endswith(_LANGUAGE):
            continue
        for target, types in index.typed.items():
            outer, _, field = target.rpartition(".")
            match = next((m for text in types if (m := _CLIENT.match(text))), None)
            if match is not None and outer and "." not in outer:
                owner = state.names.enclosing_class(file, outer)
                if owner is not None and owner[1] == outer:
                    found[owner, field] = match.group(1)
    return found
