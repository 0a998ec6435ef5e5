"""Which services there are: names of deployments, folders named like them, copies of one deployment, lone images."""

from __future__ import annotations

from graph.values import Lit
from tests.graph.link_facts import FileFacts, edge, labels, linked


def deployed(path: str, name: str, **more: object) -> FileFacts:
    return FileFacts(path).say("service", name=name, **{"sort": "business", **more})


def program(folder: str) -> FileFacts:
    return (
        FileFacts(f"{folder}/main.go").say("package", name="main").function("main").function("show")
        .say("endpoint", protocol="http", method="GET", path=Lit(f"/{folder.rpartition('/')[2]}"), handler="show")
    )  # fmt: skip


def test_a_service_deployed_by_image_is_the_folder_named_like_it_without_its_kind() -> None:
    data = linked(
        deployed("compose.yaml", "cart-service", image="shop/cart:1"), program("app/cart"), program("app/order")
    )
    assert labels(data, "Endpoint") == {"cart-service:GET /cart", "order:GET /order"}


def test_deployments_apart_that_start_one_folder_are_one_service() -> None:
    data = linked(
        deployed("compose.yaml", "web", root="web"),
        deployed("compose.yaml", "geo", root="geo"),
        deployed("cluster/geo.yaml", "srv-geo", root="geo"),
        deployed("helm/geo.yaml", "geo-hotels", root="geo"),
        program("geo"),
    )
    assert {name for name in labels(data, "Service") if "geo" in name} == {"geo"}


def test_what_an_image_starts_is_a_service_where_nothing_else_shows_one() -> None:
    image = FileFacts("Dockerfile").say("root", root="", sort="dockerfile", command="./run", base_sort="business")
    assert labels(linked(image, FileFacts("run.py").function("run"), repository="orders"), "Service") == {"orders"}


def test_a_host_is_the_service_that_is_deployed_by_that_name_before_one_that_calls_itself_so() -> None:
    copied = FileFacts("delivery/application.yml").say("registers", name="orders", root="delivery")
    call = (
        FileFacts("web/show.py")
        .function("show")
        .say("http_call", method=Lit("GET"), url=Lit("http://orders/orders"), symbol="show", client="requests")
    )
    files = [deployed("compose.yaml", name, root=name) for name in ("orders", "delivery", "web")]
    data = linked(*files, copied, call, program("orders"))
    found = edge(data, "CALLS", "web/show.py::show", "orders:GET /orders")
    assert found.resolution.status == "resolved"


def test_a_deployed_test_runner_is_no_service() -> None:
    data = linked(deployed("compose.yaml", "frontendTests", root="web"), deployed("compose.yaml", "web", root="web"))
    assert labels(data, "Service") == {"web"}
