"""The `testmesh` command: finds one command module, runs it, and turns every error into its exit code."""

from __future__ import annotations

import os
import sys


def _hide_working_directory() -> None:
    """A user's repository may hold its own `graph/`; `python -m testmesh` must not import that."""
    if sys.path and sys.path[0] in ("", os.getcwd()) and not os.path.samefile(_home(), os.getcwd()):
        del sys.path[0]


def _home() -> str:
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> None:
    """Run the command line and leave with its exit code (DESIGN §12)."""
    _hide_working_directory()
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from testmesh import __version__

        print(f"testmesh {__version__}")
        return
    from testmesh.cli import dispatch
    from testmesh.kernel.output import finished, prepare

    prepare()
    code = dispatch(arguments, alone=True)
    trouble = finished()
    if trouble:
        print(f"error: standard output: {trouble}", file=sys.stderr)
    sys.exit(code or int(bool(trouble)))


if __name__ == "__main__":
    main()
