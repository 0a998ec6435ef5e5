"""One system whose applications, settings and stores are deployed by files in several folders."""

from __future__ import annotations

import pytest

from graph.schema import GraphData
from graph.values import Call, Concat, Config, Env, Lit, Member, Name, Param
from tests.graph.link_facts import FileFacts, edge, linked, rows


def _system() -> GraphData:
    apps = (
        FileFacts("k8s/apps/all.yaml")
        .say("service", name="orders", root="orders", sort="business", hosts=("orders",))
        .say("service", name="stock", root="stock", sort="business", hosts=("stock",))
        .say("env_value", service="orders", key="STOCK_URL", value=Config("configmap:shared.STOCK.URL"))
    )
    shared = FileFacts("k8s/settings/shared.yaml").say(
        "env_value", service="", key="STOCK.URL", value=Lit("http://stock:80"), source="configmap:shared"
    )
    other = FileFacts("k8s/settings/other.yaml").say(
        "env_value", service="", key="STOCK.URL", value=Lit("http://nowhere:80"), source="configmap:other"
    )
    stores = (
        FileFacts("k8s/infra/db.yaml")
        .say("service", name="orders-db", root="", image="postgres:16", sort="infrastructure", store_kind="postgres")
        .say("service", name="panel", root="", image="grafana/grafana", sort="infrastructure")
    )
    served = FileFacts("stock/app.py").say("endpoint", protocol="http", method="GET", path=Lit("/items"), handler="")
    code = (
        FileFacts("orders/app.py")
        .function("items")
        .say("http_call", method=Lit("GET"), url=Lit("/items"), base=Env("STOCK_URL"), symbol="items", client="x")
    )
    return linked(apps, shared, other, stores, served, code)


def test_a_variable_refers_to_an_entry_of_a_configuration_map_in_another_file() -> None:
    call = edge(_system(), "CALLS", "orders/app.py::items", "stock:GET /items")
    assert call.resolution.status == "resolved"


def test_stores_count_that_only_a_deployment_beside_the_applications_starts() -> None:
    services = {n.label for n in _system().nodes.values() if n.kind == "Service"}
    assert services == {"orders", "stock", "orders-db", "panel"}


def test_extras_of_side_deployments_do_not_count_where_the_main_one_starts_its_own_stores() -> None:
    main = FileFacts("compose.yaml")
    for name in ("orders", "stock", "users"):
        main.say("service", name=name, root=name, sort="business", hosts=(name,))
    main.say("service", name="db", root="", image="postgres", sort="infrastructure", store_kind="postgres")
    extra = FileFacts("monitoring/compose.yaml").say(
        "service", name="panel", root="", image="grafana/grafana", sort="infrastructure"
    )
    services = {n.label for n in linked(main, extra).nodes.values() if n.kind == "Service"}
    assert services == {"orders", "stock", "users", "db"}


def test_an_ingress_called_like_the_service_behind_it_is_no_operation_of_that_service() -> None:
    deployed = (
        FileFacts("k8s/orders.yaml")
        .say("service", name="orders", root="orders", sort="business", hosts=("orders",))
        .say("route", gateway="orders", path="/**", to="orders")
    )
    served = FileFacts("orders/app.py").say("endpoint", protocol="http", method="GET", path=Lit("/items"), handler="")
    data = linked(deployed, served)
    assert {n.label for n in data.nodes.values() if n.kind == "Endpoint"} == {"orders:GET /items"}
    assert not rows(data, "ROUTES_TO")


def _asking(function: str) -> GraphData:
    deployed = (
        FileFacts("compose.yaml")
        .say("service", name="orders", root="orders", sort="business", hosts=("orders",))
        .say("service", name="stock", root="stock", sort="business", hosts=("stock",))
        .say("env_value", service="orders", key="STOCK_URL", value=Lit("http://stock:80"))
    )
    served = FileFacts("stock/app.py").say("endpoint", protocol="http", method="GET", path=Lit("/items"), handler="")
    base = Call(Name(function), (Lit("STOCK_URL"),))
    code = (
        FileFacts("orders/app.ts")
        .function("items")
        .imports(function, "some-library", function)
        .say("http_call", method=Lit("GET"), url=Lit("/items"), base=base, symbol="items", client="x")
    )
    return linked(deployed, served, code)


@pytest.mark.parametrize("function", ["readEnvOrDie", "need"])
def test_a_function_of_a_library_that_is_given_the_name_of_a_variable_deployed_here_reads_it(function: str) -> None:
    call = edge(_asking(function), "CALLS", "orders/app.ts::items", "stock:GET /items")
    assert call.resolution.status == "resolved", call


