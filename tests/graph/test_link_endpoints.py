"""Operations get their whole path across files, the right owner, and merge with what specs say."""

from __future__ import annotations

from graph.values import Call, Concat, Env, Field, Lit, Name, Shape
from tests.graph.link_facts import FileFacts, edge, labels, linked, rows


def shop() -> FileFacts:
    return FileFacts("compose.yaml").say("service", name="shop", root="shop")


def router(path: str = "shop/routes/orders.py", prefix: str | None = "/orders") -> FileFacts:
    return (
        FileFacts(path)
        .say("router", name="router", prefix=Lit(prefix) if prefix else None)
        .bind("router", Call(Name("APIRouter")))
        .function("get", line=4)
        .say("endpoint", 3, protocol="http", method="GET", path=Lit("/{id}"), router=Name("router"), handler="get")
    )


def test_prefixes_of_routers_and_mounts_add_up_across_files() -> None:
    app = (
        FileFacts("shop/main.py")
        .imports("orders", "shop.routes", "orders")
        .say("router", name="app")
        .bind("PREFIX", Concat((Lit("/api/"), Env("VERSION", Lit("v1")))))
        .say("mount", 9, parent=Name("app"), child=Name("orders.router"), prefix=Name("PREFIX"))
    )
    data = linked(shop(), router(), app, FileFacts("shop/routes/__init__.py").say("symbol", name="", sort="module"))
    assert labels(data, "Endpoint") == {"shop:GET /api/v1/orders/{}"}
    (node,) = [n for n in data.nodes.values() if n.kind == "Endpoint"]
    assert node.props["template"] == "/api/v1/orders/{id}"
    assert rows(data, "HANDLED_BY") == {("shop:GET /api/v1/orders/{}", "shop/routes/orders.py::get")}


def test_a_router_mounted_twice_serves_both_paths() -> None:
    app = (
        FileFacts("shop/main.py")
        .imports("router", ".routes.orders", "router")
        .say("router", name="app")
        .say("mount", parent=Name("app"), child=Name("router"), prefix=Lit("/v1"))
        .say("mount", parent=Name("app"), child=Name("router"), prefix=Lit("/v2"))
    )
    data = linked(shop(), router(), app)
    assert labels(data, "Endpoint") == {"shop:GET /v1/orders/{}", "shop:GET /v2/orders/{}"}


def test_a_flask_mount_replaces_the_prefix_of_its_blueprint() -> None:
    app = (
        FileFacts("shop/main.py")
        .imports("router", ".routes.orders", "router")
        .say("router", name="app")
        .say("mount", parent=Name("app"), child=Name("router"), prefix=Lit("/v1/orders"), replaces=True)
    )
    assert labels(linked(shop(), router(), app), "Endpoint") == {"shop:GET /v1/orders/{}"}


def test_default_exported_express_routers_and_router_factories_are_mounted() -> None:
    plain = (
        FileFacts("shop/src/orders.ts")
        .say("router", name="router")
        .bind("router", Call(Name("Router")))
        .bind("default", Name("router"))
        .say("endpoint", protocol="http", method="GET", path=Lit("/:id"), router=Name("router"), handler="")
    )
    made = (
        FileFacts("shop/src/users.ts")
        .function("users", "db")
        .say("router", name="users.r")
        .bind("users.r", Call(Name("Router")), "users")
        .say("returns", symbol="users", value=Name("r"))
        .say(
            "endpoint",
            protocol="http",
            method="PUT",
            path=Lit("/me"),
            router=Name("r"),
            handler="users.save",
            symbol="users",
        )
        .function("users.save")
    )
    app = (
        FileFacts("shop/src/app.ts")
        .imports("orders", "./orders", "default")
        .imports("users", "./users", "users")
        .say("router", name="app")
        .say("mount", parent=Name("app"), child=Name("orders"), prefix=Lit("/api/orders"))
        .say("mount", parent=Name("app"), child=Call(Name("users"), (Name("db"),)), prefix=Lit("/api/users"))
    )
    data = linked(shop(), plain, made, app)
    assert labels(data, "Endpoint") == {"shop:GET /api/orders/{}", "shop:PUT /api/users/me"}


def test_a_spec_adds_payloads_and_statuses_to_the_operation_in_code() -> None:
    spec = FileFacts("shop/openapi.yaml").say(
        "operation", 12, protocol="http", method="GET", path="/orders/{orderId}", pointer="/paths/~1orders/get",
        returns={"200": Shape("object", (Field("id", Shape("string")),)), "404": Shape("object")},
    )  # fmt: skip
    data = linked(shop(), router(), spec)
    (node,) = [n for n in data.nodes.values() if n.kind == "Endpoint"]
    assert node.label == "shop:GET /orders/{}"
    assert node.props["statuses"] == ["200", "404"]
    assert node.props["errors"] == ["404"]
    assert {e.layer for e in node.evidence} == {"code", "spec"}
    assert ("shop:GET /orders/{}", "shop:GET /orders/{}:described response 200") in rows(data, "RETURNS")


