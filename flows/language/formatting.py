"""One layout for flow files: comments and blank lines stay, and nothing is written that means something else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flows.language.layout import Trivia, block_scalar, comments, continued, skipped, trailing
from flows.language.steps import STEP_KEYS
from flows.language.writing import plain_is_safe, quoted
from testmesh.guard.yaml import read
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode
from testmesh.kernel.errors import DiagnosticsError, UserError

ORDER = (
    *("id", "name", "description", "tags", "disabled", "when", "action", "config"),
    *("until", "interval", "wait", "hold", "timeout", "retry"),
    *("output", "assert", "assert_any", "assert_none", "optional", "on_error", "error_steps"),
)
_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*[ \t]*")
_ALIAS = re.compile(r"\*[^\s,\[\]{}]+")
_SPECIAL = re.compile(r"(?:^|[\s\[{,])[*&!][^\s=&]|#")
_MARKER = re.compile(r"---(?=\s|\Z)")
_NESTED = {"parallel": ("branches", "steps"), "for_each": ("steps",), "condition": ("then", "else")}
_WIDTH = 120


def formatted(text: str, file: str) -> str:
    """The same flow in the one layout.

    Args:
        text: of the file.
        file: shown in errors.

    Raises:
        DiagnosticsError: it is no YAML a flow could be.
        UserError: the layout would not read back as the same flow; the file is better left alone.
    """
    before = _root(text, file)
    found = _Printer(before).document()
    after = _root(found, file)
    if _exact(before) != _exact(after) or _comments(text, before) != _comments(found, after):
        raise UserError(f"{file} is left as it is: its layout cannot be changed without changing what it says",
                        hint="it uses YAML that only a person should rearrange")  # fmt: skip
    return found


def _root(text: str, file: str) -> MapNode:
    parsed = read(text, file)
    if parsed.findings or not parsed.roots or not isinstance(parsed.roots[0], MapNode):
        raise DiagnosticsError(parsed.findings)
    return parsed.roots[0]


def _exact(root: MapNode) -> object:
    """A file's values with their types, so that ``1``, ``1.0`` and ``true`` differ, and with the order of their keys.

    Only the order of a step's own keys says nothing.
    """
    steps = {id(node) for node in _step_maps(root)}

    def exact(node: Node) -> object:
        if isinstance(node, MapNode):
            entries = [(key, exact(entry.value)) for key, entry in node.entries.items()]
            return sorted(entries, key=lambda entry: entry[0]) if id(node) in steps else entries
        if isinstance(node, ListNode):
            return ["list", *(exact(item) for item in node.items)]
        return (type(node.value).__name__, repr(node.value))

    return exact(root)


def _comments(text: str, root: MapNode) -> list[str]:
    """Every comment, in any order: keys may have moved and taken theirs along."""
    return sorted(comments(text, root))


class _Value(NamedTuple):
    """A value as printed.

    Args:
        head: what stands behind the ``:`` or the ``-``.
        lines: below it.
        end: index just after it in the source.
    """

    head: str
    lines: list[str]
    end: int


class _Printer:
    """Prints one file.

    Args:
        root: of the file.
    """

    def __init__(self, root: MapNode) -> None:
        self.root = root
        self.text = root.source.text
        self.steps = {id(node) for node in _step_maps(root)}
        self.spine: list[tuple[int, int]] = []

    def document(self) -> str:
        """All lines."""
        before, position = skipped(self.text, 0)
        lines = self._trivia(before, 0)
        while _MARKER.match(self.text, position):
            lines.append("---")
            before, position = skipped(self.text, position + 3)
            lines += self._trivia(before, 0)
        if self.text[position : position + 1] == "{":
            value = self._flow(self.root, position, 0)
            lines += [value.head, *value.lines]
        else:
            value = self._map(self.root, position, 0)
            lines += value.lines
        rest, end = skipped(self.text, value.end)
        lines += self._trivia(rest, 0)
        lines += [line.rstrip() for line in self.text[end:].splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        return "\n".join(lines) + "\n"

    def _trivia(self, found: Iterable[Trivia], indent: int, column: int = 0) -> list[str]:
        """Comments between two entries; one that is indented deeper stays with what came before it."""
        lines: list[str] = []
        for comment in found:
            at = indent
            if comment.text and comment.column > column:
                fits = [place for place in self.spine if place[0] <= comment.column]
                at = max(fits)[1] if fits else indent
            lines.append(" " * at + comment.text if comment.text else "")
        return lines

    def _column(self, position: int) -> int:
        return position - (self.text.rfind("\n", 0, position) + 1)

    def _map(self, node: MapNode, position: int, indent: int) -> _Value:
        """A block mapping whose first key stands at `position`."""
        column = self._column(position)
        chunks: list[tuple[str, list[str]]] = []
        end = position
        place = (column, indent)
        for number, (key, entry) in enumerate(node.entries.items()):
            before: list[Trivia] = []
            if number:
                before, position = skipped(self.text, end)
            deep = max((at for at, line in enumerate(before, 1) if line.text and line.column > column), default=0)
            if deep:
                chunks[-1][1].extend(self._trivia(before[:deep], indent, column))
            leading = self._trivia(before[deep:], indent, column)
            self.spine = [place]
            start = position + len(self._raw_key(entry.key))
            colon = self.text.index(":", start)
            value = self._value(entry.value, colon + 1, indent, column)
            head = f"{' ' * indent}{self._key(entry.key)}:"
            chunks.append((key, [*leading, f"{head} {value.head}".rstrip(), *value.lines]))
            self.spine.append(place)
            end = value.end
        if id(node) in self.steps:
            chunks.sort(key=lambda chunk: ORDER.index(chunk[0]) if chunk[0] in ORDER else len(ORDER))
        return _Value("", [line for _, lines in chunks for line in lines], end)

    def _raw_key(self, key: ScalarNode) -> str:
        return self.text[key.span[0] : key.span[1]]

    def _key(self, key: ScalarNode) -> str:
        raw = self._raw_key(key)
        return key.text if key.style and plain_is_safe(key.text, key=True) else raw

    def _list(self, node: ListNode, position: int, indent: int) -> _Value:
        """A block sequence whose first dash stands at `position`."""
        column = self._column(position)
        lines: list[str] = []
        end = position
        for number, item in enumerate(node.items):
            before: list[Trivia] = []
            if number:
                before, position = skipped(self.text, end)
            lines += self._trivia(before, indent, column)
            self.spine = [(column, indent)]
            value = self._value(item, position + 1, indent, column, item=True)
            lines += self._item(value, indent)
            self.spine.append((column, indent))
            end = value.end
        return _Value("", lines, end)

    def _item(self, value: _Value, indent: int) -> list[str]:
        pad = " " * indent
        if value.head or not value.lines:
            return [f"{pad}- {value.head}".rstrip(), *value.lines]
        first = next(at for at, line in enumerate(value.lines) if line and not line.lstrip().startswith("#"))
        above = [line[2:] if line else "" for line in value.lines[:first]]
        return [*above, f"{pad}- {value.lines[first].lstrip(' ')}", *value.lines[first + 1 :]]

    def _value(self, node: Node, position: int, indent: int, column: int, *, item: bool = False) -> _Value:
        """What follows a ``:`` or a ``-``."""
        at = position + _spaces(self.text, position)
        properties = ""
        while (found := _PROPERTY.match(self.text, at)) is not None:
            properties += found.group().rstrip() + " "
            at = found.end()
        alias = _ALIAS.match(self.text, at)
        if alias is not None:
            return self._ended(_Value(properties + alias.group(), [], alias.end()))
        if isinstance(node, ScalarNode):
            return self._scalar(node, _Place(at, position, indent, column), properties)
        if self.text[at : at + 1] in ("{", "["):
            value = self._flow(node, at, indent)
            return self._ended(value._replace(head=properties + value.head))
        return self._nested(node, at, indent, properties, item=item)

    def _nested(self, node: MapNode | ListNode, at: int, indent: int, properties: str, *, item: bool) -> _Value:
        comment, at = trailing(self.text, at)
        before, start = skipped(self.text, at)
        inner = indent + 2
        place = (self._column(start), inner)
        self.spine.append(place)
        found = self._map(node, start, inner) if isinstance(node, MapNode) else self._list(node, start, inner)
        above = self._trivia(before, inner, self._column(start))
        head = properties.rstrip()
        if item and comment and not head:
            above, comment = [" " * inner + comment, *above], ""
        head = f"{head}  {comment}".strip() if comment else head
        lines = [*above, *found.lines] if not item or above or head else found.lines
        return _Value(head, lines, found.end)

    def _ended(self, value: _Value) -> _Value:
        comment, end = trailing(self.text, value.end)
        if not comment:
            return value
        if value.lines:
            return _Value(value.head, [*value.lines[:-1], f"{value.lines[-1]}  {comment}"], end)
        return _Value(f"{value.head}  {comment}".strip(), [], end)

    def _scalar(self, node: ScalarNode, place: _Place, properties: str) -> _Value:
        if not node.text and not node.style:
            end = place.at if properties else place.after
            return self._ended(_Value(properties.rstrip(), [], end))
        at = place.at
        if self.text[at : at + 1] in ("\n", "\r", "#", ""):
            _, at = skipped(self.text, at)
            if self.text[place.at : at].strip():
                raise UserError("a comment stands between a key and its value", hint="put it above the key")
        if node.style in ("|", ">"):
            lines, end = block_scalar(self.text, at, node.span[1], place.column, place.indent + 2)
            return _Value(properties + lines[0], lines[1:], end)
        raw = self.text[at : node.span[1]]
        if "\n" in raw:
            lines = continued(raw, place.indent + 2)
            return self._ended(_Value(properties + lines[0], lines[1:], node.span[1]))
        if node.style and not properties:
            raw = node.text if plain_is_safe(node.text) else _same_or_quoted(node.text, raw)
        return self._ended(_Value(properties + raw, [], node.span[1]))

    def _flow(self, node: Node, at: int, indent: int) -> _Value:
        raw = self.text[at : node.span[1]]
        if "\n" not in raw and not _SPECIAL.search(raw):
            line = self._inline(node)
            if len(line) + indent <= _WIDTH or len(line) <= len(raw):
                return _Value(line, [], node.span[1])
        lines = continued(raw, indent + 2)
        return _Value(lines[0], lines[1:], node.span[1])

    def _inline(self, node: Node) -> str:
        if isinstance(node, MapNode):
            entries = list(node.entries.items())
            if id(node) in self.steps:
                entries.sort(key=lambda entry: ORDER.index(entry[0]) if entry[0] in ORDER else len(ORDER))
            return "{" + ", ".join(self._inline_entry(entry.key, entry.value) for _, entry in entries) + "}"
        if isinstance(node, ListNode):
            return "[" + ", ".join(self._inline(item) for item in node.items) + "]"
        raw = self.text[node.span[0] : node.span[1]]
        if not node.style:
            return raw
        return node.text if plain_is_safe(node.text, flow=True) else _same_or_quoted(node.text, raw)

    def _inline_entry(self, key: ScalarNode, value: Node) -> str:
        raw = self._raw_key(key)
        name = key.text if key.style and plain_is_safe(key.text, flow=True, key=True) else raw
        return f"{name}: {self._inline(value)}".rstrip()


class _Place(NamedTuple):
    """Where a scalar stands: first character, just after its ``:``, indent of its entry, column of its entry."""

    at: int
    after: int
    indent: int
    column: int


def _same_or_quoted(text: str, raw: str) -> str:
    """Escapes a person chose (``\\u00e9``, ``\\t``) stay as they are."""
    return raw if raw.startswith('"') and "\\" in raw and '\\"' not in raw else quoted(text)


def _spaces(text: str, position: int) -> int:
    end = position
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return end - position


def _step_maps(root: MapNode) -> Iterable[MapNode]:
    flow = root.get("flow")
    base = flow if isinstance(flow, MapNode) else root
    waiting: list[Node | None] = [base.get(phase) for phase in ("setup", "steps", "teardown")]
    while waiting:
        found = waiting.pop()
        for item in found.items if isinstance(found, ListNode) else ():
            if isinstance(item, ListNode):
                waiting.append(item)
            elif isinstance(item, MapNode):
                yield item
                waiting += _lists_of(item)


def _lists_of(step: MapNode) -> list[Node | None]:
    found = [step.get("error_steps")]
    on_error, config, action = step.get("on_error"), step.get("config"), step.get("action")
    if isinstance(on_error, MapNode):
        found.append(on_error.get("error_steps"))
    nested: Mapping[str, tuple[str, ...]] = _NESTED
    keys = nested.get(action.text, ()) if isinstance(action, ScalarNode) else ()
    for key in keys:
        lists = config.get(key) if isinstance(config, MapNode) else None
        found.append(lists)
        for branch in lists.items if isinstance(lists, ListNode) and key == "branches" else ():
            if isinstance(branch, MapNode):
                found.append(branch.get("steps"))
    return found


if set(ORDER) != set(STEP_KEYS):
    raise AssertionError(f"the order of a step's keys does not know {set(ORDER) ^ set(STEP_KEYS)}")
