"""Reads a step's `config` against what its action declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flows.language.catalogue import ActionSpec
from flows.language.config import Field, fields_of, required, spelled
from flows.language.expressions.expression import Expression, compile_expression, compile_path
from flows.language.expressions.words import NAME, RESERVED
from flows.language.files import Files, NotAtHand
from flows.language.findings import Keys, More
from flows.language.reader import Reader, descend, key_of, owners
from flows.language.spec import Branch, Position
from flows.language.templates import Template
from flows.language.values import typed_text
from flows.language.written import Nested, Settings, WrittenExpression, plain_of, templated
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode, plain
from testmesh.kernel.errors import UserError

CONDITIONS = frozenset({"match", "if", "until", "condition"})
"""Config keys whose expressions decide something, whatever the action."""


def either(text: str, *, at: Position | None = None, ids: frozenset[str] = frozenset()) -> Expression:
    """A path when it begins with ``$.``, ``$[`` or is ``$``, else an expression (transform, for_each items).

    Args:
        text: as written.
        at: where.
        ids: step ids that contain hyphens.

    Raises:
        SyntaxProblem: it does not compile.
    """
    start = text.lstrip()[:2]
    compiler = compile_path if start in ("$.", "$[", "$") else compile_expression
    return compiler(text, at=at, ids=ids)


class SettingsReader:
    """Reads one config.

    Args:
        reader: typed access.
        spec: the action.
        files: for fields that name files.
        nested: how nested lists are read.
    """

    def __init__(self, reader: Reader, spec: ActionSpec, files: Files, nested: Nested) -> None:
        self.reader = reader
        self.findings = reader.findings
        self.spec = spec
        self.files = files
        self.nested = nested
        self.found = Settings(Template({}, None, {}), {})
        self.values: dict[str, object] = {}
        self._owner: ScalarNode | None = None
        self._mapping: MapNode | None = None

    def read(self, step: MapNode, implies: Mapping[str, object]) -> Settings:
        """The config of a step.

        Args:
            step: the step's mapping.
            implies: what the action's name sets.
        """
        node = self._mapping = self.reader.mapping(step.get("config"))
        if node is not None:
            for key, owner, value in owners(node):
                self._entry(key, owner, value, implies)
        self._required(step, node)
        for key, implied in implies.items():
            self.values.setdefault(key, implied)
        self.found.source = {key: plain_of(value) for key, value in self.values.items()}
        at = Position(*(node.at if node is not None else step.at))
        self.found.template = self.reader.template_of(self.values, self._place, at)
        return self.found

    def _place(self, path: tuple[str | int, ...]) -> Node | None:
        node = self.found.nodes.get(str(path[0])) if path else None
        return descend(node, path[1:]) or node

    def _entry(self, key: str, owner: ScalarNode, node: Node, implies: Mapping[str, object]) -> None:
        name = spelled(self.spec.config).get(key)
        old = next((old for old in self.spec.deprecated if old.key == key), None) if self.spec.deprecated else None
        if old is not None:
            message = f"'{key}' is of an older form"
            self.findings.warn("flow/deprecated", owner.at, message, hint=f"write {old.instead}")
            for target, value in (old.rewrite(plain(node)) if old.rewrite else {}).items():
                self.values.setdefault(target, value)
                self.found.nodes.setdefault(target, node)
            return
        if name is None and self.spec.open_config:
            self.values[key] = plain(node)
            self.found.nodes[key] = node
            return
        if name is None:
            if self._mapping is not None:
                self._unknown(self.spec.config, self._mapping, owner, f"{self.spec.name} has no setting '{key}'")
            return
        if name in implies or name in self.found.nodes:
            reason = "the action's name already says it" if name in implies else f"'{name}' is written twice"
            self.findings.add("flow/conflict", owner.at, f"{reason}; remove '{key}'", More(len(key)))
            return
        self.found.nodes[name] = node
        known_field = fields_of(self.spec.config)[name]
        if isinstance(node, ScalarNode) and node.value is None and known_field.kind != "any":
            if not known_field.nullable:
                self.reader.wrong(node, _WANTED.get(known_field.kind, "a value"))
            return
        self._owner = owner
        value = self._value(known_field, node)
        if known_field.kind not in ("steps", "branches", "assertions"):
            self.values[name] = value

    def _unknown(self, config: type, mapping: MapNode, owner: ScalarNode, message: str) -> None:
        """A key that a config has not; of those it has, only one that is not written already may be meant."""
        names = spelled(config)
        written = {names.get(key) for key in mapping.entries}
        valid = list(names)
        if config is self.spec.config:
            valid += [old.key for old in self.spec.deprecated]
        needed = [field.key for field in required(config) if field.key not in written]
        spellings = {name for name, key in names.items() if key in written}
        self.found.misspelt.append(self.findings.unknown_key(owner, message, Keys(valid, spellings, needed)))

    def _required(self, step: MapNode, node: MapNode | None) -> None:
        if step.get("config") is not None and node is None:
            return
        for key in [known.key for known in required(self.spec.config)]:
            if key not in self.found.nodes and key not in self.found.misspelt:
                owner = key_of(step, "config")
                what = f"the config of {self.spec.name}" if owner else f"{self.spec.name} needs a config that"
                if owner is None:
                    self.findings.add("flow/missing-key", step.at, f"{what} has '{key}'")
                else:
                    self.findings.missing(owner, step, key, what)

    def _value(self, known: Field, node: Node) -> object:
        if known.kind in _COLLECTIONS:
            return _COLLECTIONS[known.kind](self, known, node)
        if templated(node) and "expression" not in known.kind:
            return plain(node)
        check = _SCALARS.get(known.kind)
        if check is not None:
            check(self, known, node)
        return plain(node)

    def _text(self, known: Field, node: Node) -> None:
        text = self.reader.text(node)
        if text is None or not isinstance(node, ScalarNode):
            return
        option, choices = known.option, known.option.choices
        if choices and text not in choices and text.lower() not in [choice.lower() for choice in choices]:
            message = f"'{known.key}' is one of {', '.join(choices)}, not '{text}'"
            self.findings.unknown("flow/choice", node, message, choices)
        if option.file:
            self._file(node, sent=option.sent)
        if option.pattern:
            self._pattern(node)
        if option.name and (not re.fullmatch(NAME, text) or text in RESERVED):
            self.findings.node("flow/bad-name", node, f"'{text}' cannot be used as a name")

    def _file(self, node: ScalarNode, *, sent: bool) -> None:
        look = self.files.look if sent else self.files.read
        try:
            look(node.text)
        except NotAtHand:
            return
        except UserError as problem:
            self.findings.node("flow/missing-file", node, problem.message)

    def _pattern(self, node: ScalarNode) -> None:
        from testmesh.guard.regex import compile_pattern

        try:
            compile_pattern(node.text)
        except UserError as problem:
            self.findings.node("expr/regex", node, problem.message)

    def _number(self, known: Field, node: Node) -> None:
        value: object = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, str):
            value = typed_text(value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        least = known.option.least
        if not number or (known.kind == "integer" and not isinstance(value, int)):
            self.reader.wrong(node, _WANTED[known.kind])
        elif least is not None and isinstance(value, int | float) and value < least:
            self.findings.node("flow/range", node, f"at least {least} is expected here")

    def _flag(self, known: Field, node: Node) -> None:
        self.reader.flag(node)

    def _duration(self, known: Field, node: Node) -> None:
        self.reader.duration(node)

    def _expression(self, known: Field, node: Node) -> object:
        found = self.reader.expression(node, either)
        if found is not None:
            condition = f"'{known.key}'" if known.key in CONDITIONS else None
            self.found.expressions.append(WrittenExpression(found, known.option.scope, condition))
        return found if found is not None else plain(node)

    def _expression_or(self, known: Field, node: Node) -> object:
        if known.kind == "expression_or_list" and isinstance(node, ListNode):
            return plain(node)
        if known.kind == "expression_or_map" and isinstance(node, MapNode):
            return self._record(known, node) if known.option.record else plain(node)
        return self._expression(known, node)

    def _map(self, known: Field, node: Node) -> object:
        if templated(node):
            return plain(node)
        mapping = self.reader.mapping(node)
        if mapping is None:
            return None
        if known.kind == "expression_map":
            return {key: self._expression(known, value) for key, _, value in owners(mapping)}
        if known.kind == "text_map":
            for _, _, value in owners(mapping):
                self.reader.text(value)
        return plain(mapping)

    def _list(self, known: Field, node: Node) -> object:
        if templated(node) or (known.kind == "text_or_list" and isinstance(node, ScalarNode)):
            if known.kind == "text_or_list":
                self.reader.text(node)
            return plain(node)
        items = self.reader.items(node)
        if known.kind == "expression_list":
            return [self._expression(known, item) for item in items]
        if known.kind in ("text_list", "text_or_list"):
            for item in items:
                self.reader.text(item)
        return [plain(item) for item in items]

    def _record(self, known: Field, node: Node) -> object:
        record = known.option.record
        if record is None or templated(node):
            return plain(node)
        short = known.option.short
        if short and isinstance(node, ScalarNode) and isinstance(node.value, str):
            return {short: self._value(fields_of(record)[short], node)}
        mapping = self.reader.mapping(node)
        if mapping is None:
            return None
        whose = self._owner
        names = spelled(record)
        found: dict[str, object] = {}
        for key, owner, value in owners(mapping):
            if key not in names:
                message = f"'{known.key}' has no key '{key}'"
                self._unknown(record, mapping, owner, message)
                continue
            inner = fields_of(record)[names[key]]
            empty = isinstance(value, ScalarNode) and value.value is None
            self._owner = owner
            found[names[key]] = None if empty and inner.nullable else self._value(inner, value)
        for key in [known.key for known in required(record)]:
            if key not in found and key not in self.found.misspelt:
                self.findings.missing(whose, mapping, key, f"'{known.key}'")
        return found

    def _records(self, known: Field, node: Node) -> object:
        if templated(node):
            return plain(node)
        if known.kind == "record_map":
            mapping = self.reader.mapping(node)
            records: dict[str, object] = {}
            for key, owner, value in owners(mapping) if mapping else ():
                self._owner = owner
                for item in value.items if isinstance(value, ListNode) else [value]:
                    if isinstance(item, MapNode):
                        self._record(known, item)
                records[key] = plain(value)
            return records
        found: list[object] = []
        for item in self.reader.items(node):
            self._owner = None
            found.append(self._record(known, item))
        return found

    def _steps(self, known: Field, node: Node) -> object:
        at = Position(*node.at)
        if self.spec.container == "parallel":
            for index, item in enumerate(self.reader.items(node)):
                only = ListNode(item.span, item.source)
                only.items.append(item)
                self.found.branches.append(Branch(str(index), self.nested.steps(only), Position(*item.at)))
        else:
            self.found.branches.append(Branch(known.key, self.nested.steps(node), at))
        return None

    def _branches(self, known: Field, node: Node) -> object:
        for index, item in enumerate(self.reader.items(node)):
            steps: Node | None = item
            if isinstance(item, MapNode):
                self.reader.known_keys(item, ("steps", "name"), "a branch")
                steps = item.get("steps")
                if steps is None:
                    self.findings.missing(None, item, "steps", "a branch")
                    continue
            if steps is not None:
                self.found.branches.append(Branch(str(index), self.nested.steps(steps), Position(*item.at)))
        return None

    def _assertions(self, known: Field, node: Node) -> object:
        self.found.assertions += self.nested.assertions(node)
        return None


_WANTED = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "duration": "a duration",
    "map": "a mapping",
    "list": "a list",
    "expression": "an expression",
}
_SCALARS: Mapping[str, Callable[[SettingsReader, Field, Node], None]] = {
    "text": SettingsReader._text,
    "integer": SettingsReader._number,
    "number": SettingsReader._number,
    "boolean": SettingsReader._flag,
    "duration": SettingsReader._duration,
}
_COLLECTIONS: Mapping[str, Callable[[SettingsReader, Field, Node], object]] = {
    "expression": SettingsReader._expression,
    "expression_map": SettingsReader._map,
    "expression_list": SettingsReader._list,
    "expression_or_map": SettingsReader._expression_or,
    "expression_or_list": SettingsReader._expression_or,
    "map": SettingsReader._map,
    "text_map": SettingsReader._map,
    "list": SettingsReader._list,
    "text_list": SettingsReader._list,
    "text_or_list": SettingsReader._list,
    "record": SettingsReader._record,
    "record_list": SettingsReader._records,
    "record_map": SettingsReader._records,
    "steps": SettingsReader._steps,
    "branches": SettingsReader._branches,
    "assertions": SettingsReader._assertions,
}
