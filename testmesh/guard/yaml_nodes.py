"""What a YAML text became: nodes that know where every character of their value is written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

Scalar = None | bool | int | float | str


class Source:
    """A text and its line starts.

    Args:
        text: decoded, without a byte order mark.
        file: as the user would type it.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.tables: dict[tuple[int, int], Sequence[int]] = {}

    @cached_property
    def starts(self) -> list[int]:
        """Index of each line's first character."""
        found = [0]
        at = self.text.find("\n")
        while at >= 0:
            found.append(at + 1)
            at = self.text.find("\n", at + 1)
        return found

    def position(self, index: int) -> tuple[int, int]:
        """1-based line and column of a character.

        Args:
            index: into the text.
        """
        starts = self.starts
        line = bisect_right(starts, index)
        return line, index - starts[line - 1] + 1


class ScalarNode:
    """A scalar.

    Args:
        value: typed by the core schema; quoted and block scalars are text.
        text: the characters of the value, before typing.
        style: ``""`` plain, ``'``, ``"``, ``|`` or ``>``.
        span: start and end index in the source.
    """

    __slots__ = ("source", "span", "style", "text", "value")
    size = 1

    def __init__(self, value: Scalar, text: str, style: str, span: tuple[int, int], source: Source) -> None:
        self.value = value
        self.text = text
        self.style = style
        self.span = span
        self.source = source

    @property
    def at(self) -> tuple[int, int]:
        """1-based line and column of the first character, quotes included."""
        return self.source.position(self.span[0])

    @property
    def described(self) -> str:
        """Its type, with an article."""
        names = {"NoneType": "null", "bool": "a boolean", "int": "a number", "float": "a number", "str": "text"}
        return names[type(self.value).__name__]

    def position(self, offset: int) -> tuple[int, int]:
        """Where a character of the value is written.

        Args:
            offset: index into `text`; its length means just after the last character.
        """
        from testmesh.guard.yaml_offsets import written_at

        return self.source.position(written_at(self, offset))


class ListNode:
    """A sequence.

    Args:
        items: in order.
        span: start and end index in the source.
    """

    __slots__ = ("items", "size", "source", "span")

    def __init__(self, span: tuple[int, int], source: Source) -> None:
        self.items: list[Node] = []
        self.size = 1
        self.span = span
        self.source = source

    @property
    def at(self) -> tuple[int, int]:
        """1-based line and column of its first character."""
        return self.source.position(self.span[0])

    @property
    def described(self) -> str:
        """Its type, with an article."""
        return "a list"


class Entry:
    """A key and its value."""

    __slots__ = ("key", "value")

    def __init__(self, key: ScalarNode, value: Node) -> None:
        self.key = key
        self.value = value


class MapNode:
    """A mapping.

    Args:
        entries: by key text, in file order; of duplicates the first.
        span: start and end index in the source.
    """

    __slots__ = ("entries", "size", "source", "span")

    def __init__(self, span: tuple[int, int], source: Source) -> None:
        self.entries: dict[str, Entry] = {}
        self.size = 1
        self.span = span
        self.source = source

    @property
    def at(self) -> tuple[int, int]:
        """1-based line and column of its first character."""
        return self.source.position(self.span[0])

    @property
    def described(self) -> str:
        """Its type, with an article."""
        return "a mapping"

    def get(self, key: str) -> Node | None:
        """The value of a key, or None.

        Args:
            key: its text.
        """
        entry = self.entries.get(key)
        return None if entry is None else entry.value


Node = ScalarNode | ListNode | MapNode


def empty(source: Source) -> ScalarNode:
    """The null that an empty text stands for.

    Args:
        source: the text.
    """
    return ScalarNode(None, "", "", (0, 0), source)


def plain(node: Node) -> object:
    """The value without positions: dicts with text keys, lists, scalars.

    Args:
        node: any node; its expanded size was bounded when it was read.
    """
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {key: plain(entry.value) for key, entry in node.entries.items()}
