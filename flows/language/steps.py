"""Reads steps: their keys, assertions, outputs, retries and nested lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flows.language.builtins import BUILTINS
from flows.language.catalogue import ActionSpec, Catalogue
from flows.language.closest import closest
from flows.language.expressions.expression import Expression, compile_path
from flows.language.expressions.words import FUNCTIONS, NAME, OPERATOR_WORDS
from flows.language.files import Files
from flows.language.findings import position
from flows.language.policies import PolicyReader
from flows.language.reader import Reader, key_of, owners
from flows.language.settings import SettingsReader
from flows.language.spec import Assertion, Output, Phase, Position, Step
from flows.language.written import Nested, Settings
from testmesh.guard.yaml_nodes import MapNode, Node, ScalarNode

STEP_KEYS = (
    "id",
    "action",
    "name",
    "description",
    "config",
    "output",
    "assert",
    "assert_any",
    "assert_none",
    "when",
    "until",
    "interval",
    "wait",
    "hold",
    "timeout",
    "retry",
    "on_error",
    "optional",
    "error_steps",
    "disabled",
    "tags",
)
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
ERROR_STEPS = "error_steps"


@dataclass(frozen=True, slots=True)
class _NoConfig:
    """The config of an action that is not known."""


@dataclass(slots=True, eq=False)
class Read:
    """What the later checks need to know of a step beside the step.

    Args:
        spec: its action; of an unknown action one that accepts everything.
        known: whether the action is known, and the id is this step's alone.
        settings: its config.
        parent: the container's id and branch name, None at the top level.
    """

    spec: ActionSpec
    known: bool
    settings: Settings
    parent: tuple[str, str] | None = None


class StepReader:
    """Reads the steps of one phase.

    Args:
        reader: typed access.
        catalogue: known actions.
        files: for settings that name files.
        phase: which.
        read: filled with one entry per step.
    """

    def __init__(self, reader: Reader, catalogue: Catalogue, files: Files, phase: Phase) -> None:
        self.reader = reader
        self.findings = reader.findings
        self.catalogue = catalogue
        self.files = files
        self.phase: Phase = phase
        self.policies = PolicyReader(reader)
        self.read: dict[Step, Read] = {}
        self._ids: dict[str, Position] = {}

    def steps(self, node: Node | None) -> tuple[Step, ...]:
        """The steps of a list; what is no step is reported and left out.

        Args:
            node: the list, or None.
        """
        found: list[Step] = []
        for item in self.reader.items(node):
            if isinstance(item, MapNode):
                step = self._step(item)
                if step is not None:
                    found.append(step)
            else:
                self.reader.wrong(item, "a step (a mapping with 'id' and 'action')")
        return tuple(found)

    def _step(self, node: MapNode) -> Step | None:
        meant = self.reader.known_keys(node, STEP_KEYS, "a step", ("id", "action"))
        written = self._word(node, "action", meant)
        step_id = self._word(node, "id", meant)
        spec, implies, known = self._action(written)
        first = step_id is None or self._check_id(step_id, spec)
        nested = Nested(self.steps, self.assertions)
        settings = SettingsReader(self.reader, spec, self.files, nested).read(node, implies)
        on_error, from_error = self.policies.on_error(node.get("on_error"))
        error_steps = (*self.steps(from_error), *self.steps(node.get(ERROR_STEPS)))
        step = Step(
            id=step_id.text if step_id is not None else "",
            action=spec.name,
            written_action=written.text if written is not None else "",
            phase=self.phase,
            at=position(node),
            name=self.reader.text(node.get("name")),
            description=self.reader.text(node.get("description")),
            config=settings.template,
            source=settings.source,
            output=self._outputs(node.get("output")),
            assert_all=(*settings.assertions, *self.assertions(node.get("assert"))),
            assert_any=self.assertions(node.get("assert_any")),
            assert_none=self.assertions(node.get("assert_none")),
            when=self.reader.expression(node.get("when")),
            until=self.policies.until(node),
            wait=self.policies.wait(node.get("wait")),
            hold=self.reader.duration(node.get("hold")),
            timeout=self.reader.duration(node.get("timeout")),
            retry=self.policies.step_retry(node, on_error),
            on_error=on_error,
            optional=self.reader.flag(node.get("optional")),
            error_steps=error_steps,
            disabled=self.reader.flag(node.get("disabled")),
            tags=self.reader.texts(node.get("tags")),
            branches=tuple(settings.branches),
            reads=spec.reads(settings.source),
            node=node,
        )
        self.read[step] = Read(spec, known and first, settings)
        return step if step_id is not None else None

    def _word(self, node: MapNode, key: str, meant: frozenset[str]) -> ScalarNode | None:
        value = node.get(key)
        if value is None:
            if key not in node.entries and key not in meant:
                self.findings.missing(None, node, key, "a step")
            return None
        text = self.reader.text(value)
        return value if isinstance(value, ScalarNode) and text is not None else None

    def _action(self, node: ScalarNode | None) -> tuple[ActionSpec, Mapping[str, object], bool]:
        found = self.catalogue.find(node.text) if node is not None else None
        if found is not None:
            return (*found, True)
        if node is not None:
            message = f"unknown action '{node.text}'"
            self.findings.unknown("flow/unknown-action", node, message, self.catalogue.names)
        name = node.text if node is not None else ""
        unknown = ActionSpec(name, "", _NoConfig, open_config=True, exempt=True, checks_itself=True)
        return unknown, {}, False

    def _check_id(self, node: ScalarNode, spec: ActionSpec) -> bool:
        """Reports what is wrong with an id; whether it is no other step's."""
        text = node.text
        if not _ID.match(text):
            message = f"'{text}' is no id; it begins with a letter and goes on with letters, digits, '_' and '-'"
            self.findings.node("flow/bad-id", node, message)
            return True
        reserved = self._reserved(text, spec)
        if reserved is not None:
            self.findings.node("flow/reserved-id", node, f"the id '{text}' is already {reserved}")
        at = position(node)
        first = self._ids.setdefault(text, at)
        if first != at:
            message = f"the id '{text}' is already used at line {first.line}, column {first.column}"
            self.findings.node("flow/duplicate-id", node, message)
        return first == at

    def _reserved(self, text: str, spec: ActionSpec) -> str | None:
        if text in OPERATOR_WORDS:
            return "a word of the expression language"
        if text in FUNCTIONS:
            return "a function"
        if text in BUILTINS or text == "FAKER":
            return "a built-in name"
        fields = spec.result.fields or {}
        if text in fields:
            return f"a result field of {spec.name}"
        return None

    def assertions(self, node: Node | None) -> tuple[Assertion, ...]:
        """The assertions of a list.

        Args:
            node: the list, or None.
        """
        found = [self._assertion(item) for item in self.reader.items(node)]
        return tuple(assertion for assertion in found if assertion is not None)

    def _assertion(self, node: Node) -> Assertion | None:
        message = None
        written: Node | None = node
        if isinstance(node, MapNode):
            only = next(iter(node.entries.values())) if len(node.entries) == 1 else None
            if only is not None and " " in only.key.text:
                reason = "an expression with ': ' in it is read by YAML as a mapping"
                self.findings.node("flow/type", only.key, reason, hint="quote the whole expression")
                return None
            meant = self.reader.known_keys(node, ("expression", "message"), "an assertion", ("expression",))
            written = node.get("expression")
            if written is None:
                if "expression" not in meant:
                    self.findings.missing(None, node, "expression", "an assertion")
                return None
            said = node.get("message")
            message = self.reader.template(said) if self.reader.text(said) is not None and said else None
        expression = self.reader.expression(written)
        if expression is None or written is None:
            return None
        return Assertion(expression, message, position(written))

    def _outputs(self, node: Node | None) -> tuple[Output, ...]:
        mapping = self.reader.mapping(node)
        found: list[Output] = []
        for name, owner, value in owners(mapping) if mapping is not None else ():
            if not re.fullmatch(NAME, name):
                self.findings.node("flow/bad-name", owner, f"'{name}' cannot be used as a name")
                continue
            output = self._output(name, owner, value)
            if output is not None:
                found.append(output)
        return tuple(found)

    def _output(self, name: str, owner: ScalarNode, value: Node) -> Output | None:
        default = None
        path: Node | None = value
        if isinstance(value, MapNode):
            meant = self.reader.known_keys(value, ("path", "default"), "an output", ("path",))
            path = value.get("path")
            if path is None:
                if "path" not in meant:
                    self.findings.missing(owner, value, "path", f"the output '{name}'")
                return None
            given = value.get("default")
            default = self.reader.template(given) if given is not None else None
        compiled: Expression | None = self.reader.expression(path, compile_path)
        return None if compiled is None else Output(name, compiled, default, position(owner))


def place_of(node: MapNode, key: str) -> tuple[int, int]:
    """Where a key is written, else where the mapping starts.

    Args:
        node: the mapping.
        key: the key.
    """
    owner = key_of(node, key)
    return owner.at if owner is not None else node.at


def suggestion(word: str, known: Mapping[str, object]) -> str | None:
    """The nearest known word.

    Args:
        word: as written.
        known: the words.
    """
    return closest(word, cast("list[str]", list(known)))
