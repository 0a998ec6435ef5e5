"""Imported files give the verdict of the tool they come from, and are never greener where something is missing."""

from __future__ import annotations

import json

import pytest

from evals.importers import VERDICTS, compare, files_of, formats

SAID = json.loads(VERDICTS.read_text())
FILES = [(form, file) for form in formats() for file in files_of(form)]


@pytest.mark.parametrize(("form", "file"), FILES, ids=lambda value: getattr(value, "name", value))
def test_the_verdict_is_the_original_tools(form: str, file: object) -> None:
    path = next(path for path in files_of(form) if path == file)
    wanted = SAID[f"{form}/{path.name}"]["verdict"]
    found = compare(form, path, wanted)
    assert not found.got.startswith("refused"), found.got
    assert not found.greener
    assert found.same or (found.weaker and found.got == "failed"), found


@pytest.mark.parametrize("form", formats())
def test_each_format_has_green_and_red_files(form: str) -> None:
    verdicts = {SAID[f"{form}/{path.name}"]["verdict"] for path in files_of(form)}
    assert verdicts == {"passed", "failed"}
