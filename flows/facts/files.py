"""Flow files as something a scan reads, handed to it by whoever composes both."""

from __future__ import annotations

from collections.abc import Iterable

from graph.facts import SourceFile
from graph.values import Fact

VERSION = 3


class FlowFiles:
    """Every YAML file that holds a flow; a broken one becomes a problem and the others still count."""

    name = "flows"
    version = VERSION

    def matches(self, path: str) -> bool:
        """Whether a path may be a flow.

        Args:
            path: repository-relative.
        """
        return path.endswith((".yaml", ".yml")) and not path.startswith(".")

    def facts(self, source: SourceFile) -> Iterable[Fact]:
        """What a flow exercises and checks; nothing for other YAML.

        Args:
            source: the file.
        """
        from flows.runner.discovery import text_looks_like_flow

        if not text_looks_like_flow(source.data):
            return []
        from flows.actions import catalogue
        from flows.facts import flow_facts

        return flow_facts(source.data, source.path, catalogue())


FLOWS = FlowFiles()
