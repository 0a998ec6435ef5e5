"""One command a file; only the module of the command that was asked for is imported."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from testmesh.kernel.discovery import declared, declared_one, module_names
from testmesh.kernel.errors import (
    EXIT_BUG,
    EXIT_OK,
    EXIT_USAGE,
    DiagnosticsError,
    TestMeshError,
    UnavailableError,
    UserError,
)

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the CLI, declared as ``COMMAND``.

    Args:
        about: one line for the overview.
        arguments: adds options to its parser.
        run: does the work and gives the exit code.
        group: heading in the overview.
        brief: it makes very many records and ends; looking for cycles among them costs more than it frees.
    """

    about: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    group: str = "Other"
    brief: bool = False


def dispatch(arguments: Sequence[str], *, alone: bool = False) -> int:
    """Run one command; every deliberate error becomes a message and an exit code, anything else a traceback and 70.

    Args:
        arguments: without the program's name.
        alone: the process ends with the command.
    """
    try:
        return _dispatch(arguments, alone)
    except (UserError, UnavailableError) as error:
        print(_shown(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        import traceback

        traceback.print_exc()
        print("this is a bug in TestMesh; please report it with the lines above", file=sys.stderr)
        return EXIT_BUG


def _dispatch(arguments: Sequence[str], alone: bool) -> int:
    _refuse_foreign_packages()
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return EXIT_OK
    name = arguments[0]
    command = declared_one("testmesh.cli", name.replace("-", "_"), "COMMAND", Command)
    if command is None:
        raise UserError(f"there is no command '{name}'", hint=_nearest(name))
    parser = argparse.ArgumentParser(prog=f"testmesh {name}", description=command.about, allow_abbrev=False)
    command.arguments(parser)
    try:
        options = _parsed(parser, arguments[1:])
    except SystemExit as stop:
        return EXIT_OK if stop.code in (0, None) else EXIT_USAGE
    if command.brief and alone:
        gc.disable()
    return command.run(options)


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Options and paths in any order; by itself argparse takes only the paths that stand together."""
    options, rest = parser.parse_known_args(arguments)
    if not rest:
        return options
    try:
        return parser.parse_intermixed_args(arguments)
    except TypeError:  # a command with commands of its own: there the order says what belongs to which
        parser.error(f"unrecognized arguments: {' '.join(rest)}")


def _nearest(name: str) -> str:
    import difflib

    close = difflib.get_close_matches(name, module_names("testmesh.cli"), 1)
    return f"did you mean 'testmesh {close[0]}'?" if close else "see 'testmesh --help'"


def overview() -> str:
    """Help text listing every declared command by group."""
    groups: dict[str, list[str]] = {}
    for name, command in declared("testmesh.cli", "COMMAND", Command).items():
        groups.setdefault(command.group, []).append(f"  {name.replace('_', '-'):<12} {command.about}")
    body = "\n\n".join(f"{title}\n" + "\n".join(rows) for title, rows in sorted(groups.items()))
    first = "begin with 'testmesh init' (a first flow) or 'testmesh scan .' (the graph of a repository)"
    return f"usage: testmesh COMMAND [OPTIONS]\n{first}\n\n{body}\n\n'testmesh COMMAND --help' tells more."


def _shown(error: TestMeshError) -> str:
    from testmesh.kernel.diagnostics import render

    if isinstance(error, DiagnosticsError):
        return "\n".join(render(d, _source(d.file)) for d in error.diagnostics)
    hint = getattr(error, "hint", None)
    return f"error: {error}" + (f"\n  hint: {hint}" if hint else "")


def _source(file: str) -> str | None:
    try:
        with open(file, encoding="utf-8", errors="replace") as handle:
            return handle.read(1 << 20)
    except OSError:
        return None


def _refuse_foreign_packages() -> None:
    """Other distributions own names such as `agents`; with theirs in front nothing we import is ours."""
    import importlib.util

    import testmesh

    home = os.path.dirname(os.path.dirname(os.path.abspath(testmesh.__file__)))
    for name in ("graph", "scanners", "agents", "embeddings", "api", "prompts", "flows"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or os.path.dirname(os.path.dirname(spec.origin)) != home:
            raise UserError(
                f"the Python package '{name}' that is imported belongs to {_owner(name)}, not to TestMesh",
                hint="install TestMesh alone: pipx install testmesh, or uv tool install testmesh",
            )


def _owner(name: str) -> str:
    from importlib.metadata import packages_distributions

    owners = [d for d in packages_distributions().get(name, []) if d != "testmesh"]
    return f"the distribution '{owners[0]}'" if owners else "a folder on PYTHONPATH"
