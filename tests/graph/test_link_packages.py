"""Names are found the way Java, Go and C# find them, without an import for each."""

from __future__ import annotations

from graph.values import Call, Member, Name, Param
from tests.graph.link_facts import FileFacts, edge, linked, rows


def calls(*files: FileFacts) -> set[tuple[str, str]]:
    return {(_short(a), _short(b)) for a, b in rows(linked(*files), "CALLS")}


def _short(label: str) -> str:
    path, _, name = label.partition("::")
    return f"{path.split('/')[-1]}::{name}"


def java(path: str, package: str) -> FileFacts:
    return FileFacts(path).say("package", name=package)


def test_java_sees_its_package_its_imports_and_static_and_nested_names() -> None:
    pricing = java("a/Pricing.java", "com.shop").cls("Pricing").say("symbol", name="Pricing.of", sort="method")
    rates = java("b/Rates.java", "com.tax").cls("Rates").say("symbol", name="Rates.find", sort="method")
    lines = java("b/Order.java", "com.tax").cls("Order").cls("Order.Line")
    lines.say("symbol", name="Order.Line.sum", sort="method")
    user = (
        java("a/Cart.java", "com.shop")
        .imports("Line", "com.tax.Order", "Line")
        .imports("find", "com.tax.Rates", "find")
        .cls("Cart").say("symbol", name="Cart.total", sort="method")
        .say("typed", target="Cart.total.line", type="Line")
        .say("call", symbol="Cart.total", callee=Name("Pricing.of"))
        .say("call", symbol="Cart.total", callee=Name("find"))
        .say("call", symbol="Cart.total", callee=Name("line.sum"))
    )  # fmt: skip
    found = calls(pricing, rates, lines, user)
    assert ("Cart.java::Cart.total", "Pricing.java::Pricing.of") in found
    assert ("Cart.java::Cart.total", "Rates.java::Rates.find") in found
    assert ("Cart.java::Cart.total", "Order.java::Order.Line.sum") in found


def test_a_copied_class_means_the_copy_beside_the_mention() -> None:
    def module(name: str) -> list[FileFacts]:
        one = java(f"{name}/src/Dto.java", "com.dto").cls("Dto").say("symbol", name="Dto.read", sort="method")
        two = java(f"{name}/src/App.java", "com.app").imports("*", "com.dto", "*").cls("App")
        two.say("symbol", name="App.run", sort="method").say("call", symbol="App.run", callee=Name("Dto.read"))
        return [one, two]

    found = rows(linked(*module("orders"), *module("billing")), "CALLS")
    assert found == {
        ("orders/src/App.java::App.run", "orders/src/Dto.java::Dto.read"),
        ("billing/src/App.java::App.run", "billing/src/Dto.java::Dto.read"),
    }


def test_inherited_members_and_overloads_are_found_without_this() -> None:
    base = java("a/Base.java", "p").cls("Base").say("symbol", name="Base.save", sort="method")
    user = (
        java("a/Orders.java", "p").cls("Orders", "Base")
        .say("symbol", name="Orders.put/1", sort="method").say("symbol", name="Orders.put/2", sort="method")
        .say("symbol", name="Orders.run", sort="method")
        .say("call", symbol="Orders.run", callee=Name("save"))
        .say("call", symbol="Orders.run", callee=Name("put"), args=(Name("a"), Name("b")))
    )  # fmt: skip
    found = calls(base, user)
    assert ("Orders.java::Orders.run", "Base.java::Base.save") in found
    assert ("Orders.java::Orders.run", "Orders.java::Orders.put/2") in found
    assert ("Orders.java::Orders.run", "Orders.java::Orders.put/1") not in found


def go_module(*files: FileFacts) -> set[tuple[str, str]]:
    root = FileFacts("app/go.mod").say("root", root="app", sort="go.mod", name="ex.com/shop/app")
    return calls(root, *files)


