"""AsyncAPI descriptions: channels an application publishes and subscribes to, with their payloads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.asyncapi import HEAD, channels
from scanners.idioms.json_schema import Document
from testmesh.guard.yaml import MapNode, plain


class AsyncApi:
    """AsyncAPI 2 and 3 documents."""

    name: str = "asyncapi"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be an event description.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml", ".json")) and not path.endswith(("package.json", "package-lock.json"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Channels.

        Args:
            source: the file.
        """
        if not HEAD.search(source.data[:4096]):
            return
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots[:1]:
            data = plain(root)
            if isinstance(root, MapNode) and isinstance(data, Mapping):
                yield from channels(source, root, Document(data))


MANIFEST = AsyncApi()
