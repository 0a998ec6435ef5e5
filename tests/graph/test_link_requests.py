"""Requests are linked in a fixed order, ambiguity stays visible, and every loose end says what would settle it."""

from __future__ import annotations

import tomllib

import pytest

from graph.schema import GraphData
from graph.values import Call, Concat, Env, Field, Lit, Member, Name, Param, Shape, Unknown, Value
from tests.graph.link_facts import FileFacts, edge, labels, linked, rows

WEB = "web/app.py::ask"


def compose() -> FileFacts:
    return (
        FileFacts("compose.yaml")
        .say("service", name="web", root="web", ports=("8000:80",))
        .say("service", name="pay", root="pay", ports=("9001:8080",), hosts=("pay", "pay.default.svc.cluster.local"))
        .say("service", name="mail", root="mail")
    )


def offer(service: str, *operations: tuple[str, str]) -> FileFacts:
    file = FileFacts(f"{service}/main.py").say("router", name="app").function("handle")
    for method, path in operations:
        file.say("endpoint", 7, protocol="http", method=method, path=Lit(path), router=Name("app"), handler="handle")
    return file


def ask(url: Value, method: Value | None = None) -> FileFacts:
    return (
        FileFacts("web/app.py")
        .function("ask", "x", line=3)
        .say("http_call", 5, method=method or Lit("GET"), url=url, symbol="ask", client="requests")
    )


def asked(url: Value, *more: FileFacts, method: Value | None = None) -> GraphData:
    return linked(compose(), offer("pay", ("GET", "/bills/{id}"), ("POST", "/bills")), ask(url, method), *more)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://pay:8080/bills/7", "host name"),
        ("http://pay.default.svc.cluster.local/bills/7", "host name"),
        ("http://localhost:9001/bills/7", "published port"),
        ("http://127.0.0.1:9001/bills/7?x=1", "published port"),
    ],
)
def test_hosts_are_found_by_name_and_by_published_port(url: str, rule: str) -> None:
    found = edge(asked(Lit(url)), "CALLS", WEB, "pay:GET /bills/{}")
    assert (found.resolution.status, found.resolution.rule) == ("resolved", rule)


def test_a_host_outside_the_system_is_external() -> None:
    data = asked(Lit("https://api.stripe.com/v1/charges"))
    assert edge(data, "CALLS", WEB, "api.stripe.com").resolution.status == "resolved"


def test_an_unset_variable_is_a_candidate_by_its_name_and_settled_by_an_annotation() -> None:
    url = Concat((Env("PAY_URL"), Lit("/bills/1")))
    found = edge(asked(url), "CALLS", WEB, "pay:GET /bills/{}")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "variable name")
    assert found.props["settles"] == "PAY_URL"
    assert tomllib.loads(found.props["annotation"]) == {"services": {"pay": {"hosts": ["${PAY_URL}"]}}}
    toml = FileFacts("testmesh.toml").say("declared_service", name="pay", root="", hosts=("${PAY_URL}",))
    settled = edge(asked(url, toml), "CALLS", WEB, "pay:GET /bills/{}")
    assert (settled.resolution.status, settled.resolution.rule) == ("resolved", "annotation")


def test_a_variable_nobody_knows_is_a_loose_end_with_the_lines_that_settle_it() -> None:
    data = asked(Concat((Env("BACKEND"), Lit("/nowhere"))))
    (end,) = [n for n in data.nodes.values() if n.kind == "Unresolved"]
    assert end.key == ("shop", "web/app.py", "5", "unknown host")
    assert end.props["settles"] == "BACKEND"
    assert end.props["reason"] == "BACKEND is set nowhere"
    assert tomllib.loads(end.props["annotation"]) == {"services": {"NAME": {"hosts": ["${BACKEND}"]}}}
    assert edge(data, "CALLS", WEB, end.label).resolution.status == "unresolved"


def test_an_operation_the_service_does_not_have_names_the_service() -> None:
    data = asked(Lit("http://pay/refunds"))
    (end,) = [n for n in data.nodes.values() if n.kind == "Unresolved"]
    assert (end.props["service"], end.props["reason"]) == ("pay", "pay has no GET /refunds")
    # declaring an edge to an operation that is not in the graph would only be a second loose end
    assert not end.props.get("annotation")


