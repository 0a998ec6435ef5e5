"""`testmesh judge`: recorded evidence, of one run or the last N, against the flows as they are now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, counted, print_json
from testmesh.kernel.errors import EXIT_OK, UserError

if TYPE_CHECKING:
    from flows.strength.history import Line, Past
    from testmesh.compose.graphs import Checkout


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="run id or its beginning (default: the latest)")
    parser.add_argument("--flow", type=Path, help="a file whose assertions to use for the recorded flow of that name")
    parser.add_argument(
        "--last", type=int, metavar="N", help="with --flow and no run: would each assertion have held in the last N?"
    )
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.compose.graphs import open_checkout

    checkout = open_checkout(options.dir)
    if options.last is not None:
        return _over_the_last(checkout, options)
    return _one_run(checkout, options)


def _one_run(checkout: Checkout, options: argparse.Namespace) -> int:
    from flows.engine.recording import judge
    from flows.runner.folding import exit_code
    from flows.runner.spool import Spool
    from testmesh.compose.diagnosing import file_runs

    run = file_runs(checkout).opened("latest" if options.run is None else options.run)
    files = {flow.file for flow in run.flows}
    texts = {file: _text(checkout.project.root / file) for file in files if (checkout.project.root / file).is_file()}
    if options.flow is not None:
        texts[_recorded(options.flow, files)] = _text(options.flow)
    judged = judge(run, texts, keeper=Spool())
    if options.json:
        from flows.reports.json import chunks

        sys.stdout.writelines(chunks(judged))
    else:
        from flows.reports.terminal import run_lines

        sys.stdout.writelines(line + "\n" for line in run_lines(judged))
    return exit_code(judged)


def _over_the_last(checkout: Checkout, options: argparse.Namespace) -> int:
    from flows.strength.history import over
    from testmesh.compose.past_flows import executions, recorded_name

    if options.flow is None or options.run is not None or options.last < 1:
        raise UserError("--last N (1 or more) needs --flow FILE and no run",
                        hint="testmesh judge --flow FILE --last 10")  # fmt: skip
    file = recorded_name(checkout, options.flow)
    found = executions(checkout, file, options.last)
    if not found:
        raise UserError(f"{file} was never recorded here", hint=f"testmesh run {file}")
    past = over(found, _text(checkout.project.root / file), file)
    if options.json:
        print_json(_data(file, past))
    else:
        print("\n".join(_lines(file, past)))
    return EXIT_OK if all(now == "passed" for _, now in past.verdicts.values()) else 1


def _data(file: str, past: Past) -> dict[str, object]:
    return {
        "file": file,
        "runs": [
            {"run": name, "recorded": was, "judged": now, "differs": past.differs.get(name)}
            for name, (was, now) in past.verdicts.items()
        ],
        "assertions": [
            {
                "step": line.step,
                "phase": line.phase,
                "list": line.list,
                "expression": line.expression,
                "line": line.line,
                "outcomes": dict(line.outcomes),
                "sides": {name: {"left": left, "right": right} for name, (left, right) in line.sides.items()},
            }
            for line in past.lines
        ],
    }


def _lines(file: str, past: Past) -> Iterator[str]:
    from flows.engine.judging import short

    green = sum(now == "passed" for _, now in past.verdicts.values())
    yield f"{file}: as it is now it passes on {green} of the last {counted(len(past.verdicts), 'recording')}"
    rows = [(line, ", ".join(_said(line))) for line in past.lines]
    width = max((len(said) for _, said in rows), default=0)
    for line, said in rows:
        mark = "!" if line.count("failed") else " "
        yield f" {mark} {said:{width}}  {file}:{line.line} {line.step}: {line.expression}"
        for name, (left, right) in list(line.sides.items())[:3]:
            if line.outcomes[name] == "failed":
                yield f"     {name}: left {short(left)}, right {short(right)}"
    reasons: dict[str, list[str]] = {}
    for name, why in past.differs.items():
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        which = names[0] if len(names) == 1 else f"{len(names)} recordings, {names[0]} the last"
        yield f"  {which}: not judged to the end: {why}"


def _said(line: Line) -> Iterator[str]:
    from flows.strength.history import OUTCOMES

    yield from (f"{outcome.replace('_', ' ')} {line.count(outcome)}" for outcome in OUTCOMES if line.count(outcome))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", hint="give the path of a flow file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8", hint="save the file as UTF-8") from error


def _recorded(flow: Path, files: set[str]) -> str:
    same = [file for file in files if Path(file).name == flow.name] or (list(files) if len(files) == 1 else [])
    if len(same) != 1:
        raise UserError(f"the recording has no flow that {flow} stands for", hint=f"it has: {', '.join(sorted(files))}")
    return same[0]


COMMAND = Command("judge a recording again with the flows as they are now", _arguments, _run, "Flows")
