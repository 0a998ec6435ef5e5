"""What a name that is computed once depends on, and who depends on it, is followed like a call."""

from __future__ import annotations

from graph.values import Call, Concat, Format, Lit, Member, Name, Param, Unknown
from tests.graph.link_facts import FileFacts, edge, linked, rows


def constant(file: FileFacts, name: str, value: object) -> FileFacts:
    return file.say("symbol", name=name, sort="constant", params=(), digest=name).bind(name, value)


def sums() -> FileFacts:
    return FileFacts("app/sums.py").function("taxed", "amount").function("heavy", "grams")


def test_a_table_of_functions_leads_from_its_user_to_each_of_them() -> None:
    table = sums().say("symbol", name="TABLE", sort="constant", params=(), digest="t")
    table = table.bind("TABLE.tax", Name("taxed")).bind("TABLE.weight", Name("heavy"))
    user = FileFacts("app/api.py").imports("TABLE", "sums", "TABLE").function("convert")
    data = linked(table, user.say("call", symbol="convert", callee=Name("TABLE.tax.run")))
    found = rows(data, "CALLS")
    assert ("app/api.py::convert", "app/sums.py::TABLE") in found
    assert {("app/sums.py::TABLE", "app/sums.py::taxed"), ("app/sums.py::TABLE", "app/sums.py::heavy")} <= found


def test_a_partial_and_an_instance_are_what_they_were_made_of() -> None:
    file = constant(sums(), "with_vat", Call(Name("partial"), (Name("taxed"),))).cls("Rule")
    file = constant(file, "rule", Call(Name("Rule"))).function("price")
    file = file.say("call", symbol="price", callee=Name("with_vat")).say("call", symbol="price", callee=Name("rule"))
    found = rows(linked(file), "CALLS")
    price = "app/sums.py::price"
    assert {(price, "app/sums.py::with_vat"), (price, "app/sums.py::rule")} <= found
    assert ("app/sums.py::with_vat", "app/sums.py::taxed") in found
    assert ("app/sums.py::rule", "app/sums.py::Rule") in found


def test_listeners_belong_to_what_they_are_registered_on_and_handlers_do_not() -> None:
    bus = constant(FileFacts("app/bus.py"), "bus", Call(Name("Bus")))
    main = FileFacts("app/main.py").imports("bus", "bus", "bus").function("listen").function("serve")
    main = main.say("router", name=Name("bus"))
    main = main.say("endpoint", 9, protocol="http", method="GET", path=Lit("/x"), router=Name("bus"), handler="serve")
    for name in ("listen", "serve"):
        main = main.say("call", 9 if name == "serve" else 8, symbol="", callee=Name("bus.on"), args=(Name(name),))
    data = linked(bus, main)
    found = edge(data, "CALLS", "app/bus.py::bus", "app/main.py::listen")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "registered on it")
    assert ("app/bus.py::bus", "app/main.py::serve") not in rows(data, "CALLS")


def test_what_is_handed_over_beside_a_handler_runs_around_it() -> None:
    file = FileFacts("app/main.py").function("guard", "next").function("serve")
    file = file.say("endpoint", 5, protocol="http", method="GET", path=Lit("/x"), router=Name("app"), handler="serve")
    file = file.say("call", 5, symbol="", callee=Name("app.get"), args=(Lit("/x"), Name("guard"), Name("serve")))
    assert ("app/main.py::serve", "app/main.py::guard") in rows(linked(file), "CALLS")


def test_a_wrapper_around_a_handler_runs_around_it() -> None:
    file = FileFacts("app/main.py").function("guard", "next").function("serve").function("main")
    file = file.say("endpoint", 5, protocol="http", method="GET", path=Lit("/x"), router=Name("app"), handler="serve")
    file = file.say("call", 6, symbol="main", callee=Name("guard"), args=(Name("serve"),))
    assert edge(linked(file), "CALLS", "app/main.py::serve", "app/main.py::guard").resolution.rule == "runs around it"


def test_a_value_kept_by_a_class_belongs_to_it() -> None:
    settings = FileFacts("app/settings.py").cls("Limits").bind("Limits.size", Lit(5), "Limits")
    user = FileFacts("app/api.py").imports("Limits", "settings", "Limits").function("page")
    user = user.say("use", symbol="page", name="Limits.size")
    assert ("app/api.py::page", "app/settings.py::Limits") in rows(linked(settings, user), "CALLS")


def test_a_method_using_its_own_field_does_not_use_its_class() -> None:
    file = FileFacts("app/a.py").cls("A").function("A.go").bind("A.items", Call(Name("list")), "A")
    file = file.say("call", symbol="A.go", callee=Name("self.items.append"))
    assert ("app/a.py::A.go", "app/a.py::A") not in rows(linked(file), "CALLS")


def test_a_patched_method_leads_to_what_replaces_it() -> None:
    client = FileFacts("app/client.py").cls("Client").function("Client.rate")
    patch = FileFacts("app/patch.py").imports("Client", "client", "Client").function("patched")
    patch = patch.bind("Client.rate", Name("patched"))
    found = edge(linked(client, patch), "CALLS", "app/client.py::Client.rate", "app/patch.py::patched")
    assert (found.resolution.status, found.resolution.rule) == ("candidate", "replaced by")


