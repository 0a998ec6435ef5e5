"""Functional options of Go: fields that callers set through functions, one object's options together."""

from __future__ import annotations

from graph.values import Call, Lit, Name, Param
from tests.graph.link_facts import FileFacts, linked, rows


def deployed(*names: str) -> FileFacts:
    file = FileFacts("compose.yaml")
    for name in names:
        file.say("service", name=name, root=f"cmd/{name}", sort="business")
    return file


def module() -> FileFacts:
    return FileFacts("go.mod").say("root", root="", sort="go.mod", name="shop")


def publisher() -> FileFacts:
    return (
        FileFacts("pkg/pub/publisher.go").say("package", name="pub").cls("publisher")
        .say("symbol", name="publisher.Publish", sort="method").function("NewPublisher")
        .bind("publisher.exchange", Lit("default-exchange"), "NewPublisher")
        .bind("publisher.key", Lit("default-key"), "NewPublisher")
        .say("publish", broker="rabbitmq", topic=Name("self.key"), exchange=Name("self.exchange"),
             symbol="publisher.Publish")
    )  # fmt: skip


def options() -> FileFacts:
    file = FileFacts("pkg/pub/options.go").say("package", name="pub")
    for name, field in (("Exchange", "exchange"), ("Key", "key")):
        file.function(name, "value").bind(f"{name}.p.{field}", Param(0, "value"), name)
        file.bind(f"publisher.{field}", Param(0, "value"), name)
    return file


def main(service: str, *pairs: tuple[str, str]) -> FileFacts:
    file = FileFacts(f"cmd/{service}/main.go").say("package", name="main").imports("pub", "shop/pkg/pub")
    file.function("main").say("call", symbol="main", callee=Name("pub.NewPublisher"), args=())
    for line, (exchange, key) in enumerate(pairs, 1):
        given = (Call(Name("pub.Exchange"), (Lit(exchange),)), Call(Name("pub.Key"), (Lit(key),)))
        for option in given:
            file.say("call", line, symbol="main", callee=option.callee, args=option.args)
        file.say("call", line, symbol="main", callee=Name("publisher.Configure"), args=given)
    return file


def test_options_given_together_name_one_topic_and_the_default_is_left_out() -> None:
    counter = main("counter", ("barista", "to-barista"), ("kitchen", "to-kitchen"))
    data = linked(module(), deployed("counter"), publisher(), options(), counter)
    assert {topic for _, topic in rows(data, "PUBLISHES")} == {"rabbitmq:to-barista", "rabbitmq:to-kitchen"}


def test_a_service_that_gives_no_options_has_the_default() -> None:
    files = (module(), deployed("counter", "plain"), publisher(), options())
    data = linked(*files, main("counter", ("barista", "to-barista")), main("plain"))
    assert rows(data, "PUBLISHES") == {
        ("cmd/counter/main.go::main", "rabbitmq:to-barista"),
        ("plain", "rabbitmq:default-key"),
    }
