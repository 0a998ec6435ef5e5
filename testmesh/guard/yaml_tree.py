"""Parser events become a node tree, one event at a time, so that limits stop the parser and not the machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from testmesh.guard.yaml_nodes import Entry, ListNode, MapNode, Node, Scalar, ScalarNode, Source
from testmesh.guard.yaml_scalars import OutOfRange, core_value, tagged_value
from testmesh.kernel.diagnostics import Diagnostic

if TYPE_CHECKING:
    from testmesh.guard.yaml import YamlLimits

_INDENT = re.compile(r" *\t")


class YamlProblem(Exception):
    """Reading stops here.

    Args:
        finding: why.
    """

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(finding.message)
        self.finding = finding


class TreeBuilder:
    """Builds the documents of one text.

    Args:
        source: the text.
        limits: what it may contain.
    """

    def __init__(self, source: Source, limits: YamlLimits) -> None:
        self.source = source
        self.limits = limits
        self.findings: list[Diagnostic] = []
        self.multiline: list[tuple[int, int]] = []
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0
        self._aliases = 0
        self._pull, self._broken = _events(source.text)

    def documents(self) -> Iterator[Node]:
        """The roots, in order.

        Raises:
            YamlProblem: the text breaks a limit or is no YAML.
        """
        count = 0
        try:
            while type(event := self._pull()).__name__ != "StreamEndEvent":
                if type(event).__name__ != "DocumentStartEvent":
                    continue
                count += 1
                if count > self.limits.documents:
                    raise self._stop(self._index(event), "yaml/documents", self._too_many_documents())
                if not self.limits.shared_anchors:
                    self._anchors.clear()
                yield self._node(self._pull(), 1)
        except self._broken as problem:
            raise YamlProblem(_syntax(problem, self.source)) from None

    def _too_many_documents(self) -> str:
        allowed = self.limits.documents
        return "a second document begins here; only one is read" if allowed == 1 else (f"more than {allowed} documents")

    def _node(self, event: Any, depth: int) -> Node:
        name = type(event).__name__
        if name == "AliasEvent":
            return self._alias(event)
        self._nodes += 1
        if self._nodes > self.limits.nodes:
            raise self._too_many(event)
        anchor: str | None = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        if name == "ScalarEvent":
            node: Node = self._scalar(event)
        else:
            if depth > self.limits.depth:
                message = f"nested deeper than {self.limits.depth} levels"
                raise self._stop(self._index(event), "yaml/too-deep", message)
            self._tag(event, ("map", "seq"))
            node = self._list(event, depth) if name == "SequenceStartEvent" else self._map(event, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _too_many(self, event: Any) -> YamlProblem:
        message = f"more than {self.limits.nodes:,} nodes, aliases counted as what they stand for"
        return self._stop(self._index(event), "yaml/too-many-nodes", message)

    def _alias(self, event: Any) -> Node:
        self._aliases += 1
        if self._aliases > self.limits.aliases:
            message = f"more than {self.limits.aliases} aliases"
            raise self._stop(self._index(event), "yaml/too-many-aliases", message)
        name: str = event.anchor
        if name not in self._anchors:
            raise self._stop(self._index(event), "yaml/unknown-anchor", f"no anchor '&{name}' before this alias")
        node = self._anchors[name]
        if node is None:
            raise self._stop(self._index(event), "yaml/recursive-alias", f"'*{name}' stands inside '&{name}'")
        self._nodes += node.size
        if self._nodes > self.limits.nodes:
            raise self._too_many(event)
        return node

    def _scalar(self, event: Any) -> ScalarNode:
        begin, finish = event.start_mark, event.end_mark
        start, end = begin.index, finish.index
        style: str = event.style or ""
        text: str = event.value
        if begin.line != finish.line:
            self.multiline.append((start, end))
        try:
            if event.tag == "!":
                value: Scalar = text
            elif event.tag is not None:
                self._tag(event, ("str", "int", "float", "bool", "null"))
                value = tagged_value(event.tag, text)
            else:
                value = core_value(text) if event.implicit[0] and not style else text
        except OutOfRange as problem:
            raise self._stop(start, "yaml/number", str(problem)) from None
        return ScalarNode(value, text, style, (start, end), self.source)

    def _tag(self, event: Any, known: tuple[str, ...]) -> None:
        tag = event.tag
        if tag is None or tag == "!" or self.limits.tags:
            return
        if tag.removeprefix("tag:yaml.org,2002:") not in known or not tag.startswith("tag:yaml.org,2002:"):
            raise self._stop(self._index(event), "yaml/tag", f"the tag '{tag}' is not accepted")

    def _list(self, event: Any, depth: int) -> ListNode:
        start = self._index(event)
        node = ListNode((start, start), self.source)
        while True:
            found = self._pull()
            if type(found).__name__ == "SequenceEndEvent":
                node.span = (start, found.end_mark.index)
                return node
            item = self._node(found, depth + 1)
            node.items.append(item)
            node.size += item.size

    def _map(self, event: Any, depth: int) -> MapNode:
        start = self._index(event)
        node = MapNode((start, start), self.source)
        merges: list[tuple[ScalarNode, Node]] = []
        while True:
            found = self._pull()
            if type(found).__name__ == "MappingEndEvent":
                node.span = (start, found.end_mark.index)
                break
            key = self._node(found, depth + 1)
            value = self._node(self._pull(), depth + 1)
            node.size += key.size + value.size
            self._entry(node, merges, key, value)
        for key, value in merges:
            self._merge(node, key, value)
        return node

    def _entry(self, node: MapNode, merges: list[tuple[ScalarNode, Node]], key: Node, value: Node) -> None:
        if not isinstance(key, ScalarNode):
            self._find(key.span[0], "yaml/key", f"a key must be a scalar, not {key.described}")
            return
        if key.text == "<<" and not key.style:
            merges.append((key, value))
            return
        first = node.entries.get(key.text)
        if first is None:
            node.entries[key.text] = Entry(key, value)
            return
        line, column = first.key.at
        message = f"duplicate key '{key.text}'; the first is at line {line}, column {column}"
        self._find(key.span[0], "yaml/duplicate-key", message, length=len(key.text))

    def _merge(self, node: MapNode, key: ScalarNode, value: Node) -> None:
        if not self.limits.merge_keys:
            self._find(key.span[0], "yaml/merge-key", "merge keys ('<<') are not accepted", length=2)
            return
        for source in value.items if isinstance(value, ListNode) else [value]:
            if not isinstance(source, MapNode):
                self._find(key.span[0], "yaml/merge-key", f"'<<' needs a mapping, not {source.described}")
                return
            self._nodes += source.size
            if self._nodes > self.limits.nodes:
                raise self._stop(key.span[0], "yaml/too-many-nodes", f"more than {self.limits.nodes:,} nodes")
            for name, entry in source.entries.items():
                node.entries.setdefault(name, entry)
            node.size += source.size

    def _index(self, event: Any) -> int:
        return int(event.start_mark.index)

    def _find(self, index: int, rule: str, message: str, *, length: int = 1) -> None:
        line, column = self.source.position(index)
        self.findings.append(Diagnostic(self.source.file, line, column, rule, message, length=length))

    def _stop(self, index: int, rule: str, message: str) -> YamlProblem:
        line, column = self.source.position(index)
        return YamlProblem(Diagnostic(self.source.file, line, column, rule, message))


def _events(text: str) -> tuple[Callable[[], Any], type[Exception]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader(text).get_event, yaml.YAMLError


def _syntax(problem: Any, source: Source) -> Diagnostic:
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    if "quoted scalar" in str(getattr(problem, "context", "")) and "end of" in str(getattr(problem, "problem", "")):
        mark = problem.context_mark  # what was never closed, not the end of the file
    if mark is None:
        return _unreadable(problem, source)
    index = min(mark.index, len(source.text))
    line, column = source.position(index)
    start = source.starts[line - 1]
    indent = _INDENT.match(source.text, start)
    if indent is not None:
        return Diagnostic(
            source.file, line, indent.end() - start, "yaml/tab", "indentation uses a tab", hint="use spaces"
        )
    parts = [getattr(problem, "context", None), getattr(problem, "problem", None)]
    message = ": ".join(part for part in parts if part) or "this is not YAML"
    if "maximum nesting depth" in message:
        return Diagnostic(source.file, line, column, "yaml/too-deep", "nested too deep for any YAML parser")
    return Diagnostic(source.file, line, column, "yaml/syntax", message)


def _unreadable(problem: Any, source: Source) -> Diagnostic:
    """A character that YAML does not allow; the C parser counts bytes, the Python one characters."""
    index = next((at for at, character in enumerate(source.text) if not _printable(character)), 0)
    line, column = source.position(index)
    shown = f"U+{ord(source.text[index]):04X}" if source.text else "this"
    message = f"the character {shown} is not allowed in YAML"
    return Diagnostic(source.file, line, column, "yaml/character", message)


def _printable(character: str) -> bool:
    code = ord(character)
    if code < 0x20:
        return character in "\t\n\r"
    return not (0x7F <= code < 0xA0 and code != 0x85) and not 0xD800 <= code < 0xE000 and code not in (0xFFFE, 0xFFFF)
