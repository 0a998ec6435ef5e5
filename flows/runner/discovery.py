"""Which files a path means: a file is taken as it is, a folder is searched for YAML that looks like a flow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from testmesh.kernel.errors import UserError

_SUFFIXES = (".yaml", ".yml")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "target", "dist", "build"})
_FLOW = re.compile(rb"^\s*[\"']?flow[\"']?\s*:", re.MULTILINE)
_BARE = re.compile(rb"^steps\s*:", re.MULTILINE)
_NAMED = re.compile(rb"^name\s*:", re.MULTILINE)
_ACTION = re.compile(rb"\baction[\"']?\s*:")
MAX_LOOKED_AT = 1 << 20


def discover(paths: Sequence[str], root: Path) -> tuple[str, ...]:
    """The flow files that paths mean, each once, as the user would type them (relative to `root` where possible).

    Args:
        paths: files and folders, relative to `root` or absolute.
        root: of the repository.

    Raises:
        UserError: a path does not exist, or no path holds a flow.
    """
    found: dict[str, None] = {}
    for given in paths:
        path = root / given
        if path.is_dir():
            for file in _flows_in(path):
                found[shown(file, root)] = None
        elif path.exists():
            found[shown(path, root)] = None
        else:
            raise UserError(f"{given}: there is no such file or folder", hint="give flow files or folders of them")
    if not found:
        hint = "a flow is a YAML file with 'flow:' at its top; 'testmesh init' writes a first one"
        raise UserError(f"no flow files in {', '.join(paths) or 'no paths'}", hint=hint)
    return tuple(found)


def shown(file: Path, root: Path) -> str:
    """A file's name in reports: relative to the root when it is below it, with forward slashes.

    Args:
        file: a path.
        root: of the repository.
    """
    absolute, base = os.path.abspath(file), os.path.abspath(root)
    if absolute.startswith(base.rstrip(os.sep) + os.sep):
        return os.path.relpath(absolute, base).replace(os.sep, "/")
    return absolute


def _flows_in(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _SKIPPED)
        for name in sorted(files):
            path = Path(parent, name)
            if name.endswith(_SUFFIXES) and not _leads_out(path, folder) and looks_like_flow(path):
                yield path


def _leads_out(path: Path, folder: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def looks_like_flow(path: Path) -> bool:
    """Whether a YAML file is most likely a flow; a broken flow still looks like one.

    Args:
        path: the file.
    """
    try:
        with path.open("rb") as file:
            return text_looks_like_flow(file.read(MAX_LOOKED_AT))
    except OSError:
        return False


def text_looks_like_flow(data: bytes) -> bool:
    """Whether YAML is most likely a flow.

    Args:
        data: the beginning of the file.
    """
    if not _ACTION.search(data):
        return False
    return bool(_FLOW.search(data) or (_BARE.search(data) and _NAMED.search(data)))