def test_code_shared_by_services_counts_for_those_whose_own_code_leads_to_it() -> None:
    deployed = FileFacts("compose.yaml")
    for name in ("orders", "mails"):
        deployed.say("service", name=name, root=name, sort="business", hosts=(name,))
    bus = (
        FileFacts("bus/bus.py")
        .function("send")
        .say("publish", topic=Lit("placed"), broker="nats", symbol="send")
        .function("listen")
        .function("handle")
        .say("consume", topic=Lit("placed"), broker="nats", symbol="listen", handler="handle")
    )
    orders = FileFacts("orders/app.py").function("place").imports("bus", "bus.bus")
    orders.say("call", symbol="place", callee=Name("bus.send"), args=())
    mails = FileFacts("mails/app.py").function("start").imports("bus", "bus.bus")
    mails.say("call", symbol="start", callee=Name("bus.listen"), args=())
    served = [
        FileFacts(f"{name}/web.py").say("endpoint", protocol="http", method="GET", path=Lit("/"), handler="")
        for name in ("orders", "mails")
    ]
    data = linked(deployed, bus, orders, mails, *served)
    assert rows(data, "PUBLISHES") == {("orders/app.py::place", "nats:placed")}
    assert rows(data, "CONSUMES") == {("mails/app.py::start", "nats:placed")}
    assert rows(data, "HANDLED_BY") >= {("nats:placed", "bus/bus.py::handle")}


def test_a_field_of_a_go_struct_is_what_another_file_of_its_package_puts_into_it() -> None:
    deployed = (
        FileFacts("compose.yaml")
        .say("service", name="login", root="login", sort="business", hosts=("login",))
        .say("service", name="users", root="users", sort="business", hosts=("users",))
        .say("env_value", service="login", key="USERS", value=Lit("http://users"))
    )
    served = FileFacts("users/app.py").say("endpoint", protocol="http", method="GET", path=Lit("/users"), handler="")
    main = FileFacts("login/main.go").say("package", name="main").function("main")
    main.bind("Client.Address", Env("USERS"), "main")
    client = FileFacts("login/client.go").say("package", name="main").cls("Client")
    client.say("symbol", name="Client.ask", sort="method", params=(), digest="x")
    url = Concat((Name("self.Address"), Lit("/users")))
    client.say("http_call", method=Lit("GET"), url=url, symbol="Client.ask", client="x")
    call = edge(linked(deployed, served, main, client), "CALLS", "login/client.go::Client.ask", "users:GET /users")
    assert call.resolution.status == "resolved"


def test_what_a_deployment_file_leaves_to_the_dotenv_file_is_no_key_of_a_service_that_reads_alike() -> None:
    deployed = (
        FileFacts("compose.yaml")
        .say("service", name="orders", root="orders", sort="business", hosts=("orders",))
        .say("service", name="stock", root="stock", sort="business", hosts=("stock",))
        .say("env_value", service="orders", key="SHOP_STOCK", value=Env("SHOP_STOCK"))
    )
    dotenv = FileFacts(".env").say("env_value", service="", key="SHOP_STOCK", value=Lit("http://stock"))
    local = FileFacts("orders/src/main/resources/application.properties")
    local.say("env_value", service="", key="shop.stock", value=Lit("http://api.shop.local"))
    served = FileFacts("stock/app.py").say("endpoint", protocol="http", method="GET", path=Lit("/items"), handler="")
    code = FileFacts("orders/app.py").function("items")
    code.say("http_call", method=Lit("GET"), url=Lit("/items"), base=Config("shop.stock"), symbol="items", client="x")
    call = edge(linked(deployed, dotenv, local, served, code), "CALLS", "orders/app.py::items", "stock:GET /items")
    assert call.resolution.status == "resolved"


def _roots(*services: tuple[str, str], folders: tuple[tuple[str, str, str], ...]) -> dict[str, set[str]]:
    """Whose code the endpoint of each folder is."""
    deployed = FileFacts("k8s/all.yaml")
    for name, image in services:
        deployed.say("service", name=name, image=image, root="", sort="business", hosts=(name,))
    files = []
    for folder, sort, name in folders:
        files.append(FileFacts(f"{folder}/{sort}").say("root", root=folder, sort=sort, name=name))
        code = FileFacts(f"{folder}/app.py").function("f")
        files.append(code.say("endpoint", protocol="http", method="GET", path=Lit(f"/{folder}"), handler="f"))
    data = linked(deployed, *files)
    owned: dict[str, set[str]] = {}
    for service, endpoint in rows(data, "OWNS"):
        if ":GET /" in endpoint:
            owned.setdefault(service, set()).add(endpoint.partition(" /")[2])
    return owned


def test_a_folder_named_like_a_namespace_is_the_code_of_the_deployed_name() -> None:
    folders = (("Shop.OrderService", "csproj", ""), ("Shop.OrderModel", "csproj", ""))
    owned = _roots(("order-service", "shop/shop-order-service"), folders=folders)
    assert owned["order-service"] == {"Shop.OrderService"}


