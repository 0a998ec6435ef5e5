"""Flows that a flow runs are checked with it, so that a mistake in them is known before the first request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flows.language.config import fields_of
from flows.language.files import Files, FilesBeside
from flows.language.findings import Findings
from flows.language.spec import Step
from flows.language.steps import Read
from testmesh.guard.yaml_nodes import MapNode, ScalarNode
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError

MAX_DEPTH = 10


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """The flows that led to a flow.

    Args:
        file: the flow, relative to the first one's folder.
        depth: how many flows led to it.
        seen: files already checked; each is checked once, however many flows run it.
    """

    file: str
    depth: int
    seen: set[str]

    def to(self, name: str) -> Trail:
        """The trail of a flow that this one names.

        Args:
            name: relative to this one.
        """
        from posixpath import dirname, join, normpath

        return Trail(normpath(join(dirname(self.file), name)), self.depth + 1, self.seen)


Check = Callable[[bytes, str, Files, frozenset[str], Trail], tuple[Diagnostic, ...]]


def check_children(read: Mapping[Step, Read], files: Files, findings: Findings, trail: Trail, check: Check) -> None:
    """Reports each named flow that has errors, at its name.

    Args:
        read: the steps of the naming flow.
        files: beside the naming flow.
        findings: of the naming flow.
        trail: the flows that led here.
        check: errors of a text.
    """
    for node, given in _named(read):
        name = node.text
        child = trail.to(name)
        if child.file in trail.seen or child.depth > MAX_DEPTH:
            continue
        trail.seen.add(child.file)
        try:
            content = files.read(name)
        except UserError:
            continue
        errors = check(content, name, FilesBeside(files, name), given, child)
        if errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            message = f"{name} has an error at line {first.line}, column {first.column}: {first.message}{more}"
            findings.node("flow/bad-file", node, message)


def _named(read: Mapping[Step, Read]) -> Iterator[tuple[ScalarNode, frozenset[str]]]:
    for found in read.values():
        for key, field in fields_of(found.spec.config).items():
            node = found.settings.nodes.get(key)
            if field.option.flow and isinstance(node, ScalarNode) and "${" not in node.text and "{{" not in node.text:
                given = found.settings.nodes.get("input")
                yield node, frozenset(given.entries) if isinstance(given, MapNode) else frozenset()
