"""Brings an environment up by hand and holds it: `python -m testmesh.environments up --tree DIR`."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from testmesh.environments.environment import open_environment
from testmesh.environments.settings import EnvironmentSettings, from_toml
from testmesh.kernel.errors import TestMeshError, UserError


def main(arguments: list[str] | None = None) -> int:
    """Print the variables as `NAME=value` lines, then a line `up`, and stay until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m testmesh.environments")
    parser.add_argument("verb", choices=["up"])
    parser.add_argument("--tree", type=Path, required=True, help="folder with the system and its testmesh.toml")
    parser.add_argument("--name", default="local", help="environment in testmesh.toml")
    parser.add_argument("--folder", type=Path, help="for logs and scratch files; a temporary one by default")
    options = parser.parse_args(arguments)
    try:
        return _up(options.tree, options.name, options.folder)
    except TestMeshError as e:
        print(f"error: {e}", file=sys.stderr)
        hint = getattr(e, "hint", None)
        if hint:
            print(f"  hint: {hint}", file=sys.stderr)
        return e.exit_code


def _up(tree: Path, name: str, folder: Path | None) -> int:
    began = time.monotonic()
    ending = {signal.SIGTERM, signal.SIGINT}
    folder = folder or Path(tempfile.mkdtemp(prefix="testmesh-environment-"))
    environment = open_environment(_settings(tree, name), folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        addresses = environment.up(tree)
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        for key, value in addresses.variables.items():
            print(f"{key}={value}")
        for service, reason in addresses.unavailable.items():
            print(f"# {service} is not available: {reason}")
        print(f"# revision {environment.revision()}, logs in {folder / 'logs'}")
        print(f"up in {time.monotonic() - began:.2f} s", flush=True)
        signal.sigwait(ending)
    except KeyboardInterrupt:
        return 130
    finally:
        environment.down()
    return 0


def _settings(tree: Path, name: str) -> EnvironmentSettings:
    file = tree / "testmesh.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as e:
        raise UserError(f"cannot read {file}: {e.strerror}") from e
    except tomllib.TOMLDecodeError as e:
        raise UserError(f"{file}: {e}") from e
    environments = table.get("environments", {})
    if name not in environments:
        raise UserError(f"{file} has no [environments.{name}]", hint=f"it has: {', '.join(environments) or 'none'}")
    return from_toml(name, environments[name])


if __name__ == "__main__":
    sys.exit(main())
