"""`testmesh explain FLOW...`: what a flow does, checks and does not check, in plain sentences, without running it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted
from testmesh.kernel.errors import EXIT_OK, EXIT_USAGE

if TYPE_CHECKING:
    from flows.language.explaining import ExplainedStep, Explanation
    from flows.runner.loading import Opened


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="FLOW", help="flow files and folders")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.actions import catalogue
    from flows.language.explaining import as_json, explained
    from flows.runner.discovery import discover
    from flows.runner.loading import Loader
    from testmesh.workspaces.files import load_project

    project = load_project(options.dir)
    known = catalogue()
    opened = Loader(project.root, known).open_all(discover(tuple(options.paths), project.root))
    found = [explained(file.flow, known) for file in opened if file.flow is not None]
    if options.json:
        sys.stdout.write(json.dumps({"flows": [as_json(flow) for flow in found]}, indent=2) + "\n")
    elif found:
        print("\n\n".join("\n".join(_lines(flow)) for flow in found))
    broken = [file for file in opened if file.flow is None]
    _complain(broken)
    return EXIT_USAGE if broken else EXIT_OK


def _complain(broken: Iterable[Opened]) -> None:
    from testmesh.kernel.diagnostics import render

    for file in broken:
        for finding in file.findings:
            if finding.severity == "error":
                print(render(finding, file.text), file=sys.stderr)


def _lines(flow: Explanation) -> Iterator[str]:
    yield f"{flow.name} ({flow.file})"
    if flow.description:
        yield flow.description
    yield flow.runs
    for phase, title in (("setup", "First:"), ("steps", "Then:"), ("teardown", "At the end, whatever happened:")):
        steps = [step for step in flow.steps if step.phase == phase]
        if steps:
            first = phase == "steps" and all(step.phase != "setup" for step in flow.steps)
            yield "\n" + ("Steps:" if first else title)
            for number, step in enumerate(steps, 1):
                yield from _step(step, f"{number}. ", "  ")
    yield from _needs(flow)
    yield from _gaps(flow)


def _step(step: ExplainedStep, mark: str, indent: str) -> Iterator[str]:
    yield f"{indent}{mark}{step.id} (line {step.line}) {step.does}."
    inner = indent + " " * len(mark)
    for text in (step.when, step.waits):
        if text:
            yield f"{inner}{text}"
    if step.checks:
        yield f"{inner}Checks:"
        yield from (f"{inner}  - {check}" for check in step.checks)
    if step.keeps:
        yield f"{inner}Keeps {', '.join(step.keeps)}."
    if step.failure:
        yield f"{inner}{step.failure}"
    for nested in step.steps:
        yield from _step(nested, "- ", inner)


def _needs(flow: Explanation) -> Iterator[str]:
    lines = [
        ("variables that must be given", flow.needed),
        ("variables with a default", flow.defaulted),
        ("connections", flow.connections),
        ("services", flow.services),
        ("files", flow.files),
    ]
    if any(names for _, names in lines):
        yield "\nNeeds:"
        yield from (f"  {what}: {', '.join(names)}" for what, names in lines if names)


def _gaps(flow: Explanation) -> Iterator[str]:
    found = [(step, gap) for step in _all(flow.steps) for gap in step.gaps]
    if not found:
        yield f"\nLooks at the result of every step that has one ({counted(sum(1 for _ in _all(flow.steps)), 'step')})."
        return
    yield "\nDoes not check:"
    for step, gap in found:
        yield f"  {step.id} (line {step.line}): {gap}"


def _all(steps: Iterable[ExplainedStep]) -> Iterator[ExplainedStep]:
    for step in steps:
        yield step
        yield from _all(step.steps)


COMMAND = Command("say what a flow does, checks and leaves unchecked", _arguments, _run, "Flows")
