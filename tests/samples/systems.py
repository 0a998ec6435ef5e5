"""The sample systems for tests: their names, settings and truth."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from fixtures.build import REPOS
from testmesh.environments.settings import EnvironmentSettings, from_toml

SYSTEMS = ("shop", "depot")


def settings(tree: Path, name: str = "local") -> EnvironmentSettings:
    """An environment of a tree's testmesh.toml."""
    table = tomllib.loads((tree / "testmesh.toml").read_text("utf-8"))
    return from_toml(name, table["environments"][name])


def truth(system: str) -> dict[str, Any]:
    """A sample's expected.json."""
    found: dict[str, Any] = json.loads((REPOS / system / "expected.json").read_text("utf-8"))
    return found
