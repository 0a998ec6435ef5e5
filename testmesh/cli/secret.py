"""`testmesh secret set|list|rm`: what `secret("NAME")` gives to flows on this machine; values are never printed."""

from __future__ import annotations

import argparse
import sys

from testmesh.cli import Command
from testmesh.cli._options import add_folder, add_json, print_json
from testmesh.kernel.errors import EXIT_OK, UserError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("set", "list", "rm"), help="keep one, name those kept in files, or remove one")
    parser.add_argument("name", nargs="?", default="", help="its name; the value comes from a prompt or standard input")
    parser.add_argument(
        "--keyring", action="store_true", help="in the system's keyring instead of .testmesh/secrets/NAME"
    )
    add_folder(parser)
    add_json(parser)


def _run(options: argparse.Namespace) -> int:
    from flows.runner import secret_files
    from testmesh.workspaces.files import load_project

    root = load_project(options.dir).root
    if options.what == "list":
        found = secret_files.names(root)
        if options.json:
            print_json(found)
        else:
            print("\n".join(found) or "no secrets in files: testmesh secret set NAME")
        return EXIT_OK
    if not options.name:
        raise UserError(f"which secret? testmesh secret {options.what} NAME")
    if options.what == "set":
        value = secret_files.checked_value(_value(secret_files.checked(options.name)))
        if options.keyring:
            secret_files.keep_in_keyring(options.name, value)
        else:
            secret_files.keep(root, options.name, value)
    elif options.keyring:
        secret_files.keep_in_keyring(options.name, None)
    else:
        secret_files.forget(root, options.name)
    return EXIT_OK


def _value(name: str) -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    from getpass import getpass

    return getpass(f"value of {name}: ")


COMMAND = Command("keep secrets for flows on this machine", _arguments, _run, "Flows")
