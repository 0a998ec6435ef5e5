"""Facts written by hand for the linking tests: a builder per file that reads like the file it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graph.linking.link import RepositoryFacts, link
from graph.schema import Edge, GraphData
from graph.values import Fact, Location

COMMIT = "a" * 40


@dataclass
class FileFacts:
    """Collects facts of one file; `say` returns the builder so that calls chain."""

    path: str
    facts: list[Fact] = field(default_factory=list)

    def say(self, kind: str, line: int = 1, /, **fields: Any) -> FileFacts:
        self.facts.append(Fact(kind, fields, Location(self.path, line)))
        return self

    def function(self, name: str, *params: str, line: int = 1) -> FileFacts:
        return self.say("symbol", line, name=name, sort="function", params=params, digest=name)

    def cls(self, name: str, *bases: str, line: int = 1) -> FileFacts:
        return self.say("symbol", line, name=name, sort="class", bases=bases, digest=name)

    def imports(self, local: str, module: str, name: str = "") -> FileFacts:
        return self.say("import", local=local, module=module, name=name)

    def bind(self, target: str, value: Any, scope: str = "") -> FileFacts:
        return self.say("binding", target=target, value=value, scope=scope)


def linked(*files: FileFacts, repository: str = "shop") -> GraphData:
    """The graph of some files of one repository."""
    facts = tuple(fact for file in files for fact in file.facts)
    return link([RepositoryFacts(repository, COMMIT, facts)], "w")


def rows(data: GraphData, kind: str) -> set[tuple[str, str]]:
    """(source label, target label) of every edge of a kind."""
    return {(data.nodes[e.source].label, data.nodes[e.target].label) for e in data.edges.values() if e.kind == kind}


def edge(data: GraphData, kind: str, source: str, target: str) -> Edge:
    """The one edge of a kind between two labels."""
    found = [
        e
        for e in data.edges.values()
        if e.kind == kind and data.nodes[e.source].label == source and data.nodes[e.target].label == target
    ]
    assert len(found) == 1, f"{kind} {source} -> {target}: {sorted(rows(data, kind))}"
    return found[0]


def labels(data: GraphData, kind: str) -> set[str]:
    """Labels of every node of a kind."""
    return {n.label for n in data.nodes.values() if n.kind == kind}
