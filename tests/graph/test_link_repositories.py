"""A system of several repositories: one deploys what others are the code of."""

from __future__ import annotations

from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from graph.values import Env, Format, Lit, Name
from tests.graph.link_facts import COMMIT, FileFacts, edge, labels


def joined(**repositories: tuple[FileFacts, ...]) -> GraphData:
    sources = [
        RepositoryFacts(name, COMMIT, tuple(fact for file in files for fact in file.facts))
        for name, files in repositories.items()
    ]
    return link(sources, "w")


def deployment() -> FileFacts:
    return (
        FileFacts("compose.yaml")
        .say("service", name="shop", image="acme/web:1", sort="business")
        .say("service", name="payment", image="acme/payment:1", sort="business", hosts=("payment",))
        .say("service", name="db", image="postgres:16", sort="infrastructure", store_kind="postgresql")
        .say("env_value", service="shop", key="PAYMENT_HOST", value=Lit("payment"))
    )  # fmt: skip


def web() -> tuple[FileFacts, ...]:
    url = Format("http://{}/pay", (Env("PAYMENT_HOST"),))
    code = (
        FileFacts("app/show.py")
        .function("show")
        .say("http_call", method=Lit("POST"), url=url, symbol="show", client="requests")
        .say("endpoint", protocol="http", method="GET", path=Lit("/"), handler="show", framework="flask")
    )
    return FileFacts("compose.yaml").say("service", name="web", root=".", sort="business"), code


def payment() -> tuple[FileFacts, ...]:
    own = (
        FileFacts("compose.yaml").say("service", name="payment", root=".", sort="business")
        .say("service", name="db", image="postgres:15", sort="infrastructure", store_kind="postgresql")
    )  # fmt: skip
    code = (
        FileFacts("transport.go")
        .say("package", name="payment")
        .function("Handler")
        .function("pay")
        .say("endpoint", protocol="http", method="POST", path=Lit("/pay"), handler="pay", framework="net/http")
    )
    return own, code


def test_what_a_repository_deploys_by_image_is_the_code_of_another() -> None:
    data = joined(deploy=(deployment(),), web=web(), payment=payment())
    assert labels(data, "Service") == {"web", "payment", "db"}
    found = edge(data, "CALLS", "app/show.py::show", "payment:POST /pay")
    assert found.resolution.status == "resolved"


def test_repositories_that_nothing_deploys_together_keep_their_own_stores() -> None:
    other = FileFacts("compose.yaml").say("service", name="db", image="postgres:14", sort="infrastructure")
    data = joined(payment=payment(), other=(other,))
    assert labels(data, "Service") == {"payment", "payment/db", "other/db"}


def test_a_go_repository_without_a_module_file_is_what_its_own_imports_call_it() -> None:
    main = (
        FileFacts("cmd/run/main.go").say("package", name="main").imports("payment", "github.com/acme/payment")
        .function("main").say("call", symbol="main", callee=Name("payment.Handler"), args=())
    )  # fmt: skip
    deployed = FileFacts("compose.yaml").say("service", name="payment", root="cmd", sort="business")
    _, code = payment()
    assert labels(joined(payment=(deployed, main, code)), "Endpoint") == {"payment:POST /pay"}
