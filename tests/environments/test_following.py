"""Lines of services we did not start: files that grow, rotate and vanish, commands, and the time of each line."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testmesh.environments.following import Following, moment_of, of_lines
from testmesh.environments.settings import from_toml
from testmesh.environments.templates import Names

SINCE = datetime(2026, 3, 1, 10, tzinfo=UTC)


def following(tree: Path, **logs: object) -> Following:
    settings = from_toml(
        "e", {"engine": "running", "variables": {"DIR": str(tree)}, "services": {"toy": {"logs": logs}}}
    )
    found = Following(settings, Names(settings, "x"), tree)
    found.start()
    return found


def texts(found: Following) -> list[str]:
    lines, unread = found.read(SINCE)
    assert not unread, unread
    return [line.text for line in lines]


def test_only_what_is_written_from_now_on_counts(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("before\n")
    found = following(tmp_path, file="app.log")
    with log.open("a") as out:
        out.write("2026-03-01T10:00:01Z after\n  at line 7\n")
    assert texts(found) == ["2026-03-01T10:00:01Z after", "  at line 7"]


def test_a_file_that_rotates_loses_no_line(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("old\n")
    (tmp_path / "app.log.1").write_text("of another day\n")
    found = following(tmp_path, file="${DIR}/app.log")
    with log.open("a") as out:
        out.write("one\n")
    os.replace(tmp_path / "app.log.1", tmp_path / "app.log.2")
    os.replace(log, tmp_path / "app.log.1")
    log.write_text("two\n")
    assert texts(found) == ["one", "two"]


def test_a_file_that_is_emptied_in_place_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("a long line of before\n")
    found = following(tmp_path, file="app.log")
    log.write_text("new\n")
    assert texts(found) == ["new"]


def test_a_file_that_comes_later_is_read_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    found = following(tmp_path, file="app.log")
    assert found.read(SINCE)[1] == {"toy": f"there is no file {tmp_path}/app.log"}
    (tmp_path / "app.log").write_text("first\n")
    assert texts(found) == ["first"]
    (tmp_path / "app.log").unlink()
    gone = following(tmp_path, file="app.log")
    assert gone.read(SINCE)[0] == []


def test_a_command_is_asked_for_the_lines_since_then(tmp_path: Path) -> None:
    program = "import sys; print(sys.argv[1:]); print('2026-03-01T10:00:05.5+00:00 said')"
    found = following(tmp_path, command=[sys.executable, "-c", program, "${since}", "${since_unix}", "${service}"])
    assert texts(found) == ["['2026-03-01T10:00:00.000Z', '1772359200', 'toy']", "2026-03-01T10:00:05.5+00:00 said"]
    failing = following(tmp_path, command=[sys.executable, "-c", "import sys; sys.exit('no such pod')"])
    assert "failed: no such pod" in failing.read(SINCE)[1]["toy"]
    missing = following(tmp_path, command="no-such-program --since ${since}")
    assert "no-such-program" in missing.read(SINCE)[1]["toy"]


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("2026-03-01T10:00:00.123456789Z x", "2026-03-01T10:00:00.123Z"),
        ("2026-03-01 12:00:00,5+02:00 x", "2026-03-01T10:00:00.500Z"),
        ("[2026-03-01T10:00:00+0000] x", "2026-03-01T10:00:00.000Z"),
        ('{"time": "2026-03-01T10:00:00Z"}', "2026-03-01T10:00:00.000Z"),
        ('{"ts": 1772359200.25, "msg": "x"}', "2026-03-01T10:00:00.250Z"),
        ('{"timestamp": 1772359200250}', "2026-03-01T10:00:00.250Z"),
        ("2026-03-01 10:00:00 without a zone", ""),
        ("2026-99-99T10:00:00Z", ""),
        ('{"time": 1e300}', ""),
        ('{"time": true}', ""),
        ("{", ""),
        ("[" * 5000, ""),
        ("x", ""),
    ],
)
def test_the_time_a_line_says(line: str, moment: str) -> None:
    assert moment_of(line) == moment


def test_a_line_without_a_time_belongs_to_the_one_before() -> None:
    lines = ["early", "2026-03-01T10:00:01Z boom", "  at x"]
    assert [at[17:19] for at, _ in of_lines(lines, "2026-03-01T10:00:00.000Z")] == ["00", "01", "01"]
