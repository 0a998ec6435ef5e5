"""Which file a module name written in another file means, without running any import machinery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath, splitext

from graph.linking.corpus import FileKey, Placed

_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_SUBFOLDERS = ("", "src/", "lib/", "app/")
_ENTRIES = ("src/index", "index", "src/main", "lib/index", "src/public-api", "src", "lib", "")


@dataclass(frozen=True, slots=True)
class _Alias:
    """A `paths` entry of a tsconfig: what is written, and where it leads below the configuration's folder."""

    root: str
    before: str
    after: str
    star: bool
    target: str

    def path(self, module: str) -> str | None:
        """Where a module name leads by this entry, or None."""
        if not self.star:
            return (
                normpath(f"{self.root}/{self.target}" if self.root else self.target) if module == self.before else None
            )
        if len(module) < len(self.before) + len(self.after):
            return None
        if not module.startswith(self.before) or not module.endswith(self.after):
            return None
        middle = module[len(self.before) : len(module) - len(self.after)]
        written = self.target.replace("*", middle, 1)
        return normpath(f"{self.root}/{written}" if self.root else written)


class Modules:
    """Finds modules among the files that have facts.

    Args:
        files: every file with facts.
        roots: `root` facts: path aliases of tsconfig files and names of workspace packages.
    """

    def __init__(self, files: Iterable[FileKey], roots: Iterable[Placed] = ()) -> None:
        self._aliases: dict[str, list[_Alias]] = defaultdict(list)
        self._packages: dict[tuple[str, str], str] = {}
        for placed in roots:
            self._root(placed)
        for aliases in self._aliases.values():
            aliases.sort(key=lambda a: (-len(a.root), a.star, -len(a.before), a.target))
        self._scripts: dict[tuple[str, str], tuple[int, str]] = {}
        self._pythons: dict[tuple[str, str], str] = {}
        self._known: dict[tuple[tuple[str, str], bool, str], FileKey | None] = {}
        for repository, path in files:
            self._take(repository, path)

    def _take(self, repository: str, path: str) -> None:
        stem, suffix = splitext(path)
        if suffix in _SCRIPTS:
            rank = _SCRIPTS.index(suffix)
            folder = stem.removesuffix("index").rstrip("/") if stem.endswith(("/index",)) or stem == "index" else None
            for name, place in ((stem, rank), (path, -1), *(((folder, rank + 100),) if folder is not None else ())):
                known = self._scripts.get((repository, name))
                if known is None or place < known[0]:
                    self._scripts[repository, name] = (place, path)
        elif suffix == ".py":
            package = stem.endswith("/__init__") or stem == "__init__"
            name = stem.removesuffix("__init__").rstrip("/") if package else stem
            if not package or (repository, name) not in self._pythons:
                self._pythons[repository, name] = path

    def _root(self, placed: Placed) -> None:
        repository, fact = placed.file[0], placed.fact
        root, name = str(fact.get("root") or "").strip("/"), str(fact.get("name") or "")
        if fact.get("sort") == "package.json" and name:
            self._packages.setdefault((repository, name), root)
        for text in fact.get("scripts") or () if fact.get("sort") == "tsconfig" else ():
            written, _, target = str(text).partition("=")
            before, star, after = written.partition("*")
            self._aliases[repository].append(_Alias(root, before, after, bool(star), target))

    def find(self, file: FileKey, module: str) -> FileKey | None:
        """The file a module name means in `file`, or None when it is not one of ours.

        Args:
            file: where the name is written.
            module: as written, with relative dots or ``./``.
        """
        here = (file[0], dirname(file[1]))
        script = file[1].endswith(_SCRIPTS)
        ident = (here, script, module)
        if ident not in self._known:
            found = self._script(here, module) if script else self._python(here, module)
            self._known[ident] = (file[0], found) if found is not None else None
        return self._known[ident]

    def _python(self, here: tuple[str, str], module: str) -> str | None:
        repository, folder = here
        bare = module.lstrip(".")
        dots = len(module) - len(bare)
        path = bare.replace(".", "/")
        if dots:
            for _ in range(dots - 1):
                folder = dirname(folder)
            return self._pythons.get((repository, "/".join(p for p in (folder, path) if p)))
        for base in _ancestors(folder):
            found = self._pythons.get((repository, base + path)) or self._pythons.get((repository, f"{base}src/{path}"))
            if found is not None:
                return found
        return None

    def _script(self, here: tuple[str, str], module: str) -> str | None:
        repository, folder = here
        if module.startswith("."):
            return self._script_at(repository, normpath(f"{folder}/{module}" if folder else module))
        named = self._aliased(repository, folder, module) or self._packaged(repository, module)
        if named is not None:
            return named
        if module.startswith(("@/", "~/")):
            for base in _ancestors(folder):
                for sub in _SUBFOLDERS:
                    found = self._script_at(repository, f"{base}{sub}{module[2:]}")
                    if found is not None:
                        return found
        return None

    def _aliased(self, repository: str, folder: str, module: str) -> str | None:
        for alias in self._aliases.get(repository, ()):
            if not alias.root or f"{folder}/".startswith(f"{alias.root}/"):
                path = alias.path(module)
                found = self._script_at(repository, path) if path is not None else None
                if found is not None:
                    return found
        return None

    def _packaged(self, repository: str, module: str) -> str | None:
        """A module of a package of the same repository: its entry, or a file below it."""
        parts = module.split("/")
        count = 2 if module.startswith("@") else 1
        root = self._packages.get((repository, "/".join(parts[:count])))
        if root is None:
            return None
        rest = "/".join(parts[count:])
        for below in (rest, f"src/{rest}", f"lib/{rest}") if rest else _ENTRIES:
            found = self._script_at(repository, normpath("/".join(p for p in (root, below) if p) or "."))
            if found is not None:
                return found
        return None

    def _script_at(self, repository: str, path: str) -> str | None:
        stem = splitext(path)[0] if path.endswith((".js", ".mjs", ".cjs", ".jsx")) else path
        for name in dict.fromkeys((path, stem)):
            found = self._scripts.get((repository, "" if name == "." else name))
            if found is not None:
                return found[1]
        return None


def _ancestors(folder: str) -> Iterator[str]:
    """Prefixes of paths, nearest first: ``a/b/``, ``a/``, and the empty one."""
    while folder:
        yield f"{folder}/"
        folder = dirname(folder)
    yield ""
