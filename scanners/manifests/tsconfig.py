"""TypeScript configuration: which folders the names of its path aliases stand for."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)(tsconfig[\w.-]*|jsconfig)\.json$")
_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])')


class TsConfig:
    """tsconfig.json and jsconfig.json."""

    name: str = "tsconfig"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a TypeScript configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Aliases, as ``scripts`` of a ``root`` fact.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace").lstrip("\ufeff")
        try:
            data = json.loads(_LAST_COMMA.sub(_kept, _COMMENT.sub(_kept, text)))
        except (ValueError, RecursionError) as error:
            fields = {"rule": "manifest/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
            yield Fact("problem", fields, Location(source.path, getattr(error, "lineno", 1)))
            return
        options = data.get("compilerOptions") if isinstance(data, dict) else None
        paths = options.get("paths") if isinstance(options, dict) else None
        base = options.get("baseUrl") if isinstance(options, dict) else None
        listed = tuple(_aliases(paths)) if isinstance(paths, dict) else ()
        listed = listed or (("*=*",) if isinstance(base, str) else ())
        if listed:
            folder = posixpath.dirname(source.path)
            root = posixpath.normpath(posixpath.join(folder, base)) if isinstance(base, str) else folder
            said = {"root": "" if root == "." else root, "sort": "tsconfig", "name": "", "scripts": listed}
            line = text.count("\n", 0, max(text.find('"paths"'), 0)) + 1
            yield Fact("root", said, Location(source.path, line))


def _kept(match: re.Match[str]) -> str:
    """Strings stay; comments and trailing commas go, line breaks within them stay."""
    text = match.group()
    return text if text.startswith('"') else "\n" * text.count("\n")


def _aliases(paths: dict[object, object]) -> Iterator[str]:
    for pattern, targets in paths.items():
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, str) and "=" not in str(pattern):
                yield f"{pattern}={target}"


MANIFEST = TsConfig()
