"""Classes below the one a method is written in: topics only the subclass tells; addresses only configuration tells."""

from __future__ import annotations

from graph.values import Call, Lit, Member, Name
from tests.graph.link_facts import FileFacts, edge, linked, rows


def deployed(*names: str) -> FileFacts:
    file = FileFacts("compose.yaml")
    for name in names:
        file.say("service", name=name, root=name, sort="business")
    return file


def publisher() -> FileFacts:
    """A base class of every service that publishes to whatever topic its subclass names."""
    file = FileFacts("common/publisher.ts").cls("Publisher").say("symbol", name="Publisher.publish", sort="method")
    file.say("typed", target="Publisher.subject", type="string")
    return file.say("publish", broker="nats", topic=Name("this.subject"), symbol="Publisher.publish")


def event(folder: str, name: str, topic: str) -> FileFacts:
    return (
        FileFacts(f"{folder}/{name}.ts")
        .say("import", local="Publisher", module="../common/publisher", name="Publisher")
        .say("symbol", name=name, sort="class", bases=("Publisher",))
        .say("binding", target=f"{name}.subject", value=Lit(topic), scope=name)
        .say("symbol", name="go", sort="function")
        .say("call", symbol="go", callee=Member(Call(Name(name), ()), "publish"), args=())
    )


def test_a_field_that_only_subclasses_set_is_asked_of_the_callers() -> None:
    data = linked(
        deployed("shop", "tickets"),
        publisher(),
        event("shop", "OrderCreated", "order:created"),
        event("tickets", "TicketSold", "ticket:sold"),
    )
    assert rows(data, "PUBLISHES") == {
        ("shop/OrderCreated.ts::go", "nats:order:created"),
        ("tickets/TicketSold.ts::go", "nats:ticket:sold"),
    }


def test_an_address_list_of_the_callers_configuration_settles_a_discovery_name() -> None:
    config = FileFacts("web/application.properties").say(
        "env_value", service="", key="stock-list.ribbon.listOfServers", value=Lit("stock:8080")
    )
    stock = (
        FileFacts("stock/app.py")
        .function("levels")
        .say("endpoint", protocol="http", method="GET", path=Lit("/levels"), handler="levels", framework="flask")
    )
    web = (
        FileFacts("web/show.py")
        .function("show")
        .say("http_call", method=Lit("GET"), url=Lit("http://stock-list/levels"), symbol="show", client="requests")
    )
    data = linked(deployed("stock", "web"), config, stock, web)
    found = edge(data, "CALLS", "web/show.py::show", "stock:GET /levels")
    assert (found.resolution.status, found.resolution.rule) == ("resolved", "listed addresses")
