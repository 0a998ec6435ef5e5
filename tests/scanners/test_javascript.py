"""What JavaScript and TypeScript files say where grammars and layouts make it easy to get wrong."""

from __future__ import annotations

import pytest

from graph.facts import SourceFile
from graph.values import Call, Config, Env, Fact, Lit, Member, Name
from scanners.readers import built_in


def facts(path: str, text: str, kind: str) -> list[Fact]:
    return [f for f in built_in().facts(SourceFile(path, text.encode())) if f.kind == kind]


def bound(path: str, text: str, target: str) -> list[object]:
    return [f.get("value") for f in facts(path, text, "binding") if f.get("target") == target]


def test_an_awaited_call_with_type_arguments_is_a_call() -> None:
    text = (
        "import axios from 'axios';\nasync function f() {\n"
        "  const { data } = await axios.get<Order>('http://o/x');\n}\n"
    )
    (call,) = facts("a.ts", text, "http_call")
    assert call.get("url") == Lit("http://o/x")
    assert call.get("symbol") == "f"


def test_a_call_in_a_chain_stands_on_its_own_line() -> None:
    text = (
        "import { Hono } from 'hono';\nexport const app = new Hono()\n  .get('/a', (c) => c.json({}))\n"
        "  .post('/b', (c) => c.json({}));\n"
    )
    lines = {f.get("method"): f.at.line for f in facts("a.ts", text, "endpoint")}
    assert lines == {"GET": 3, "POST": 4}


@pytest.mark.parametrize(("path", "line"), [("a.vue", 4), ("a.svelte", 4), ("a.astro", 4)])
def test_script_blocks_keep_their_lines(path: str, line: int) -> None:
    opened = "---\n\n\n" if path.endswith(".astro") else "<div>{{ a }}</div>\n<script lang='ts'>\n\n"
    closed = "---\n<p/>" if path.endswith(".astro") else "</script>\n<style>a { b: c }</style>"
    (call,) = facts(path, f"{opened}fetch('/api/x')\n{closed}\n", "http_call")
    assert call.at.line == line


def test_a_change_of_a_template_changes_the_components_digest() -> None:
    one, two = (facts("a.vue", f"<p>{word}</p>\n<script>let a = 1</script>", "symbol")[0] for word in ("x", "y"))
    assert one.get("digest") != two.get("digest")


def test_a_decorator_belongs_to_what_it_decorates() -> None:
    before, after = (
        {
            f.get("name"): f.get("digest")
            for f in facts(
                "a.ts", f"@C('a')\nexport class A {{\n  @Get('{p}')\n  one() {{}}\n  two() {{}}\n}}\n", "symbol"
            )
        }
        for p in ("x", "y")
    )
    assert before["A.one"] != after["A.one"]
    assert before["A.two"] == after["A.two"]
    assert before["A"] == after["A"]


def test_interfaces_are_bases_with_methods() -> None:
    text = (
        "interface Pay extends Base { charge(x: number): Promise<Money> }\n"
        "class Stripe implements Pay { charge(x) {} }\n"
    )
    symbols = {f.get("name"): f for f in facts("a.ts", text, "symbol")}
    assert symbols["Pay"].get("sort") == "interface"
    assert symbols["Pay"].get("bases") == ("Base",)
    assert symbols["Pay.charge"].get("params") == ("x",)
    assert symbols["Stripe"].get("bases") == ("Pay",)


def test_a_validated_environment_is_the_environment() -> None:
    text = (
        "import { z } from 'zod';\n"
        "const schema = z.object({ A_URL: z.string().default('http://a'), PORT: z.string() });\n"
        "export const env = schema.parse(process.env);\n"
    )
    assert bound("env.ts", text, "env.A_URL") == [Env("A_URL", Lit("http://a"))]
    assert bound("env.ts", text, "env.PORT") == [Env("PORT")]


def test_settings_services_are_read_by_key() -> None:
    text = (
        "class A { constructor(private readonly config: ConfigService) {}\n  url() "
        "{ return this.config.get<string>('orders.url', 'http://o'); } }\n"
    )
    (returned,) = facts("a.ts", text, "returns")
    assert returned.get("value") == Config("orders.url", Lit("http://o"))


def test_class_names_are_values() -> None:
    text = "import { Paid } from './paid';\nconst a = Paid.name;\nfunction f(e) { const b = e.constructor.name; }\n"
    assert bound("a.ts", text, "a") == [Member(Call(Name("typeof"), (Name("Paid"),)), "Name")]
    (held,) = bound("a.ts", text, "f.b")
    assert isinstance(held, Member)
    assert held.name == "Name"


def test_a_client_of_another_service_is_no_router() -> None:
    text = "import { api } from './api';\nexport const login = (body) => api.post('/login', body);\n"
    assert facts("a.ts", text, "endpoint") == []


def test_a_fallback_for_unknown_paths_is_no_operation() -> None:
    text = (
        "const app = require('express')();\napp.all('*', (req, res) => res.status(404).end());\n"
        "app.get('*', (req, res) => res.send('page'));\n"
    )
    assert [f.get("method") for f in facts("a.js", text, "endpoint")] == ["GET"]


def test_an_answer_with_a_status_chosen_at_run_time_may_be_anything() -> None:
    text = (
        "const app = require('express')();\napp.get('/a', (req, res) => {\n  if (x) "
        "return res.status(x.status).json({ error: 1 });\n  res.json({ id: 1 });\n});\n"
    )
    (endpoint,) = facts("a.js", text, "endpoint")
    returned = endpoint.get("returns")
    assert [f.name for f in returned.fields] == ["id"]
    assert returned.open


def test_migrations_and_seeds_read_nothing_at_run_time() -> None:
    text = "const knex = require('knex')({});\nexports.up = () => knex('orders').insert({ a: 1 });\n"
    assert facts("db/migrations/1_a.js", text, "access") == []
    assert len(facts("src/orders.js", text, "access")) == 1


def test_objects_put_together_from_others_have_what_those_have() -> None:
    text = (
        "const base = { A: 1 };\nconst config = { ...base, ...other[env], B: 2 };\n"
        "module.exports = { ...require('./c') };\n"
    )
    assert Name("base") in bound("a.js", text, "config")
    assert ("*", "./c") in {(f.get("local"), f.get("module")) for f in facts("a.js", text, "import")}
