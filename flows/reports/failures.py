"""Why a step failed, in at most 25 lines that a person can act on: where, what, both sides, and how to see it again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flows.reports.answers import answer_lines, answered, sentence
from flows.reports.commands import Sent, command_line
from flows.reports.differing import clipped, differences, line_of, reordered, shown, told_apart
from flows.reports.expressions import compares, equates, left_path, literal_right
from flows.reports.surroundings import Surroundings, logged
from flows.reports.visible import visible
from graph.runs import AssertionResult, Exchange, FlowRun, StepRun

MOST_LINES = 25
WIDTH = 200
_LOG_LINES = 4
_LONG_COMMAND = 1_500
_MESSAGE_LINES = 5
_NEAREST = re.compile(r"; nearest: .*$")
_DETAILS = 6
_LISTED = 4
_MORE = re.compile(r" \(and (\d+) more\)$")
_FIELD = re.compile(r"(?:field|element) ['\"\w.-]*.*$")
NOWHERE = Surroundings()


def failure_lines(file: str, step: StepRun, around: Surroundings = NOWHERE) -> list[str]:
    """What to say about a step that did not pass; the first line says where and what.

    Args:
        file: where the step is written.
        step: failed or in error.
        around: logs, spans, and the run's id.
    """
    if told_inside(step):
        said = [line for line in _message(step)[:2] if not line.startswith("  step '")]
        return [visible(line) for line in (_head(file, step), *said, *_assertions(step, 8))]
    head = [_head(file, step), *_asked(step), *answer_lines(step)]
    tail = [*_spans(step, around), *_logs(step, around), *_again(step), *_next(around)]
    told = _message(step)
    room = MOST_LINES - len(head) - len(tail) - len(told)
    return [visible(line) for line in (*head, *told, *_assertions(step, room), *tail)]


def told_inside(step: StepRun) -> bool:
    """Whether steps in it failed, which say why by themselves.

    Args:
        step: failed or in error.
    """
    return not step.exchanges and any(inner.verdict in ("failed", "error") for inner in step.steps)


def flow_failure(flow: FlowRun) -> list[str]:
    """What to say about a flow that did not pass and has no step that says why.

    Args:
        flow: the execution.
    """
    found = [f"{p['file']}:{p['line']}:{p['column']}: {p['message']}" for p in flow.problems]
    lines = found or [flow.message or flow.verdict]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"… and {len(lines) - MOST_LINES + 1} more"]
    return [visible(clipped(line, WIDTH)) for line in lines]


def _head(file: str, step: StepRun) -> str:
    line = line_of_failure(step)
    what = "failed" if step.verdict == "failed" else "ended in an error"
    name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
    phase = "" if step.phase == "steps" else f"{step.phase} "
    where = f"{file}:{line}" if line else file
    about = f"{step.action}, optional" if step.optional else step.action
    return f"{where}: {phase}{name} ({about}) {what} after {duration(step.duration_ms)}"


def line_of_failure(step: StepRun) -> int:
    """Where to look first: the first assertion that did not hold, else the step.

    Args:
        step: any step.
    """
    return next((line.line for line in failed_assertions(step) if line.line), step.line)


def duration(ms: float) -> str:
    """A length for people.

    Args:
        ms: milliseconds.
    """
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _last(step: StepRun) -> Exchange | None:
    return step.exchanges[-1] if step.exchanges else None


def _asked(step: StepRun) -> list[str]:
    """What was asked and what came back, in one line."""
    exchange = _last(step)
    if exchange is None or not isinstance(exchange.request, dict):
        return []
    request = exchange.request
    asked = sentence(step.action, request)
    answer = exchange.candidates[-1] if exchange.candidates else None
    got = f" → {told}" if isinstance(answer, dict) and (told := answered(answer)) else ""
    seen = _seen(exchange)
    return [clipped(f"  {asked}{got}{seen}", WIDTH)] if asked or got or seen else []


def _seen(exchange: Exchange) -> str:
    if len(exchange.candidates) < 2:
        return ""
    if "raw" in exchange.candidates[-1]:
        return f" (the last of {len(exchange.candidates):,} messages)"
    span = exchange.at_ms[-1] - exchange.at_ms[0] if exchange.at_ms else 0
    return f" (the last of {len(exchange.candidates):,} answers in {duration(span)})"


def failed_assertions(step: StepRun) -> list[AssertionResult]:
    """The assertions that explain a failure: of `assert_any` only when none of them held.

    Args:
        step: any step.
    """
    any_held = any(line.passed for line in step.assertions if line.list == "assert_any")
    return [
        line
        for line in step.assertions
        if not line.passed and (line.list != "assert_any" or not any_held or not _has_sides(line))
    ]


def _has_sides(line: AssertionResult) -> bool:
    return line.left is not None or line.right is not None


def _message(step: StepRun) -> list[str]:
    """The step's message without what the assertions below say again."""
    said = [_flat(text) for line in failed_assertions(step) for text in (line.expression, line.message) if text]
    lines = []
    for line in step.message.split("\n"):
        flat = _flat(line).removeprefix("assert_none: ")
        if not flat or flat.startswith("none of assert_any holds") or any(flat.startswith(text) for text in said):
            continue
        lines.append(clipped(f"  {_NEAREST.sub('', line.rstrip()) if said else line.rstrip()}", WIDTH))
    if len(lines) > _MESSAGE_LINES:
        lines = [*lines[: _MESSAGE_LINES - 1], f"  … ({len(lines) - _MESSAGE_LINES + 1} more lines)"]
    return lines