def test_an_operation_only_the_spec_knows_is_a_candidate_beside_code_and_sure_without_code() -> None:
    spec = FileFacts("shop/openapi.yaml").say("operation", protocol="http", method="POST", path="/refunds")
    beside = linked(shop(), router(), spec)
    assert edge(beside, "OWNS", "shop", "shop:POST /refunds").resolution.status == "candidate"
    alone = linked(shop(), spec)
    assert edge(alone, "OWNS", "shop", "shop:POST /refunds").resolution.status == "resolved"


def test_answers_of_a_handler_become_statuses_and_errors() -> None:
    answers = (
        router().say("responds", 6, symbol="get", status=404, error=True).say("responds", 7, symbol="get", status=200)
    )
    (node,) = [n for n in linked(shop(), answers).nodes.values() if n.kind == "Endpoint"]
    assert (node.props["statuses"], node.props["errors"]) == (["200", "404"], ["404"])


def test_code_that_no_deployment_file_starts_is_a_service_by_its_manifest() -> None:
    manifest = FileFacts("apps/shop/pyproject.toml").say("root", root="apps/shop", sort="pyproject", name="shop-api")
    data = linked(manifest, router("apps/shop/app.py"))
    assert labels(data, "Endpoint") == {"shop:GET /orders/{}"}


def test_a_build_context_without_code_leads_to_the_folder_of_the_services_name() -> None:
    deployed = FileFacts("compose.yaml").say("service", name="shop", root="docker/shop")
    roots = (
        FileFacts("docker/shop/Dockerfile").say("root", root="docker/shop", sort="dockerfile"),
        FileFacts("shop/pyproject.toml").say("root", root="shop", sort="pyproject", name="something"),
    )
    assert labels(linked(deployed, *roots, router()), "Endpoint") == {"shop:GET /orders/{}"}


def test_an_image_named_after_system_and_folder_is_built_from_that_folder() -> None:
    deployed = FileFacts("k8s/shop.yaml").say("service", name="frontdoor", root="", image="hub/me/big-system-shop:2")
    roots = (
        FileFacts("shop/Dockerfile").say("root", root="shop", sort="dockerfile"),
        FileFacts("mail/Dockerfile").say("root", root="mail", sort="dockerfile"),
    )
    assert labels(linked(deployed, *roots, router()), "Endpoint") == {"frontdoor:GET /orders/{}"}


def test_a_cluster_name_belongs_to_what_its_selector_selects() -> None:
    deployed = (
        FileFacts("k8s/shop.yaml")
        .say("service", name="shop-depl", root="", image="me/shop:1", labels=("app=shop", "tier=web"))
        .say(
            "service",
            name="shop-srv",
            selector=("app=shop",),
            hosts=("shop-srv", "shop-srv.default"),
            ports=("80:8080",),
        )
    )
    data = linked(deployed, FileFacts("shop/Dockerfile").say("root", root="shop", sort="dockerfile"), router())
    assert labels(data, "Service") == {"shop-depl"}
    (node,) = [n for n in data.nodes.values() if n.kind == "Service"]
    assert node.props["hosts"] == ["shop-depl", "shop-srv", "shop-srv.default"]


def test_a_folder_that_a_side_deployment_calls_otherwise_stays_one_service() -> None:
    main = FileFacts("compose.yaml").say("service", name="shop", root="shop").say("service", name="mail", root="mail")
    side = FileFacts("k8s/shop.yaml").say("service", name="shop-depl", root="", image="me/shop", hosts=("shop-depl",))
    built = FileFacts("shop/Dockerfile").say("root", root="shop", sort="dockerfile")
    data = linked(main, side, built, router())
    assert labels(data, "Endpoint") == {"shop:GET /orders/{}"}
    assert "shop-depl" not in labels(data, "Service")


def test_a_script_package_that_only_asks_is_a_front_end_unless_others_use_it() -> None:
    def package(root: str, *, used: bool) -> tuple[FileFacts, ...]:
        manifest = FileFacts(f"{root}/package.json").say("root", root=root, sort="package.json", name="pages")
        code = FileFacts(f"{root}/src/api.ts").function("load")
        code.say("http_call", method=Lit("GET"), url=Lit("http://shop/orders/1"), symbol="load")
        other = FileFacts("shop/package.json").say("dependency", ecosystem="npm", name="pages" if used else "left-pad")
        return manifest, code, other

    data = linked(shop(), router(), *package("pages", used=False))
    (front,) = [n for n in data.nodes.values() if n.kind == "Service" and n.label == "pages"]
    assert front.props["sort"] == "frontend"
    assert ("pages", "pages/src/api.ts::load") in rows(data, "OWNS")
    assert labels(linked(shop(), router(), *package("pages", used=True)), "Service") == {"shop"}


