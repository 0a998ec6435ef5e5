"""Calls between symbols are found through imports, types, self and class hierarchies."""

from __future__ import annotations

from graph.values import Call, Concat, Lit, Member, Name, Param
from tests.graph.link_facts import FileFacts, edge, linked, rows


def calls(*files: FileFacts) -> set[tuple[str, str]]:
    return rows(linked(*files), "CALLS")


def service() -> FileFacts:
    return (
        FileFacts("app/service.py")
        .cls("Base").function("Base.save").function("Base.run")
        .say("call", symbol="Base.run", callee=Name("self.save"))
        .cls("Orders", "Base").function("Orders.save")
    )  # fmt: skip


def test_methods_are_found_on_self_and_overrides_are_candidates() -> None:
    data = linked(service())
    assert ("app/service.py::Base.run", "app/service.py::Base.save") in rows(data, "CALLS")
    found = edge(data, "CALLS", "app/service.py::Base.run", "app/service.py::Orders.save")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "override")


def test_methods_are_found_through_declared_and_constructed_types() -> None:
    user = (
        FileFacts("app/api.py")
        .imports("Orders", "service", "Orders")
        .function("by_type", "orders")
        .say("typed", target="by_type.orders", type="Orders")
        .say("call", symbol="by_type", callee=Member(Param(0, "orders"), "run"))
        .function("by_call")
        .bind("by_call.o", Call(Name("Orders")), "by_call")
        .say("call", symbol="by_call", callee=Name("o.save"))
        .function("chained")
        .say("call", symbol="chained", callee=Member(Call(Name("Orders")), "save"))
    )
    found = calls(service(), user)
    assert ("app/api.py::by_type", "app/service.py::Base.run") in found
    assert ("app/api.py::by_call", "app/service.py::Orders.save") in found
    assert ("app/api.py::chained", "app/service.py::Orders.save") in found


def test_dependencies_given_by_factories_are_followed() -> None:
    user = (
        FileFacts("app/api.py")
        .imports("Orders", "service", "Orders")
        .imports("Depends", "fastapi", "Depends")
        .function("get_orders")
        .say("returns", symbol="get_orders", value=Call(Name("Orders")))
        .function("handler", "orders")
        .bind("handler.o", Call(Name("Depends"), (Name("get_orders"),)), "handler")
        .say("call", symbol="handler", callee=Name("o.save"))
    )
    assert ("app/api.py::handler", "app/service.py::Orders.save") in calls(service(), user)


def test_constructing_an_object_reaches_class_and_constructor() -> None:
    file = (
        FileFacts("a.py").cls("C").function("C.__init__", "x").function("f")
        .say("call", 5, symbol="f", callee=Name("C"), args=(Lit(1),))
    )  # fmt: skip
    assert calls(file) == {("a.py::f", "a.py::C"), ("a.py::f", "a.py::C.__init__")}


def test_functions_handed_over_and_constants_used_are_followed() -> None:
    file = (
        FileFacts("a.py").function("work").function("f")
        .imports("pool", "concurrent.futures")
        .say("symbol", name="LIMIT", sort="constant").bind("LIMIT", Lit(5))
        .say("call", symbol="f", callee=Name("pool.submit"), args=(Name("work"),))
        .say("use", symbol="f", name="LIMIT")
    )  # fmt: skip
    data = linked(file)
    assert edge(data, "CALLS", "a.py::f", "a.py::work").resolution.rule == "passed as argument"
    assert edge(data, "CALLS", "a.py::f", "a.py::LIMIT").resolution.rule == "use"


def test_a_local_name_hides_the_import_of_the_same_name() -> None:
    file = (
        FileFacts("a.py").imports("run", "b", "run").function("f").function("f.run")
        .say("call", symbol="f", callee=Name("run"))
    )  # fmt: skip
    assert calls(file, FileFacts("b.py").function("run")) == {("a.py::f", "a.py::f.run")}


def test_star_imports_and_import_cycles_end() -> None:
    one = FileFacts("one.py").say("import", local="*", module="two", name="*").function("f")
    two = FileFacts("two.py").say("import", local="*", module="one", name="*").function("g")
    one.say("call", symbol="f", callee=Name("g")).say("call", symbol="f", callee=Name("nowhere"))
    assert calls(one, two) == {("one.py::f", "two.py::g")}


def test_arguments_reach_a_function_that_is_handed_over_with_them() -> None:
    compose = FileFacts("compose.yaml").say("service", name="web", root="web").say("service", name="pay", root="pay")
    pay = (
        FileFacts("pay/app.py")
        .say("router", name="app")
        .function("h")
        .say("endpoint", protocol="http", method="GET", path=Lit("/bills"), router=Name("app"), handler="h")
    )
    web = (
        FileFacts("web/app.py").imports("asyncio", "asyncio").function("fetch", "url").function("ask")
        .say("http_call", 3, method=Lit("GET"), url=Param(0, "url"), symbol="fetch")
        .say("call", 7, symbol="ask", callee=Name("asyncio.to_thread"),
             args=(Name("fetch"), Concat((Lit("http://pay"), Lit("/bills")))))
    )  # fmt: skip
    assert ("web/app.py::ask", "pay:GET /bills") in calls(compose, pay, web)
