"""Reads typed values out of YAML nodes, reporting what does not fit and going on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from flows.language.errors import SyntaxProblem
from flows.language.expressions.expression import Expression, compile_expression
from flows.language.expressions.functions import seconds
from flows.language.findings import Findings, Keys, position
from flows.language.spec import Position
from flows.language.templates import Template, compile_template
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode, plain

_NOTHING_MEANT: frozenset[str] = frozenset()
_DURATION_HINT = "write it like 500ms, 10s, 2m or 1h"


class Reader:
    """Typed access to nodes.

    Args:
        findings: where problems go.
        ids: step ids that contain hyphens.
    """

    def __init__(self, findings: Findings, ids: frozenset[str]) -> None:
        self.findings = findings
        self.ids = ids
        self.written: dict[Expression, ScalarNode] = {}
        self.places: dict[Template, Callable[[tuple[str | int, ...]], Node | None]] = {}

    def wrong(self, node: Node, wanted: str, *, hint: str | None = None) -> None:
        """A value of the wrong type.

        Args:
            node: the value.
            wanted: what is expected, with an article.
            hint: what to do.
        """
        self.findings.node("flow/type", node, f"{wanted} is expected here, not {node.described}", hint=hint)

    def known_keys(
        self, node: MapNode, known: tuple[str, ...], what: str, needed: tuple[str, ...] = ()
    ) -> frozenset[str]:
        """Reports keys that are none of the known ones; gives those that were perhaps meant.

        Args:
            node: the mapping.
            known: valid keys.
            what: what the mapping describes.
            needed: required keys.
        """
        valid = _set_of(known)
        if node.entries.keys() <= valid:
            return _NOTHING_MEANT
        meant: set[str] = set()
        for key, entry in node.entries.items():
            if key not in valid:
                keys = Keys(known, node.entries, needed)
                meant.add(self.findings.unknown_key(entry.key, f"{what} has no key '{key}'", keys) or "")
        return frozenset(meant)

    def text(self, node: Node | None, *, numbers: bool = False) -> str | None:
        """A text.

        Args:
            node: the value, or None.
            numbers: whether a number is read as the text it is written as.
        """
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node.value
        number = isinstance(node, ScalarNode) and isinstance(node.value, int | float)
        if numbers and isinstance(node, ScalarNode) and number and not isinstance(node.value, bool):
            return node.text
        hint = "quote it" if isinstance(node, ScalarNode) and node.value is not None else None
        self.wrong(node, "text", hint=hint)
        return None

    def flag(self, node: Node | None) -> bool:
        """True or false; absent is false.

        Args:
            node: the value, or None.
        """
        if node is None:
            return False
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        self.wrong(node, "true or false")
        return False

    def whole(self, node: Node | None, *, least: int) -> int | None:
        """A whole number.

        Args:
            node: the value, or None.
            least: the smallest allowed.
        """
        if node is None:
            return None
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(node, "a whole number")
            return None
        if value < least:
            self.findings.node("flow/range", node, f"at least {least} is expected here")
            return None
        return value

    def duration(self, node: Node | None) -> float | None:
        """Seconds of a duration.

        Args:
            node: the value, or None.
        """
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            found = seconds(node.value)
            if found is not None:
                return found
        elif not isinstance(node, ScalarNode) or isinstance(node.value, bool) or node.value is None:
            self.wrong(node, "a duration", hint=_DURATION_HINT)
            return None
        self.findings.node("flow/duration", node, f"'{node.text}' is no duration", hint=_DURATION_HINT)
        return None

    def choice(self, node: Node | None, choices: Iterable[str], what: str) -> str | None:
        """One of some words.

        Args:
            node: the value, or None.
            choices: the words.
            what: what is chosen.
        """
        text = self.text(node)
        valid = tuple(choices)
        if text is None or not isinstance(node, ScalarNode) or text in valid:
            return text
        message = f"{what} is one of {', '.join(valid)}, not '{text}'"
        self.findings.unknown("flow/choice", node, message, valid)
        return None

    def items(self, node: Node | None) -> list[Node]:
        """The elements of a list.

        Args:
            node: the value, or None.
        """
        if node is None:
            return []
        if isinstance(node, ListNode):
            return node.items
        self.wrong(node, "a list")
        return []

    def texts(self, node: Node | None) -> tuple[str, ...]:
        """The texts of a list.

        Args:
            node: the value, or None.
        """
        found = (self.text(item, numbers=True) for item in self.items(node))
        return tuple(text for text in found if text is not None)

    def mapping(self, node: Node | None) -> MapNode | None:
        """A mapping.

        Args:
            node: the value, or None.
        """
        if node is None or isinstance(node, MapNode):
            return node
        self.wrong(node, "a mapping")
        return None

    def expression(
        self, node: Node | None, compiler: Callable[..., Expression] = compile_expression
    ) -> Expression | None:
        """A compiled expression.

        Args:
            node: the value, or None.
            compiler: `compile_expression` or `compile_path`.
        """
        if node is None:
            return None
        if not isinstance(node, ScalarNode) or node.value is None:
            self.wrong(node, "an expression")
            return None
        try:
            found = compiler(node.text, at=position(node), ids=self.ids)
        except SyntaxProblem as problem:
            self.findings.syntax(node, problem)
            return None
        self.written[found] = node
        return found

    def template(self, node: Node) -> Template:
        """A compiled template; strings that do not compile are reported at their place.

        Args:
            node: where the value is written.
        """
        return self.template_of(plain(node), lambda path: descend(node, path), position(node))

    def template_of(
        self, value: object, place: Callable[[tuple[str | int, ...]], Node | None], at: Position
    ) -> Template:
        """A compiled template of a value that was put together from several nodes.

        Args:
            value: the value; :class:`Expression` objects in it stay.
            place: path into the value → the node that wrote it.
            at: where the whole is written.
        """

        def wrong(path: tuple[str | int, ...], problem: SyntaxProblem) -> None:
            found = place(path)
            if isinstance(found, ScalarNode):
                self.findings.syntax(found, problem)
            else:
                self.findings.add(problem.rule, at, problem.message)

        compiled = compile_template(value, at=at, ids=self.ids, wrong=wrong)
        self.places[compiled] = place
        return compiled


@cache
def _set_of(keys: tuple[str, ...]) -> frozenset[str]:
    return frozenset(keys)


def descend(node: Node | None, path: Iterable[str | int]) -> Node | None:
    """The node at a path of keys and indexes, or None.

    Args:
        node: where to start.
        path: keys and indexes.
    """
    for part in path:
        if isinstance(node, MapNode):
            node = node.get(str(part))
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def owners(node: MapNode) -> Iterator[tuple[str, ScalarNode, Node]]:
    """Key, key node and value of each entry.

    Args:
        node: the mapping.
    """
    for key, entry in node.entries.items():
        yield key, entry.key, entry.value


def key_of(node: MapNode, key: str) -> ScalarNode | None:
    """The node of a key, or None.

    Args:
        node: the mapping.
        key: its text.
    """
    entry = node.entries.get(key)
    return None if entry is None else entry.key
