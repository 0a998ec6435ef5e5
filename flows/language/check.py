"""Text to a checked flow: everything that can be decided without the network, all findings together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from flows.language.catalogue import Catalogue
from flows.language.children import Check, Trail, check_children
from flows.language.declarations import DeclarationReader
from flows.language.files import DiskFiles, Files, GivenFiles
from flows.language.findings import Findings, position
from flows.language.flowfile import FlowReader
from flows.language.spec import Flow
from testmesh.guard.yaml import read
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode
from testmesh.kernel.diagnostics import Diagnostic

__all__ = ["CheckedFlow", "DeclarationReader", "DiskFiles", "Files", "GivenFiles", "load_flow", "position"]


@dataclass(frozen=True, slots=True, eq=False)
class CheckedFlow:
    """What became of a flow file.

    Args:
        flow: None when there is an error among the findings.
        findings: in file order.
        text: the file's text, for excerpts; empty when it is not UTF-8.
    """

    flow: Flow | None
    findings: tuple[Diagnostic, ...]
    text: str = ""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that prevent a run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def load_flow(
    text: str | bytes,
    file: str,
    catalogue: Catalogue,
    files: Files | None = None,
    given: frozenset[str] = frozenset(),
) -> CheckedFlow:
    """Checks a flow file.

    Args:
        text: the file's content.
        file: as the user would type it.
        catalogue: known actions.
        files: where files that it names are read; None = it may name none.
        given: names of variables that come from outside (``--var``, the named environment, `run_flow` input).
    """
    name = file.rpartition("/")[2]
    return _load(text, _Asked(file, catalogue, files or GivenFiles(), given, Trail(name, 0, {name})))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    file: str
    catalogue: Catalogue
    files: Files
    given: frozenset[str]
    trail: Trail


def _load(text: str | bytes, asked: _Asked) -> CheckedFlow:
    parsed = read(text, asked.file)
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    findings = Findings(asked.file)
    findings.found.extend(hinted(finding, shown) for finding in parsed.findings)
    flow = None
    root = parsed.roots[0] if parsed.roots else None
    if isinstance(root, MapNode):
        reader = FlowReader(findings, asked.catalogue, asked.files, hyphenated(root))
        flow = reader.read(root, asked.given)
        lent = check_children(reader.read_steps, asked.files, findings, asked.trail, _child(asked.catalogue))
        flow = replace(flow, lent=lent) if flow is not None and lent else flow
        # The way back to each node leads in a circle; without it a flow that is let go is gone at once.
        reader.reader.places.clear()
    found = tuple(sorted(findings.found, key=lambda finding: (finding.line, finding.column)))
    return CheckedFlow(None if findings.failed else flow, found, shown)


_ASSERTION = re.compile(
    r"^\s*(?:- |(?:assert|assert_any|assert_none|until|when|match)\s*:|.*\bassert(?:_any|_none)?\s*:)"
)
_COMPARES = re.compile(r"==|!=|<=|>=|\bmatches|\bcontains\b|\bexists\b|\$\{|\{\{")


def hinted(finding: Diagnostic, text: str) -> Diagnostic:
    """YAML's own complaint, with what to do about it where an expression is what YAML stumbled over.

    Args:
        finding: of the YAML reader.
        text: of the file.
    """
    if finding.rule != "yaml/syntax" or finding.hint:
        return finding
    lines = text.split("\n")[max(0, finding.line - 2) : finding.line]
    if any(_ASSERTION.match(line) and _COMPARES.search(line) for line in lines):
        return replace(finding, hint="quote the whole expression: '...'")
    return finding


def _child(catalogue: Catalogue) -> Check:
    def check(text: bytes, file: str, files: Files, given: frozenset[str], trail: Trail) -> CheckedFlow:
        return _load(text, _Asked(file, catalogue, files, given, trail))

    return check


def hyphenated(node: Node) -> frozenset[str]:
    """Every id and output name in a file that contains a hyphen, which expressions then read as one name.

    Args:
        node: the root.
    """
    found: set[str] = set()
    waiting: list[Node] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ListNode):
            waiting += current.items
        elif isinstance(current, MapNode):
            name = current.get("id")
            if isinstance(name, ScalarNode) and "-" in name.text:
                found.add(name.text)
            outputs = current.get("output")
            if isinstance(outputs, MapNode):
                found.update(key for key in outputs.entries if "-" in key)
            waiting += [entry.value for entry in current.entries.values() if not isinstance(entry.value, ScalarNode)]
    return frozenset(found)
