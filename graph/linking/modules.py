"""Which file a module name written in another file means, without running any import machinery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from posixpath import dirname, normpath, splitext

from graph.linking.corpus import FileKey

_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
_SUBFOLDERS = ("", "src/", "lib/", "app/")


class Modules:
    """Finds modules among the files that have facts.

    Args:
        files: every file with facts.
    """

    def __init__(self, files: Iterable[FileKey]) -> None:
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
        if module.startswith(("@/", "~/")):
            for base in _ancestors(folder):
                for sub in _SUBFOLDERS:
                    found = self._script_at(repository, f"{base}{sub}{module[2:]}")
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
