"""Collects what is wrong with a file, each finding at its smallest wrong token."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from flows.language.closest import closest
from flows.language.errors import SyntaxProblem
from flows.language.spec import Position
from testmesh.guard.yaml_nodes import MapNode, Node, ScalarNode
from testmesh.kernel.diagnostics import Diagnostic, Severity

MAX_SUGGESTIONS = 100


class More(NamedTuple):
    """What a finding may say beside its message.

    Args:
        length: characters of the wrong token.
        suggestion: the nearest valid name.
        hint: what to do.
        severity: error or warning.
    """

    length: int = 1
    suggestion: str | None = None
    hint: str | None = None
    severity: Severity = "error"


class Keys(NamedTuple):
    """The keys of a mapping.

    Args:
        valid: those it can have.
        written: those it has.
        needed: those it must have.
    """

    valid: Sequence[str]
    written: Container[str | None]
    needed: Iterable[str] = ()


class Findings:
    """Findings of one file.

    Args:
        file: as the user would type it.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Diagnostic] = []
        self._seen: set[tuple[int, int, str]] = set()
        self._suggested = 0

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(finding.severity == "error" for finding in self.found)

    def known_at(self, at: tuple[int, int]) -> bool:
        """Whether an error was found at that place already.

        Args:
            at: 1-based line and column.
        """
        return any(found.severity == "error" and (found.line, found.column) == at for found in self.found)

    def add(
        self,
        rule: str,
        at: tuple[int, int],
        message: str,
        more: More | None = None,
    ) -> None:
        """One finding; the same rule at the same place is reported once.

        Args:
            rule: stable id.
            at: 1-based line and column.
            message: what is wrong.
            more: length, suggestion, hint, severity.
        """
        extra = more or More()
        key = (at[0], at[1], rule)
        if key in self._seen:
            return
        self._seen.add(key)
        finding = Diagnostic(
            self.file,
            at[0],
            at[1],
            rule,
            message,
            severity=extra.severity,
            hint=extra.hint,
            suggestion=extra.suggestion,
            length=max(1, extra.length),
        )
        self.found.append(finding)

    def node(self, rule: str, node: Node, message: str, *, hint: str | None = None) -> None:
        """A finding about a whole node.

        Args:
            rule: stable id.
            node: the wrong one.
            message: what is wrong.
            hint: what to do.
        """
        length = len(node.text) + 2 * len(node.style) if isinstance(node, ScalarNode) else 1
        self.add(rule, node.at, message, More(length=length, hint=hint))

    def unknown(self, rule: str, node: ScalarNode, message: str, known: Iterable[str]) -> str | None:
        """A word that is none of the known ones, with the nearest, which is also the answer.

        Args:
            rule: stable id.
            node: the word.
            message: what is wrong.
            known: valid words.
        """
        near = self._nearest(node.text, known)
        self.add(rule, node.at, message, More(len(node.text), near))
        return near

    def unknown_key(self, node: ScalarNode, message: str, keys: Keys) -> str | None:
        """A key that a mapping cannot have, with the one that was perhaps meant, which is also the answer.

        Args:
            node: the key.
            message: what is wrong.
            keys: those that the mapping can have.
        """
        near = self._nearest(node.text, [key for key in keys.valid if key not in keys.written])
        missing = [key for key in keys.needed if key not in keys.written]
        if near is None and len(missing) == 1:
            near, message = missing[0], f"{message}; it needs '{missing[0]}'"
        if near is None:
            near = self._nearest(node.text, keys.valid)
        self.add("flow/unknown-key", node.at, message, More(len(node.text), near))
        return near

    def _nearest(self, word: str, known: Iterable[str]) -> str | None:
        self._suggested += 1
        return closest(word, known) if self._suggested <= MAX_SUGGESTIONS else None

    def warn(self, rule: str, at: tuple[int, int], message: str, *, hint: str | None = None) -> None:
        """A warning.

        Args:
            rule: stable id.
            at: where.
            message: what is suspicious.
            hint: what to do.
        """
        self.add(rule, at, message, More(hint=hint, severity="warning"))

    def syntax(self, node: ScalarNode, problem: SyntaxProblem, *, shift: int = 0) -> None:
        """An expression, path or template that does not compile.

        Args:
            node: the scalar that holds it.
            problem: with an offset into the scalar's text.
            shift: added to the offset.
        """
        self.add(
            problem.rule,
            node.position(problem.offset + shift),
            problem.message,
            More(problem.length, problem.suggestion),
        )

    def missing(self, owner: ScalarNode | None, node: MapNode, key: str, what: str) -> None:
        """A required key that is not there.

        Args:
            owner: the key of the mapping it is missing from; None for the root and for list items.
            node: the mapping.
            key: the missing key.
            what: what the mapping describes.
        """
        place = owner if owner is not None else node
        length = len(owner.text) if owner is not None else 1
        self.add("flow/missing-key", place.at, f"{what} needs '{key}'", More(length))


def position(node: Node) -> Position:
    """Where a node starts.

    Args:
        node: any.
    """
    return Position(*node.at)
