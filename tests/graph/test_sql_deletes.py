"""Statements that name the table to delete from before, or instead of, FROM."""

from __future__ import annotations

import pytest

from graph.linking.sqltext import table_uses


@pytest.mark.parametrize(
    "text", ["delete orders where id = @id", "DELETE FROM orders WHERE id = 1", "DELETE o FROM orders o WHERE o.id = 1"]
)
def test_the_table_is_written_and_its_alias_is_none(text: str) -> None:
    assert [(use.table, use.mode) for use in table_uses(text)] == [("orders", "write")]
