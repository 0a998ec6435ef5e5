"""Every row of expected.json can be opened at its line, which shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.build import REPOS
from tests.samples.systems import SYSTEMS, truth

SECTIONS = [
    *("services", "endpoints", "calls", "routes", "publishes", "consumes"),
    *("stores", "accesses", "externals", "not_edges", "notes"),
]
SHOWS = {
    "services": ("name",),
    "stores": ("name",),
    "publishes": ("topic",),
    "consumes": ("topic",),
    "accesses": ("dataset",),
    "endpoints": ("path",),
    "calls": ("path",),
}
Row = dict[str, Any]


def rows(section: str) -> Iterator[tuple[str, Row]]:
    for system in SYSTEMS:
        for row in truth(system)[section]:
            yield system, row


def line_of(system: str, place: str) -> str:
    file, _, number = place.rpartition(":")
    return (REPOS / system / file).read_text("utf-8").splitlines()[int(number) - 1]


def words(section: str, row: Row) -> set[str]:
    """Literal words of the row of which its line must show one; a route below a prefix shows its last part only."""
    texts = [str(row[key]) for key in SHOWS[section]]
    found = {w.lower() for text in texts for w in re.findall(r"[A-Za-z][A-Za-z_.-]*", text)}
    singular = {w.rstrip("s") for w in found}
    constants = {w.replace(".", "_") for w in found}
    return found | singular | constants


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_format_is_the_published_one(system: str) -> None:
    found = truth(system)
    assert list(found) == ["repo", "commit", *SECTIONS]
    assert re.fullmatch("[0-9a-f]{40}", found["commit"])


@pytest.mark.parametrize("section", [s for s in SECTIONS if s not in ("notes", "routes", "externals")])
def test_every_row_has_a_line_that_can_be_opened(section: str) -> None:
    seen = 0
    for system, row in rows(section):
        for place in (f"{row['file']}:{row['line']}", *row.get("more", ())):
            assert line_of(system, place).strip(), place
            seen += 1
    assert seen


@pytest.mark.parametrize("section", sorted(SHOWS))
def test_the_line_shows_the_row(section: str) -> None:
    for system, row in rows(section):
        line = line_of(system, f"{row['file']}:{row['line']}").lower()
        root_of_a_router = section == "endpoints" and re.search(r"\.(get|post)\(\"/?\"", line)
        assert root_of_a_router or any(word in line for word in words(section, row)), (row, line)


@pytest.mark.parametrize("system", SYSTEMS)
def test_rows_only_name_services_and_stores_that_exist(system: str) -> None:
    found = truth(system)
    services = {row["name"] for row in found["services"]}
    stores = {row["name"] for row in found["stores"]}
    for section in ("endpoints", "publishes", "consumes", "accesses"):
        assert {row["service"] for row in found[section]} <= services
    assert {row["store"] for row in found["accesses"]} <= stores
    endpoints = {(row["service"], row["method"], row["path"]) for row in found["endpoints"]}
    assert {(row["to"], row["method"], row["path"]) for row in found["calls"]} <= endpoints


@pytest.mark.parametrize("section", ["endpoints", "calls", "accesses"])
def test_no_row_is_there_twice(section: str) -> None:
    for system in SYSTEMS:
        keys = [tuple(v for k, v in row.items() if k not in ("line", "more", "via")) for row in truth(system)[section]]
        assert len(keys) == len(set(keys))
