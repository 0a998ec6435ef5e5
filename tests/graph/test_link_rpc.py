"""RPC services of .proto files: who serves them, who calls them, and how sure that is."""

from __future__ import annotations

from graph.linking.roles import aside
from graph.values import Concat, Env, Lit, Name
from tests.graph.link_facts import FileFacts, edge, labels, linked, rows


def proto(path: str = "protos/shop.proto") -> FileFacts:
    file = FileFacts(path)
    for method in ("GetCart", "AddItem"):
        file.say("operation", protocol="grpc", method="rpc", path=f"shop.v1.CartService/{method}", pointer="x")
    return file


def deployed(*names: str) -> FileFacts:
    file = FileFacts("compose.yaml")
    for name in names:
        file.say("service", name=name, root=name, sort="business")
    return file


def server(folder: str = "cart") -> FileFacts:
    return (
        FileFacts(f"{folder}/server.go").cls("server")
        .say("symbol", name="server.GetCart", sort="method").say("symbol", name="server.AddItem", sort="method")
        .say("rpc_service", service="CartService", symbol="server", framework="grpc-go")
    )  # fmt: skip


def client(target: object = None) -> FileFacts:
    fields = {} if target is None else {"target": target}
    return (
        FileFacts("web/rpc.go")
        .function("show")
        .say("rpc_call", service="CartService", method="getCart", symbol="show", client="grpc-go", **fields)
    )


def test_a_served_service_has_an_endpoint_per_implemented_method() -> None:
    data = linked(proto(), deployed("cart", "web"), server())
    path = "cart:grpc shop.v1.CartService"
    assert labels(data, "Endpoint") == {f"{path}/GetCart", f"{path}/AddItem"}
    handled = rows(data, "HANDLED_BY")
    assert ("cart:grpc shop.v1.CartService/GetCart", "cart/server.go::server.GetCart") in handled


def test_the_address_decides_and_methods_fit_in_any_case_style() -> None:
    address = Concat((Env("CART_ADDR", Lit("cart:7070")),))
    data = linked(proto(), deployed("cart", "web"), server(), client(address))
    found = edge(data, "CALLS", "web/rpc.go::show", "cart:grpc shop.v1.CartService/GetCart")
    assert (found.resolution.status, found.resolution.rule) == ("resolved", "host name")


def test_without_an_address_the_only_server_is_sure_and_two_are_candidates() -> None:
    target = "cart:grpc shop.v1.CartService/GetCart"
    only = edge(linked(proto(), deployed("cart", "web"), server(), client()), "CALLS", "web/rpc.go::show", target)
    assert (only.resolution.status, only.resolution.rule) == ("resolved", "only server")
    two = linked(proto(), deployed("cart", "spare", "web"), server(), server("spare"), client())
    assert edge(two, "CALLS", "web/rpc.go::show", target).resolution.status == "candidate"


def test_an_address_of_someone_who_does_not_serve_it_is_never_sure() -> None:
    data = linked(proto(), deployed("cart", "other", "web"), server(), client(Lit("other:1")))
    found = edge(data, "CALLS", "web/rpc.go::show", "cart:grpc shop.v1.CartService/GetCart")
    assert found.resolution.status == "candidate"


def test_a_service_no_file_describes_is_said_to_be_unresolved() -> None:
    data = linked(deployed("web"), client(Name("conn")))
    assert [e.resolution.rule for e in data.edges.values() if e.kind == "CALLS"] == ["unknown rpc service"]


def test_copies_of_a_description_do_not_make_their_folder_serve_it() -> None:
    data = linked(proto("web/protos/shop.proto"), proto("cart/protos/shop.proto"), deployed("cart", "web"), server())
    assert {label.split(":")[0] for label in labels(data, "Endpoint")} == {"cart"}


def test_java_packages_are_names_and_test_projects_are_tests() -> None:
    assert not aside("orders/src/main/java/com/example/samples/Order.java")
    assert not aside("app/com/example/test/Order.java")
    assert aside("orders/src/test/java/com/shop/Order.java")
    assert aside("orders/src/it/resources/application.properties")
    assert aside("orders/src/integrationTest/java/com/shop/Order.java")
    assert not aside("orders/src/latest/java/com/shop/Order.java")
    assert aside("tests/Ordering.FunctionalTests/Api.cs")
    assert aside("src/Ordering.UnitTests/Api.cs")
    assert not aside("src/Ordering/Contest.cs")
    assert aside("x/OrderControllerTest.java")


def test_a_client_that_a_struct_of_another_file_holds_is_called_through_it() -> None:
    data = (
        FileFacts("web/data.go")
        .say("package", name="main")
        .cls("Data")
        .say("typed", target="Data.carts", type="cartv1.CartServiceClient")
    )
    repo = (
        FileFacts("web/repo.go").say("package", name="main").cls("repo")
        .say("symbol", name="repo.Show", sort="method")
        .say("typed", target="repo.data", type="Data")
        .say("call", symbol="repo.Show", callee=Name("self.data.carts.GetCart"), args=())
    )  # fmt: skip
    found = linked(proto(), deployed("cart", "web"), server(), data, repo)
    link = edge(found, "CALLS", "web/repo.go::repo.Show", "cart:grpc shop.v1.CartService/GetCart")
    assert (link.resolution.status, link.resolution.rule) == ("resolved", "only server")
