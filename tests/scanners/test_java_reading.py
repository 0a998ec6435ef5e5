"""Java is read as its language and frameworks define it, also where fixtures show one form only."""

from __future__ import annotations

import pytest

from graph.facts import SourceFile
from graph.values import Call, Concat, Config, Env, Fact, Lit, Name, Param, Value
from scanners.idioms import java
from scanners.idioms.java_values import spring
from scanners.idioms.spring_properties import sections
from scanners.idioms.spring_routes import rewrite, stripped
from scanners.readers import built_in

IN_METHOD = (
    'package a; class A {{ static final String K = "k"; String f; {extra} Object m(String p) {{ return {text}; }} }}'
)


def _value(text: str, extra: str = "") -> Value:
    code = java.parse(SourceFile("A.java", IN_METHOD.format(text=text, extra=extra).encode()))
    node, scope = next((n, s) for n, s in code.returns if s.name == "A.m")
    return code.value(node.named_children[0], scope)


def _facts(text: str, kind: str, path: str = "src/main/java/a/A.java") -> list[Fact]:
    return [f for f in built_in().facts(SourceFile(path, text.encode())) if f.kind == kind]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a" + "b"', Lit("ab")),
        ('K + "/" + p', Concat((Name("A.K"), Lit("/"), Param(0, "p")))),
        ("f", Name("this.f")),
        ('String.format("%s/x/%d%%", K, 1)', Concat((Name("A.K"), Lit("/x/1%")))),
        ('"%2$s-%1$s".formatted(p, K)', Concat((Name("A.K"), Lit("-"), Param(0, "p")))),
        ('String.join("/", K, p)', Concat((Name("A.K"), Lit("/"), Param(0, "p")))),
        ('new StringBuilder("a").append(p).toString()', Concat((Lit("a"), Param(0, "p")))),
        ('System.getenv("HOST")', Env("HOST")),
        ('Optional.ofNullable(System.getenv("HOST")).orElse("h")', Env("HOST", Lit("h"))),
        ('URI.create("http://h").toString()', Lit("http://h")),
        ('UriComponentsBuilder.fromHttpUrl(K).pathSegment("a", p).queryParam("q", 1).toUriString()',
         Concat((Name("A.K"), Lit("/a/"), Param(0, "p")))),
        ('UriComponentsBuilder.newInstance().scheme("http").host("h").port(80).path("/x").build().toUri()',
         Lit("http://h:80/x")),
        ("String.class.getSimpleName()", Lit("String")),
        ("A.class.getName()", Lit("a.A")),
        ("other(p)", Name("other")),
        ("(String) p", Param(0, "p")),
    ],
)  # fmt: skip
def test_an_expression_stands_for_its_value(text: str, value: Value) -> None:
    found = _value(text)

    assert found.callee == value if isinstance(found, Call) and isinstance(value, Name) else found == value


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("this.q", 'final String q = "orders";', Lit("orders")),
        ("q", 'final String q = "orders";', Lit("orders")),
        ("this.q", '@Value("${a.q}") String q;', Config("a.q")),
        ("this.q", "String q;", Name("this.q_")),
        ("q", "Client q;", Name("this.q")),
        ("q()", 'final String q = "orders";', Call(Name("this.q"), ())),
    ],
)
def test_a_method_with_a_field_s_name_does_not_hide_the_field(text: str, field: str, value: Value) -> None:
    assert _value(text, f"{field} String q() {{ return null; }}") == value


def test_a_text_block_loses_its_margin_and_keeps_its_lines() -> None:
    assert _value('"""\n        select a\n          from b\n        """') == Lit("select a\n  from b\n")


def test_overloads_keep_apart_by_arity_and_then_by_types() -> None:
    text = "class A { A() {} A(int a) {} void m() {} void m(int a) {} void m(String b) {} void m(int... c) {} }"

    names = [f.get("name") for f in _facts(text, "symbol")]

    assert names == [
        "", "A", "A.constructor", "A.constructor/1", "A.m", "A.m/1", "A.m/1:String", "A.m/1:int",
    ]  # fmt: skip


def test_methods_of_anonymous_classes_belong_to_the_method_around_them() -> None:
    text = "class A { Object m() { return new B() { public void run() { go(); } }; } void go() {} }"

    assert [f.get("name") for f in _facts(text, "symbol")] == ["", "A", "A.m", "A.go"]
    assert ("A.m", Name("this.go")) in [(f.get("symbol"), f.get("callee")) for f in _facts(text, "call")]


def test_a_placeholder_holds_its_key_and_default() -> None:
    assert spring("a/${b.c:d${e}}/f") == Concat((Lit("a/"), Config("b.c", Concat((Lit("d"), Config("e")))), Lit("/f")))


@pytest.mark.parametrize(
    ("path", "pattern", "replacement", "behind"),
    [
        ("/orders/**", "/orders/(?<rest>.*)", "/$\\{rest}", "/**"),
        ("/orders/**", "/orders(?<rest>/?.*)", "$\\{rest}", "/**"),
        ("/api/orders/**", "/api/(?<rest>.*)", "/${rest}", "/orders/**"),
        ("/api/orders/**", "^/api/(.*)", "/v2/$1", "/v2/orders/**"),
        ("/auth/**", "^/auth", "", "/**"),
        ("/a/**", "/a/([^/]+)/(b|c)", "/x", "/**"),
    ],
)
def test_a_gateway_rewrites_a_path(path: str, pattern: str, replacement: str, behind: str) -> None:
    assert rewrite(path, pattern, replacement) == behind


def test_parts_are_stripped_but_never_the_rest() -> None:
    assert (stripped("/a/b/**", 1), stripped("/a/b/**", 5)) == ("/b/**", "/**")


def test_documents_and_profiles_of_a_properties_file_are_kept_apart() -> None:
    text = "a.b=1\n#---\nspring.config.activate.on-profile=cloud\na.b = 2\n%dev.c=3\n"

    found, problems = sections(SourceFile("src/main/resources/application.properties", text.encode()))

    assert not problems
    assert [(s.profile, s.get("a.b"), s.get("c")) for s in found] == [
        ("", "1", ""),
        ("cloud", "2", ""),
        ("dev", "", "3"),
    ]


@pytest.mark.parametrize("text", ["x" + ".a()" * 390, "+".join(["p", '"a"'] * 400), "(" * 300 + "1" + ")" * 300])
def test_deep_expressions_cost_neither_the_file_nor_much_time(text: str) -> None:
    found = _facts(IN_METHOD.format(text=text, extra=""), "symbol")

    assert [f.get("name") for f in found] == ["", "A", "A.m"]


def test_fields_of_a_tree_that_is_handed_on_in_the_file_are_read() -> None:
    text = """
        import com.fasterxml.jackson.databind.JsonNode;
        @RestController class A {
            @PostMapping("/a") void a(@RequestBody JsonNode body) { b(body.get("inner")); body.path("soft"); }
            void b(JsonNode inner) { inner.get("id").asText(); }
        }"""

    accepts = _facts(text, "endpoint")[0].get("accepts")

    assert [f.name for f in accepts.fields] == ["inner", "soft"]
    assert [(f.name, f.required) for f in accepts.fields[0].shape.fields] == [("id", True)]
