"""One small case each: a payload change that breaks a reader, one that breaks nobody, judged rows, a timed command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from evals.judging import counted
from evals.payloads import cases, judged, report
from evals.scan_speed import Subject, lines_of_code, spent
from tests.e2e.conftest import made


def test_every_seeded_change_can_be_made() -> None:
    found = [case for ring in ("one", "two", "three", "four") for case in cases(ring)]
    assert len([c for c in found if c.finds]) >= 200
    assert {c.language for c in found} == {"python", "typescript", "javascript", "java", "go", "c#"}
    assert len({(c.ring, c.name) for c in found}) == len(found)


def test_a_dropped_field_names_its_reader_and_an_unread_one_nobody() -> None:
    wanted = [c for c in cases("one") if c.name in ("message dropped python", "message unread dropped python")]
    outcomes = judged("one", wanted)
    assert [(o.case.name, o.right) for o in outcomes] == [(c.name, True) for c in wanted]
    found = report(outcomes)
    assert (found["seeded"]["right"], found["benign"]["right"], found["wrong"]) == (1, 1, [])


def test_rows_people_judged_are_whole_and_counted_once() -> None:
    assert all(row["right"] + row["wrong"] > 0 for row in counted().values())


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([{"repo": "a/b", "file": "x.py", "line": 1, "claim": "c", "right": True}], "has no commit"),
        ([{"repo": "a/b", "commit": "1", "file": "x.py", "line": 1, "claim": "c", "right": True}] * 2, "judged twice"),
    ],
)
def test_a_judged_row_without_a_place_or_given_twice_is_refused(
    tmp_path: Path, rows: list[dict[str, object]], error: str
) -> None:
    (tmp_path / "flask.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=error):
        counted(tmp_path)


def test_a_process_is_measured_with_its_children(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))'])"
    found = spent((sys.executable, "-c", code), tmp_path)
    assert found.wall > 0
    assert found.cpu > 0
    with pytest.raises(SystemExit, match="ended with 3"):
        spent((sys.executable, "-c", "raise SystemExit(3)"), tmp_path)


def test_a_subject_changes_one_file_at_a_time(tmp_path: Path) -> None:
    source = made(tmp_path / "source")
    source.commit({"app.py": "x = 1\n", "notes.txt": "no code\n"})
    subject = Subject(source.path, tmp_path / "copy")
    assert lines_of_code(subject.path) == {".py": 1}
    subject.touch()
    assert (subject.path / "app.py").read_text() == "x = 1\n\n# 1\n"
