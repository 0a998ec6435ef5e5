"""Differences between payloads know who they break and carry a payload that shows it."""

from __future__ import annotations

from graph.contracts.differences import Difference, differences
from graph.contracts.samples import field_at, sample
from graph.values import Field, Shape

TEXT, NUMBER, WHOLE = Shape("string"), Shape("number"), Shape("integer")


def payload(*fields: Field, open: bool = False) -> Shape:
    return Shape("object", fields, open=open)


ORDER = payload(Field("id", TEXT, True), Field("total", NUMBER, True), Field("note", TEXT, False))


def one(old: Shape, new: Shape, direction: str) -> Difference:
    (found,) = differences(old, new, direction)  # type: ignore[arg-type]
    return found


def test_equal_and_unknown_payloads_differ_in_nothing() -> None:
    assert differences(ORDER, ORDER, "response") == ()
    assert differences(ORDER, Shape(), "response") == ()


def test_a_removed_response_field_breaks_readers_and_the_witness_lacks_it() -> None:
    new = payload(Field("id", TEXT, True), Field("note", TEXT, False))
    found = one(ORDER, new, "response")
    assert (found.path, found.kind, found.breaking) == ("total", "removed", True)
    assert found.witness == {"id": "text", "note": "text"}


def test_a_renamed_field_is_one_removed_and_one_added() -> None:
    new = payload(Field("id", TEXT, True), Field("amount", NUMBER, True), Field("note", TEXT, False))
    found = differences(ORDER, new, "response")
    assert [(d.path, d.kind, d.breaking) for d in found] == [("amount", "added", False), ("total", "removed", True)]


def test_a_new_required_request_field_breaks_senders_and_the_witness_is_what_they_send() -> None:
    new = payload(*ORDER.fields, Field("currency", TEXT, True))
    found = one(ORDER, new, "request")
    assert (found.kind, found.breaking) == ("added", True)
    assert found.witness == {"id": "text", "total": 1.5, "note": "text"}
    optional = payload(*ORDER.fields, Field("currency", TEXT, False))
    assert not one(ORDER, optional, "request").breaking


def test_optional_fields_break_readers_and_required_ones_break_senders() -> None:
    loose = payload(Field("id", TEXT, True), Field("total", NUMBER, False), Field("note", TEXT, False))
    gone = one(ORDER, loose, "response")
    assert (gone.kind, gone.breaking, gone.witness) == ("optional", True, {"id": "text", "note": "text"})
    needed = one(loose, ORDER, "request")
    assert (needed.kind, needed.breaking, needed.witness) == ("required", True, {"id": "text", "note": "text"})
    assert not one(ORDER, loose, "request").breaking


def test_types_may_widen_in_the_harmless_direction_only() -> None:
    whole, broken = payload(Field("n", WHOLE, True)), payload(Field("n", NUMBER, True))
    assert not one(whole, broken, "request").breaking
    assert one(whole, broken, "response").breaking
    assert one(broken, whole, "request").breaking


def test_enums_break_senders_when_values_go_and_readers_when_values_come() -> None:
    few = payload(Field("state", TEXT, True, ("open",)))
    more = payload(Field("state", TEXT, True, ("open", "late")))
    assert one(more, few, "request").witness == {"state": "late"}
    assert one(few, more, "response").witness == {"state": "late"}
    assert not one(few, more, "request").breaking


def test_nested_fields_are_found_through_arrays() -> None:
    def wrapped(item: Shape) -> Shape:
        return payload(Field("items", Shape("array", item=item), True))

    found = one(wrapped(ORDER), wrapped(payload(Field("id", TEXT, True), Field("note", TEXT, False))), "response")
    assert (found.path, found.witness) == ("items.total", {"items": [{"id": "text", "note": "text"}]})
    deep = field_at(wrapped(ORDER), "items.total")
    assert deep is not None
    assert deep.shape == NUMBER


def test_payloads_that_contain_themselves_end() -> None:
    shape = TEXT
    for _ in range(30):
        shape = payload(Field("next", shape, True))
    assert isinstance(sample(shape), dict)
