"""What a change means for readers: declared types, names that only the reader changes, generic and wrapped payloads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.linking.link import RepositoryFacts, link
from graph.overlay import Overlay
from graph.queries.check import check, compared
from graph.values import Field, Lit, Member, Name, Param, Shape
from tests.graph.link_facts import COMMIT, FileFacts
from tests.graph.shapes_text import shape
from tests.graph.test_query_check import loud, messages, only, requests, services

SENT = shape("id!:string total!:number")


def heard(read: str, name: str = "Order", file: str = "mail/Hear.java", sent: Shape = SENT) -> Overlay:
    """`orders` publishes, and `mail` takes the message as a type of its own."""
    sender = FileFacts("orders/send.py").function("tell", line=3)
    sender.say("publish", 4, broker="kafka", topic=Lit("order.created"), symbol="tell", shape=sent)
    reader = FileFacts(file).function("heard", line=5)
    reader.say("type", 2, name=name, shape=shape(read))
    reader.say(
        "consume", 6, broker="kafka", topic=Lit("order.created"), symbol="heard", shape=Shape("object", named=name)
    )
    facts = (*services("orders", "mail").facts, *sender.facts, *reader.facts)
    return Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w"))


def test_a_field_that_a_type_only_declares_is_a_warning_and_breaking_when_a_change_brings_it() -> None:
    wide = heard("id:string note:string")
    assert loud(check(wide)) == [("declared-not-sent", "note", "mail/Hear.java::heard", "warning")]
    assert loud(compared(heard("id:string"), wide)) == [("read-not-sent", "note", "mail/Hear.java::heard", "breaking")]
    assert loud(compared(heard("id:string"), heard("id:string note?:string"))) == []


def test_a_model_that_checks_what_it_decodes_reads_what_it_declares() -> None:
    assert only(check(heard("id!:string note!:string", file="mail/hear.py"))).rule == "read-not-sent"


def test_a_reader_that_renames_a_field_it_can_do_without_is_told() -> None:
    found = only(compared(heard("id?:string total:number"), heard("number?:string total:number")))
    assert (found.rule, found.field, found.severity, found.service) == ("renamed", "number", "breaking", "mail")


@pytest.mark.parametrize(
    ("was", "now", "told"), [("?", "", True), ("?", "!", True), ("", "", False), ("?", "?", False)]
)
def test_a_field_that_loses_its_optional_mark_is_now_required(was: str, now: str, told: bool) -> None:
    base, head = (
        requests(shape(f"id!:string note{mark}:string"), shape("id!:string"), None, None) for mark in (was, now)
    )
    assert [f[:2] for f in loud(compared(base, head))] == ([("now-required", "note")] if told else [])


def test_a_new_field_that_is_not_demanded_breaks_no_caller() -> None:
    base, head = (
        requests(shape(text), shape("id!:string"), None, None) for text in ("id:string", "id:string n:string")
    )
    assert loud(compared(base, head)) == []


@pytest.mark.parametrize(("mark", "told"), [("", True), ("!", True), ("?", False)])
def test_a_caller_that_drops_a_field_that_is_read_and_not_optional(mark: str, told: bool) -> None:
    taken = shape(f"id!:string note{mark}:string")
    base, head = (requests(taken, shape(sent), None, None) for sent in ("id!:string note!:string", "id!:string"))
    assert [f[:2] for f in loud(compared(base, head))] == ([("dropped", "note")] if told else [])


def test_a_type_argument_stands_where_the_type_has_its_parameter() -> None:
    page = Shape("object", (Field("items", Shape("array", item=Shape(named="<0>")), True),), open=False)
    sender = FileFacts("orders/send.py").function("tell", line=3)
    sender.say("type", 1, name="Page", shape=page)
    sender.say("type", 2, name="Line", shape=shape("sku!:string"))
    sent = Shape("object", (Field("<0>", Shape("object", named="Line")),), named="Page")
    sender.say("publish", 4, broker="kafka", topic=Lit("order.created"), symbol="tell", shape=sent)
    reader = FileFacts("mail/hear.py").function("heard", line=5)
    item = Shape("array", item=shape("sku:unknown price:unknown"))
    read = Shape("object", (Field("items", item, True),))
    reader.say("consume", 6, broker="kafka", topic=Lit("order.created"), symbol="heard", shape=read)
    facts = (*services("orders", "mail").facts, *sender.facts, *reader.facts)
    found = check(Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w")))
    assert loud(found) == [("read-not-sent", "items.price", "mail/hear.py::heard", "breaking")]


def test_a_wrapper_that_knows_its_payload_as_a_common_base_sends_what_it_is_given() -> None:
    sender = FileFacts("orders/send.py").function("publish", "topic", "event", line=3).function("tell", line=9)
    sender.say(
        "publish", 4, broker="kafka", topic=Param(0, "topic"), symbol="publish", shape=Shape("object", named="Base")
    )
    sender.say(
        "call",
        10,
        symbol="tell",
        callee=Name("publish"),
        args=(Lit("order.created"), Member(Name("x"), "y")),
        sends=SENT,
    )
    reader = FileFacts("mail/hear.py").function("heard", line=5)
    reader.say(
        "consume", 6, broker="kafka", topic=Lit("order.created"), symbol="heard", shape=shape("id:string n:string")
    )
    facts = (*services("orders", "mail").facts, *sender.facts, *reader.facts)
    found = only(check(Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w"))))
    assert (found.rule, found.field) == ("read-not-sent", "n")


def test_a_type_that_nobody_defines_clashes_with_nothing() -> None:
    unknown = replace(SENT, fields=(Field("id", Shape("object", named="Status"), True), SENT.fields[1]))
    assert loud(check(messages(unknown, shape("id!:string")))) == []


@pytest.mark.parametrize(("file", "told"), [("mail/hear.go", False), ("mail/Hear.cs", False), ("mail/hear.js", True)])
def test_capitals_are_no_other_name_for_readers_that_do_not_mind_them(file: str, told: bool) -> None:
    renamed = shape("ID!:string total!:number")
    found = compared(heard("id:string", file=file), heard("id:string", file=file, sent=renamed))
    assert [f[:2] for f in loud(found)] == ([("renamed", "id")] if told else [])


def by_class(sent: str) -> Overlay:
    """`orders` and `mail` each have a class that the topic is named by."""
    sender = FileFacts("orders/Bus.cs").function("publish").say("type", name="OrderPlaced", shape=shape(sent))
    sender.say("publish", 4, broker="rabbitmq", topic=Lit("OrderPlaced"), symbol="publish", rule="class name")
    reader = FileFacts("mail/Bus.cs").function("heard").say("type", name="OrderPlaced", shape=SENT)
    reader.say("consume", 6, broker="rabbitmq", topic=Lit("OrderPlaced"), symbol="heard", rule="class name")
    facts = (*services("orders", "mail").facts, *sender.facts, *reader.facts)
    return Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w"))


def test_a_topic_named_like_a_message_class_carries_the_class_of_each_service() -> None:
    assert loud(check(by_class("id!:string total!:number"))) == []
    finding = only(check(by_class("id!:string sum!:number")))
    assert (finding.field, finding.service) == ("total", "mail")