def test_go_finds_folders_by_import_path_methods_beside_their_type_and_method_sets() -> None:
    interface = FileFacts("app/orders/ports.go").say("package", name="orders")
    interface.say("symbol", name="Repository", sort="interface", methods=("Find", "Save"))
    types = FileFacts("app/db/types.go").cls("Postgres").cls("Other")
    methods = FileFacts("app/db/methods.go")
    for name in ("Postgres.Find", "Postgres.Save", "Other.Find"):
        methods.say("symbol", name=name, sort="method")
    service = (
        FileFacts("app/orders/service.go").cls("Service").say("typed", target="Service.repo", type="Repository")
        .say("symbol", name="Service.Get", sort="method").say("typed", target="Service.Get.s", type="Service")
        .say("call", symbol="Service.Get", callee=Name("s.repo.Find"))
    )  # fmt: skip
    main = (
        FileFacts("app/cmd/main.go").imports("orders", "ex.com/shop/app/orders").function("main")
        .bind("main.svc", Call(Name("orders.Service")), "main")
        .say("call", symbol="main", callee=Name("svc.Get"))
    )  # fmt: skip
    found = go_module(interface, types, methods, service, main)
    assert ("main.go::main", "service.go::Service.Get") in found
    assert ("service.go::Service.Get", "methods.go::Postgres.Find") in found
    assert ("service.go::Service.Get", "methods.go::Other.Find") not in found


def test_go_methods_of_embedded_types_fulfil_interfaces() -> None:
    file = (
        FileFacts("app/x.go").say("symbol", name="Store", sort="interface", methods=("Get", "Put"))
        .cls("Base").say("symbol", name="Base.Get", sort="method")
        .cls("Full", "Base").say("symbol", name="Full.Put", sort="method")
        .function("use").say("typed", target="use.s", type="Store").say("call", symbol="use", callee=Name("s.Put"))
    )  # fmt: skip
    assert ("x.go::use", "x.go::Full.Put") in go_module(file)


def sharp(path: str, namespace: str) -> FileFacts:
    return FileFacts(path).say("package", name=namespace)


def test_csharp_sees_enclosing_namespaces_usings_and_partial_classes() -> None:
    one = sharp("p/A.cs", "Shop.Orders").cls("Orders").say("symbol", name="Orders.Load", sort="method")
    two = (
        sharp("p/B.cs", "Shop.Orders").cls("Orders").say("symbol", name="Orders.Run", sort="method")
        .say("call", symbol="Orders.Run", callee=Name("Load"))
        .say("call", symbol="Orders.Run", callee=Name("Clock.Now"))
        .say("call", symbol="Orders.Run", callee=Name("Mail.Send"))
    )  # fmt: skip
    clock = sharp("p/Clock.cs", "Shop").cls("Clock").say("symbol", name="Clock.Now", sort="method")
    mail = sharp("p/Mail.cs", "Far.Away").cls("Mail").say("symbol", name="Mail.Send", sort="method")
    usings = FileFacts("p/Usings.cs").imports("global", "Far.Away", "*")
    found = calls(one, two, clock, mail, usings)
    assert ("B.cs::Orders.Run", "A.cs::Orders.Load") in found
    assert ("B.cs::Orders.Run", "Clock.cs::Clock.Now") in found
    assert ("B.cs::Orders.Run", "Mail.cs::Mail.Send") in found
    without = calls(two, mail)
    assert ("B.cs::Orders.Run", "Mail.cs::Mail.Send") not in without


