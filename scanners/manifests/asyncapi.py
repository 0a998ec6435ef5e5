"""AsyncAPI descriptions: channels an application publishes and subscribes to, with their payloads."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.asyncapi import HEAD, channels
from scanners.idioms.json_schema import Document


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
        return deploy.may_describe(path)

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Channels.

        Args:
            source: the file.
        """
        found, problems = deploy.described(source, HEAD)
        yield from problems
        if found is not None:
            yield from channels(source, found.root, Document(found.data))


MANIFEST = AsyncApi()
