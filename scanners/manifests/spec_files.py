"""Descriptions in several files: operations and channels with the payloads that other files describe."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import asyncapi, deploy, openapi
from scanners.idioms.json_schema import Document
from scanners.idioms.spec_files import Whole, outside
from testmesh.guard.yaml import MapNode, plain

_SUFFIXES = (".yaml", ".yml", ".json")
_NAMED = re.compile(r"(^|/)[^/]*(openapi|swagger|asyncapi|api|spec)[^/]*(/[^/]*)?\.(ya?ml|json)$", re.IGNORECASE)
_NOT = re.compile(r"(package(-lock)?|tsconfig[^/]*|composer|angular|nest-cli)\.json$|(^|/)\.")
_MOST_MEMBERS = 3_000


class SpecFiles:
    """API and event descriptions whose references lead to other files."""

    name: str = "spec_files"
    version: int = 1

    def members(self, paths: Sequence[str]) -> Sequence[str]:
        """Files that may be descriptions by their name or folder, and those beside and below them.

        Args:
            paths: of the repository.
        """
        listed = [p for p in paths if p.endswith(_SUFFIXES) and not _NOT.search(p)]
        folders = {posixpath.dirname(p) for p in listed if _NAMED.search(p)}
        folders |= {posixpath.dirname(f) for f in folders if "/" in f}
        return [p for p in listed if _under(posixpath.dirname(p), folders)][:_MOST_MEMBERS]

    def replaces(self, path: str) -> bool:
        """A deployment file beside a description says what it says itself.

        Args:
            path: of a member.
        """
        return False

    def facts(self, sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
        """Operations and channels of descriptions in several files.

        Args:
            sources: the members.
        """
        for _, source in sorted(sources.items()):
            head = source.data[:4096]
            read = asyncapi.channels if asyncapi.HEAD.search(head) else None
            read = openapi.operations if openapi.HEAD.search(head) else read
            root = (
                next(iter(deploy.documents(source)[0]), None) if read is not None and b"$ref" in source.data else None
            )
            if read is None or not isinstance(root, MapNode) or not any(outside(plain(root))):
                continue
            whole = Whole(source.path, sources).read(root)
            for reference in sorted(set(whole.missing))[:20]:
                message = f"$ref '{reference[:200]}' leads to no file of the repository"
                yield openapi.problem(source, 1, ("spec/missing-ref", message))
            yield from read(source, root, Document(whole.root))


def _under(folder: str, folders: set[str]) -> bool:
    while folder and folder not in folders:
        folder = posixpath.dirname(folder)
    return folder in folders


BUNDLE = SpecFiles()
