"""The check of the seams: what stands, and what a change breaks for whom."""

from __future__ import annotations

from graph.contracts.findings import Check, Finding
from graph.linking.link import RepositoryFacts, link
from graph.overlay import Overlay
from graph.queries.check import check, compared
from graph.values import Format, Lit, Name, Shape
from tests.graph.link_facts import COMMIT, FileFacts
from tests.graph.shapes_text import shape

SENT = "id!:string total!:number customer!:string"
READ = "id!:string total!:number"


def services(*names: str) -> FileFacts:
    compose = FileFacts("compose.yaml")
    for name in names:
        compose.say("service", name=name, root=name, hosts=(name,), sort="business")
    return compose


def graph(*files: FileFacts) -> Overlay:
    facts = tuple(fact for file in files for fact in file.facts)
    return Overlay(None, link([RepositoryFacts("shop", COMMIT, facts)], "w"))


def messages(sent: Shape | None, read: Shape | None, topic: str = "order.created") -> Overlay:
    """`orders` publishes, `mail` consumes."""
    sender = FileFacts("orders/send.py").function("tell", line=3)
    sender.say("publish", 4, broker="kafka", topic=Lit(topic), symbol="tell", shape=sent)
    reader = FileFacts("mail/hear.py").function("heard", line=5)
    reader.say("consume", 6, broker="kafka", topic=Lit("order.created"), symbol="heard", shape=read)
    return graph(services("orders", "mail"), sender, reader)


def requests(accepts: Shape | None, sends: Shape | None, returns: Shape | None, reads: Shape | None) -> Overlay:
    """`web` sends POST /orders to `orders`."""
    serving = FileFacts("orders/app.py").function("place", line=3)
    serving.say("router", name="app", framework="flask")
    serving.say(
        "endpoint", 2, protocol="http", method="POST", path=Lit("/orders"), router=Name("app"), handler="place",
        framework="flask", accepts=accepts, returns=returns,
    )  # fmt: skip
    calling = FileFacts("web/client.py").function("order", line=3)
    calling.say(
        "http_call", 4, method=Lit("POST"), url=Format("http://orders{}", (Lit("/orders"),)), symbol="order",
        client="httpx", sends=sends, reads=reads,
    )  # fmt: skip
    return graph(services("orders", "web"), serving, calling)


def loud(found: Check) -> list[tuple[str, str, str, str]]:
    return [(f.rule, f.field, f.reader, f.severity) for f in found.findings if f.severity != "note"]


def only(found: Check) -> Finding:
    (finding,) = (f for f in found.findings if f.severity != "note")
    return finding


def test_sides_that_fit_are_silent() -> None:
    found = check(messages(shape(SENT), shape(READ)))
    assert loud(found) == []
    assert (found.seams, found.not_checked, found.compared) == (1, (), False)


def test_a_field_that_is_read_and_never_sent_is_named_with_both_places() -> None:
    finding = only(check(messages(shape("id!:string"), shape(READ))))
    assert finding.text == "mail reads `total` of kafka:order.created, which orders does not send"
    assert (finding.sender_at, finding.reader_at) == ("orders/send.py:4", "mail/hear.py:6")
    assert (finding.severity, finding.status, finding.witness) == ("breaking", "resolved", {"id": "text"})


def test_a_field_the_reader_can_do_without_is_a_warning() -> None:
    assert loud(check(messages(shape("id!:string"), shape("id!:string total?:number")))) == [
        ("read-not-sent", "total", "mail/hear.py::heard", "warning")
    ]


def test_nothing_is_said_about_payloads_that_may_hold_more() -> None:
    assert loud(check(messages(shape("id!:string ..."), shape(READ)))) == []


def test_a_side_that_is_not_known_is_listed_not_passed_over() -> None:
    found = check(messages(None, None))
    assert loud(found) == []
    assert [(n.side, n.why) for n in found.not_checked] == [
        ("mail/hear.py::heard", "which fields of the message it reads is not known"),
        ("orders/send.py::tell", "what it sends as message is not known"),
    ]


def test_types_that_exclude_each_other_do_not_fit() -> None:
    finding = only(check(messages(shape("id!:string total!:string"), shape(READ))))
    assert finding.text == "orders sends `total` of kafka:order.created as string, mail reads it as number"


