"""Go expressions become the Values, types and scopes that linking needs."""

from __future__ import annotations

import pytest

from graph.facts import SourceFile
from graph.values import Call, Choice, Concat, Config, Env, Fact, Format, Lit, Member, Name, Param, Unknown, Value
from scanners.idioms.go import GoCode, parse
from scanners.idioms.go_imports import local_name
from scanners.idioms.go_stores import table_of
from scanners.languages.go import LANGUAGE

_HEAD = """package main
import (
    "fmt"
    "net/url"
    "os"
    "path"
    "reflect"
    "strings"
    "github.com/iancoleman/strcase"
    "github.com/spf13/viper"
    "google.golang.org/grpc"
    pb "example.com/genproto"
)
"""


def read(body: str) -> GoCode:
    return parse(SourceFile("main.go", (_HEAD + body).encode()))


def value_of(expression: str, before: str = "") -> Value:
    """The Value of an expression in a method with a receiver `s` and parameters `id` and `event`."""
    code = read(
        f"type S struct {{ url string }}\nfunc (s *S) f(id string, event any) {{ {before}\n_ = g({expression}) }}\n"
    )
    site = next(s for s in code.calls if s.dotted == "g")
    return code.value(site.args[0], site.scope)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('"a" + id + "b"', Concat((Lit("a"), Param(0, "id"), Lit("b")))),
        ('fmt.Sprintf("%s/x/%d?q=%%", s.url, 3)', Format("{}/x/{}?q=%", (Name("self.url"), Lit(3)))),
        ('fmt.Sprintf("{%s}", id)', Concat((Lit("{"), Param(0, "id"), Lit("}")))),
        ('os.Getenv("URL")', Env("URL")),
        ('getEnv("URL", "http://x")', Env("URL", Lit("http://x"))),
        ("os.Getenv(id)", Call(Name("os.Getenv"), (Param(0, "id"),))),
        ('viper.GetString("a.b")', Config("a.b")),
        ('path.Join("/a", id, "b")', Concat((Lit("/a/"), Param(0, "id"), Lit("/b")))),
        ('strings.TrimSuffix(s.url, "/")', Call(Member(Name("self.url"), "removesuffix"), (Lit("/"),))),
        ('strings.Join([]string{"a", id}, ".")', Concat((Lit("a."), Param(0, "id")))),
        ('(&url.URL{Scheme: "https", Host: "h", Path: "p"}).String()', Lit("https://h/p")),
        ('grpc.Dial("h:1", nil)', Lit("h:1")),
        ("pb.NewCartServiceClient(s.url)", Name("self.url")),
        ("strcase.ToSnake(id)", Call(Member(Param(0, "id"), "ToSnake"))),
        ("reflect.TypeOf(event).Elem().Name()", Member(Call(Member(Param(1, "event"), "GetType")), "Name")),
        ('&S{url: "u"}', Call(Name("S"), (), (("url", Lit("u")),))),
        ("new(S)", Call(Name("S"))),
        ('[]string{"a", "b"}', Choice((Lit("a"), Lit("b")))),
        ("string([]byte(id))", Param(0, "id")),
        ("id == s.url", Unknown("a computed value")),
    ],
)
def test_an_expression_is_read_as_what_it_stands_for(expression: str, expected: Value) -> None:
    assert value_of(expression) == expected


def test_a_reassigned_name_is_what_holds_at_its_use() -> None:
    assert value_of("u", 'u := "a"; u = u + "/b"') == Lit("a/b")
    assert value_of("u", 'u := "a"; if id != "" { u = "b" }') == Name("u")
    assert value_of("u.String()", 'u, _ := url.Parse("http://h"); u.Path = "/x"') == Concat((Name("u"), Lit("/x")))


def test_many_reassignments_stay_cheap() -> None:
    lines = "; ".join("u = u + u" for _ in range(400))
    assert isinstance(value_of("u", f'u := "a"; {lines}'), Concat | Unknown | Name)


def facts_of(body: str) -> list[Fact]:
    return list(LANGUAGE.facts(read(body)))


def test_what_functions_put_through_pointers_binds_the_variable() -> None:
    body = """
type svc struct { addr string; conn *grpc.ClientConn }
func main() { s := &svc{}; must(&s.addr, "ADDR"); dial(&s.conn, s.addr) }
func must(target *string, key string) { v := os.Getenv(key); *target = v }
func dial(conn **grpc.ClientConn, addr string) { var err error; *conn, err = grpc.NewClient(addr); _ = err }
"""
    bound = {f.get("target"): f.get("value") for f in facts_of(body) if f.kind == "binding"}
    assert bound["svc.addr"] == Env("ADDR")
    assert bound["svc.conn"] == Name("s.addr")


def test_error_branches_return_nothing() -> None:
    body = "func New() (*S, error) { if x() { return nil, err }; return &S{}, nil }\n"
    assert [f.get("value") for f in facts_of(body) if f.kind == "returns"] == [Call(Name("S"))]


def test_files_that_are_not_built_say_nothing() -> None:
    text = b"//go:build wireinject\n\npackage main\n\nfunc InitApp() {}\n"
    said = LANGUAGE.facts(LANGUAGE.parse(SourceFile("wire.go", text)))
    assert [f.get("name") for f in said if f.kind == "symbol"] == [""]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("github.com/redis/go-redis/v9", b"redis.NewClient()", "redis"),
        ("github.com/segmentio/kafka-go", b"kafka.Reader{}", "kafka"),
        ("github.com/nats-io/nats.go", b"nats.Connect()", "nats"),
        ("gopkg.in/yaml.v3", b"yaml.Unmarshal()", "yaml"),
        ("k8s.io/api/core/v1", b"v1.Pod{}", "v1"),
        ("example.com/api/v2", b"api.New()", "api"),
        ("example.com/user-service", b"userservice.New()", "userservice"),
    ],
)
def test_a_package_has_the_name_the_file_uses(path: str, text: bytes, expected: str) -> None:
    assert local_name(path, text) == expected


@pytest.mark.parametrize(
    ("struct", "table"),
    [
        ("OrderItem", "order_items"),
        ("UserID", "user_ids"),
        ("Category", "categories"),
        ("Person", "people"),
        ("HTTPLog", "http_logs"),
    ],
)
def test_gorm_names_tables(struct: str, table: str) -> None:
    assert table_of(struct) == table


def test_deep_nesting_and_rubbish_cost_one_file_only() -> None:
    with pytest.raises(Exception, match="nested too deeply"):
        read("func f() { " + "g(" * 600 + ")" * 600 + " }")
    broken = read("func f( { \x00\xff type S struct { a }} return" * 50)
    assert list(LANGUAGE.facts(broken))