def test_of_folders_of_one_name_the_one_that_is_packed_is_deployed() -> None:
    folders = (("tests-ui/panel", "program", ""), ("panel", "dockerfile", ""))
    assert _roots(("panel-next", "shop-panel"), folders=folders)["panel-next"] == {"panel"}


def test_a_package_with_the_services_name_does_not_hide_the_folder_called_like_its_image() -> None:
    folders = (("shop-web", "program", ""), ("shop-web/pages", "package.json", "web"))
    assert _roots(("web", "x/shop-web"), folders=folders)["web"] == {"shop-web", "shop-web/pages"}


def test_a_mapper_gives_an_object_of_the_type_it_is_asked_for() -> None:
    bus = FileFacts("bus/Bus.cs").cls("Bus").say("package", name="Shop")
    bus.say("symbol", name="Bus.Publish", sort="method", params=("e",), digest="x")
    kind = Member(Call(Member(Param(0, "e"), "GetType")), "Name")
    bus.say("publish", topic=kind, broker="rabbitmq", symbol="Bus.Publish")
    event = FileFacts("orders/Paid.cs").cls("Paid").say("package", name="Shop")
    handler = FileFacts("orders/Handler.cs").cls("Handler").say("package", name="Shop")
    handler.say("symbol", name="Handler.Handle", sort="method", params=("n",), digest="x")
    handler.say("typed", target="Handler.bus", type="Bus")
    made = Call(Member(Name("mapper"), "Map"), (Param(0, "n"),), (("<0>", Name("Paid")),))
    handler.bind("Handler.Handle.paid", made, "Handler.Handle")
    handler.say("call", symbol="Handler.Handle", callee=Name("bus.Publish"), args=(Name("paid"),))
    assert ("orders/Handler.cs::Handler.Handle", "rabbitmq:Paid") in rows(linked(bus, event, handler), "PUBLISHES")


def test_a_request_message_of_dotnet_is_what_the_caller_makes_it_of() -> None:
    deployed = FileFacts("compose.yaml")
    for name in ("web", "trips"):
        deployed.say("service", name=name, root=name, sort="business", hosts=(name,))
    served = FileFacts("trips/Trips.cs").say(
        "endpoint", protocol="http", method="PUT", path=Lit("/trips"), handler="Trips.Put"
    )
    sender = FileFacts("web/Resilient.cs").cls("Resilient").say("package", name="Shop")
    sender.say("symbol", name="Resilient.Send", sort="method", params=("message",), digest="x")
    message = Param(0, "message")
    made = {"method": Member(message, "Method"), "url": Member(message, "RequestUri"), "client": "http"}
    sender.say("http_call", symbol="Resilient.Send", **made)
    page = FileFacts("web/Page.cs").cls("Page").say("package", name="Shop")
    page.say("symbol", name="Page.Update", sort="method", params=(), digest="x")
    page.say("typed", target="Page.http", type="Resilient")
    request = Call(Name("HttpRequestMessage"), (Name("HttpMethod.Put"), Lit("http://trips/trips")))
    page.say("call", symbol="Page.Update", callee=Name("http.Send"), args=(request,))
    assert ("web/Page.cs::Page.Update", "trips:PUT /trips") in rows(linked(deployed, served, sender, page), "CALLS")


def test_of_brokers_of_several_deployments_the_one_beside_the_services_counts() -> None:
    deployed = FileFacts("deploy/shop/apps/all.yaml")
    for name in ("orders", "stock"):
        deployed.say("service", name=name, root=name, sort="business", hosts=(name,))
    near = FileFacts("deploy/shop/parts/bus.yaml").say("transport", broker="rabbitmq", client=Lit("bus"))
    far = FileFacts("deploy/local/bus.yaml").say("transport", broker="redis", client=Lit("bus"))
    code = FileFacts("orders/app.py").function("place").say("publish", topic=Lit("placed"), broker="", symbol="place")
    other = FileFacts("stock/app.py").function("f")
    assert rows(linked(deployed, near, far, code, other), "PUBLISHES") == {("orders/app.py::place", "rabbitmq:placed")}


def test_a_gateway_that_only_a_configuration_server_tells_about_is_a_service() -> None:
    own = FileFacts("edge/src/main/resources/application.yml").say("registers", root="edge", name="gateway", ports=())
    central = FileFacts("config/src/main/resources/all/gateway.yml")
    central.say("registers", root="", name="gateway", ports=("8222",), source="config server")
    central.say("route", gateway="gateway", path="/items/**", to="lb://stock")
    stock = FileFacts("stock/src/main/resources/application.yml").say("registers", root="stock", name="stock", ports=())
    served = FileFacts("stock/App.java").say("endpoint", protocol="http", method="GET", path=Lit("/items"), handler="")
    folder = FileFacts("stock/pom.xml").say("root", root="stock", sort="pom.xml", name="stock")
    assert rows(linked(own, central, stock, served, folder), "ROUTES_TO") == {
        ("gateway:ANY /items/**", "stock:GET /items")
    }
