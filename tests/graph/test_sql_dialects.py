"""SQL of other dialects: DELETE without FROM, IF blocks, quoted names, the database's own catalogue."""

from __future__ import annotations

import pytest

from graph.linking.sqltext import table_uses


@pytest.mark.parametrize(
    "text", ["delete orders where id = @id", "DELETE FROM orders WHERE id = 1", "DELETE o FROM orders o WHERE o.id = 1"]
)
def test_the_table_is_written_and_its_alias_is_none(text: str) -> None:
    assert [(use.table, use.mode) for use in table_uses(text) or ()] == [("orders", "write")]


def test_what_only_creates_reads_and_writes_nothing() -> None:
    text = "IF OBJECT_ID('orders') IS NULL CREATE TABLE orders (id int, PRIMARY KEY(id));"
    assert table_uses(text, "mssql") == ()
    text = "IF NOT EXISTS(SELECT * FROM master.sys.databases WHERE name='shop') CREATE DATABASE shop;"
    assert table_uses(text, "mssql") == ()


def test_a_condition_reads() -> None:
    found = table_uses("IF EXISTS (SELECT id FROM stock) CREATE TABLE orders (id int)", "mssql")
    assert found is not None
    assert [(use.table, use.mode) for use in found] == [("stock", "read")]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM pg_catalog.pg_tables",
        "SELECT name FROM sqlite_master",
        "SELECT 1 FROM dual",
        "SELECT * FROM pg_class",
    ],
)
def test_the_catalogue_is_no_data(text: str) -> None:
    assert table_uses(text) == ()


def test_names_in_brackets_or_backticks_tell_the_dialect() -> None:
    brackets = table_uses("insert orders ([Id], [Note]) values (@Id, @Note)")
    ticks = table_uses("INSERT IGNORE INTO `orders` (`id`) VALUES (?)")
    assert brackets is not None
    assert ticks is not None
    assert [(use.table, use.mode) for use in (*brackets, *ticks)] == [("orders", "write")] * 2


def test_numbered_places_without_spaces_between_are_no_quoted_text() -> None:
    found = table_uses("INSERT INTO orders (id, status)\nVALUES ($1,$2,$3)", "postgresql")
    assert found is not None
    assert [(use.table, use.mode) for use in found] == [("orders", "write")]
