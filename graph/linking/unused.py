"""Go types that nothing makes: an implementation left beside the one in use says nothing about the system."""

from __future__ import annotations

from collections import defaultdict

from graph.linking.callgraph import CallGraph
from graph.linking.corpus import Corpus, FileKey, SymbolKey
from graph.linking.names import Names

_TELLING = ("access", "sql", "publish", "consume", "http_call", "rpc_call")
_STARTS = ("main", "init", "")


def drop_unused(corpus: Corpus, names: Names, calls: CallGraph) -> None:
    """Leave out what methods of Go types do that only constructors nobody calls make.

    Args:
        corpus: the facts; what is left out is taken from it.
        names: for packages.
        calls: who calls whom.
    """
    known: dict[SymbolKey, bool] = {}
    spoken = _mentioned(corpus)
    for kind in _TELLING:
        listed = corpus.kinds.get(kind)
        if listed is None:
            continue
        kept = []
        for placed in listed:
            owner = _owner(names, placed.symbol) if placed.file[1].endswith(".go") else None
            if owner is not None and owner not in known:
                known[owner] = _unmade(calls, owner, spoken)
            if owner is None or not known[owner]:
                kept.append(placed)
        corpus.kinds[kind] = kept


def _owner(names: Names, symbol: SymbolKey) -> SymbolKey | None:
    """The struct whose method a symbol is, wherever in the package it is declared."""
    file, name = symbol
    head = name.partition(".")[0]
    if head == name:
        return None
    for part in (file, *names.packages.parts.get((file, head), ())):
        fact = names.files[part].symbols.get(head)
        if fact is not None and fact.get("sort") == "class":
            return part, head
    return None


def _mentioned(corpus: Corpus) -> dict[str, set[FileKey]]:
    """Functions named without being called (given to wire, fx, tables), by the last part of their name."""
    found: dict[str, set[FileKey]] = defaultdict(set)
    for placed in corpus.of("use"):
        if placed.file[1].endswith(".go"):
            found[str(placed.fact.get("name", "")).rpartition(".")[2]].add(placed.file)
    return found


def _unmade(calls: CallGraph, owner: SymbolKey, spoken: dict[str, set[FileKey]]) -> bool:
    makers = [site.symbol for site in calls.callers.get(owner, ()) if site.symbol != owner]
    return bool(makers) and all(_dead(calls, maker, spoken) for maker in makers)


def _dead(calls: CallGraph, maker: SymbolKey, spoken: dict[str, set[FileKey]]) -> bool:
    file, name = maker
    if not file[1].endswith(".go") or "." in name or name in _STARTS:
        return False
    return not calls.callers.get(maker) and not spoken.get(name)
