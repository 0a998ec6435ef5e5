"""Flows that a flow runs are checked with it, so that a mistake in them is known before the first request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from flows.language.builtins import BUILTINS
from flows.language.catalogue import ActionSpec
from flows.language.config import fields_of
from flows.language.files import Files, FilesBeside
from flows.language.findings import Findings, position
from flows.language.spec import Flow, Position, Step
from flows.language.steps import Read
from testmesh.guard.yaml_nodes import MapNode, ScalarNode
from testmesh.kernel.diagnostics import Diagnostic
from testmesh.kernel.errors import UserError

MAX_DEPTH = 10
_DECIDING = ("condition", "for_each")


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """The flows that led to a flow.

    Args:
        file: the flow, relative to the first one's folder.
        depth: how many flows led to it.
        seen: files already checked; each is checked once, however many flows run it.
        above: the flows that led here, outermost first.
    """

    file: str
    depth: int
    seen: set[str]
    above: tuple[str, ...] = ()

    def to(self, name: str) -> Trail:
        """The trail of a flow that this one names.

        Args:
            name: relative to this one.
        """
        from posixpath import dirname, join, normpath

        file = normpath(join(dirname(self.file), name))
        return Trail(file, self.depth + 1, self.seen, (*self.above, self.file))


class Child(Protocol):
    """A checked flow."""

    @property
    def flow(self) -> Flow | None: ...
    @property
    def errors(self) -> tuple[Diagnostic, ...]: ...


Check = Callable[[bytes, str, Files, frozenset[str], Trail], Child]


def check_children(
    read: Mapping[Step, Read], files: Files, findings: Findings, trail: Trail, check: Check
) -> Mapping[str, Position]:
    """Reports each named flow that has errors, at its name; gives what the others need of the environment.

    Args:
        read: the steps of the naming flow.
        files: beside the naming flow.
        findings: of the naming flow.
        trail: the flows that led here.
        check: of a text.
    """
    lent: dict[str, Position] = {}
    for node, given, always in _named(read):
        name = node.text
        child = trail.to(name)
        if always and child.file in child.above:
            findings.node("flow/cycle", node, f"{_circle(child)}: this would never end")
            continue
        if child.file in trail.seen or child.depth > MAX_DEPTH:
            continue
        trail.seen.add(child.file)
        try:
            content = files.read(name)
        except UserError:
            continue
        checked = check(content, name, FilesBeside(files, name), given, child)
        errors = checked.errors
        if always and checked.flow is not None:
            lent.update(dict.fromkeys(_wanting(checked.flow), position(node)))
        if errors:
            first = errors[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            message = f"{name} has an error at line {first.line}, column {first.column}: {first.message}{more}"
            findings.node("flow/bad-file", node, message)
    return lent


def _wanting(flow: Flow) -> Iterator[str]:
    """Names that a flow needs and does not give itself."""
    known = {variable.name for variable in flow.env} | flow.defaulted | set(BUILTINS)
    known |= set(flow.env_file.values if flow.env_file is not None else ())
    known |= set(flow.data.columns if flow.data is not None else ())
    yield from (name for name in flow.references if name not in known)
    yield from flow.lent


def _circle(child: Trail) -> str:
    through = child.above[child.above.index(child.file) + 1 :]
    return f"{child.file} runs itself again" + (f" through {' and '.join(through)}" if through else "")


def _conditional(read: Mapping[Step, Read]) -> set[Step]:
    """Steps that something decides about; they may well end a circle."""
    found: set[Step] = set()
    waiting = [step for step, one in read.items() if step.when is not None or one.spec.container in _DECIDING]
    while waiting:
        step = waiting.pop()
        found.add(step)
        waiting += [inner for branch in step.branches for inner in branch.steps]
    return found


def _named(read: Mapping[Step, Read]) -> Iterator[tuple[ScalarNode, frozenset[str], bool]]:
    conditional = _conditional(read)
    for step, found in read.items():
        for key in _naming_flows(found.spec):
            node = found.settings.nodes.get(key)
            if isinstance(node, ScalarNode) and "${" not in node.text and "{{" not in node.text:
                given = found.settings.nodes.get("input")
                names = frozenset(given.entries) if isinstance(given, MapNode) else frozenset()
                yield node, names, step not in conditional


@lru_cache(maxsize=256)
def _naming_flows(spec: ActionSpec) -> tuple[str, ...]:
    return tuple(key for key, field in fields_of(spec.config).items() if field.option.flow)
