"""`testmesh init`: what a repository needs for its first flow, without touching a file that is there."""

from __future__ import annotations

import argparse
from pathlib import Path

from testmesh.cli import Command
from testmesh.cli._options import add_folder
from testmesh.kernel.errors import EXIT_OK, UserError

SCHEMA = ".testmesh/schema.json"
SETTINGS = """\
# What TestMesh cannot see by itself. Everything here is optional.

[flows]
paths = ["flows"]

# [environments.local]                  # testmesh run --env local
# engine = "running"
# variables = { SERVICE_URL = "http://localhost:8000" }
"""
FLOW = """\
# yaml-language-server: $schema=../.testmesh/schema.json
flow:
  name: The service answers
  env:
    SERVICE_URL: ${SERVICE_URL:http://localhost:8000}
  steps:
    - id: health
      action: http_request
      config:
        url: ${SERVICE_URL}/health
      assert:
        - status == 200
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_folder(parser)


def _run(options: argparse.Namespace) -> int:
    from testmesh.cli.schema import schema_text

    root: Path = options.dir.resolve()
    if not root.is_dir():
        raise UserError(f"{options.dir} is not a folder", hint="give the path of a repository")
    try:
        _new(root, "testmesh.toml", SETTINGS)
        _new(root, ".testmesh/.gitignore", "*\n")
        _generated(root, SCHEMA, schema_text())
        _new(root, "flows/first.yaml", FLOW)
    except OSError as error:
        raise UserError(f"cannot write below {root}: {error.strerror}", hint="give it write permission") from error
    print("next: testmesh validate, then testmesh run")
    return EXIT_OK


def _new(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"kept     {name}")
        return
    print(f"wrote    {name}")


def _generated(root: Path, name: str, text: str) -> None:
    """The schema belongs to the tool, not to a person: it follows the installed version."""
    path = root / name
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if before == text:
        print(f"kept     {name}")
        return
    path.write_text(text, encoding="utf-8")
    print(f"{'wrote   ' if before is None else 'renewed '} {name}")


COMMAND = Command("write testmesh.toml, the editor's schema and a first flow", _arguments, _run, "Flows")
