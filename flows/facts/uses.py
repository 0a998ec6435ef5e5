"""What a flow checks of each step's result: statuses, fields, and whether a later step looks at the effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flows.language.expressions import tree as t
from flows.language.spec import Flow, Step

_PAYLOADS = frozenset({"body", "value", "rows", "first_row", "messages", "data", "json", "documents", "document"})
_SKIPPED = frozenset({"response", "result"})
_PATH_PART = re.compile(r"\.([A-Za-z_][\w-]*)|\[[\"']([^\"']+)[\"']\]|\[[^\]]*\]")
OWN = ""


@dataclass(slots=True)
class Use:
    """What is made of one step's result.

    Args:
        statuses: asserted statuses or classes.
        asserted: payload fields in assertions.
        used: payload fields in outputs, templates and conditions.
        others: ids of later steps that check something and refer to this one.
    """

    statuses: dict[str, None] = field(default_factory=dict)
    asserted: dict[str, None] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)
    body: bool = False


def all_steps(flow: Flow) -> Iterator[Step]:
    """Every step of every phase in file order, nested ones and error steps included.

    Args:
        flow: a checked file.
    """
    for phase in (flow.setup, flow.steps, flow.teardown):
        yield from nested(phase)


def nested(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps of a list with everything inside them.

    Args:
        steps: in order.
    """
    for step in steps:
        yield step
        for branch in step.branches:
            yield from nested(branch.steps)
        yield from nested(step.error_steps)


def uses(flow: Flow, reads: frozenset[str]) -> dict[str, Use]:
    """What the flow makes of each step's result, by step id.

    Args:
        flow: a checked file.
        reads: ids of steps that check something by themselves.
    """
    found: dict[str, Use] = {}
    outputs: dict[str, str] = {}
    steps = list(all_steps(flow))
    for step in steps:
        found.setdefault(step.id, Use())
    for step in steps:
        own = found[step.id]
        asserted = [assertion.expression.tree for _, assertion in step.assertions]
        asserted += [step.until.expression.tree] if step.until is not None else []
        checks = bool(asserted) or step.id in reads
        for tree in asserted:
            _statuses(tree, found, own)
            _Reader(step, found, outputs, True, checks).walk(tree)
        for tree in _other_trees(step):
            _Reader(step, found, outputs, False, checks).walk(tree)
        outputs.update({output.name: step.id for output in step.output})
    return found


def _other_trees(step: Step) -> Iterator[t.Tree]:
    for output in step.output:
        yield output.path.tree
    if step.when is not None:
        yield step.when.tree
    for _, tree in step.config.trees:
        yield tree


@dataclass(frozen=True, slots=True)
class _Reader:
    """What a walk needs to know.

    Args:
        step: whose expression it is.
        found: filled.
        outputs: output name to step id, so far.
        asserted: the expression is an assertion.
        checks: the step checks something.
    """

    step: Step
    found: dict[str, Use]
    outputs: dict[str, str]
    asserted: bool
    checks: bool

    def walk(self, tree: t.Tree) -> None:
        """Notes what an expression refers to.

        Args:
            tree: any node.
        """
        for root, parts in paths(tree):
            owner, rest = _owner(root, parts, self.step, self.found, self.outputs)
            if owner is None:
                continue
            use = self.found[owner]
            if owner != self.step.id and self.checks:
                use.others[self.step.id] = None
            name = _payload_field(rest)
            if name is None:
                continue
            use.body = use.body or self.asserted
            if name:
                (use.asserted if self.asserted else use.used)[name] = None


def _owner(
    root: str, parts: tuple[str, ...], step: Step, found: dict[str, Use], outputs: dict[str, str]
) -> tuple[str | None, tuple[str, ...]]:
    """The step whose result a path goes into, and the path below it."""
    if root == OWN:
        return step.id, parts
    if root in found and root != step.id:
        return root, parts
    if root in outputs:
        return outputs[root], ()
    if root in _PAYLOADS or root in _SKIPPED or root == "status":
        return step.id, (root, *parts)
    return None, ()


def _payload_field(parts: tuple[str, ...]) -> str | None:
    """The dotted field below the payload, empty for the payload itself, None when it is something else."""
    while parts and parts[0] in _SKIPPED:
        parts = parts[1:]
    if not parts or parts[0] not in _PAYLOADS:
        return None
    rest = parts[1:]
    if parts[0] == "messages" and rest[:1] in (("value",), ("json",)):
        rest = rest[1:]
    return ".".join(rest)


Found = Iterator[tuple[str, tuple[str, ...]]]


def paths(tree: t.Tree, element: tuple[str, tuple[str, ...]] | None = None) -> Found:
    """Every path in an expression: the name it starts from (empty for ``$``) and the field names after it.

    Args:
        tree: any node.
        element: path of the list whose element ``.`` stands for.
    """
    if isinstance(tree, t.PathOf):
        yield OWN, tuple(match[1] or match[2] for match in _PATH_PART.finditer(tree.path) if match[1] or match[2])
        return
    parts: list[str] = []
    node: t.Tree = tree
    while isinstance(node, t.Member | t.Index | t.Slice):
        if isinstance(node, t.Member):
            parts.insert(0, node.name)
        elif isinstance(node, t.Index):
            if isinstance(node.key, t.Literal) and isinstance(node.key.value, str):
                parts.insert(0, node.key.value)
            yield from paths(node.key, element)
        node = node.target
    yield from _from_root(node, tuple(parts), element)


def _from_root(node: t.Tree, below: tuple[str, ...], element: tuple[str, tuple[str, ...]] | None) -> Found:
    if isinstance(node, t.Name | t.Default):
        yield node.name, below
    elif isinstance(node, t.Root):
        yield OWN, below
    elif isinstance(node, t.Element):
        if element is not None:
            yield element[0], (*element[1], *below)
    elif isinstance(node, t.Closure):
        items = list(paths(node.items, element))
        yield from items
        yield from paths(node.body, items[0] if items else None)
    else:
        for child in t.children(node):
            yield from paths(child, element)


def _statuses(tree: t.Tree, found: dict[str, Use], own: Use) -> None:
    if isinstance(tree, t.Binary):
        use = _status_owner(tree.left, found, own)
        if use is not None:
            use.statuses.update(dict.fromkeys(_named_statuses(tree)))
    for child in t.children(tree):
        _statuses(child, found, own)


def _status_owner(tree: t.Tree, found: dict[str, Use], own: Use) -> Use | None:
    for root, parts in paths(tree):
        whole = tuple(part for part in (root, *parts) if part not in _SKIPPED and part)
        if whole == ("status",):
            return own
        if len(whole) == 2 and whole[1] == "status" and whole[0] in found:
            return found[whole[0]]
    return None


def _named_statuses(tree: t.Binary) -> Iterator[str]:
    right = tree.right
    if tree.operator == "==" and isinstance(right, t.Literal):
        yield str(right.value)
    elif tree.operator == "in" and isinstance(right, t.ListOf):
        yield from (str(item.value) for item in right.items if isinstance(item, t.Literal))
    elif isinstance(right, t.Literal) and isinstance(right.value, int):
        yield from _classes(tree.operator, right.value)


def _classes(operator: str, number: int) -> Iterator[str]:
    if operator in ("<", "<=") and number in (299, 300, 399, 400):
        yield "2xx"
    elif operator in (">=", ">") and number in (399, 400):
        yield "4xx"
    elif operator in (">=", ">") and number in (499, 500):
        yield "5xx"
