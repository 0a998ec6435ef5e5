"""Docker Compose: services with their build folders, images, names, ports, variables and start order."""

from __future__ import annotations

from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import compose, deploy


class Compose:
    """Compose files."""

    name: str = "compose"
    version: int = 2

    def matches(self, path: str) -> bool:
        """Whether a path may be a compose file.

        Args:
            path: relative to the repository.
        """
        return compose.is_compose(path)

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Services, variables, start order, gateway rules in labels.

        Args:
            source: the file.
        """
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots:
            found = compose.entries(source, root)
            for entry in found:
                yield from compose.facts(entry)
            yield from compose.routes(found)


MANIFEST = Compose()
