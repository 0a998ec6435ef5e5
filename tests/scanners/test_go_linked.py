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


def test_a_program_of_several_services_is_told_apart_by_its_subcommand(system: Linked) -> None:
    served = """package {0}
import ("net/http"; "ex.com/shop/trace")
func Run() {{ mux := trace.New(); mux.Handle("/{0}", http.HandlerFunc(serve)) }}
func serve(w http.ResponseWriter, r *http.Request) {{}}
"""
    data = system(
        {
            "compose.yaml": "services:\n  orders:\n    build: .\n    command: shop orders\n"
            "  mails:\n    build: .\n    command: [shop, mails]\n",
            "Dockerfile": "FROM golang\nRUN go install ./...\n",
            "go.mod": "module ex.com/shop\n",
            "main.go": """package main
import ("os"; "ex.com/shop/orders"; "ex.com/shop/mails")
func main() {
    switch os.Args[1] {
    case "orders":
        orders.Run()
    case "mails":
        mails.Run()
    }
}""",
            "orders/orders.go": served.format("orders"),
            "mails/mails.go": served.format("mails"),
            "trace/mux.go": """package trace
import "net/http"
type Mux struct { mux *http.ServeMux }
func New() *Mux { return &Mux{mux: http.NewServeMux()} }
func (m *Mux) Handle(pattern string, handler http.Handler) { m.mux.Handle(pattern, wrap(handler)) }
func wrap(h http.Handler) http.Handler { return h }
""",
        }
    )
    assert labels(data, "Endpoint") == {"orders:ANY /orders", "mails:ANY /mails"}
    assert ("orders:ANY /orders", "orders/orders.go::serve") in rows(data, "HANDLED_BY")


def test_a_group_that_a_container_hands_out_by_name_has_its_prefix(system: Linked) -> None:
    data = system(
        {
            "compose.yaml": _COMPOSE,
            "go.mod": "module ex.com/shop\n",
            "main.go": """package main
import ("github.com/labstack/echo/v4"; "go.uber.org/fx"; "ex.com/shop/routes"; "ex.com/shop/web")
func main() {
    fx.New(
        fx.Provide(fx.Annotate(func(s *web.Builder) *echo.Group {
            var g *echo.Group
            s.Group("/api/v1", func(v1 *echo.Group) { g = v1.Group("/orders") })
            return g
        }, fx.ResultTags(`name:"orders"`))),
        fx.Provide(routes.NewEndpoint),
    )
}""",
            "web/builder.go": """package web
import "github.com/labstack/echo/v4"
type Builder struct { echo *echo.Echo }
func (b *Builder) Group(prefix string, build func(g *echo.Group)) { build(b.echo.Group(prefix)) }
""",
            "routes/params.go": """package routes
import ("github.com/labstack/echo/v4"; "go.uber.org/fx")
type Params struct {
    fx.In
    Orders *echo.Group `name:"orders"`
}""",
            "routes/get.go": """package routes
import "github.com/labstack/echo/v4"
type endpoint struct { Params }
func NewEndpoint(p Params) *endpoint { e := &endpoint{Params: p}; e.Map(); return e }
func (e *endpoint) Map() { e.Orders.GET("/:id", e.get()) }
func (e *endpoint) get() echo.HandlerFunc { return func(c echo.Context) error { return c.JSON(200, nil) } }
""",
        }
    )
    assert labels(data, "Endpoint") == {"api:GET /api/v1/orders/{}"}


def test_a_generated_gateway_answers_for_the_service_behind_it(system: Linked) -> None:
    data = system(
        {
            "compose.yaml": "services:\n  gateway:\n    build: gateway\n  orders:\n    build: orders\n",
            "gateway/Dockerfile": "FROM golang\n",
            "orders/Dockerfile": "FROM golang\n",
            "proto/orders.proto": """syntax = "proto3";
package shop;
service Orders {
  rpc Get(GetRequest) returns (Order) { option (google.api.http) = { get: "/v1/orders/{id}" }; }
}
message GetRequest { string id = 1; }
message Order { string id = 1; }
""",
            "gateway/main.go": """package main
import ("context"; "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"; pb "ex.com/shop/proto")
func main() {
    mux := runtime.NewServeMux()
    pb.RegisterOrdersHandlerFromEndpoint(context.Background(), mux, "orders:9000", nil)
}""",
            "orders/main.go": """package main
import ("google.golang.org/grpc"; pb "ex.com/shop/proto")
type server struct { pb.UnimplementedOrdersServer }
func main() { s := grpc.NewServer(); pb.RegisterOrdersServer(s, &server{}) }
""",
        }
    )
    assert labels(data, "Endpoint") == {"gateway:GET /v1/orders/{}", "orders:grpc shop.Orders/Get"}
    assert rows(data, "ROUTES_TO") == {("gateway:GET /v1/orders/{}", "orders:grpc shop.Orders/Get")}