def test_a_registered_implementation_is_sure_and_several_are_candidates() -> None:
    interface = sharp("p/I.cs", "S").say("symbol", name="IMail", sort="interface")
    interface.say("symbol", name="IMail.Send", sort="method")
    both = [
        sharp(f"p/{name}.cs", "S").cls(name, "IMail").say("symbol", name=f"{name}.Send", sort="method")
        for name in ("Smtp", "Fake")
    ]
    user = (
        sharp("p/U.cs", "S").cls("U").say("symbol", name="U.Go", sort="method")
        .say("typed", target="U._mail", type="IMail").say("call", symbol="U.Go", callee=Name("_mail.Send"))
    )  # fmt: skip
    data = linked(interface, *both, user)
    assert edge(data, "CALLS", "p/U.cs::U.Go", "p/Fake.cs::Fake.Send").resolution.status == "candidate"
    start = sharp("p/Program.cs", "S").say("binds", type="IMail", to="Smtp", symbol="")
    data = linked(interface, *both, user, start)
    sure = edge(data, "CALLS", "p/U.cs::U.Go", "p/Smtp.cs::Smtp.Send").resolution
    assert (sure.status, sure.rule) == ("resolved", "registered implementation")
    assert ("p/U.cs::U.Go", "p/Fake.cs::Fake.Send") not in rows(data, "CALLS")


def test_extension_methods_are_called_on_their_first_parameter() -> None:
    helper = (
        sharp("p/X.cs", "S").cls("Orders").cls("OrderTools")
        .say("symbol", name="OrderTools.Total", sort="method", params=("orders",), extends="Orders")
    )  # fmt: skip
    user = (
        sharp("p/U.cs", "S").cls("U").say("symbol", name="U.Go", sort="method", params=("orders",))
        .say("typed", target="U.Go.orders", type="Orders")
        .say("call", symbol="U.Go", callee=Member(Param(0, "orders"), "Total"))
    )  # fmt: skip
    assert ("U.cs::U.Go", "X.cs::OrderTools.Total") in calls(helper, user)


def test_elements_of_generics_are_known_by_name() -> None:
    order = java("a/Order.java", "p").cls("Order").say("symbol", name="Order.ship", sort="method")
    user = (
        java("a/U.java", "p").cls("U").say("symbol", name="U.go", sort="method")
        .say("typed", target="U.go.orders", type="Map", of=("String", "List<Order>"))
        .bind("U.go.first", Call(Member(Name("orders"), "get")), "U.go")
        .say("call", symbol="U.go", callee=Name("first.ship"))
        .say("call", symbol="U.go", callee=Member(Member(Name("orders"), "[]"), "ship"))
    )  # fmt: skip
    assert calls(order, user) == {("U.java::U.go", "Order.java::Order.ship")}


def test_members_of_classes_imported_whole_are_seen_plainly() -> None:
    paths = java("a/Paths.java", "com.api").cls("Paths").say("symbol", name="Paths.of", sort="method")
    user = (
        java("b/U.java", "com.app").imports("*", "com.api.Paths", "*").cls("U")
        .say("symbol", name="U.go", sort="method").say("call", symbol="U.go", callee=Name("of"))
    )  # fmt: skip
    assert calls(paths, user) == {("U.java::U.go", "Paths.java::Paths.of")}


def test_fluent_methods_that_return_each_other_end() -> None:
    order = java("a/B.java", "p").cls("B")
    chain: object = Call(Name("B"))
    for number in range(60):
        name = f"B.m{number}"
        following = Call(Member(Call(Name("B")), f"m{(number + 1) % 60}"))
        order.say("symbol", name=name, sort="method").say("returns", symbol=name, value=following)
        chain = Call(Member(chain, f"m{number}"))  # type: ignore[arg-type]
    user = java("a/U.java", "p").cls("U").say("symbol", name="U.go", sort="method")
    user.say("call", symbol="U.go", callee=Member(chain, "m0"))  # type: ignore[arg-type]
    user.say("call", symbol="U.go", callee=Name("B.m1"))
    assert ("U.java::U.go", "B.java::B.m1") in calls(order, user)


def test_a_field_with_the_name_of_a_method_is_meant_when_something_follows_it() -> None:
    orders = java("a/Orders.java", "p").cls("Orders").say("symbol", name="Orders.all", sort="method")
    user = (
        java("a/U.java", "p").cls("U").say("symbol", name="U.orders", sort="method")
        .say("typed", target="U.orders", type="Orders")
        .say("call", symbol="U.orders", callee=Name("this.orders.all"))
    )  # fmt: skip
    assert calls(orders, user) == {("U.java::U.orders", "Orders.java::Orders.all")}
