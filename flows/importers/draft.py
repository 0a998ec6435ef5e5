"""A flow that is being written: steps with ids that are free, assertions, and marks for what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.language.builtins import BUILTINS
from flows.language.expressions.words import FUNCTIONS, OPERATOR_WORDS
from flows.language.writing import block, inline, scalar_text

MODELINE = "# yaml-language-server: $schema={}"
_NAMES = re.compile(r"\{\{?\s*([A-Za-z_][\w-]*)|[gs]et\(\\?[\"']([A-Za-z_][\w-]*)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
_TAKEN = frozenset({*OPERATOR_WORDS, *FUNCTIONS, *BUILTINS, "FAKER", "index", "error"})
_RESULT_FIELDS = frozenset(
    {
        *("status", "body", "headers", "headers_all", "duration_ms", "url", "time", "http_version", "cookies"),
        *("data", "errors", "response", "result", "rows", "row_count", "count", "first_row", "rows_affected"),
        *("columns", "attempts", "value", "key", "messages", "message", "branch", "results", "status_code"),
        *("error_message", "trailers", "metadata", "raw", "json", "text", "exists", "ok", "ttl", "received"),
    }
)
Value = object
Assertion = str | Mapping[str, object]


class NotCarried(Exception):
    """Something the flow language cannot say; the text is the reason."""


def escaped(text: str) -> str:
    """A text in which nothing is a template.

    Args:
        text: as it must arrive.
    """
    return text.replace("${", "$${").replace("{{", '{{ "{{" }}')


def escape_all(value: object) -> object:
    """A JSON-shaped value in which nothing is a template.

    Args:
        value: as it must arrive.
    """
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {str(key): escape_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [escape_all(item) for item in value]
    return value


def identifier(text: str, fallback: str = "step") -> str:
    """A name from any text: words joined with ``_``, beginning with a letter.

    Args:
        text: any.
        fallback: when nothing is left.
    """
    word = _NO_WORD.sub("_", _CAMEL.sub("_", text)).strip("_").lower()[:40].strip("_")
    if not word:
        return fallback
    return word if word[0].isalpha() else f"{fallback}_{word}"


def variable(name: str) -> str:
    """Another tool's variable as a name that flows accept; case stays.

    Args:
        name: as written there.
    """
    word = re.sub(r"[^A-Za-z0-9_]", "_", name)
    word = word if word and not word[0].isdigit() else f"v_{word}"
    return f"{word}_" if word in _TAKEN or word in _RESULT_FIELDS else word


def names_in(text: str) -> frozenset[str]:
    """Every name that a text of another tool may use as a variable.

    Args:
        text: of the file.
    """
    return frozenset(variable(name) for found in _NAMES.findall(text) for name in found if name)


@dataclass(slots=True)
class DraftStep:
    """A step that is being written.

    Args:
        id: unique in its flow.
        action: of the language.
        config: its settings.
        output: name → path.
        assertions: expressions, or maps with a message.
        more: other keys of the step, such as `retry`.
        comments: lines above it.
        broken: assertions that the checker refused, each with its reason.
    """

    id: str
    action: str
    config: dict[str, Value] = field(default_factory=dict)
    output: dict[str, Value] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    more: dict[str, Value] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)

    def check(self, expression: str, message: str | None = None) -> None:
        """Adds an assertion.

        Args:
            expression: of the language.
            message: shown when it does not hold.
        """
        found: Assertion = expression if message is None else {"expression": expression, "message": message}
        if found not in self.assertions:
            self.assertions.append(found)

    def fail(self, reason: str) -> None:
        """Adds an assertion that never holds, in the place of one that could not be carried over.

        Args:
            reason: what is missing and where it stands.
        """
        self.check("false", escaped(f"not carried over: {reason}"))

    def unsent(self, reason: str) -> None:
        """Makes it a step that sends nothing and fails, in the place of one that no flow can send.

        Args:
            reason: what is missing and where it stands.
        """
        self.action = "assert"
        self.config, self.output, self.assertions = {}, {}, []
        self.more = {key: self.more[key] for key in ("name", "description", "disabled") if key in self.more}
        self.fail(reason)

    def document(self) -> dict[str, object]:
        """The step as it is written."""
        found: dict[str, object] = {"id": self.id, **_leading(self.more), "action": self.action}
        if self.config:
            found["config"] = self.config
        found.update({key: value for key, value in self.more.items() if key not in found})
        if self.output:
            found["output"] = self.output
        if self.assertions:
            found["assert"] = self.assertions
        return found


def _leading(more: Mapping[str, object]) -> dict[str, object]:
    return {key: more[key] for key in ("name", "description", "tags", "disabled", "when") if key in more}


@dataclass(slots=True)
class Draft:
    """A flow that is being written.

    Args:
        name: of the flow.
        steps: in order.
        env: variables.
        more: other keys of the flow, such as `tags` or `data`.
        teardown: steps at the end.
        stem: of the file it is written to.
        comments: lines at the top.
        reserved: names of variables, which no step may take.
    """

    name: str
    steps: list[DraftStep] = field(default_factory=list)
    env: dict[str, Value] = field(default_factory=dict)
    more: dict[str, Value] = field(default_factory=dict)
    teardown: list[DraftStep] = field(default_factory=list)
    stem: str = ""
    comments: list[str] = field(default_factory=list)
    reserved: frozenset[str] = frozenset()
    _ids: set[str] = field(default_factory=set)

    def id(self, text: str, fallback: str = "step") -> str:
        """A free id made from a text.

        Args:
            text: what the step is about.
            fallback: when nothing of it is left.
        """
        base = identifier(text, fallback)
        if base in _RESULT_FIELDS or base in _TAKEN or base.upper() in BUILTINS:
            base = f"{base}_{fallback}"
        found, number = base, 2
        while found in self._ids or found in self.env or found in self.reserved:
            found, number = f"{base}_{number}", number + 1
        self._ids.add(found)
        return found

    def step(self, text: str, action: str, fallback: str = "step") -> DraftStep:
        """A new step at the end.

        Args:
            text: what it is about; its id is made from it.
            action: of the language.
            fallback: for the id when nothing of the text is left.
        """
        found = DraftStep(self.id(text, fallback), action)
        self.steps.append(found)
        return found

    def share_cookies(self) -> None:
        """Makes all requests of the flow one session: the tool it comes from sends on the cookies that answers set."""
        asking = [step for step in self.steps + self.teardown if step.action == "http_request"]
        for step in asking if len(asking) > 1 else ():
            step.config["session"] = "main"

    def text(self, schema: str | None = None) -> str:
        """The flow as YAML.

        Args:
            schema: address of the JSON Schema for a modeline.
        """
        lines = [MODELINE.format(schema)] if schema else []
        lines += [f"# {line}".rstrip() for line in self.comments]
        lines += ["flow:", f"  name: {scalar_text(self.name)}"]
        lines += block(self.more, 2) if self.more else []
        lines += ["  env:", *block(self.env, 4)] if self.env else []
        for phase, steps in (("steps", self.steps), ("teardown", self.teardown)):
            if steps:
                lines += [f"  {phase}:", *(line for step in steps for line in _lines(step))]
        return "\n".join(lines) + "\n"


def _lines(step: DraftStep) -> list[str]:
    found = block([step.document()], 4)
    return [*(f"    # {line}".rstrip() for line in step.comments), *found]


def literal(value: object) -> str:
    """A value as it is written in an expression.

    Args:
        value: text, number, true, false, null, or a list or map of them.
    """
    import json

    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{json.dumps(str(key), ensure_ascii=False)}: {literal(v)}" for key, v in value.items())
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return inline(value)
