"""What the documents show is what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testmesh.kernel.discovery import module_names
from tests.architecture.tree import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def test_readme_flow_is_the_one_that_runs() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    sample = (ROOT / "fixtures/repos/shop/flows/order_creates_notification.yaml").read_text()
    assert shown == [sample]


def test_readme_opens_with_the_two_commands() -> None:
    first = (ROOT / "README.md").read_text().split("```")[1]
    assert [line.split()[0] for line in first.splitlines()[1:]] == ["scripts/demo", "scripts/test"]


@pytest.mark.parametrize("path", [d for d in DOCUMENTS if d.name != "flows.md"], ids=lambda p: p.name)
def test_commands_that_documents_name_exist(path: Path) -> None:
    known = {name.replace("_", "-") for name in module_names("testmesh.cli")}
    named = set(re.findall(r"(?:^\$ |`|^)testmesh ([a-z][a-z-]+)", path.read_text(), re.M))
    assert not named - known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_to_files(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", path.read_text())
    assert not [target for target in targets if not (path.parent / target).exists()]
