"""Which file a start command runs, so that services sharing one folder own only the code they start."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from graph.linking.corpus import FileKey

_APPLICATION = re.compile(r"^([A-Za-z_][\w.]*):[A-Za-z_][\w.]*(\(\))?$")
_DOTTED = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
_SCRIPT = re.compile(r"^[\w./@-]+\.(py|js|mjs|cjs|ts)$")
_BUILT = re.compile(r"(^|/)(dist|build|out|lib)/")
_PACKAGE_SCRIPT = re.compile(r"\b(?:npm|yarn|pnpm)\s+(?:run\s+)?([\w:-]+)")
_SPLIT = re.compile(r"&&|\|\||;|\n")


def entry_file(command: str, root: str, repository: str, files: Container[FileKey]) -> FileKey | None:
    """The first file of ours a command starts, or None when it starts none we can name.

    Args:
        command: as in a deployment file or Dockerfile.
        root: folder the service is built from.
        repository: its repository.
        files: files with facts.
    """
    found: FileKey | None = None
    for part in _SPLIT.split(command):
        for path in _candidates(part.split()):
            for base in (root, f"{root}/src" if root else "src"):
                key = (repository, f"{base}/{path}" if base else path)
                if key in files:
                    found = key
                    break
    return found


def expanded(command: str, scripts: Mapping[str, str]) -> str:
    """A command with package scripts (``npm run x``, ``npm start``, ``yarn x``) in place of their names.

    Args:
        command: as in a deployment file.
        scripts: of the package manifest, by name.
    """
    for _ in range(3):
        changed = _PACKAGE_SCRIPT.sub(lambda m: scripts.get(m.group(1), m.group(0)), command)
        if changed == command:
            break
        command = changed
    return command


def _candidates(words: list[str]) -> Iterator[str]:
    """Paths a simple command may start; the last one that exists counts (``prestart.py && uvicorn app:main``)."""
    for number, word in enumerate(words):
        word = word.strip("\"'[],")
        before = words[number - 1].strip("\"'[],") if number else ""
        application = _APPLICATION.match(word)
        if application:
            yield from _module(application.group(1))
        elif before in ("-m", "-A", "--app", "-a") and _DOTTED.match(word):
            yield from _module(word)
        elif _SCRIPT.match(word):
            path = word.removeprefix("./").lstrip("/")
            for shorter in dict.fromkeys((path, path.removeprefix("app/"), _BUILT.sub(r"\1src/", path))):
                yield shorter
                yield re.sub(r"\.(js|mjs|cjs)$", ".ts", shorter)


def _module(dotted: str) -> Iterator[str]:
    path = dotted.replace(".", "/")
    yield from (f"{path}/__main__.py", f"{path}.py", f"{path}/__init__.py")
    if "." in dotted:
        parent = path.rpartition("/")[0]
        yield f"{parent}.py"
