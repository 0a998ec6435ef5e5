"""C# files as they come: broken, hostile, unusual; what the language says about them stays bounded and true."""

from __future__ import annotations

import time

import pytest

from graph.facts import SourceFile
from graph.values import Call, Choice, Concat, Config, Env, Fact, Lit, Member, Name, Param
from scanners.idioms import cs_code
from scanners.idioms.cs_http import route_text
from scanners.idioms.cs_razor import as_csharp
from scanners.idioms.cs_shapes import wire
from scanners.languages.csharp import LANGUAGE
from scanners.readers import built_in


def facts(text: str, path: str = "A.cs") -> list[Fact]:
    return built_in().facts(SourceFile(path, text.encode()))


def bound(text: str, target: str) -> object:
    parsed = LANGUAGE.parse(SourceFile("A.cs", text.encode()))
    return next(f.get("value") for f in LANGUAGE.facts(parsed) if f.kind == "binding" and f.get("target") == target)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"a\\tb"', Lit("a\tb")),
        ('@"c:\\d ""q"""', Lit('c:\\d "q"')),
        ('$"/x/{1}/{{y}}"', Lit("/x/1/{y}")),
        ('"a" + "b" + F.G', Concat((Lit("ab"), Name("F.G")))),
        ('string.Format("{1}/{0:x}", 1, "b")', None),
        ('Environment.GetEnvironmentVariable("URL") ?? "http://x"', Env("URL", Lit("http://x"))),
        ('new Uri(new Uri("http://x"), "/y")', Lit("http://x/y")),
        ('flag ? "a" : "b"', Choice((Lit("a"), Lit("b")))),
        ("nameof(Shop.Orders)", Lit("Orders")),
        ("typeof(Order).Name", Member(Call(Name("typeof"), (Name("Order"),)), "Name")),
        ('Uri.EscapeDataString("z")', Lit("z")),
        ('"/k/"u8.ToArray()', Lit("/k/")),
    ],
)
def test_an_expression_is_a_value(expression: str, value: object) -> None:
    made = bound(f"class A {{ object V = {expression}; }}", "A.V")

    assert made == value if value is not None else type(made).__name__ == "Format"


def test_configuration_is_read_by_section() -> None:
    text = """
    class A(IConfiguration configuration)
    {
        void M()
        {
            var section = configuration.GetSection("A");
            var one = section["B"];
            var two = configuration.GetSection("A").GetValue<int>("C", 3);
            var three = configuration.GetConnectionString("db");
        }
    }
    """

    assert bound(text, "A.M.one") == Config("A:B")
    assert bound(text, "A.M.two") == Config("A:C", Lit(3))
    assert bound(text, "A.M.three") == Config("ConnectionStrings:db")


def test_a_type_parameter_is_a_parameter() -> None:
    text = "class A { string M<T>(T value) { var name = typeof(T).Name; return name; } }"

    assert bound(text, "A.M.name") == Member(Call(Name("typeof"), (Param(1000, "<0>"),)), "Name")


@pytest.mark.parametrize(
    ("template", "plain"),
    [
        ("{id:int}", "{id}"),
        ("/x/{id:regex(^\\d{{3}}$)}/y", "/x/{id}/y"),
        ("{*rest}", "{*rest}"),
        ("~/x/{a=1}/{b?}", "/x/{a}/{b}"),
    ],
)
def test_a_route_has_no_constraints(template: str, plain: str) -> None:
    assert route_text(template) == plain


@pytest.mark.parametrize(
    ("name", "json"), [("Id", "id"), ("URLPath", "urlPath"), ("ID", "id"), ("orderId", "orderId"), ("A1B", "a1B")]
)
def test_a_property_has_the_name_aspnet_gives_it(name: str, json: str) -> None:
    assert wire(name) == json


@pytest.mark.parametrize(
    "text",
    [
        "class A { void M() { " + "if (x) { " * 300,
        "class A { string V = " + '"a" + ' * 5000 + '"b"; }',
        "class A { void M() { x" + ".Y()" * 3000 + "; } }",
        "namespace " + "A.".join([""] * 500) + "B; class C { }",
        "#if A\n" * 200 + "class A { }\n" + "#endif\n" * 200,
        "class A { " + "class B { " * 200,
        "record R(" + ", ".join(f"int A{n}" for n in range(2000)) + ");",
        'var s = """' + "\n" * 2000,
        'app.MapGet("/x", () => ' + "(" * 350 + ")" * 350 + ");",
        '@page "/x"\n@code { { { {',
    ],
)
def test_hostile_code_ends_soon(text: str) -> None:
    began = time.thread_time()

    found = facts(text) + facts(text, "A.razor")

    assert time.thread_time() - began < 10
    assert not [f for f in found if f.kind == "problem" and f.get("rule") == "scan/reader-failed"]


def test_classes_that_extend_each_other_are_read() -> None:
    found = facts("class A : B { public int X { get; set; } } class B : A { public A Next { get; set; } }")

    assert {f.get("name") for f in found if f.kind == "type"} == {"A", "B"}


def test_a_component_keeps_its_lines() -> None:
    made = as_csharp(
        "Cart.razor", b'@page "/c"\n@inject State S\n<p>@S.Total()</p>\n@code {\n  int A = 1;\n}\n'
    ).decode()

    lines = made.split("\n")
    assert lines[0].startswith("public partial class Cart : ComponentBase {")
    assert lines[1] == "[Inject] public State S { get; set; }"
    assert "S.Total()" in lines[2]
    assert lines[4] == "  int A = 1;"


def test_overloads_are_told_apart() -> None:
    code = cs_code.parse(
        SourceFile("A.cs", b"class A { void M(int a) {} void M(string a) {} void M() {} void N() {} }")
    )

    assert [s.name for s in code.scopes[2:]] == ["A.M/1:int", "A.M/1:string", "A.M/0", "A.N"]