def test_a_service_whose_code_cannot_be_read_gets_the_operation_its_callers_expect() -> None:
    data = linked(compose(), ask(Lit("http://mail/send")))
    found = edge(data, "CALLS", WEB, "mail:GET /send")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "assumed operation")
    assert edge(data, "OWNS", "mail", "mail:GET /send").resolution.status == "candidate"


def test_without_a_host_a_unique_operation_is_a_candidate_and_never_resolved() -> None:
    found = edge(asked(Concat((Unknown("a local"), Lit("/bills/1")))), "CALLS", WEB, "pay:GET /bills/{}")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "unique operation")


def test_a_variable_nobody_knows_still_leaves_the_unique_operation_as_a_candidate() -> None:
    found = edge(asked(Concat((Env("BACKEND"), Lit("/bills/1")))), "CALLS", WEB, "pay:GET /bills/{}")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "unique operation")
    assert found.props["settles"] == "BACKEND"


def test_two_services_that_fit_without_a_host_are_not_guessed() -> None:
    url = Concat((Unknown("a local"), Lit("/bills/1")))
    data = linked(compose(), offer("pay", ("GET", "/bills/{id}")), offer("mail", ("GET", "/bills/{no}")), ask(url))
    assert {target for _, target in rows(data, "CALLS")} == {"web/app.py:5 (unknown host)"}


def test_the_longest_literal_match_wins_and_ambiguity_stays_a_candidate() -> None:
    paths = (("GET", "/bills/latest"), ("GET", "/bills/{id}"), ("GET", "/{kind}/open"))
    data = linked(compose(), offer("pay", *paths), ask(Lit("http://pay/bills/latest")))
    assert edge(data, "CALLS", WEB, "pay:GET /bills/latest").resolution.status == "resolved"
    data = linked(compose(), offer("pay", *paths), ask(Lit("http://pay/bills/open")))
    assert {target for _, target in rows(data, "CALLS")} == {"pay:GET /bills/{}", "pay:GET /{}/open"}
    assert edge(data, "CALLS", WEB, "pay:GET /bills/{}").resolution.status == "candidate"


def test_the_method_decides_between_operations_of_one_path() -> None:
    data = linked(compose(), offer("pay", ("GET", "/bills"), ("POST", "/bills")), ask(Lit("http://pay/bills")))
    assert rows(data, "CALLS") == {(WEB, "pay:GET /bills")}


def test_a_browser_path_goes_through_the_rules_of_its_own_gateway() -> None:
    nginx = FileFacts("web/nginx.conf").say(
        "route", 2, gateway="", path="/api/pay/**", to="${PAY_HOST}:8080", to_path="/**"
    )
    host = FileFacts("web/Dockerfile").say("env_value", service="", key="PAY_HOST", value=Lit("pay"))
    data = asked(Lit("/api/pay/bills/3"), nginx, host)
    found = edge(data, "CALLS", WEB, "pay:GET /bills/{}")
    assert (found.resolution.status, found.resolution.rule) == ("resolved", "gateway route")
    assert rows(data, "ROUTES_TO") == {
        ("web:ANY /api/pay/**", "pay:GET /bills/{}"),
        ("web:ANY /api/pay/**", "pay:POST /bills"),
    }


def test_a_handler_that_sends_the_rest_of_its_path_on_is_a_gateway_rule() -> None:
    def gate(*methods: str) -> FileFacts:
        file = FileFacts("mail/gate.py").say("router", name="app").function("proxy", "rest")
        for method in methods:
            file.say("endpoint", 3, protocol="http", method=method, path=Lit("/shop/{rest:path}"), router=Name("app"),
                     handler="proxy")  # fmt: skip
        return file.say("http_call", 6, method=Unknown("the request's method"), symbol="proxy",
                        url=Concat((Lit("http://pay/"), Param(0, "rest"))))  # fmt: skip

    data = asked(Lit("http://mail/shop/bills/3"), gate("GET", "POST"))
    assert edge(data, "CALLS", WEB, "pay:GET /bills/{}").resolution.rule == "gateway route"
    assert rows(data, "ROUTES_TO") == {
        ("mail:GET /shop/**", "pay:GET /bills/{}"),
        ("mail:POST /shop/**", "pay:POST /bills"),
    }
    assert not [s for s, t in rows(data, "CALLS") if s == "mail/gate.py::proxy"]


