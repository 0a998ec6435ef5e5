"""Which file a module name written in another file means, without running any import machinery."""

from __future__ import annotations

from collections.abc import Container, Iterator
from posixpath import dirname, join, normpath

from graph.linking.corpus import FileKey

_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_SUBFOLDERS = ("", "src", "lib", "app")


class Modules:
    """Finds modules among the files that have facts.

    Args:
        files: every file with facts.
    """

    def __init__(self, files: Container[FileKey]) -> None:
        self._files = files
        self._known: dict[tuple[FileKey, str], FileKey | None] = {}

    def find(self, file: FileKey, module: str) -> FileKey | None:
        """The file a module name means in `file`, or None when it is not one of ours.

        Args:
            file: where the name is written.
            module: as written, with relative dots or ``./``.
        """
        here = (file[0], dirname(file[1]))
        script = file[1].endswith((*_SCRIPTS, ".vue", ".svelte"))
        ident = (here, f"{script}:{module}")
        if ident not in self._known:
            candidates = _script(here[1], module) if script else _python(here[1], module)
            keys = ((file[0], path) for path in candidates)
            self._known[ident] = next((key for key in keys if key in self._files), None)
        return self._known[ident]


def _ancestors(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = dirname(folder)
    yield ""


def _python(folder: str, module: str) -> Iterator[str]:
    bare = module.lstrip(".")
    dots = len(module) - len(bare)
    path = bare.replace(".", "/")
    if dots:
        base = folder
        for _ in range(dots - 1):
            base = dirname(base)
        yield from _python_file(base, path)
        return
    for base in _ancestors(folder):
        for sub in _SUBFOLDERS[:2]:
            yield from _python_file(join(base, sub) if sub else base, path)


def _python_file(base: str, path: str) -> Iterator[str]:
    full = join(base, path) if path else base
    if path:
        yield f"{full}.py"
    yield join(full, "__init__.py")


def _script(folder: str, module: str) -> Iterator[str]:
    if module.startswith("."):
        yield from _script_file(normpath(join(folder, module)))
    elif module.startswith(("@/", "~/")):
        for base in _ancestors(folder):
            for sub in _SUBFOLDERS:
                yield from _script_file(normpath(join(base, sub, module[2:])))


def _script_file(path: str) -> Iterator[str]:
    yield path
    stem = path.rsplit(".", 1)[0] if path.endswith((".js", ".mjs", ".cjs", ".jsx")) else path
    for suffix in _SCRIPTS:
        yield path + suffix
        if stem != path:
            yield stem + suffix
    for suffix in _SCRIPTS:
        yield join(path, "index" + suffix)
