"""Configuration files that are keys with values: `a.b=c` lines and nested YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import deploy
from testmesh.guard.yaml import ListNode, MapNode, Node, ScalarNode

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.\[\]-]*)\s*[=:]\s*(.*?)\s*$")
_MOST = 5000


def facts(source: SourceFile) -> Iterator[Fact]:
    """Variables of a file of lines.

    Args:
        source: the file.
    """
    for number, line in enumerate(source.data.decode("utf-8", "replace").splitlines(), 1):
        match = _LINE.match(line)
        if match is not None:
            fields = {"service": "", "key": match[1], "value": deploy.substituted(match[2].strip("\"'"))}
            yield Fact("env_value", fields, Location(source.path, number))


def of_yaml(source: SourceFile) -> Iterator[Fact]:
    """Variables of a YAML file, keys joined by dots.

    Args:
        source: the file.
    """
    for root in deploy.documents(source)[0]:
        for key, node in flattened(root):
            fields = {"service": "", "key": key, "value": deploy.substituted(node.text)}
            yield Fact("env_value", fields, deploy.at(source, node))


def flattened(root: Node) -> Iterator[tuple[str, ScalarNode]]:
    """Scalars of a document by their dotted keys, a few thousand at most.

    Args:
        root: the document.
    """
    todo: list[tuple[str, Node]] = [("", root)]
    given = 0
    while todo and given < _MOST:
        prefix, node = todo.pop()
        if isinstance(node, ScalarNode):
            given += 1
            if prefix and node.value is not None:
                yield prefix, node
        elif isinstance(node, ListNode):
            todo += [(f"{prefix}[{n}]", item) for n, item in reversed(list(enumerate(node.items)))]
        elif isinstance(node, MapNode):
            listed = [(f"{prefix}.{k}" if prefix else k, e.value) for k, e in node.entries.items()]
            todo += reversed(listed)
