"""What is wrong or suspicious about a step as a whole: waiting, windows, writes that are repeated, nothing checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from flows.language.closest import closest
from flows.language.config import spelled
from flows.language.expressions.tree import Literal
from flows.language.files import Files
from flows.language.findings import Findings, More
from flows.language.spec import PHASES, Flow, Step
from flows.language.steps import Read, place_of
from testmesh.guard.yaml_nodes import ListNode, MapNode, Node, ScalarNode

_SAFE = ("GET", "HEAD")


class StepRules:
    """Judges the steps of a flow.

    Args:
        findings: where problems go.
        read: what is known of each step.
        files: beside the flow.
    """

    def __init__(self, findings: Findings, read: dict[Step, Read], files: Files) -> None:
        self.findings = findings
        self.read = read
        self.files = files

    def flow(self, flow: Flow) -> None:
        """Every step of every phase.

        Args:
            flow: as built.
        """
        for phase in PHASES:
            self._steps(flow.phase(phase), checked=phase != "teardown")

    def _steps(self, steps: Iterable[Step], *, checked: bool) -> None:
        for step in steps:
            read = self.read[step]
            for rule in _RULES:
                rule(self, step, read)
            if checked:
                self._cannot_fail(step, read)
            for branch in step.branches:
                self._steps(branch.steps, checked=checked)
            self._steps(step.error_steps, checked=False)

    def _error(self, step: Step, key: str, rule: str, message: str) -> None:
        self.findings.add(rule, place_of(step.node, key), message, More(len(key)))

    def _warn(self, step: Step, key: str, rule: str, message: str, hint: str | None = None) -> None:
        more = More(len(key), hint=hint, severity="warning")
        self.findings.add(rule, place_of(step.node, key), message, more)

    def _cannot_fail(self, step: Step, read: Read) -> None:
        spec = read.spec
        written = any(_filled(step, key) for key in ("assert", "assert_any", "assert_none", "until"))
        proves = any(output.default is None for output in step.output)
        checks = spec.checks_itself or spec.checks_when(read.settings.source)
        if written or step.assertions or proves or checks or spec.exempt:
            return
        if spec.container is not None or not read.known:
            return
        message = f"step '{step.id}' cannot fail: it asserts nothing and {spec.name} checks nothing by itself"
        self.findings.warn("flow/cannot-fail", step.at, message, hint="add 'assert'")

    def _waiting(self, step: Step, read: Read) -> None:
        if step.wait is not None and read.spec.windowed and step.wait != 0:
            self._wrong_value(step, "wait", "its window is the config's 'timeout'; 'wait' may only be none here")
        elif step.wait and read.known and not step.reads and not _dynamic(read):
            hint = "use 'until' to repeat it"
            self._warn(step, "wait", "flow/no-effect", "'wait' has no effect: this step is no read", hint)
        if step.hold is None:
            return
        if read.spec.family == "messaging" and read.spec.windowed:
            self._error(step, "hold", "flow/hold", "'hold' does not go with consumers; use 'expect: none'")
        elif read.known and not step.reads and not _dynamic(read):
            self._warn(step, "hold", "flow/no-effect", "'hold' has no effect: this step is no read")

    def _wrong_value(self, step: Step, key: str, message: str) -> None:
        value = step.node.get(key)
        at = value.at if value is not None else step.at
        length = len(value.text) if isinstance(value, ScalarNode) else 1
        self.findings.add(f"flow/{key}", at, message, More(length))

    def _expects_none(self, step: Step, read: Read) -> None:
        if read.settings.source.get("expect") != "none":
            return
        for key in ("until", "hold", "output"):
            if key in step.node.entries:
                self._error(step, key, "flow/expect", f"'{key}' does not go with 'expect: none'")
        config = step.node.get("config")
        if isinstance(config, MapNode) and "count" in config.entries:
            message = "'count' does not go with 'expect: none'"
            self.findings.add("flow/expect", config.entries["count"].key.at, message, More(5))
        for key in ("assert", "assert_any", "assert_none"):
            if key in step.node.entries:
                message = "no message is expected, so there is nothing to assert"
                self._error(step, key, "flow/expect", message)

    def _needs_condition(self, step: Step, read: Read) -> None:
        keys = read.spec.condition
        if not keys or step.assertions or step.until is not None:
            return
        if not any(key in read.settings.source for key in keys):
            message = f"{read.spec.name} needs a condition ({' or '.join(keys)}) or assertions to wait for"
            self._error(step, "config", "flow/no-condition", message)

    def flow_retry(self, flow: Flow, owner: ScalarNode) -> None:
        """Warns once when the flow's `retry` repeats steps that write.

        Args:
            flow: as built.
            owner: the `retry` key.
        """
        if flow.config.retry is None or flow.config.retry.max_attempts < 2:
            return
        leaves = [step for step in (*flow.setup, *flow.steps) if step.retry is None]
        found = next(((step, what) for step in leaves if (what := _writes(step, self.read[step]))), None)
        if found is not None:
            step, what = found
            message = f"a failed attempt is repeated, and {what} in step '{step.id}' may then happen twice"
            self.findings.add("flow/retry-writes", owner.at, message, More(5, severity="warning"))

    def _repeats_writes(self, step: Step, read: Read) -> None:
        if step.retry is None or step.retry.max_attempts < 2:
            return
        what = _writes(step, read)
        if what is not None:
            key = "retry" if "retry" in step.node.entries else "on_error"
            message = f"a failed attempt is repeated, and {what} may then happen twice"
            self._warn(step, key, "flow/retry-writes", message)

    def _none_without_hold(self, step: Step, read: Read) -> None:
        only_none = step.assert_none and not step.assert_all and not step.assert_any
        if only_none and step.reads and step.hold is None and step.wait != 0 and step.until is None:
            message = "the first read that shows nothing ends the wait; what comes a moment later is not seen"
            self._warn(step, "assert_none", "flow/none-without-hold", message, "add 'hold: 2s'")

    def _early(self, step: Step, read: Read) -> None:
        key = read.spec.early(read.settings.source) if read.spec.early is not None and read.known else None
        node = step.node.get("config")
        if key is None or step.hold is not None or step.until is not None or not isinstance(node, MapNode):
            return
        entry = node.entries.get(key)
        if entry is not None:
            message = f"'{key}' may hold before anything happened; what comes a moment later is not seen"
            more = More(len(key), hint="add 'hold: 1s'", severity="warning")
            self.findings.add("flow/none-without-hold", entry.key.at, message, more)

    def _constant(self, step: Step, read: Read) -> None:
        """An assertion that says nothing about the result: imports leave one where something could not be said."""
        for name, assertion in step.assertions:
            tree = assertion.expression.tree
            if not isinstance(tree, Literal) or not isinstance(tree.value, bool):
                continue
            holds = tree.value == (name != "assert_none")
            message = "this assertion always holds" if holds else "this assertion never holds: the step always fails"
            said = assertion.message.source if assertion.message is not None else None
            hint = said if isinstance(said, str) and len(said) < 300 else None
            more = More(len(assertion.text), hint=hint, severity="warning")
            self.findings.add("flow/constant", assertion.at, message, more)

    def _own_check(self, step: Step, read: Read) -> None:
        spec, source = read.spec, read.settings.source
        if (spec.check is None and spec.check_files is None) or not read.known or read.settings.misspelt:
            return
        found = list(spec.check(source)) if spec.check is not None else []
        if not found and spec.check_files is not None:
            found = list(spec.check_files(source, self.files.read))
        for key, message in found:
            owner = _owner(step.node.get("config"), key, read)
            at = owner.at if owner is not None else place_of(step.node, "config")
            if not self.findings.known_at(at):
                length = _length(owner) if owner is not None else len("config")
                self.findings.add("flow/config", at, message, More(length, _nearest(owner, message)))

    def _empty_lists(self, step: Step, read: Read) -> None:
        if read.spec.container is None or not read.known or read.settings.misspelt:
            return
        if not any(branch.steps for branch in step.branches):
            self._error(step, "config", "flow/empty", f"{read.spec.name} has no steps")


def _length(node: Node) -> int:
    return len(node.text) + 2 * len(node.style) if isinstance(node, ScalarNode) else 1


def _owner(config: Node | None, path: str, read: Read) -> Node | None:
    """The key that a dotted path names, or the last one of it that is written; with ``=`` at its end the value."""
    found: ScalarNode | None = None
    names = spelled(read.spec.config)
    for part in path.removesuffix("=").split("."):
        entries = config.entries if isinstance(config, MapNode) else {}
        written = part if part in entries else next((key for key in entries if names.get(key) == part), None)
        if written is None or (found is not None and written != part):
            break
        found, config = entries[written].key, entries[written].value
    return config if found is not None and path.endswith("=") else found


_CHOICES = re.compile(r"\(([a-z_][\w, ]*)\)\Z")


def _nearest(owner: Node | None, message: str) -> str | None:
    """The nearest of the names that a message about an unknown one lists at its end."""
    listed = _CHOICES.search(message)
    if not isinstance(owner, ScalarNode) or listed is None or " has no " not in message:
        return None
    return closest(owner.text, listed[1].split(", "))


def _writes(step: Step, read: Read) -> str | None:
    """What a repeated attempt would do again: the HTTP method, or "this statement"."""
    source = read.settings.source
    if read.spec.family == "http":
        method = source.get("method", "GET")
        endpoint = source.get("endpoint")
        if isinstance(endpoint, str) and " " in endpoint:
            method = endpoint.split(" ")[0]
        known = isinstance(method, str) and "$" not in method and "{{" not in method
        return str(method).upper() if known and str(method).upper() not in _SAFE else None
    return "the statement" if read.spec.family == "sql" and not step.reads and not _dynamic(read) else None


def _filled(step: Step, key: str) -> bool:
    node = step.node.get(key)
    return node is not None and not (isinstance(node, ListNode) and not node.items)


def _dynamic(read: Read) -> bool:
    return any(isinstance(value, str) and ("${" in value or "{{" in value) for value in read.settings.source.values())


_RULES: tuple[Callable[[StepRules, Step, Read], None], ...] = (
    StepRules._waiting,
    StepRules._expects_none,
    StepRules._needs_condition,
    StepRules._repeats_writes,
    StepRules._none_without_hold,
    StepRules._early,
    StepRules._constant,
    StepRules._own_check,
    StepRules._empty_lists,
)
