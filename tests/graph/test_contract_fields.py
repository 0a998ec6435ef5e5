"""Payloads by their fields: there, missing, or not known."""

from __future__ import annotations

import pytest

from graph.contracts.fields import clash, fields, presence, read_at, within
from graph.contracts.samples import sample
from graph.values import Field, Shape
from tests.graph.shapes_text import shape

ORDER = shape("id!:string lines!:[sku!:string note?:string] buyer?:{name!:string} ...")


def test_fields_are_dotted_and_optional_below_an_optional_object() -> None:
    found = fields(ORDER)
    assert list(found) == ["id", "lines", "lines.sku", "lines.note", "buyer", "buyer.name"]
    assert {path: leaf.always for path, leaf in found.items()} == {
        "id": True, "lines": True, "lines.sku": True, "lines.note": False, "buyer": False, "buyer.name": False,
    }  # fmt: skip


def test_nothing_known_has_no_fields() -> None:
    assert fields(None) == {} == fields(Shape())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", "there"),
        ("total", "unknown"),
        ("lines.sku", "there"),
        ("lines.price", "missing"),
        ("buyer.age", "missing"),
        ("id.x", "unknown"),
    ],
)
def test_a_field_is_missing_only_where_the_object_is_closed(path: str, expected: str) -> None:
    assert presence(ORDER, path) == expected


def test_an_unknown_payload_may_have_any_field() -> None:
    assert presence(None, "id") == "unknown" == presence(Shape(), "id")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("string", "integer", True),
        ("integer", "number", False),
        ("number", "integer", False),
        ("string", "unknown", False),
        ("null", "string", False),
        ("boolean", "string", True),
        ("array", "object", True),
    ],
)
def test_types_clash_when_no_value_is_of_both(one: str, other: str, expected: bool) -> None:
    assert clash(Shape(one), Shape(other)) is expected


@pytest.mark.parametrize(
    ("path", "reads", "expected"),
    [
        ("id", {"id"}, True),
        ("buyer", {"buyer", "buyer.name"}, True),
        ("buyer.name", {"buyer"}, True),
        ("buyer.age", {"buyer", "buyer.name"}, False),
        ("buyer", {"buyer.name"}, True),
        ("total", {"id"}, False),
    ],
)
def test_a_reader_is_touched_by_what_it_reads_and_by_parts_of_what_it_reads_whole(
    path: str, reads: set[str], expected: bool
) -> None:
    assert read_at(path, frozenset(reads)) is expected


def test_the_object_at_a_path_is_found_through_arrays() -> None:
    inner = within(ORDER, "lines")
    assert inner is not None
    assert [f.name for f in inner.fields] == ["sku", "note"]
    assert within(ORDER, "nothing") is None


def test_a_sample_shows_every_field_and_the_first_value_allowed() -> None:
    state = Field("state", Shape("string"), True, ("open", "late"))
    assert sample(Shape("object", (*ORDER.fields, state))) == {
        "id": "text", "lines": [{"sku": "text", "note": "text"}], "buyer": {"name": "text"}, "state": "open",
    }  # fmt: skip


def test_a_sample_of_a_payload_that_contains_itself_ends() -> None:
    inner = Shape("string")
    for _ in range(30):
        inner = Shape("object", (Field("next", inner, True),))
    assert isinstance(sample(inner), dict)
