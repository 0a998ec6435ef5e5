"""`testmesh judge RUN`: the recorded evidence against the flows as they are now, without the system."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json
from testmesh.kernel.errors import UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run id, its beginning, or 'latest'")
    parser.add_argument("--flow", type=Path, help="a file whose assertions to use for the recorded flow of that name")
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.engine import judge
    from flows.runner.running import exit_code
    from testmesh.compose.diagnosing import file_runs
    from testmesh.compose.graphs import open_checkout

    checkout = open_checkout(options.dir)
    run = file_runs(checkout).load(options.run)
    files = {flow.file for flow in run.flows}
    texts = {file: _text(checkout.project.root / file) for file in files if (checkout.project.root / file).is_file()}
    if options.flow is not None:
        texts[_recorded(options.flow, files)] = _text(options.flow)
    judged = judge(run, texts)
    if options.json:
        from flows.reports.json import write

        sys.stdout.write(write(judged))
    else:
        from flows.reports.terminal import run_lines

        print("\n".join(run_lines(judged)))
    return exit_code(judged)


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
