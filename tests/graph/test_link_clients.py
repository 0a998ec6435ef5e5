"""Clients that are objects: each call is read with the object it is made on, whoever else makes such objects."""

from __future__ import annotations

from graph.values import Call, Concat, Lit, Member, Name, Param
from tests.graph.link_facts import FileFacts, edge, linked, rows


def compose() -> FileFacts:
    file = FileFacts("compose.yaml").say("service", name="web", root="web")
    return file.say("service", name="pay", root="pay").say("service", name="mail", root="mail")


def offer(service: str, *paths: str) -> FileFacts:
    file = FileFacts(f"{service}/main.py").say("router", name="app").function("handle")
    for path in paths:
        file.say("endpoint", 7, protocol="http", method="GET", path=Lit(path), router=Name("app"), handler="handle")
    return file


def base() -> FileFacts:
    return (
        FileFacts("web/base.py")
        .cls("Base").function("Base.__init__", "url").bind("Base.url", Param(0, "url"), "Base.__init__")
        .function("Base.get", "path")
        .say("http_call", 5, method=Lit("GET"), url=Concat((Name("self.url"), Param(0, "path"))), symbol="Base.get")
    )  # fmt: skip


def requests(*files: FileFacts) -> set[tuple[str, str]]:
    data = linked(compose(), offer("pay", "/health", "/bills"), offer("mail", "/health", "/letters"), base(), *files)
    return {(s, t) for s, t in rows(data, "CALLS") if ":GET " in t}


def test_two_objects_of_one_client_class_keep_their_own_hosts() -> None:
    user = (
        FileFacts("web/use.py").imports("Base", ".base", "Base")
        .bind("pay", Call(Name("Base"), (Lit("http://pay"),))).bind("mail", Call(Name("Base"), (Lit("http://mail"),)))
        .say("call", 1, symbol="", callee=Name("Base"), args=(Lit("http://pay"),))
        .say("call", 2, symbol="", callee=Name("Base"), args=(Lit("http://mail"),))
        .function("a").say("call", 5, symbol="a", callee=Name("pay.get"), args=(Lit("/health"),))
        .function("b").say("call", 8, symbol="b", callee=Name("mail.get"), args=(Lit("/health"),))
    )  # fmt: skip
    assert requests(user) == {
        ("web/use.py::a", "pay:GET /health"),
        ("web/use.py::b", "mail:GET /health"),
    }


def test_one_function_that_asks_two_objects_asks_both_services_surely() -> None:
    user = (
        FileFacts("web/use.py").imports("Base", ".base", "Base").function("a")
        .bind("pay", Call(Name("Base"), (Lit("http://pay"),))).bind("mail", Call(Name("Base"), (Lit("http://mail"),)))
        .say("call", 5, symbol="a", callee=Name("pay.get"), args=(Lit("/health"),))
        .say("call", 6, symbol="a", callee=Name("mail.get"), args=(Lit("/health"),))
    )  # fmt: skip
    data = linked(compose(), offer("pay", "/health"), offer("mail", "/health"), base(), user)
    for service in ("pay", "mail"):
        assert edge(data, "CALLS", "web/use.py::a", f"{service}:GET /health").resolution.status == "resolved"


def test_subclasses_that_give_their_host_to_the_class_above_keep_their_own_calls() -> None:
    def client(name: str, host: str) -> FileFacts:
        above = Member(Call(Name("super")), "__init__")
        return (
            FileFacts(f"web/{name.lower()}.py").imports("Base", ".base", "Base")
            .cls(name, "Base").function(f"{name}.__init__").function(f"{name}.ask")
            .say("call", 3, symbol=f"{name}.__init__", callee=above, args=(Lit(f"http://{host}"),))
            .say("call", 6, symbol=f"{name}.ask", callee=Name("self.get"), args=(Lit("/health"),))
        )  # fmt: skip

    assert requests(client("Pay", "pay"), client("Mail", "mail")) == {
        ("web/pay.py::Pay.ask", "pay:GET /health"),
        ("web/mail.py::Mail.ask", "mail:GET /health"),
    }


def test_a_data_class_client_gets_its_host_where_it_is_made() -> None:
    client = (
        FileFacts("web/data.py").cls("Data").say("typed", target="Data.url", type="str")
        .function("Data.bills")
        .say("http_call", 5, method=Lit("GET"), url=Concat((Name("self.url"), Lit("/bills"))), symbol="Data.bills")
        .function("make").say("call", 9, symbol="make", callee=Name("Data"), named=(("url", Lit("http://pay")),))
    )  # fmt: skip
    assert requests(client) == {("web/data.py::Data.bills", "pay:GET /bills")}


def test_where_the_making_call_gives_the_whole_url_the_request_is_decided_there() -> None:
    job = (
        FileFacts("web/job.py").cls("Job").function("Job.__init__", "url")
        .bind("Job.url", Param(0, "url"), "Job.__init__")
        .function("Job.run").say("http_call", 6, method=Lit("GET"), url=Name("self.url"), symbol="Job.run")
        .function("page").say("call", 9, symbol="page", callee=Name("Job"), args=(Lit("http://mail/letters"),))
    )  # fmt: skip
    assert ("web/job.py::page", "mail:GET /letters") in requests(job)


def test_an_object_that_a_factory_makes_is_known_where_it_is_used() -> None:
    user = (
        FileFacts("web/use.py").imports("Base", ".base", "Base")
        .function("client").say("returns", symbol="client", value=Call(Name("Base"), (Lit("http://pay"),)))
        .say("call", 3, symbol="client", callee=Name("Base"), args=(Lit("http://pay"),))
        .function("a").bind("a.c", Call(Name("client")), "a")
        .say("call", 6, symbol="a", callee=Name("c.get"), args=(Lit("/bills"),))
    )  # fmt: skip
    data = linked(compose(), offer("pay", "/bills"), base(), user)
    assert edge(data, "CALLS", "web/use.py::a", "pay:GET /bills").resolution.status == "resolved"