def test_a_reverse_proxy_is_a_route_to_what_its_address_is(system: Linked) -> None:
    data = system(
        {
            "compose.yaml": "services:\n  gateway:\n    build: gateway\n    environment: {STOCK: 'http://stock:8080'}\n"
            "  stock:\n    build: stock\n",
            "gateway/Dockerfile": "FROM golang\n",
            "stock/Dockerfile": "FROM golang\n",
            "gateway/main.go": """package main
import ("net/http"; "net/http/httputil"; "net/url"; "os")
func main() {
    target, _ := url.Parse(os.Getenv("STOCK"))
    http.Handle("/stock/", http.StripPrefix("/stock", httputil.NewSingleHostReverseProxy(target)))
}""",
            "stock/main.go": """package main
import "net/http"
func main() { http.HandleFunc("GET /items", list) }
func list(w http.ResponseWriter, r *http.Request) {}
""",
        }
    )
    assert any(label == "stock" or label.startswith("stock:") for _, label in rows(data, "ROUTES_TO"))


def test_go_zero_programs_are_named_by_their_configuration_and_call_through_generated_clients(system: Linked) -> None:
    data = system(
        {
            "go.mod": "module shop\n",
            "app/order/cmd/api/order.go": """package main
import ("shop/app/order/cmd/api/handler"; "shop/app/order/cmd/rpc/order"; "github.com/zeromicro/go-zero/zrpc")
func main() { handler.Register(nil, order.NewOrder(zrpc.MustNewClient(zrpc.RpcClientConf{}))) }
""",
            "app/order/cmd/api/etc/order.yaml": "Name: order-api\nHost: 0.0.0.0\nPort: 1001\n",
            "app/order/cmd/api/handler/routes.go": """// Code generated by goctl. DO NOT EDIT.
package handler
import ("net/http"; "shop/app/order/cmd/rpc/order"; "github.com/zeromicro/go-zero/rest")
func Register(server *rest.Server, orders order.Order) {
    server.AddRoutes([]rest.Route{{Method: http.MethodPost, Path: "/create", Handler: Create(orders)}},
        rest.WithPrefix("/order/v1"))
}""",
            "app/order/cmd/api/handler/create.go": """package handler
import ("net/http"; "shop/app/order/cmd/rpc/order")
func Create(orders order.Order) http.HandlerFunc {
    return func(w http.ResponseWriter, r *http.Request) { orders.Create(r.Context(), &order.CreateReq{}) }
}""",
            "app/order/cmd/rpc/order/order.go": """// Code generated by goctl. DO NOT EDIT!
package order
import ("context"; "shop/app/order/cmd/rpc/pb"; "github.com/zeromicro/go-zero/zrpc"; "google.golang.org/grpc")
type (
    CreateReq = pb.CreateReq
    Order interface { Create(ctx context.Context, in *CreateReq, opts ...grpc.CallOption) (*pb.CreateResp, error) }
    defaultOrder struct { cli zrpc.Client }
)
func NewOrder(cli zrpc.Client) Order { return &defaultOrder{cli: cli} }
func (m *defaultOrder) Create(ctx context.Context, in *CreateReq, opts ...grpc.CallOption) (*pb.CreateResp, error) {
    client := pb.NewOrderClient(m.cli.Conn())
    return client.Create(ctx, in, opts...)
}""",
            "app/order/cmd/rpc/etc/order.yaml": "Name: order-rpc\nListenOn: 0.0.0.0:2001\n",
            "app/order/cmd/rpc/order.go": """package main
import ("google.golang.org/grpc"; "shop/app/order/cmd/rpc/pb")
type server struct { pb.UnimplementedOrderServer }
func main() { s := grpc.NewServer(); pb.RegisterOrderServer(s, &server{}) }
""",
            "app/order/cmd/rpc/pb/order.proto": 'syntax = "proto3";\npackage pb;\n'
            "message CreateReq {}\nmessage CreateResp {}\n"
            "service order { rpc create(CreateReq) returns (CreateResp); }\n",
        }
    )
    assert labels(data, "Endpoint") == {"order-api:POST /order/v1/create", "order-rpc:grpc pb.order/create"}
    assert ("app/order/cmd/rpc/order/order.go::defaultOrder.Create", "order-rpc:grpc pb.order/create") in rows(
        data, "CALLS"
    )