def brief(step: StepRun) -> str:
    """Why a step did not pass, in one line; empty when it passed.

    Args:
        step: any step.
    """
    if step.verdict == "passed":
        return ""
    failing = failed_assertions(step)
    if not failing or (step.exchanges[-1:] and step.exchanges[-1].error):
        said, *rest = step.message.split("\n") if step.message else [step.verdict]
        return clipped(_flat(f"{said} {rest[0]}" if said.endswith(":") and rest else said), WIDTH)
    first = failing[0]
    more = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
    why = _flat(first.message) if not evaluated(step, first) else _sides(step, first)[0].strip()
    return f"{clipped(_flat(first.expression), 70)}: {clipped(why, 120)}{more}"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _assertions(step: StepRun, room: int) -> list[str]:
    """Every failed assertion once, as many details as there is room for."""
    found = failed_assertions(step)
    if not found:
        return []
    blocks = _blocks(step, found)
    while sum(map(len, blocks)) > room and (longest := max(blocks, key=len)) and len(longest) > 2:
        at = blocks.index(longest)
        blocks[at] = _shorter(longest)
    lines: list[str] = []
    for number, block in enumerate(blocks):
        if len(lines) + len(block) + (number < len(blocks) - 1) > room:
            lines.append(f"  … and {len(blocks) - number} more: testmesh show RUN --html lists all")
            break
        lines += block
    return lines


def _shorter(block: list[str]) -> list[str]:
    """One difference less, with how many are left out."""
    title, *details = block
    match = _MORE.search(details[-1])
    cut = int(match[1]) if match else 0
    kept = details[:-1]
    kept[-1] = f"{_MORE.sub('', kept[-1])} (and {cut + 1} more)"
    return [title, *kept]


def _blocks(step: StepRun, found: list[AssertionResult]) -> list[list[str]]:
    """A block of lines for each; those that have no value for the reason of one before are told together."""
    blocks: list[list[str]] = []
    same: dict[str, list[AssertionResult]] = {}
    for line in found:
        cause = "" if line.left is not None or evaluated(step, line) else _FIELD.sub("", line.message)
        if cause and cause in same:
            same[cause].append(line)
            continue
        if cause:
            same[cause] = []
        sides = _sides(step, line)
        blocks.append([_title(line, sides), *sides])
    more = [line.line for lines in same.values() for line in lines]
    if more:
        numbers = sorted(set(more))
        lines = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {', '.join(map(str, numbers))}"
        if len(numbers) > _LISTED:
            lines = f"lines {numbers[0]} to {numbers[-1]}"
        blocks.append([f"  {lines}  {len(more)} more cannot be evaluated for the same reason"])
    return blocks


def evaluated(step: StepRun, line: AssertionResult) -> bool:
    """Whether an assertion had a value at all.

    Args:
        step: whose.
        line: the assertion.
    """
    return not line.message or f"{line.expression}: {line.message}" not in step.message


