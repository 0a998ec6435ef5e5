"""A region of a described file that says nothing that is read is not explained by what else changed beside it."""

from __future__ import annotations

import pytest

from graph.change import FileChange
from scanners.changed_items import Versions, items
from scanners.hunks import hunks
from scanners.readers import built_in

COMPOSE = """services:
  shop:
    image: example/shop
    environment:
      SIZE: "10"
    ulimits:
      nofile: 100
"""
TABLES = """CREATE TABLE orders (id bigint, state text DEFAULT 'open');
INSERT INTO users (name) VALUES ('ann');
"""


def kinds(path: str, old: str, *replaced: tuple[str, str]) -> set[tuple[str, str]]:
    new = old
    for was, now in replaced:
        assert was in new
        new = new.replace(was, now)
    sides = old.encode(), new.encode()
    found = items(built_in(), Versions(FileChange(path, path, "modified", hunks(*sides)), *sides))
    return {(i.kind, i.name) for i in found}


def test_what_is_read_is_named() -> None:
    assert kinds("docker-compose.yml", COMPOSE, ('"10"', '"20"')) == {("config", "SIZE")}


@pytest.mark.parametrize("what", [("nofile: 100", "nofile: 200"), ("    ulimits:\n      nofile: 100\n", "")])
def test_what_is_not_read_counts_beside_what_is(what: tuple[str, str]) -> None:
    found = kinds("docker-compose.yml", COMPOSE, ('"10"', '"20"'), what)
    assert {("config", "SIZE"), ("file", "docker-compose.yml")} <= found


def test_lines_beside_each_other_are_told_apart() -> None:
    text = COMPOSE.replace("    environment:\n", "    environment:\n      # how many\n")
    text = text.replace('SIZE: "10"\n    ulimits:\n      nofile: 100', 'SIZE: "10"\n    mem_limit: 1g')
    found = kinds("docker-compose.yml", text, ('SIZE: "10"\n    mem_limit: 1g', 'SIZE: "20"\n    mem_limit: 2g'))
    assert found == {("config", "SIZE"), ("file", "docker-compose.yml")}


def test_a_remark_beside_what_is_read_says_nothing() -> None:
    text = COMPOSE.replace("    environment:\n", "    environment:\n      # how many\n")
    assert kinds("docker-compose.yml", text, ("how many", "how much"), ('"10"', '"20"')) == {("config", "SIZE")}


def test_statements_after_a_table_are_not_about_it() -> None:
    found = kinds("sql/init.sql", TABLES, ("state text", "status text"), ("'ann'", "'bob'"))
    assert {("table", "orders"), ("file", "sql/init.sql")} <= found


def test_what_is_not_read_of_a_table_is_about_the_table() -> None:
    assert kinds("sql/init.sql", TABLES, ("'open'", "'new'")) == {("table", "orders")}
    assert kinds("sql/init.sql", TABLES, ("'ann'", "'bob'")) == {("file", "sql/init.sql")}
