"""The SQL example of docs/flows.md runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.tree import ROOT
from tests.conformance.actions import passes
from tests.flows.support import run_text


def test_the_sql_example_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs/flows.md").read_text()
    found = re.search(r"```yaml\n(.*?)```", page[page.index("### SQL") :], re.S)
    assert found is not None
    passes(run_text(tmp_path, found[1]))
