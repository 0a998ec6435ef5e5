"""A step's config as it was written: its template, its plain values, and the expressions and steps inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flows.language.catalogue import ExpressionScope
from flows.language.expressions.expression import Expression
from flows.language.spec import Assertion, Branch, Step
from flows.language.templates import Template
from flows.language.values import type_name
from testmesh.guard.yaml_nodes import Node, ScalarNode


class Nested(NamedTuple):
    """How the lists inside a config are read; the step reader supplies both.

    Args:
        steps: (list node, position) → steps.
        assertions: list node → assertions.
    """

    steps: Callable[[Node], tuple[Step, ...]]
    assertions: Callable[[Node], tuple[Assertion, ...]]


class WrittenExpression(NamedTuple):
    """An expression of a config.

    Args:
        expression: compiled.
        scope: what its bare names mean.
        condition: how to call it when it must be true or false, else None.
    """

    expression: Expression
    scope: ExpressionScope
    condition: str | None


@dataclass(slots=True, eq=False)
class Settings:
    """A config as read.

    Args:
        template: renders to what `config.build` takes.
        source: the same as plain values.
        nodes: key → value node.
        misspelt: keys that were perhaps meant by the unknown ones; what follows from their absence is not said.
    """

    template: Template
    source: Mapping[str, object]
    nodes: dict[str, Node] = field(default_factory=dict)
    branches: list[Branch] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    expressions: list[WrittenExpression] = field(default_factory=list)
    misspelt: list[str | None] = field(default_factory=list)


def templated(node: Node) -> bool:
    """Whether a value is known only when the step runs.

    Args:
        node: the value.
    """
    return isinstance(node, ScalarNode) and isinstance(node.value, str) and ("${" in node.text or "{{" in node.text)


def plain_of(value: object) -> object:
    """A config value with expressions as their text.

    Args:
        value: as read.
    """
    if isinstance(value, Expression):
        return value.text
    kind = type_name(value)
    if kind == "object" and isinstance(value, Mapping):
        return {key: plain_of(item) for key, item in value.items()}
    return [plain_of(item) for item in value] if isinstance(value, list) else value
