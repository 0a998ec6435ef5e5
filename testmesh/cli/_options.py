"""Options that several commands share, and the two ways a command prints an answer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testmesh.kernel.errors import UserError


def add_folder(parser: argparse.ArgumentParser) -> None:
    """`--dir`: which repository.

    Args:
        parser: of the command.
    """
    parser.add_argument("--dir", "-C", type=Path, default=Path(), help="folder of the repository (default: here)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: the answer for programs.

    Args:
        parser: of the command.
    """
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_server(parser: argparse.ArgumentParser) -> None:
    """`--server`: ask a service instead of this folder.

    Args:
        parser: of the command.
    """
    parser.add_argument("--server", metavar="URL", help="ask a TestMesh service (token in TESTMESH_TOKEN)")
    parser.add_argument("--repository", default="", help="with --server: name of the registered repository")


def refuse_local(given: Mapping[str, object]) -> None:
    """Options that need the repository here are refused with `--server`, never passed over.

    Args:
        given: option as typed to its value; empty, false or None was not given.

    Raises:
        UserError: one was given.
    """
    for option, value in given.items():
        if value:
            raise UserError(f"{option} works in the repository here, not with --server",
                            hint=f"leave out --server, or {option}")  # fmt: skip


def print_json(answer: Any) -> None:
    """A record or JSON-shaped data on stdout.

    Args:
        answer: a record of `graph`, or plain data.
    """
    from graph.codec import dumps

    sys.stdout.write(dumps(answer) + "\n")


def counted(number: int, noun: str) -> str:
    """``1 flow``, ``2 flows``.

    Args:
        number: how many.
        noun: singular, with a regular plural.
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


_EXAMPLES = {"--report": ("NAME=FILE", "junit=out.xml")}


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` texts as a mapping.

    Args:
        texts: as given.
        option: shown in errors.

    Raises:
        UserError: one has no ``=`` or no name, or names no file.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or (option in _EXAMPLES and not value):
            wanted, example = _EXAMPLES.get(option, ("NAME=VALUE", "NAME=VALUE"))
            raise UserError(f"{option} '{text}' is not {wanted}", hint=f"write it as {option} {example}")
        found[name] = value
    return found
