"""Functional options of Go: ``Configure(Exchange("orders"), Key("made"))`` sets fields of one object together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from graph.linking.callgraph import Site
from graph.linking.corpus import Binding, Corpus, FileKey, SymbolKey
from graph.linking.names import Names
from graph.linking.outcomes import Arguments, Frame
from graph.values import Call, Param

_LANGUAGE = ".go"
_SEVERAL = 2
NOT_GIVEN = Arguments((), (), Frame(("", ""), ""))


class Together:
    """Which options are given in one call.

    Args:
        corpus: the calls.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._calls: dict[tuple[FileKey, str, Call], set[int]] = defaultdict(set)
        for number, placed in enumerate(corpus.of("call")):
            given = [a for a in placed.fact.get("args", ()) or () if isinstance(a, Call)]
            if len(given) < _SEVERAL or not placed.file[1].endswith(_LANGUAGE):
                continue
            for option in given:
                self._calls[placed.file, placed.symbol[1], option].add(number)

    def fit(self, site: Site, others: Sequence[Site]) -> bool:
        """Whether an option may be given to the same object as others: not if they are given in other calls.

        Args:
            site: the call of an option.
            others: calls of options chosen before.
        """
        mine = self._of(site)
        return not mine or all(not (theirs := self._of(other)) or mine & theirs for other in others)

    def _of(self, site: Site) -> set[int]:
        fact = site.fact
        callee = fact.get("callee")
        if callee is None:
            return set()
        call = Call(callee, tuple(fact.get("args", ()) or ()), tuple(fact.get("named", ()) or ()))
        return self._calls.get((site.file, site.symbol[1], call), set())


def sets_fields(names: Names, function: SymbolKey) -> bool:
    """Whether a plain function of Go puts what it is given into a field of an object that it does not make.

    Args:
        names: of all files.
        function: file and name.
    """
    file, name = function
    if not file[1].endswith(_LANGUAGE) or "." in name or name.lower().startswith("new"):
        return False
    field = re.compile(rf"{re.escape(name)}\.\w+\.\w+")
    found = names.files[file].bindings
    return any(isinstance(b.value, Param) and field.fullmatch(t) for t, bs in found.items() for b in bs)


def assignments(
    names: Names, target: SymbolKey, asked: Mapping[SymbolKey, Arguments]
) -> tuple[list[Binding], list[tuple[FileKey, Binding]]]:
    """What a name is bound to in its file, and a field of Go in other files; options that are given win.

    Args:
        names: of all files.
        target: the name.
        asked: functions whose callers were chosen, with their arguments.
    """
    file, name = target
    own = names.files[file].bindings.get(name, [])
    outer, _, last = name.rpartition(".")
    owner = names.enclosing_class(file, outer) if outer and file[1].endswith(_LANGUAGE) else None
    if owner is None or owner[1] != outer:
        return own, []
    places = [(file, name), *names.scattered.get((owner, last), ())]
    every = [(f, b) for f, t in dict.fromkeys(places) for b in names.files[f].bindings.get(t, ())]
    every = [(f, b) for f, b in every if asked.get((f, b.scope)) is not NOT_GIVEN]
    chosen = [(f, b) for f, b in every if isinstance(b.value, Param) and "." not in b.scope and (f, b.scope) in asked]
    held = chosen or every
    return [b for f, b in held if f == file], [(f, b) for f, b in held if f != file]
