"""Where a step is written (those under a `run_flow` in another file), and what an execution is called."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from graph.runs import FlowRun, Run, StepRun

_MOST_FILES = 100
_NAMED = re.compile(r"""\bflow:\s*["']?([^"'\s,}#]+)""")


class Placed(NamedTuple):
    """A step with its file.

    Args:
        step: the step.
        file: where it is written; its line is of this file.
        depth: of nesting.
        path: ids from the outside.
    """

    step: StepRun
    file: str
    depth: int
    path: str


def texts_of(run: Run) -> Mapping[str, str]:
    """The files a run read, by name.

    Args:
        run: a recording.
    """
    included = run.options.get("included")
    found = {str(name): str(text) for name, text in included.items()} if isinstance(included, Mapping) else {}
    return found | {flow.file: flow.source for flow in run.flows if flow.source}


def placed(flow: FlowRun, texts: Mapping[str, str] | None = None) -> Iterator[Placed]:
    """Every step of a flow execution, nested ones after the one they belong to.

    Args:
        flow: the execution.
        texts: files by name; without them every step is taken to be in the flow's own file.
    """
    yield from _placed(flow.steps, flow.file, "", texts or {})


def _placed(steps: Sequence[StepRun], file: str, above: str, texts: Mapping[str, str]) -> Iterator[Placed]:
    for step in steps:
        name = step.id if step.iteration is None else f"{step.id}[{step.iteration}]"
        path = f"{above}/{name}" if above else name
        yield Placed(step, file, path.count("/"), path)
        inner = file if step.action != "run_flow" else child_of(texts, file, step.line)
        yield from _placed(step.steps, inner, path, texts)


def child_of(texts: Mapping[str, str], file: str, line: int) -> str:
    """The file that a `run_flow` step names; the step's own file when that cannot be told.

    Args:
        texts: files by name.
        file: where the step is written.
        line: 1-based, of the step.
    """
    rows = texts.get(file, "").splitlines()[max(0, line - 1) : line + 12]
    for number, row in enumerate(rows):
        if number and re.match(r"\s*- (?:id|action):", row):
            break
        match = _NAMED.search(row)
        if match is not None:
            name = _beside(file, match[1])
            return name if name in texts else file
    return file


def _beside(file: str, named: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), named))


def texts_near(flow: FlowRun, root: Path) -> Mapping[str, str]:
    """The files a flow execution may have read, while its run has not ended and does not say so itself.

    Args:
        flow: the execution.
        root: folder that its file is relative to.
    """
    found = {flow.file: flow.source}
    waiting = [flow.file] if any(step.action == "run_flow" for step in _all(flow.steps)) else []
    while waiting and len(found) < _MOST_FILES:
        file = waiting.pop()
        for match in _NAMED.finditer(found[file]):
            name = _beside(file, match[1])
            with suppress(OSError):
                if name not in found and (root / name).is_file():
                    found[name] = (root / name).read_text("utf-8", "replace")
                    waiting.append(name)
    return found


def _all(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    for step in steps:
        yield step
        yield from _all(step.steps)


def flow_name(flow: FlowRun) -> str:
    """A flow execution's name for people.

    Args:
        flow: the execution.
    """
    return flow.name if flow.row is None else f"{flow.name} [row {flow.row}]"
