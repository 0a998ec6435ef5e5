"""YAML from strangers: bounded before it is built, typed by the 1.2 core schema, every node with its place."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from testmesh.guard import yaml_nodes
from testmesh.guard.limits import MIB, utf8
from testmesh.guard.yaml_nodes import Entry, ListNode, MapNode, Node, ScalarNode, Source, plain
from testmesh.guard.yaml_tree import TreeBuilder, YamlProblem
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import DiagnosticsError

__all__ = [
    "FLOW",
    "FOREIGN",
    "Entry",
    "ListNode",
    "MapNode",
    "Node",
    "Parsed",
    "ScalarNode",
    "YamlLimits",
    "parse",
    "parse_all",
    "plain",
    "read",
]

_TAB_INDENT = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """What one YAML text may contain.

    Args:
        size: bytes.
        depth: nested collections.
        nodes: scalars and collections, aliases counted as what they stand for.
        aliases: uses of ``*name``.
        merge_keys: whether ``<<`` merges; otherwise it is a finding.
        tags: whether unknown tags (``!Ref``) are ignored; otherwise a finding.
        tab_indent: whether lines may be indented with tabs where YAML itself allows it.
        documents: how many ``---`` documents.
        mapping: whether the root must be a mapping.
        shared_anchors: whether an anchor is known in later documents too.
    """

    size: int = MIB
    depth: int = 40
    nodes: int = 50_000
    aliases: int = 50
    merge_keys: bool = False
    tags: bool = False
    tab_indent: bool = False
    documents: int = 1
    mapping: bool = True
    shared_anchors: bool = False


FLOW = YamlLimits()
FOREIGN = YamlLimits(
    size=8 * MIB,
    depth=100,
    nodes=500_000,
    aliases=2_000,
    merge_keys=True,
    tags=True,
    tab_indent=True,
    documents=200,
    mapping=False,
)


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A text's documents and what is wrong with it.

    Args:
        roots: one per document; empty when the text could not be read.
        findings: in file order; duplicates are reported here and the later entry is kept out of the tree.
    """

    roots: tuple[Node, ...]
    findings: tuple[Diagnostic, ...]


def read(text: str | bytes, file: str, limits: YamlLimits = FLOW) -> Parsed:
    """Everything that could be read, with all findings; for checkers that report them together.

    Args:
        text: the file's content.
        file: as the user would type it.
        limits: FLOW for our own files, FOREIGN for files of scanned repositories.
    """
    try:
        source = Source(utf8(text, file=file, limit=limits.size), file)
    except DiagnosticsError as problem:
        return Parsed((), problem.diagnostics)
    if "\x85" in source.text:
        line, column = source.position(source.text.index("\x85"))
        message = "the character U+0085 would be read as a line break; write it as an escape"
        return Parsed((), (Diagnostic(file, line, column, "yaml/character", message),))
    builder = TreeBuilder(source, limits)
    try:
        roots = tuple(builder.documents())
    except YamlProblem as problem:
        return Parsed((), tuple([*builder.findings, problem.finding]))
    findings = [*builder.findings, *_roots(roots, source, limits)]
    if not limits.tab_indent and "\t" in source.text:
        findings += _tabs(source, builder.multiline)
    findings.sort(key=lambda finding: (finding.line, finding.column))
    return Parsed(roots, tuple(findings))


def parse_all(text: str | bytes, file: str, limits: YamlLimits = FOREIGN) -> tuple[Node, ...]:
    """The documents of a text; see :func:`read`.

    Args:
        text: the file's content.
        file: as the user would type it.
        limits: see :func:`read`.

    Raises:
        DiagnosticsError: anything is wrong.
    """
    parsed = read(text, file, limits)
    if parsed.findings:
        raise DiagnosticsError(parsed.findings)
    return parsed.roots


def parse(text: str | bytes, file: str, limits: YamlLimits = FLOW) -> Node:
    """The one document of a text; an empty text is a null scalar where a mapping is not required.

    Args:
        text: the file's content.
        file: as the user would type it.
        limits: see :func:`read`.

    Raises:
        DiagnosticsError: anything is wrong, or there is more than one document.
    """
    roots = parse_all(text, file, limits)
    if len(roots) > 1:
        line, column = roots[1].at
        raise DiagnosticsError([Diagnostic(file, line, column, "yaml/documents", "only one document is read")])
    return roots[0] if roots else yaml_nodes.empty(Source("", file))


def _roots(roots: tuple[Node, ...], source: Source, limits: YamlLimits) -> Iterator[Diagnostic]:
    if not limits.mapping:
        return
    if not roots:
        yield Diagnostic(source.file, 1, 1, "yaml/root", "the file is empty; a mapping is expected")
        return
    root = roots[0]
    if not isinstance(root, MapNode):
        message = f"a mapping is expected here, not {root.described}"
        yield Diagnostic(source.file, *root.at, "yaml/root", message)


def _tabs(source: Source, multiline: list[tuple[int, int]]) -> Iterator[Diagnostic]:
    for match in _TAB_INDENT.finditer(source.text):
        at = match.start() + match.group().index("\t")
        before = bisect_left(multiline, (at, 0)) - 1
        if before >= 0 and at < multiline[before][1]:
            continue
        line, column = source.position(at)
        yield Diagnostic(source.file, line, column, "yaml/tab", "indentation uses a tab", hint="use spaces")
