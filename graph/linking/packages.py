"""Names that a file sees without importing each one: Java packages, Go folders, C# namespaces with their usings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from posixpath import dirname
from typing import TypeAlias

from graph.linking.corpus import Corpus, FileIndex, FileKey, SymbolKey
from graph.linking.gopath import import_paths

Dotted: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[FileKey, Dotted]
DIALECTS = {".java": "java", ".kt": "java", ".go": "go", ".cs": "csharp"}


def dialect_of(file: FileKey) -> str:
    """``java``, ``go`` or ``csharp``, empty for languages whose files are modules.

    Args:
        file: repository and path.
    """
    return DIALECTS.get(file[1][file[1].rfind(".") :], "")


class Packages:
    """Finds top-level names by package.

    Args:
        corpus: the facts.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._files = corpus.files
        self._tops: dict[tuple[str, str], dict[str, list[FileKey]]] = defaultdict(dict)
        self._names: dict[str, set[str]] = defaultdict(set)
        self._segments: dict[str, set[str]] = defaultdict(set)
        self._visible: dict[tuple[FileKey, str], Place | None] = {}
        self._modules = _go_modules(corpus)
        self._projects = _folders(corpus, "csproj")
        for file, index in corpus.files.items():
            dialect = dialect_of(file)
            if dialect:
                self._take(file, index, dialect)

    def _take(self, file: FileKey, index: FileIndex, dialect: str) -> None:
        tops = dict.fromkeys(name.partition(".")[0] for name in index.symbols if name)
        tops.update(dict.fromkeys(name for name in (*index.bindings, *index.typed) if "." not in name))
        for package in self.of(file):
            self._segments[dialect].update(package.split(".") if dialect == "csharp" else package.split(".")[:1])
            known = self._tops[dialect, package]
            for name in tops:
                known.setdefault(name, []).append(file)
        self._names[dialect].update(tops)

    def of(self, file: FileKey) -> tuple[str, ...]:
        """The packages a file's names live in; for Go its repository and folder.

        Args:
            file: repository and path.
        """
        if file[1].endswith(".go"):
            return (f"{file[0]}:{dirname(file[1])}",)
        return tuple(self._files[file].packages) or ("",)

    @cached_property
    def parts(self) -> Mapping[SymbolKey, tuple[FileKey, ...]]:
        """Files that hold members of a class declared elsewhere: C# partial classes, Go methods beside their type."""
        found: dict[SymbolKey, tuple[FileKey, ...]] = {}
        for (dialect, _), names in sorted(self._tops.items()):
            if dialect == "java":
                continue
            for name, files in names.items():
                for group in self._together(dialect, files) if len(files) > 1 else ():
                    ranked = sorted(group, key=lambda f: (name not in self._files[f].symbols, f))
                    found.update({(file, name): tuple(ranked) for file in group})
        return found

    def _together(self, dialect: str, files: list[FileKey]) -> Iterable[list[FileKey]]:
        """Files of one name that are compiled together: of one Go folder, of one C# project."""
        groups: dict[tuple[str, str], list[FileKey]] = defaultdict(list)
        for file in files:
            folder = dirname(file[1]) if dialect == "go" else self._project(file)
            groups[file[0], folder].append(file)
        return [group for group in groups.values() if len(group) > 1]

    def _project(self, file: FileKey) -> str:
        folder = dirname(file[1])
        while folder and (file[0], folder) not in self._projects:
            folder = dirname(folder)
        return folder

    def visible(self, file: FileKey, parts: Dotted) -> Place | None:
        """Where a name that a file neither defines nor imports by itself is defined.

        Args:
            file: where it is written.
            parts: the dotted name.
        """
        dialect = dialect_of(file)
        known = parts[0] in self._names[dialect] or parts[0] in self._segments[dialect]
        if not known and not self._files[file].stars:
            return None
        key = (file, parts[0])
        if key not in self._visible:
            self._visible[key] = self._simple(file, dialect, parts[0])
        simple = self._visible[key]
        if simple is not None:
            return simple[0], (*simple[1], *parts)
        return self._qualified(file, dialect, parts) if known and len(parts) > 1 and dialect != "go" else None

    def _simple(self, file: FileKey, dialect: str, name: str) -> Place | None:
        for package in self._around(file, dialect) if name in self._names[dialect] else ():
            files = self._tops.get((dialect, package), {}).get(name)
            if files:
                return _nearest(file, files), ()
        for module in self._files[file].stars if dialect != "go" else ():
            holder = self.within(file, tuple(module.split("."))) if (dialect, module) not in self._tops else None
            inside = ".".join((*holder[1], name)) if holder is not None else ""
            if holder is not None and self._defines(holder[0], inside):
                return holder
        return None

    def _defines(self, file: FileKey, name: str) -> bool:
        index = self._files[file]
        return name in index.symbols or name in index.bindings or name in index.typed or name in index.overloads

    def _around(self, file: FileKey, dialect: str) -> Iterator[str]:
        """Packages whose names are seen plainly: its own, enclosing namespaces, then those imported whole."""
        for package in self.of(file):
            yield package
            while dialect == "csharp" and package:
                package = package.rpartition(".")[0]
                yield package
        for module in self._files[file].stars:
            yield from self._folders_of(file, module) if dialect == "go" else (module,)
        if dialect == "csharp":
            yield from self._everywhere.get((file[0], self._project(file)), ())

    @cached_property
    def _everywhere(self) -> Mapping[tuple[str, str], list[str]]:
        """Namespaces every file of a C# project sees."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file, index in self._files.items():
            for module in index.everywhere:
                found[file[0], self._project(file)].append(module)
        return found

    def _qualified(self, file: FileKey, dialect: str, parts: Dotted) -> Place | None:
        bases = [""]
        if dialect == "csharp":
            bases = [b for package in self.of(file) for b in _enclosing(package)]
        for base in dict.fromkeys(bases):
            found = self.within(file, tuple(base.split(".")) + parts if base else parts)
            if found is not None:
                return found
        return None

    def within(self, file: FileKey, parts: Dotted, dialect: str = "") -> Place | None:
        """Where a name written with its package is defined.

        Args:
            file: where it is written.
            parts: package and name, e.g. ``com.shop.Order.Line``.
            dialect: of the name, when the file is of another language.
        """
        dialect = dialect or dialect_of(file)
        for count in range(len(parts) - 1, -1, -1):
            files = self._tops.get((dialect, ".".join(parts[:count])), {}).get(parts[count])
            if files:
                return _nearest(file, files), parts[count:]
        return None

    def imported(self, file: FileKey, source: tuple[str, str], rest: Dotted) -> Place | None:
        """Where something an import names is defined, or None when it is not ours.

        Args:
            file: where the import stands.
            source: module and name as imported.
            rest: what is written behind the local name.
        """
        module, name = source
        if not file[1].endswith(".go"):
            return self.within(file, (*module.split("."), *((name,) if name and name != "*" else ()), *rest))
        for package in self._folders_of(file, module):
            files = self._tops.get(("go", package), {}).get(rest[0] if rest else "")
            if files:
                return _nearest(file, files), rest
        return None

    def _folders_of(self, file: FileKey, module: str) -> Iterator[str]:
        """The folders a Go import path may mean, the nearest module first."""
        found = []
        for name, places in self._modules.items():
            if module == name or module.startswith(f"{name}/"):
                inner = module[len(name) + 1 :]
                found += [(-len(name), -_shared(file, place), place, inner) for place in places]
        for _, _, (repository, folder), inner in sorted(found):
            yield f"{repository}:{'/'.join(p for p in (folder, inner) if p)}"

    def files_of(self, file: FileKey, module: str) -> tuple[FileKey, ...]:
        """Every file of an imported package, for ownership of shared code.

        Args:
            file: where the import stands.
            module: as imported.
        """
        dialect = dialect_of(file)
        keys = list(self._folders_of(file, module))[:1] if dialect == "go" else [module]
        return tuple(dict.fromkeys(f for key in keys for fs in self._tops.get((dialect, key), {}).values() for f in fs))


def _enclosing(package: str) -> Iterator[str]:
    while package:
        yield package
        package = package.rpartition(".")[0]
    yield ""


def _nearest(file: FileKey, files: list[FileKey]) -> FileKey:
    """Of several definitions the one beside the mention: modules copy classes, and each means its own copy."""
    if len(files) == 1:
        return files[0]
    return min(files, key=lambda other: (-_shared(file, other), other))


def _shared(file: FileKey, other: FileKey) -> int:
    """How many leading folders two places of one repository share; -1 in different ones."""
    if file[0] != other[0]:
        return -1
    count = 0
    for ours, theirs in zip(file[1].split("/"), other[1].split("/"), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _go_modules(corpus: Corpus) -> Mapping[str, list[FileKey]]:
    found: dict[str, list[FileKey]] = defaultdict(list)
    for placed in corpus.of("root"):
        if placed.fact.get("sort") == "go.mod" and placed.fact.get("name"):
            found[placed.fact.get("name")].append((placed.file[0], placed.fact.get("root", "") or ""))
    known = frozenset(repository for places in found.values() for repository, _ in places)
    for repository, name in import_paths(corpus, known).items():
        found[name].append((repository, ""))
    return found


def _folders(corpus: Corpus, sort: str) -> set[FileKey]:
    return {
        (placed.file[0], placed.fact.get("root", "") or "")
        for placed in corpus.of("root")
        if placed.fact.get("sort") == sort
    }
