"""Reads when a step is repeated and what follows its failure: until, wait, retry, on_error."""

from __future__ import annotations

from typing import cast, get_args

from flows.language.closest import closest
from flows.language.expressions.expression import Expression
from flows.language.expressions.tree import Name
from flows.language.findings import position
from flows.language.reader import Reader
from flows.language.spec import Backoff, FailureKind, OnError, Position, Retry, Until
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_KINDS: tuple[str, ...] = get_args(FailureKind)
_RETRY_KEYS = ("max_attempts", "delay", "backoff", "retry_on", "retry_on_not")
_ON_ERROR = ("fail", "continue", "retry")
DEFAULT_ATTEMPTS = 3


class PolicyReader:
    """Reads the policies of steps and flows.

    Args:
        reader: typed access.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.findings = reader.findings

    def until(self, step: MapNode) -> Until | None:
        """`until` with its interval and timeout.

        Args:
            step: the step's mapping.
        """
        node = step.get("until")
        interval = self.reader.duration(step.get("interval"))
        if node is None:
            entry = step.entries.get("interval")
            if entry is not None:
                message = "'interval' has no effect without 'until'"
                self.findings.warn("flow/no-effect", entry.key.at, message)
            return None
        timeout = None
        written: Node | None = node
        if isinstance(node, MapNode):
            known = ("expression", "interval", "timeout")
            meant = self.reader.known_keys(node, known, "'until'", ("expression",))
            written = node.get("expression")
            if written is None:
                if "expression" not in meant:
                    self.findings.missing(step.entries["until"].key, node, "expression", "'until'")
                return None
            interval = self.reader.duration(node.get("interval")) or interval
            timeout = self.reader.duration(node.get("timeout"))
        expression = self.reader.expression(written)
        return None if expression is None else Until(expression, interval, timeout, position(node))

    def wait(self, node: Node | None) -> float | None:
        """Seconds of `wait`; ``none`` is 0.0, absent is None.

        Args:
            node: the value, or None.
        """
        if isinstance(node, ScalarNode) and node.value == "none":
            return 0.0
        return self.reader.duration(node)

    def retry(self, node: Node | None) -> Retry | None:
        """A `retry` mapping.

        Args:
            node: the value, or None.
        """
        mapping = self.reader.mapping(node)
        if mapping is None:
            return None
        self.reader.known_keys(mapping, _RETRY_KEYS, "'retry'")
        attempts = self.reader.whole(mapping.get("max_attempts"), least=1)
        delay = self.reader.duration(mapping.get("delay"))
        backoff = self.reader.choice(mapping.get("backoff"), ("constant", "linear", "exponential"), "'backoff'")
        return Retry(
            max_attempts=DEFAULT_ATTEMPTS if attempts is None else attempts,
            delay=1.0 if delay is None else delay,
            backoff=cast("Backoff", backoff or "constant"),
            retry_on=self._causes(mapping.get("retry_on")),
            retry_on_not=self._causes(mapping.get("retry_on_not")),
            at=position(mapping),
        )

    def _causes(self, node: Node | None) -> tuple[FailureKind | Expression, ...]:
        if node is None:
            return ()
        items = node.items if isinstance(node, ListNode) else [node]
        found: list[FailureKind | Expression | None] = [self._cause(item) for item in items]
        return tuple(cause for cause in found if cause is not None)

    def _cause(self, node: Node) -> FailureKind | Expression | None:
        if isinstance(node, ScalarNode) and node.text in _KINDS:
            return cast("FailureKind", node.text)
        if isinstance(node, ScalarNode) and node.text[:1].isdigit() and closest(node.text, _KINDS):
            self._no_cause(node)
            return None
        expression = self.reader.expression(node)
        if expression is not None and isinstance(expression.tree, Name) and isinstance(node, ScalarNode):
            self._no_cause(node)
            return None
        return expression

    def _no_cause(self, node: ScalarNode) -> None:
        message = f"'{node.text}' is neither one of {', '.join(_KINDS)} nor a condition"
        self.findings.unknown("flow/choice", node, message, _KINDS)

    def step_retry(self, step: MapNode, on_error: OnError) -> Retry | None:
        """A step's `retry`, or the one that `on_error: retry` stands for.

        Args:
            step: the step's mapping.
            on_error: as read.
        """
        found = self.retry(step.get("retry"))
        if found is None and on_error.action == "retry":
            return Retry(DEFAULT_ATTEMPTS, 1.0, "constant", (), (), on_error.at)
        return found

    def on_error(self, node: Node | None) -> tuple[OnError, Node | None]:
        """`on_error` and, in its long form, the list of error steps.

        Args:
            node: the value, or None.
        """
        if node is None:
            return OnError("fail", Position(1, 1)), None
        action: Node | None = node
        steps: Node | None = None
        if isinstance(node, MapNode):
            self.reader.known_keys(node, ("action", "error_steps"), "'on_error'")
            action, steps = node.get("action"), node.get("error_steps")
        chosen = self.reader.choice(action, _ON_ERROR, "'on_error'") if action is not None else "fail"
        known = chosen if chosen in ("continue", "retry") else "fail"
        return OnError(known, position(node)), steps  # type: ignore[arg-type]
