"""Imported flows, run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.actions import catalogue
from flows.importers import Imported, Source
from flows.importers.finishing import finished


def texts(imported: Imported, file: str = "x") -> list[str]:
    """The flows of a file, each checked.

    Args:
        imported: as an importer left it.
        file: that was imported.
    """
    return [flow.text for flow in finished(imported, Source(file, ""), catalogue())]


def ran(folder: Path, text: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The answer of `testmesh run --json` on a flow.

    Args:
        folder: to write it to.
        text: of the flow.
        variables: of the process.
    """
    (folder / "flow.yaml").write_text(text)
    command = [sys.executable, "-m", "testmesh", "run", "flow.yaml", "--json", "-C", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=Path.cwd(),
                          env={**os.environ, **variables})  # fmt: skip
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
