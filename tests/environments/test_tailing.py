"""The time of a line in a log file: what it says in whatever zone, else when it was seen to have come."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testmesh.environments.following import of_arrived
from testmesh.environments.tailing import Arrived, Tail, Unread

SINCE = datetime(2026, 3, 1, 10, tzinfo=UTC)


class Clock:
    """Our own time."""

    def __init__(self) -> None:
        self.at = SINCE

    def __call__(self) -> datetime:
        return self.at


def seconds(lines: list[Arrived]) -> list[tuple[str, float]]:
    return [(line.text, (line.at - SINCE).total_seconds()) for line in lines]


def test_lines_are_stamped_when_they_are_seen(tmp_path: Path) -> None:
    log, clock = tmp_path / "app.log", Clock()
    log.write_text("before\n")
    tail = Tail(log, clock)
    for second, text in ((1, "one\n"), (2, ""), (3, "two\r\n  at x\n"), (4, "half")):
        clock.at = SINCE + timedelta(seconds=second)
        with log.open("a", newline="") as out:
            out.write(text)
        tail.look()
    assert seconds(tail.read()) == [("one", 1), ("two", 3), ("  at x", 3), ("half", 4)]


def test_two_rotations_and_a_truncation_are_followed(tmp_path: Path) -> None:
    log, clock = tmp_path / "app.log", Clock()
    log.write_text("")
    tail = Tail(log, clock)
    for second in (1, 2, 3):
        clock.at = SINCE + timedelta(seconds=second)
        log.write_text(f"in {second}\n")
        tail.look()
        if second < 3:
            os.replace(log, tmp_path / f"app.log.{second}")
    assert seconds(tail.read()) == [("in 1", 1), ("in 2", 2), ("in 3", 3)]
    with log.open("r+") as emptied:
        emptied.truncate()
    tail.look()
    clock.at = SINCE + timedelta(seconds=4)
    log.write_text("anew\n")
    assert seconds(tail.read())[-1] == ("anew", 4)
    log.unlink()
    with pytest.raises(Unread, match="is gone"):
        tail.read()


def test_what_is_no_text_and_what_ends_no_line_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"")
    tail = Tail(log, Clock())
    log.write_bytes(b'\xff\x00bin\n{"msg": "a\xe2\x80\xa8b\x0cc"}\n\n')
    assert [line.text for line in tail.read()] == ["\ufffd\0bin", '{"msg": "a\u2028b\x0cc"}']


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("2026-03-01T10:00:04.500Z INFO x", 4.5),
        ("2026-03-01 10:00:04,500 INFO x", 4.5),
        ("2026-03-01 15:30:04,500 written in Kolkata", 4.5),
        ("2026/03/01 02:00:04 written in Los Angeles", 4),
        ("INFO  [2026-03-01 11:00:04.500] x", 4.5),
        ('127.0.0.1 - - [01/Mar/2026:12:00:04 +0200] "GET /x HTTP/1.1" 500 12', 4),
        ('{"asctime": "2026-03-01 05:00:04,500", "message": "x"}', 4.5),
        ('{"@t": "2026-03-01T10:00:04.5000000Z", "@m": "x"}', 4.5),
        ("2026-03-01T10:07:00Z from a clock that is wrong", 5),
        ("2026-02-01T10:00:04Z an order of last month", 5),
        ("panic: no time at all", 5),
        ("10:00:04.5 [main] no day", 5),
        ("2026-99-99 10:00:04 no such day", 5),
    ],
)
def test_the_time_of_a_line_that_came_in_second_five(text: str, second: float) -> None:
    ((at, shown),) = of_arrived([Arrived(text, SINCE + timedelta(seconds=5))], SINCE)
    assert (datetime.fromisoformat(at) - SINCE).total_seconds() == second
    assert shown == text


def test_a_stack_trace_has_the_time_of_its_error_and_a_later_line_its_own() -> None:
    came = SINCE + timedelta(seconds=5)
    lines = [
        Arrived("2026-03-01 10:00:04,100 ERROR boom", came),
        Arrived("Traceback (most recent call last):", came),
        Arrived("  at x", came),
        Arrived("later", came + timedelta(seconds=1)),
    ]
    assert [at[17:23] for at, _ in of_arrived(lines, SINCE)] == ["04.100", "04.100", "04.100", "06.000"]


def test_a_link_that_leads_nowhere_beside_a_rotated_file_hides_nothing(tmp_path: Path) -> None:
    log, clock = tmp_path / "app.log", Clock()
    log.write_text("")
    tail = Tail(log, clock)
    (tmp_path / "app.log.0-current").symlink_to(tmp_path / "gone")
    log.write_text("old\n")
    tail.look()
    log.rename(tmp_path / "app.log.1")
    log.write_text("new\n")
    assert [line.text for line in tail.read()] == ["old", "new"]
