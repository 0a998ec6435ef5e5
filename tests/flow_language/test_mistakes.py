"""Every mistake of the corpus is found at its exact place, with its rule, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.language.check import load_flow
from flows.language.files import DiskFiles
from testmesh.kernel.diagnostics import Diagnostic
from tests.flow_language.actions_of_flows_md import CATALOGUE

CORPUS = Path(__file__).parent / "mistakes"
FILES = sorted(CORPUS.glob("*.yaml"))
EXPECTED = re.compile(r"^# expect: (\S+) (\d+):(\d+)(?: (warning))?(?: -> (\S+))?$", re.MULTILINE)


def shown(finding: Diagnostic) -> str:
    severity = " warning" if finding.severity == "warning" else ""
    suggestion = f" -> {finding.suggestion}" if finding.suggestion else ""
    return f"{finding.rule} {finding.line}:{finding.column}{severity}{suggestion}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_mistake_is_reported_at_its_smallest_wrong_token(path: Path) -> None:
    text = path.read_text()
    expected = [match.group(0).removeprefix("# expect: ") for match in EXPECTED.finditer(text)]
    checked = load_flow(text, str(path), CATALOGUE, DiskFiles(CORPUS))
    assert [shown(finding) for finding in checked.findings] == expected
    assert expected, "a file of the corpus says what is wrong with it"
    assert (checked.flow is None) == any("warning" not in line for line in expected)


def test_the_corpus_is_large() -> None:
    assert len(FILES) >= 60