def test_methods_and_modules_picked_by_a_part_of_their_name_are_candidates() -> None:
    handler = FileFacts("app/events.py").cls("Handler").function("Handler.run", "kind").function("Handler.on_paid")
    handler = handler.function("Handler.other")
    template = Format("on_{}", (Param(0, "kind"),))
    handler = handler.say("call", symbol="Handler.run", callee=Call(Name("getattr"), (Name("self"), template)))
    plugin = FileFacts("app/plugins/card.py").function("pay", "amount")
    other = FileFacts("app/other/card.py").function("pay", "amount")
    user = FileFacts("app/api.py").function("pay").say("call", symbol="pay", callee=Name("plugin.pay"))
    path = Concat((Lit("plugins."), Param(0, "method")))
    user = user.bind("pay.plugin", Call(Name("importlib.import_module"), (path,)), "pay")
    found = rows(linked(handler, plugin, other, user), "CALLS")
    assert ("app/events.py::Handler.run", "app/events.py::Handler.on_paid") in found
    assert ("app/events.py::Handler.run", "app/events.py::Handler.other") not in found
    assert ("app/api.py::pay", "app/plugins/card.py::pay") in found
    assert ("app/api.py::pay", "app/other/card.py::pay") not in found


def test_a_name_of_which_nothing_is_known_picks_nothing() -> None:
    file = FileFacts("app/a.py").cls("A").function("A.go", "kind").function("A.on")
    file = file.say("call", symbol="A.go", callee=Call(Name("getattr"), (Name("self"), Param(0, "kind"))))
    assert rows(linked(file), "CALLS") == set()


def test_a_scripts_computed_import_is_found_below_its_folder() -> None:
    plugin = FileFacts("src/plugins/card.ts").function("pay")
    user = FileFacts("src/index.ts").function("go").say("call", symbol="go", callee=Name("plugin.pay"))
    path = Format("./plugins/{}", (Unknown("body"),))
    user = user.bind("go.plugin", Call(Name("import"), (path,)), "go")
    assert ("src/index.ts::go", "src/plugins/card.ts::pay") in rows(linked(plugin, user), "CALLS")


def test_imports_follow_path_aliases_and_workspace_packages() -> None:
    roots = FileFacts("web/tsconfig.json").say(
        "root", root="web", sort="tsconfig", name="", scripts=("@lib/*=src/lib/*",)
    )
    package = FileFacts("packages/money/package.json").say(
        "root", root="packages/money", sort="package.json", name="@a/m"
    )
    lib = FileFacts("web/src/lib/orders.ts").function("count")
    money = FileFacts("packages/money/src/index.ts").function("euro")
    user = FileFacts("web/src/index.ts").imports("count", "@lib/orders", "count").imports("euro", "@a/m", "euro")
    user = (
        user.function("go").say("call", symbol="go", callee=Name("count")).say("call", symbol="go", callee=Name("euro"))
    )
    found = rows(linked(roots, package, lib, money, user), "CALLS")
    assert ("web/src/index.ts::go", "web/src/lib/orders.ts::count") in found
    assert ("web/src/index.ts::go", "packages/money/src/index.ts::euro") in found


def test_a_chain_of_calls_starts_at_its_first_name() -> None:
    file = constant(FileFacts("app/a.py").function("f"), "app", Call(Name("App"), (Name("f"),))).function("go")
    chain = Member(Call(Member(Name("app"), "group"), (Lit("/x"),)), "get")
    found = rows(linked(file.say("call", symbol="go", callee=chain)), "CALLS")
    assert {("app/a.py::go", "app/a.py::app"), ("app/a.py::app", "app/a.py::f")} <= found


def test_a_function_kept_in_a_field_is_called_through_it() -> None:
    lib = FileFacts("app/shown.py").function("shown").function("other")
    user = FileFacts("app/a.py").imports("shown", "app.shown", "shown").imports("other", "app.shown", "other")
    user = user.cls("Service").function("Service.__init__", "shown", "rest").function("Service.go").function("main")
    user = user.bind("Service.shown", Param(0, "shown"), "Service.__init__")
    user = user.bind("Service.rest", Param(1, "rest"), "Service.__init__")
    user = user.say("call", symbol="Service.go", callee=Name("self.shown"))
    user = user.say("call", symbol="main", callee=Name("Service"), args=(Name("shown"), Name("other")))
    found = rows(linked(lib, user), "CALLS")
    assert ("app/a.py::Service.go", "app/shown.py::shown") in found
    assert ("app/a.py::Service.go", "app/shown.py::other") not in found


def test_a_function_of_a_structs_literal_is_called_through_its_field() -> None:
    file = FileFacts("app/a.go").cls("Service").function("Service.go").function("main").function("shown")
    file = file.bind("Service.format", Name("shown"), "main").say(
        "call", symbol="Service.go", callee=Name("self.format")
    )
    assert ("app/a.go::Service.go", "app/a.go::shown") in rows(linked(file), "CALLS")
