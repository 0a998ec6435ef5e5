"""Hosts are added to testmesh.toml without touching its comments, and only where the result is what was meant."""

from __future__ import annotations

import tomllib

import pytest

from testmesh.workspaces.annotating import with_hosts

KEPT = """# our system
[services.orders]  # the one with the orders
root = "services/orders"
hosts = [
  "orders",  # in the cluster
  "localhost:8001", # not "here]"
]

[services."pay ments"]
root = "p"

[[edges]]
from = "a"
to = "b"
"""


def test_hosts_go_into_the_table_that_is_there_and_comments_stay() -> None:
    changed, left = with_hosts(KEPT, {"orders": ["${ORDERS_URL}", "orders"], "pay ments": ["pay:80"]})
    assert left == ()
    data = tomllib.loads(changed)["services"]
    assert data["orders"]["hosts"] == ["orders", "localhost:8001", "${ORDERS_URL}"]
    assert data["pay ments"] == {"hosts": ["pay:80"], "root": "p"}
    assert changed.splitlines()[:8] == [
        *KEPT.splitlines()[:6],
        '  "${ORDERS_URL}",',
        "]",
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet", '[services.a]\nroot = "a"\n'])
def test_a_service_without_a_table_gets_one_at_the_end(text: str) -> None:
    changed, left = with_hosts(text, {"orders": ["x:1"]})
    assert (tomllib.loads(changed)["services"]["orders"], left) == ({"hosts": ["x:1"]}, ())
    assert changed.startswith(text)


@pytest.mark.parametrize("hosts", ["[]", '["a"]', "['a', 'b']", '["a",]', '["a", # c\n "b"\n]'])
def test_every_way_of_writing_the_array_is_extended(hosts: str) -> None:
    text = f"[services.orders]\nhosts = {hosts}\n"
    before = tomllib.loads(text)["services"]["orders"]["hosts"]
    changed, left = with_hosts(text, {"orders": ["new"]})
    assert (tomllib.loads(changed)["services"]["orders"]["hosts"], left) == ([*before, "new"], ())


def test_a_service_written_in_line_is_left_to_a_person() -> None:
    text = '[services]\norders = { root = "x" }\n'
    assert with_hosts(text, {"orders": ["new"]}) == (text, ("orders",))
