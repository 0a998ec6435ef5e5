"""What docs/environments.md shows is what the settings and the language understand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from flows.runner import RunOptions
from testmesh.environments.settings import from_toml
from testmesh.telemetry.settings import telemetry_settings
from tests.architecture.tree import ROOT
from tests.flows.support import run_text

PAGE = (ROOT / "docs" / "environments.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_every_settings_block_is_understood() -> None:
    engines = set()
    for text in blocks("toml"):
        table = tomllib.loads(text)
        for name, environment in table.get("environments", {}).items():
            engines.add(from_toml(name, environment).engine)
        if "telemetry" in table:
            settings = telemetry_settings(table["telemetry"])
            assert settings.backend is not None
            assert settings.backend.headers["X-Scope-OrgID"] == "team-a"
    assert engines == {"processes", "compose", "running"}


def test_the_steps_are_valid_and_without_spans_an_error(tmp_path: Path) -> None:
    (steps,) = blocks("yaml")
    text = "flow:\n  name: shown\n  steps:\n" + "".join(f"    {line}\n" for line in steps.splitlines())
    run = run_text(tmp_path, text)
    assert not run.flows[0].problems
    assert run.flows[0].steps[0].verdict == "error"
    assert "testmesh.toml" in run.flows[0].steps[0].message
    assert RunOptions(("x",)).spans is None
