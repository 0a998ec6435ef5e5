"""Go as it is linked: packages of several files, routers handed on, programs of a module, leftovers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from graph.linking.link import RepositoryFacts, link
from graph.schema import GraphData
from scanners.scan import ScanRequest, scan

Linked = Callable[[Mapping[str, str]], GraphData]


@pytest.fixture
def system(repo: Any) -> Linked:
    """Scans and links sources given by path."""

    def make(files: Mapping[str, str]) -> GraphData:
        repo.commit(files)
        found = scan(ScanRequest(repo.path, workers=1))
        return link([RepositoryFacts("shop", "worktree", found.facts)], "w")

    return make


def rows(data: GraphData, kind: str) -> set[tuple[str, str]]:
    """(source label, target label) of every edge of a kind."""
    return {(data.nodes[e.source].label, data.nodes[e.target].label) for e in data.edges.values() if e.kind == kind}


def labels(data: GraphData, kind: str) -> set[str]:
    return {n.label for n in data.nodes.values() if n.kind == kind}


_COMPOSE = "services:\n  api:\n    build: .\n  stock:\n    image: stock\n"


def test_groups_go_through_functions_fields_and_packages(system: Linked) -> None:
    data = system(
        {
            "compose.yaml": _COMPOSE,
            "go.mod": "module ex.com/shop\n",
            "main.go": """package main
import ("github.com/gin-gonic/gin"; "ex.com/shop/orders")
func main() {
    r := gin.Default()
    orders.Register(r.Group("/api"))
}""",
            "orders/routes.go": """package orders
import "github.com/gin-gonic/gin"
type handler struct { group *gin.RouterGroup }
func Register(g *gin.RouterGroup) { h := &handler{group: g.Group("/orders")}; h.routes() }
""",
            "orders/handler.go": """package orders
import "github.com/gin-gonic/gin"
func (h *handler) routes() { h.group.GET("/:id", h.get) }
func (h *handler) get(c *gin.Context) { c.JSON(200, gin.H{"id": 1}) }
""",
        }
    )
    assert labels(data, "Endpoint") == {"api:GET /api/orders/{}"}
    assert ("api:GET /api/orders/{}", "orders/handler.go::handler.get") in rows(data, "HANDLED_BY")


def test_a_client_made_in_main_is_called_through_an_interface_of_another_package(system: Linked) -> None:
    data = system(
        {
            "compose.yaml": _COMPOSE + "    environment: {}\n",
            "go.mod": "module ex.com/shop\n",
            "main.go": """package main
import ("net/http"; "os"; "ex.com/shop/clients"; "ex.com/shop/web")
func main() {
    c := clients.New(os.Getenv("STOCK_URL"))
    http.HandleFunc("POST /buy", web.Buy(c))
}""",
            "clients/stock.go": """package clients
import "net/http"
type Stock struct { url string }
func New(url string) *Stock { return &Stock{url: url} }
func (s *Stock) Reserve(sku string) error { _, err := http.Get(s.url + "/items/" + sku); return err }
""",
            "web/buy.go": """package web
import "net/http"
type Reserver interface { Reserve(sku string) error }
func Buy(stock Reserver) http.HandlerFunc {
    return func(w http.ResponseWriter, r *http.Request) { stock.Reserve(r.FormValue("sku")) }
}""",
            ".env": "STOCK_URL=http://stock:8080\n",
        }
    )
    assert ("web/buy.go::Buy", "clients/stock.go::Stock.Reserve") in rows(data, "CALLS")
    assert any(target == "stock:GET /items/{}" for _, target in rows(data, "CALLS"))


def test_each_program_of_a_module_owns_what_it_leads_to(system: Linked) -> None:
    main = (
        'package main\nimport ("net/http"; "ex.com/shop/{0}")\nfunc main() {{ http.HandleFunc("/{0}", {0}.Serve) }}\n'
    )
    served = (
        'package {0}\nimport "net/http"\nfunc Serve(w http.ResponseWriter, r *http.Request) {{ w.WriteHeader(204) }}\n'
    )
    data = system(
        {
            "compose.yaml": "services:\n  orders:\n    build: {context: ., dockerfile: build/orders.Dockerfile}\n"
            "  mails:\n    build: {context: ., dockerfile: build/mails.Dockerfile}\n",
            "build/orders.Dockerfile": "FROM golang\nRUN go build -o /app ./cmd/server\n",
            "build/mails.Dockerfile": "FROM golang\nRUN go build -o /app ex.com/shop/cmd/worker\n",
            "go.mod": "module ex.com/shop\n",
            "cmd/server/main.go": main.format("one"),
            "cmd/worker/main.go": main.format("two"),
            "one/one.go": served.format("one"),
            "two/two.go": served.format("two"),
        }
    )
    assert labels(data, "Endpoint") == {"orders:ANY /one", "mails:ANY /two"}


def test_what_no_code_makes_stores_nothing(system: Linked) -> None:
    store = """package store
import "database/sql"
type {0} struct {{ db *sql.DB }}
func New{0}(db *sql.DB) *{0} {{ return &{0}{{db: db}} }}
func (s *{0}) Save() {{ s.db.Exec("INSERT INTO {1} (id) VALUES (1)") }}
"""
    data = system(
        {
            "compose.yaml": _COMPOSE,
            "go.mod": "module ex.com/shop\n",
            "main.go": 'package main\nimport "ex.com/shop/store"\nfunc main() { store.NewUsed(nil).Save() }\n',
            "store/used.go": store.format("Used", "kept"),
            "store/left.go": store.format("Left", "dropped"),
        }
    )
    assert {label.rpartition("/")[2] for label in labels(data, "Dataset")} == {"kept"}