def _title(line: AssertionResult, sides: list[str]) -> str:
    where = f"line {line.line}" if line.line else "until"
    name = "" if line.list == "assert" or not line.line else f"{line.list}: "
    why = f"  ({_flat(line.message)})" if line.message and _has_sides(line) and not conditional(line) else ""
    way = "  (left → right)" if sides and " → " in sides[0] and _has_sides(line) and not conditional(line) else ""
    return clipped(f"  {where}  {name}{_flat(line.expression)}{why}", WIDTH - len(way)) + way


def conditional(line: AssertionResult) -> bool:
    """Whether it has no two sides: a function's answer, a field, parts joined with `and`; its message says why.

    Args:
        line: the assertion.
    """
    return line.right is None and (isinstance(line.left, bool) or bool(line.message)) and not compares(line.expression)


def _sides(step: StepRun, line: AssertionResult) -> list[str]:
    if not _has_sides(line) or conditional(line):
        plain = "left null, right null" if compares(line.expression) else f"it is {shown(line.left)}"
        return [clipped(f"      {_flat(line.message) or plain}", WIDTH)]
    if not evaluated(step, line) and line.left is None:
        return [f"      right {clipped(shown(line.right), WIDTH - 12)}"] if not literal_right(line.expression) else []
    if line.list == "assert_none":
        return [clipped(f"      it holds: left {shown(line.left)}, right {shown(line.right)}", WIDTH)]
    both = _containers(line.left, line.right)
    if both and reordered(line.left, line.right):
        return [f"      the same {len(line.left):,} items in another order"]
    if equates(line.expression) and (both or _long_texts(line.left, line.right)):
        found = list(differences(line.left, line.right, left_path(line.expression) if both else ""))
        if found:
            lines = [f"      {line_of(item)}" for item in found[:_DETAILS]]
            lines[-1] += f" (and {len(found) - _DETAILS} more)" if len(found) > _DETAILS else ""
            return lines
    left, right = told_apart(line.left, line.right)
    if len(left) + len(right) <= WIDTH - 30:
        return [f"      left {left}, right {right}"]
    return [f"      left  {clipped(left, WIDTH - 12)}", f"      right {clipped(right, WIDTH - 12)}"]


def _containers(left: object, right: object) -> bool:
    kinds = (dict, list)
    return isinstance(left, kinds) and type(left) is type(right)


def _long_texts(left: object, right: object) -> bool:
    return isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > 60


def _again(step: StepRun) -> list[str]:
    exchange = _last(step)
    if exchange is None or not isinstance(exchange.request, dict):
        return []
    answer = exchange.candidates[-1] if exchange.candidates else None
    line = command_line(Sent(step.action, exchange.request, answer if isinstance(answer, dict) else {}))
    if len(line) > _LONG_COMMAND:
        return [f"  again   (a command of {len(line):,} characters: testmesh show RUN --html has it)"]
    return [f"  again   {line}"] if line else []


def _logs(step: StepRun, around: Surroundings) -> list[str]:
    lines: list[str] = []
    for found in logged(step, around, _LOG_LINES - 1):
        if found.service == "(not read)":
            lines.append(clipped(f"  logs    could not be read: {_flat(found.lines[0])}", WIDTH))
            continue
        some = f"{len(found.lines)} of {found.of} lines then" if found.of > len(found.lines) else "then"
        lines.append(f"  logged by {found.service} ({some})" if len(lines) == 0 else f"  logged by {found.service}")
        lines += [clipped(f"      {line.strip()}", WIDTH) for line in found.lines]
    return lines[: _LOG_LINES + 1]


def _spans(step: StepRun, around: Surroundings) -> list[str]:
    if not around.spans:
        return []
    from testmesh.telemetry.kept import failing, reason

    found = failing(step, around.spans)
    if not found:
        return []
    first, why = found[0], _flat(reason(found[0]))
    others = f" (so did {len(found) - 1} around it)" if len(found) > 1 else ""
    told = f"  span    {first.service}: {first.name} failed after {duration(first.duration_ns / 1e6)}"
    return [clipped(f"{told}{f': {why}' if why else ''}{others}", WIDTH)]


def _next(around: Surroundings) -> Iterator[str]:
    if around.run_id:
        yield f"  next    testmesh show {around.run_id} --html, testmesh diagnose {around.run_id}"
