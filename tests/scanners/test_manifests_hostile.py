"""Deployment and specification files of strangers: cut off, mistyped, nested or endless, none ends its reader."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

from graph.facts import Bundle, Manifest, SourceFile
from scanners.readers import Readers, built_in
from testmesh.guard import yaml
from testmesh.guard.yaml import ListNode, MapNode, Node, ScalarNode

_SPEC = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)

KNOWN = built_in()
MANIFESTS = sorted(KNOWN.manifests)
BUNDLES = sorted(KNOWN.bundles)
FAILED = "scan/reader-failed"
_SECONDS = 5.0


def _alone(reader: Manifest) -> Readers:
    return Readers({}, {}, {reader.name: reader})


def _failures(reader: Manifest, source: SourceFile) -> list[str]:
    return [str(f.get("message")) for f in _alone(reader).facts(source) if f.get("rule") == FAILED]


def _cut(data: bytes) -> list[bytes]:
    return [data[: len(data) * part // 7] for part in range(1, 7)]


def _wrong(data: bytes) -> list[bytes]:
    """The same keys with values of other types: whole sections, or every scalar."""
    parsed = yaml.read(data, "x.yaml", yaml.FOREIGN)
    if parsed.findings:
        return []
    out = []
    for swap in ("[7, [], {}]", "{a: {b: [1]}}", "~", "'text'"):
        text = data.decode()
        for start, end in sorted(_scalars(parsed.roots), reverse=True):
            text = text[:start] + swap + text[end:]
        out.append(text.encode())
    for root in parsed.roots:
        for entry in root.entries.values() if isinstance(root, MapNode) else ():
            out += [f"{entry.key.text}: {swap}\n".encode() + data for swap in ("[1, {a: []}]", "text", "{0: [[]]}")]
    return out


def _scalars(roots: tuple[Node, ...]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    todo: list[Node] = list(roots)
    while todo:
        node = todo.pop()
        if isinstance(node, MapNode):
            todo += [e.value for e in node.entries.values()]
        elif isinstance(node, ListNode):
            todo += node.items
        elif isinstance(node, ScalarNode) and not node.style and node.span[1] > node.span[0]:
            found.append(node.span)
    return found


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_cut_file_never_ends_its_reader(name: str) -> None:
    reader = KNOWN.manifests[name]
    for source in golden.sources(name):
        for data in _cut(source.data):
            assert _failures(reader, SourceFile(source.path, data)) == []


@pytest.mark.parametrize("name", MANIFESTS)
def test_values_of_other_types_never_end_their_reader(name: str) -> None:
    reader = KNOWN.manifests[name]
    for source in golden.sources(name):
        if source.path.endswith((".yaml", ".yml", ".json")):
            for data in _wrong(source.data):
                assert _failures(reader, SourceFile(source.path, data)) == []


@pytest.mark.parametrize("name", BUNDLES)
def test_a_cut_or_mistyped_member_never_ends_its_bundle(name: str) -> None:
    bundle = KNOWN.bundles[name]
    assert isinstance(bundle, Bundle)
    sources = {s.path: s for s in golden.sources(name)}
    readers = Readers({}, {}, {}, (), {name: bundle})
    for path, source in sources.items():
        given = _cut(source.data)[::2] + (_wrong(source.data)[::3] if path.endswith((".yaml", ".yml")) else [])
        for data in given:
            facts = readers.together(bundle, {**sources, path: SourceFile(path, data)})
            assert [f.get("message") for f in facts if f.get("rule") == FAILED] == []


GROWING = {
    "nginx.conf": b"location /a { proxy_pass http://a; " * 20_000,
    "haproxy.cfg": b"frontend a\n use_backend b if { path_beg /a }\n" * 20_000,
    "Caddyfile": b"handle /a/* {\n" * 30_000,
    "Dockerfile": b"FROM a\nRUN go build " + b"./x " * 200_000,
    "a.proto": b"message A { " * 30_000,
    "deep.graphql": b"type A { a: " + b"[" * 20_000 + b"String" + b"]" * 20_000 + b" }",
    "b.proto": b'option (google.api.http) = { get: "/a" ' + b"additional_bindings { " * 20_000,
    "site.conf": b"ProxyPassMatch ^/(" + b"(a+)+" * 5_000 + b") http://x/$1\n",
    "a.sql": b"CREATE FUNCTION a() AS $$ BEGIN " * 20_000,
    "c.sql": b"/* " * 300_000,
    "changelog.xml": b"<databaseChangeLog>" + b"<a>" * 100_000,
    "order.avsc": b'{"type": "record", "name": "A", "fields": [' + b'{"name": "a", "type": [' * 3_000,
    "openapi.json": b'{"openapi": "3.0.0", "paths": {"/a": ' + b'{"$ref": "#/paths/~1a"}}}',
    "compose.yml": b"services: {a: {extends: {service: a}}}\n",
    "firebase.json": b'{"hosting": ' + b"[" * 3_000 + b"]" * 3_000 + b"}",
}


@pytest.mark.parametrize("path", sorted(GROWING))
def test_what_grows_or_nests_ends_soon(path: str) -> None:
    source = SourceFile(path, GROWING[path])
    began = time.thread_time()

    facts = [f for m in KNOWN.for_path(path) for f in _alone(m).facts(source)]

    assert time.thread_time() - began < _SECONDS
    assert [f.get("message") for f in facts if f.get("rule") == FAILED] == []
