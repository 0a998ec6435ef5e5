"""What an editor is given: the schema, and a first flow that names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from testmesh.cli import dispatch


def test_the_schema_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["schema"]) == 0
    printed = capsys.readouterr().out
    Draft202012Validator.check_schema(json.loads(printed))
    assert dispatch(["schema", "-o", str(tmp_path / "s.json")]) == 0
    assert (tmp_path / "s.json").read_text() == printed
    assert dispatch(["schema", "-o", str(tmp_path / "none" / "s.json")]) == 2


def test_init_writes_a_flow_that_validates_and_finds_its_schema(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["init", "-C", str(tmp_path)]) == 0
    flow = tmp_path / "flows" / "first.yaml"
    named = flow.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    Draft202012Validator.check_schema(json.loads((flow.parent / named).read_text()))
    assert (tmp_path / ".testmesh" / ".gitignore").read_text() == "*\n"
    capsys.readouterr()
    assert dispatch(["validate", "-C", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": 1, "findings": []}


def test_validate_warns_of_variables_that_are_not_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = "flow:\n  name: x\n  data: [{ROW: 1}]\n  steps:\n    - {id: a, action: set, config: {x: '%s'}}\n"
    (tmp_path / "f.yaml").write_text(flow % "${GIVEN} ${ROW} ${UUID} ${OTHER:1} ${LACKING}")
    monkeypatch.setenv("GIVEN", "x")
    assert dispatch(["validate", "-C", str(tmp_path), "--json", "f.yaml"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["rule"], finding["severity"], finding["line"]) == ("flow/unset-variable", "warning", 5)
    assert "LACKING" in finding["message"]


def test_init_changes_nothing_a_person_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "first.yaml").write_text("mine\n")
    (tmp_path / "testmesh.toml").write_text("# mine\n")
    assert dispatch(["init", "-C", str(tmp_path)]) == 0
    assert (tmp_path / "flows" / "first.yaml").read_text() == "mine\n"
    assert (tmp_path / "testmesh.toml").read_text() == "# mine\n"
    assert "kept     testmesh.toml" in capsys.readouterr().out


def test_init_renews_the_schema_of_an_older_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(["init", "-C", str(tmp_path)]) == 0
    (tmp_path / ".testmesh" / "schema.json").write_text("{}")
    assert dispatch(["init", "-C", str(tmp_path)]) == 0
    assert "renewed  .testmesh/schema.json" in capsys.readouterr().out
    assert len((tmp_path / ".testmesh" / "schema.json").read_text()) > 1000


UNTIDY = "flow:\n    name: 'x'  # why\n    steps:\n    - {action: log, id: a, config: {message: hi}}\n"
TIDY = "flow:\n  name: x  # why\n  steps:\n    - {id: a, action: log, config: {message: hi}}\n"


def test_fmt_checks_shows_and_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(UNTIDY)
    assert dispatch(["fmt", "-C", str(tmp_path), "--check"]) == 1
    assert dispatch(["fmt", "-C", str(tmp_path), "--diff"]) == 0
    assert "+  name: x  # why" in capsys.readouterr().out
    assert file.read_text() == UNTIDY
    assert dispatch(["fmt", "-C", str(tmp_path)]) == 0
    assert file.read_text() == TIDY
    assert dispatch(["fmt", "-C", str(tmp_path), "--check"]) == 0


def test_fmt_leaves_a_broken_file_alone_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("flow:\n  name: x\n  name: y\n  steps:\n    - action: log\n")
    (tmp_path / "b.yaml").write_text(UNTIDY)
    assert dispatch(["fmt", "-C", str(tmp_path)]) == 2
    assert (tmp_path / "b.yaml").read_text() == TIDY
    assert "a.yaml:3:3: error: duplicate key 'name'" in capsys.readouterr().err