def test_a_required_field_of_a_request_that_a_caller_does_not_send() -> None:
    finding = only(check(requests(shape("sku!:string note?:string"), shape("note!:string"), None, None)))
    assert finding.text == "orders:POST /orders requires `sku`, which web does not send"
    assert finding.sender_at == "web/client.py:4"


def test_a_field_of_a_response_that_a_caller_reads_and_no_answer_has() -> None:
    found = check(requests(None, None, shape("id!:string"), shape("id!:string state!:string")))
    assert loud(found) == [("read-not-sent", "state", "web/client.py::order", "breaking")]


def test_members_of_error_answers_are_not_missed_in_the_success_payload() -> None:
    assert loud(check(requests(None, None, shape("id!:string"), shape("id detail")))) == []


def test_a_dropped_field_names_who_reads_it() -> None:
    found = compared(messages(shape(SENT), shape(READ)), messages(shape("id!:string customer!:string"), shape(READ)))
    finding = only(found)
    assert finding.text == "orders no longer sends `total` in kafka:order.created; mail reads it"
    assert (finding.rule, finding.service, found.compared) == ("dropped", "mail", True)


def test_a_dropped_field_is_seen_in_payloads_that_may_hold_more_as_not_certain() -> None:
    finding = only(
        compared(messages(shape(SENT + " ..."), shape(READ)), messages(shape("id!:string ..."), shape(READ)))
    )
    assert (finding.rule, finding.field, finding.status) == ("dropped", "total", "candidate")


def test_a_field_that_nobody_reads_may_go() -> None:
    assert loud(compared(messages(shape(SENT), shape(READ)), messages(shape(READ), shape(READ)))) == []


def test_a_new_optional_field_breaks_nobody() -> None:
    head = messages(shape(SENT + " gift?:boolean"), shape(READ))
    assert loud(compared(messages(shape(SENT), shape(READ)), head)) == []


def test_a_renamed_field_is_told_with_its_new_name() -> None:
    head = messages(shape("id!:string sum!:number customer!:string"), shape(READ))
    assert only(compared(messages(shape(SENT), shape(READ)), head)).text == (
        "orders renamed `total` to `sum` in kafka:order.created; mail reads it"
    )


def test_sender_and_reader_that_move_together_are_silent() -> None:
    head = messages(shape("id!:string sum!:number customer!:string"), shape("id!:string sum!:number"))
    assert loud(compared(messages(shape(SENT), shape(READ)), head)) == []


def test_a_retyped_field_is_told_unless_the_reader_takes_the_new_type() -> None:
    base = messages(shape(SENT), shape("id total"))
    head = messages(shape("id!:string total!:string customer!:string"), shape("id total"))
    assert [f.rule for f in compared(base, head).findings] == ["retyped"]
    fits = messages(shape("id!:string total!:string customer!:string"), shape("id!:string total!:string"))
    assert loud(compared(messages(shape(SENT), shape("id!:string total")), fits)) == []


def test_a_field_that_is_now_required_names_the_caller_without_it() -> None:
    base = requests(shape("sku!:string"), shape("sku!:string"), None, None)
    head = requests(shape("sku!:string day!:string"), shape("sku!:string"), None, None)
    finding = only(compared(base, head))
    assert finding.text == "orders now requires `day` of orders:POST /orders; web does not send it"
    assert (finding.rule, finding.sender) == ("now-required", "web/client.py::order")


def test_a_caller_that_stops_sending_what_is_required() -> None:
    base = requests(shape("sku!:string"), shape("sku!:string note!:string"), None, None)
    head = requests(shape("sku!:string"), shape("note!:string"), None, None)
    assert only(compared(base, head)).text == "web no longer sends `sku` to orders:POST /orders, which requires it"


def test_a_topic_that_loses_its_publisher_names_the_listener() -> None:
    found = compared(messages(shape(SENT), shape(READ)), messages(shape(SENT), shape(READ), "order.placed"))
    assert ("topic-left", "", "mail/hear.py::heard", "breaking") in loud(found)


def test_a_known_fault_is_not_told_again_for_a_change_beside_it() -> None:
    broken = messages(shape("id!:string"), shape(READ))
    assert loud(compared(broken, messages(shape("id!:string extra!:string"), shape(READ)))) == []


def test_a_reader_may_start_to_look_for_what_it_can_do_without() -> None:
    head = messages(shape(SENT), shape(READ + " gift?:string"))
    assert loud(compared(messages(shape(SENT), shape(READ)), head)) == []
    assert [f.rule for f in check(head).findings] == ["read-not-sent"]
