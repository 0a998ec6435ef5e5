"""Which response fields code reads: never fewer than it may, because impact skips who does not read a changed field."""

from __future__ import annotations

import pytest

from graph.facts import SourceFile
from graph.values import Shape
from scanners.readers import built_in

PYTHON = (
    "import requests\n\ndef show(x):\n    return x['shown']\n\ndef f(self, key):\n    r = requests.get('http://o')\n"
)
SCRIPT = (
    "import axios from 'axios';\nfunction shown(p) { return p.sku + p.price.cents.toFixed(2); }\nasync function f() {\n"
)


def reads(path: str, text: str) -> set[str] | None:
    facts = [f for f in built_in().facts(SourceFile(path, text.encode())) if f.kind == "http_call"]
    assert len(facts) == 1
    shape: Shape | None = facts[0].get("reads")
    return None if shape is None else set(_leaves(shape, ""))


def _leaves(shape: Shape, at: str) -> list[str]:
    if shape.item is not None:
        return _leaves(shape.item, f"{at}[]")
    if not shape.fields:
        return [at]
    return [leaf for f in shape.fields for leaf in _leaves(f.shape, f"{at}.{f.name}" if at else f.name)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return r.json()['a']['b']", {"a.b"}),
        ("b = r.json()\n    return b['a'], b.get('c')", {"a", "c"}),
        ("b = r.json()\n    return [x['sku'] for x in b['items']]", {"items[].sku"}),
        ("b = r.json() or {}\n    for x in b.get('items', []):\n        print(x['sku'])", {"items[].sku"}),
        ("b = r.json()\n    if 'error' in b:\n        return None\n    return b['a']", {"error", "a"}),
        ("return show(r.json())", {"shown"}),
        ("b = r.json()\n    return show(x=b['inner'])", {"inner.shown"}),
        ("b = r.json()\n    return other(b['inner']), b['inner']['x']", {"inner.x"}),
        ("b = r.json()\n    return {**b['head'], 'id': b['id']}", {"head", "id"}),
        ("b = r.json()\n    return list(map(show, b['items']))", {"items"}),
        ("return r.json()", None),
        ("b = r.json()\n    self.last = b\n    return b['x']", None),
        ("b = r.json()\n    return b[key], b['x']", None),
        ("b = r.json()\n    return {**b, 'x': b['x']}", None),
        ("b = r.json()\n    other(b)\n    return b['x']", None),
        ("b = r.json()\n    return (lambda: b)(), b['x']", None),
    ],
)
def test_python_reads(body: str, expected: set[str] | None) -> None:
    assert reads("a.py", f"{PYTHON}    {body}\n") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("const r = await axios.get('/x'); return r.data.a.b;", {"a.b"}),
        ("const { data } = await axios.get('/x'); return data.total.toFixed(2);", {"total"}),
        ("const { data: { a, b } } = await axios.get('/x'); return a + b;", None),
        ("const r = await axios.get('/x'); const { a, b: c } = r.data; return a;", {"a", "b"}),
        (
            "const r = await axios.get('/x'); return r.data.filter((p) => p.stock > 0).map(shown);",
            {"[].stock", "[].sku", "[].price.cents"},
        ),
        ("const r = await axios.get('/x'); return r.data.items.map((p) => p.sku);", {"items[].sku"}),
        ("const r = await axios.get('/x'); return r.data.items.map(other), r.data.items[0].sku;", {"items[].sku"}),
        ("const r = await axios.get('/x'); return shown(r.data.first);", {"first.sku", "first.price.cents"}),
        ("const r = await axios.get('/x'); return { ...r.data.head, id: r.data.id };", {"head", "id"}),
        ("return axios.get('/x').then((r) => r.data.id);", {"id"}),
        ("return axios.get('/x').then(({ data }) => data.id);", {"id"}),
        ("const r = await axios.get('/x'); return r.data;", None),
        ("const r = await axios.get('/x'); cache.last = r.data; return r.data.id;", None),
        ("const r = await axios.get('/x'); other(r.data); return r.data.id;", None),
        ("const r = await axios.get('/x'); const { id, ...rest } = r.data; return id;", None),
        ("const r = await axios.get('/x'); return r.data[key] + r.data.id;", None),
    ],
)
def test_javascript_reads(body: str, expected: set[str] | None) -> None:
    assert reads("a.js", f"{SCRIPT}  {body}\n}}\n") == expected


def test_a_promise_chain_of_fetch_is_followed() -> None:
    text = "const f = () => fetch('/x').then((r) => r.json()).then((b) => b.items.find((i) => i.ok).name);\n"

    assert reads("a.js", text) == {"items[].ok", "items[].name"}
