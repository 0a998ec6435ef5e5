"""The impact answer in its three renderings, and its proofs."""

from __future__ import annotations

import json

import pytest

from agents.impact import ImpactInputs, answer, markdown, summary, text, why
from graph.answers import Hop, Impact, SelectedFlow
from graph.codec import dumps, from_json
from testmesh.kernel.errors import NotFoundError
from tests.graph.systems import System, change, touched, with_digest

SYSTEM = """
get = orders/app.py::get
load = orders/db.py::load
add = orders/app.py::add
GET orders /orders/{} : get
POST orders /orders : add
get -> load
load r> orders
flow look.yaml: a=GET orders /orders/{}
flow add.yaml: a=POST orders /orders
"""


def made() -> Impact:
    """Impact of a change of `load`."""
    head = with_digest(System(SYSTEM), ["load"], "new")
    return answer(ImpactInputs(System(SYSTEM).store(), head.store(), change(touched("orders/db.py::load"))))


def test_the_terminal_text_names_flows_endpoints_and_places() -> None:
    shown = text(made())
    assert summary(made()) == "1 flow must run, 0 may, 1 unaffected"
    assert "look.yaml  step a calls orders:GET /orders/{}, which may differ" in shown
    assert "orders/db.py:1  symbol load modified" in shown
    assert "Affected endpoints (1)" in shown


def test_why_shows_every_hop() -> None:
    lines = why(made(), "look.yaml").splitlines()
    hops = ("changed:", "CALLS", "HANDLED_BY", "EXERCISES", "CONTAINS")
    assert [next(h for h in hops if f" {h} " in line) for line in lines[1:]] == list(hops)
    assert why(made(), "orders:GET /orders/{}").startswith("orders:GET /orders/{} is affected\n")
    assert "unaffected" in why(made(), "add.yaml")
    with pytest.raises(NotFoundError, match="does not reach") as caught:
        why(made(), "get /orders")
    assert "orders:GET /orders/{}" in (caught.value.hint or "")


def test_the_json_form_reads_back_to_the_same_answer() -> None:
    assert from_json(Impact, json.loads(dumps(made()))) == made()


def test_markdown_cannot_be_broken_by_names() -> None:
    evil = SelectedFlow(
        "a`|b.yaml", "x", "may", "<img src=x> @team `|` [x](y)", (Hop("E", "a`b", "c|d", "", "resolved"),)
    )
    shown = markdown(Impact("r", "b", "h", flows=(evil,)))
    row = next(line for line in shown.splitlines() if line.startswith("| may"))
    assert row.replace("\\|", "").count("|") == 4
    assert "\\<img" in row
    assert "@team" not in row


def test_markdown_says_when_nothing_runs() -> None:
    assert "No flow has to run." in markdown(Impact("r", "b", "h"))