def test_helpers_for_tests_are_no_services() -> None:
    deployed = (
        FileFacts("compose.yaml").say("service", name="shop", root="shop").say("service", name="store-tests", root="")
    )
    assert labels(linked(deployed), "Service") == {"shop"}


def test_one_folder_deployed_twice_belongs_to_both_services() -> None:
    twice = (
        FileFacts("compose.yaml")
        .say("service", name="shop-eu", root="shop")
        .say("service", name="shop-us", root="shop")
    )
    assert labels(linked(twice, router()), "Endpoint") == {"shop-eu:GET /orders/{}", "shop-us:GET /orders/{}"}


def test_shared_code_belongs_to_the_services_that_import_it() -> None:
    lib = FileFacts("libs/log.py").function("log")
    user = router().imports("log", "libs.log", "log").say("call", symbol="get", callee=Name("log"))
    other = FileFacts("compose.yaml").say("service", name="mail", root="mail")
    data = linked(shop(), other, lib, user)
    assert {s for s, t in rows(data, "OWNS") if t == "libs/log.py::log"} == {"shop"}


def test_named_payload_types_are_filled_in_with_what_they_inherit() -> None:
    models = (
        FileFacts("shop/models.py")
        .cls("Base").say("type", name="Base", shape=Shape("object", (Field("id", Shape("string"), True),), open=False))
        .cls("Order", "Base")
        .say("type", name="Order", shape=Shape("object", (Field("total", Shape("number")),), open=False))
    )  # fmt: skip
    app = (
        FileFacts("shop/app.py")
        .imports("Order", ".models", "Order")
        .say("router", name="app")
        .function("make")
        .say("endpoint", protocol="http", method="POST", path=Lit("/orders"), router=Name("app"), handler="make",
             accepts=Shape(named="Order"))
    )  # fmt: skip
    data = linked(shop(), models, app)
    (schema,) = [n for n in data.nodes.values() if n.kind == "Schema"]
    assert [f["name"] for f in schema.props["shape"]["fields"]] == ["id", "total"]
    assert ("shop/app.py::make", "shop/models.py::Order") in rows(data, "CALLS")


def test_services_that_share_a_folder_own_the_code_their_command_starts() -> None:
    deployed = (
        FileFacts("compose.yaml")
        .say("service", name="api", root="shop", command="alembic upgrade head && uvicorn app.main:app --port 80")
        .say("service", name="worker", root="shop", command="celery -A app.tasks worker")
    )
    api = router("shop/app/routes.py")
    main = FileFacts("shop/app/main.py").imports("router", ".routes", "router").say("router", name="app")
    main.say("mount", parent=Name("app"), child=Name("router"))
    tasks = FileFacts("shop/app/tasks.py").function("send").imports("db", "app.db")
    db = FileFacts("shop/app/db.py").function("connect")
    main.imports("db", "app.db")
    loose = FileFacts("shop/app/plugin.py").function("plug")
    data = linked(deployed, api, main, tasks, db, loose)
    assert labels(data, "Endpoint") == {"api:GET /orders/{}"}

    def owners(symbol: str) -> set[str]:
        return {source for source, target in rows(data, "OWNS") if target == symbol}

    assert owners("shop/app/tasks.py::send") == {"worker"}
    assert owners("shop/app/db.py::connect") == {"api", "worker"}
    assert owners("shop/app/plugin.py::plug") == {"api", "worker"}


def test_spellings_of_one_name_are_one_service_and_package_scripts_lead_to_the_code() -> None:
    deployed = (
        FileFacts("compose.yaml")
        .say("service", name="shop_api", root="shop", command="npm run dev")
        .say("service", name="shop_worker", root="shop", command="npm run consume"),
        FileFacts("k8s/all.yaml").say("service", name="shop-api", image="x/y", hosts=("shop-api",)),
        FileFacts("shop/package.json").say(
            "root",
            root="shop",
            sort="package.json",
            scripts=("dev=nodemon src/index.ts", "consume=ts-node src/work.ts"),
        ),
    )
    api = (
        FileFacts("shop/src/index.ts").say("router", name="app")
        .say("endpoint", protocol="http", method="GET", path=Lit("/x"), router=Name("app"))
    )  # fmt: skip
    data = linked(*deployed, api, FileFacts("shop/src/work.ts").function("work"))
    assert labels(data, "Service") == {"shop_api", "shop_worker"}
    assert labels(data, "Endpoint") == {"shop_api:GET /x"}