def test_a_wrapper_two_calls_deep_is_linked_at_the_outermost_call() -> None:
    client = (
        FileFacts("web/http.py")
        .function("send", "method", "path")
        .function("fetch", "path")
        .say("call", 4, symbol="fetch", callee=Name("send"), args=(Lit("GET"), Param(0, "path")))
        .bind("BASE", Lit("http://pay"))
        .say("http_call", 9, symbol="send", method=Param(0, "method"), url=Concat((Name("BASE"), Param(1, "path"))))
    )
    user = (
        FileFacts("web/bills.py")
        .imports("fetch", ".http", "fetch")
        .function("bill", "no")
        .say("call", 3, symbol="bill", callee=Name("fetch"), args=(Concat((Lit("/bills/"), Param(0, "no"))),))
    )
    data = asked(Lit("http://pay/bills/1"), client, user)
    found = edge(data, "CALLS", "web/bills.py::bill", "pay:GET /bills/{}")
    assert [e.place() for e in found.evidence] == ["web/bills.py:3", "web/http.py:4", "web/http.py:9"]
    assert ("web/http.py::send", "pay:GET /bills/{}") not in rows(data, "CALLS")


def test_every_call_of_a_busy_wrapper_is_followed() -> None:
    client = (
        FileFacts("web/http.py").function("get", "path")
        .say("http_call", 9, method=Lit("GET"), url=Concat((Lit("http://pay"), Param(0, "path"))), symbol="get")
    )  # fmt: skip
    user = FileFacts("web/many.py").imports("get", ".http", "get")
    for number in range(600):
        user.function(f"f{number}").say(
            "call", number + 1, symbol=f"f{number}", callee=Name("get"), args=(Lit("/bills/1"),)
        )
    data = linked(compose(), offer("pay", ("GET", "/bills/{id}")), client, user)
    assert sum(t == "pay:GET /bills/{}" for _, t in rows(data, "CALLS")) == 600


def test_a_client_made_in_another_file_sends_requests_where_it_is_used() -> None:
    made = (
        FileFacts("web/client.py")
        .imports("httpx", "httpx")
        .bind("client", Call(Name("httpx.Client"), (), (("base_url", Lit("http://pay/")),)))
    )
    user = (
        FileFacts("web/use.py")
        .imports("client", ".client", "client")
        .function("make")
        .say("call", 4, symbol="make", callee=Member(Name("client"), "post"), args=(Lit("bills"),))
    )
    data = asked(Lit("http://pay/bills/1"), made, user)
    assert edge(data, "CALLS", "web/use.py::make", "pay:POST /bills").resolution.status == "resolved"


def test_a_method_of_a_client_object_is_followed_to_the_call_that_knows_the_path() -> None:
    client = (
        FileFacts("web/api.py")
        .cls("Api").function("Api.__init__", "base").bind("Api.base", Param(0, "base"), "Api.__init__")
        .function("Api.call", "verb", "path").function("Api.get", "path").function("Api.bill", "no")
        .bind("BASE", Lit("http://pay")).bind("api", Call(Name("Api"), (Name("BASE"),)))
        .say("call", 2, symbol="", callee=Name("Api"), args=(Name("BASE"),))
        .say("http_call", 5, method=Param(0, "verb"), symbol="Api.call",
             url=Concat((Name("self.base"), Lit("/"), Param(1, "path"))))
        .say("call", 8, symbol="Api.get", callee=Name("self.call"), args=(Lit("get"), Param(0, "path")))
        .say("call", 11, symbol="Api.bill", callee=Name("self.get"), args=(Concat((Lit("/bills/"), Param(0, "no"))),))
    )  # fmt: skip
    data = linked(compose(), offer("pay", ("GET", "/bills/{id}"), ("GET", "/bills")), client)
    assert {s for s, t in rows(data, "CALLS") if t.startswith("pay:")} == {"web/api.py::Api.bill"}
    assert edge(data, "CALLS", "web/api.py::Api.bill", "pay:GET /bills/{}").resolution.status == "resolved"


def body(*names: str) -> Shape:
    return Shape("object", tuple(Field(name, Shape()) for name in names), open=False)


