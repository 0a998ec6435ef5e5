"""Which files a file's code leads to: what it imports, calls, extends, is typed with or registers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from graph.linking.callgraph import CallGraph
from graph.linking.corpus import Corpus, FileIndex, FileKey
from graph.linking.implementations import OVERRIDE
from graph.linking.names import CLASSES, Names
from graph.linking.packages import dialect_of


def reached(corpus: Corpus, names: Names, calls: CallGraph) -> Mapping[FileKey, tuple[FileKey, ...]]:
    """The files every file leads to directly.

    Languages whose files are modules say so by imports; where whole packages are imported, only what is really named
    counts: calls, base classes, declared types, registrations.

    Args:
        corpus: the facts.
        names: name look-up.
        calls: who calls whom.
    """
    found: dict[FileKey, dict[FileKey, None]] = defaultdict(dict)
    for site in calls.sites:
        if site.target[0] != site.file and site.rule != OVERRIDE:
            found[site.file][site.target[0]] = None
    for file, index in corpus.files.items():
        add = found[file]
        if dialect_of(file):
            add.update(dict.fromkeys(_named(names, file, index)))
        else:
            add.update(dict.fromkeys(_imported(names, file, index)))
    for placed in corpus.of("binds"):
        for key in ("type", "to"):
            inner = names.find(*placed.symbol, placed.fact.get(key, "") or "")
            if inner is not None and inner.kind == "symbol":
                found[placed.file][inner.file] = None
    return {file: tuple(f for f in targets if f != file) for file, targets in found.items()}


def _named(names: Names, file: FileKey, index: FileIndex) -> list[FileKey]:
    targets: list[FileKey] = []
    for name, fact in index.symbols.items():
        if fact.get("sort") in CLASSES:
            targets += [base[0] for base in names.bases((file, name))]
            targets += names.packages.parts.get((file, name), ())
    written = {(target.rpartition(".")[0], t) for target, types in index.typed.items() for t in types}
    for pairs in index.imports.values():
        for module, name in pairs if not file[1].endswith(".go") else ():
            place = names.packages.within(file, (*module.split("."), *((name,) if name else ())))
            targets += [place[0]] if place is not None else []
    for scope, type_name in sorted(written):
        found = names.find(file, scope, type_name)
        if found is not None and found.kind == "symbol":
            targets.append(found.file)
    return targets


def _imported(names: Names, file: FileKey, index: FileIndex) -> list[FileKey]:
    pairs = [pair for found in index.imports.values() for pair in found] + [(m, "") for m in index.stars]
    targets: list[FileKey] = []
    for module, name in pairs:
        candidates = (module, f"{module}{'' if module.endswith('.') else '.'}{name}") if name else (module,)
        for candidate in candidates:
            target = names.modules.find(file, candidate)
            targets += [target] if target is not None else []
    return targets