def test_what_is_read_of_an_answer_is_found_behind_its_json_or_data() -> None:
    made = (
        FileFacts("web/client.py").imports("httpx", "httpx").imports("axios", "axios")
        .bind("py", Call(Name("httpx.Client"), (), (("base_url", Lit("http://pay")),)))
        .bind("js", Call(Name("axios.create"), (), (("baseURL", Lit("http://pay")),)))
    )  # fmt: skip
    get = Call(Name("py.get"), (Lit("/bills/1"),))
    user = (
        FileFacts("web/use.py").imports("py", ".client", "py").imports("js", ".client", "js")
        .function("one").bind("one.answer", get, "one")
        .say("call", 3, symbol="one", callee=get.callee, args=get.args)
        .say("call", 4, symbol="one", callee=Name("answer.json"), reads=body("total"))
        .function("two")
        .say("call", 8, symbol="two", callee=Name("js.get"), args=(Lit("/bills/2"),),
             reads=Shape("object", (Field("data", body("state")), Field("status", Shape())), open=False))
    )  # fmt: skip
    data = asked(Lit("http://pay/bills/9"), made, user)
    assert edge(data, "CALLS", "web/use.py::one", "pay:GET /bills/{}").props["reads"] == ["total"]
    assert edge(data, "CALLS", "web/use.py::two", "pay:GET /bills/{}").props["reads"] == ["state"]
    assert "reads" not in edge(data, "CALLS", WEB, "pay:GET /bills/{}").props


def test_an_answer_that_a_function_hands_on_is_read_by_its_callers() -> None:
    user = (
        FileFacts("web/use.py").imports("ask", "app", "ask").function("show").function("mail")
        .say("call", 3, symbol="show", callee=Name("ask"), args=(Lit(1),), reads=body("total"))
        .say("call", 6, symbol="mail", callee=Name("ask"), args=(Lit(2),), reads=body("id"))
    )  # fmt: skip
    found = edge(asked(Lit("http://pay/bills/9"), user), "CALLS", WEB, "pay:GET /bills/{}")
    assert found.props["reads"] == ["id", "total"]
    user.function("other").say("call", 9, symbol="other", callee=Name("ask"))
    unknown = edge(asked(Lit("http://pay/bills/9"), user), "CALLS", WEB, "pay:GET /bills/{}")
    assert "reads" not in unknown.props


def test_a_value_that_differs_between_deployments_leaves_candidates() -> None:
    both = (
        FileFacts("compose.yaml")
        .say("env_value", service="web", key="PAY", value=Lit("http://pay"))
        .say("env_value", service="web", key="PAY", value=Lit("http://mail"))
    )
    data = linked(
        compose(), both, offer("pay", ("GET", "/x")), offer("mail", ("GET", "/x")), ask(Concat((Env("PAY"), Lit("/x"))))
    )
    assert {t for _, t in rows(data, "CALLS")} == {"pay:GET /x", "mail:GET /x"}
    assert edge(data, "CALLS", WEB, "pay:GET /x").resolution.status == "candidate"


def test_tests_and_vendored_code_send_no_requests() -> None:
    test = (
        FileFacts("web/tests/test_app.py")
        .function("t")
        .say("http_call", 2, method=Lit("GET"), url=Lit("http://pay/bills/1"), symbol="t")
    )
    data = linked(compose(), offer("pay", ("GET", "/bills/{id}")), test)
    assert rows(data, "CALLS") == set()
    assert "web/tests/test_app.py::t" in labels(data, "Symbol")


def test_a_page_asks_the_host_it_came_from_or_a_port_of_it() -> None:
    port = Concat((Name("window.location.protocol"), Lit("//"), Name("window.location.hostname"), Lit(":9001/bills/4")))
    assert edge(asked(port), "CALLS", WEB, "pay:GET /bills/{}").resolution.rule == "published port"
    nginx = FileFacts("web/nginx.conf").say("route", 2, path="/api/**", to="pay:8080", to_path="/**")
    same = asked(Concat((Name("window.location.origin"), Lit("/api/bills/4"))), nginx)
    assert edge(same, "CALLS", WEB, "pay:GET /bills/{}").resolution.rule == "gateway route"
