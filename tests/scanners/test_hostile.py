"""Repositories as attacks: nothing escapes, hangs, runs or hides the good files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanners.cache import FactCache
from scanners.scan import ScanRequest, ScanResult, scan
from testmesh.guard.git import Repository
from tests.scanners.conftest import Repo

GOOD = "from flask import Flask\napp = Flask(__name__)\n\n@app.route('/good')\ndef good(): return {}\n"


def rules(result: ScanResult) -> dict[str, str]:
    return {p.file: p.rule for p in result.problems}


def good(result: ScanResult) -> bool:
    return any(f.kind == "endpoint" and f.at.file == "good.py" for f in result.facts)


BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "binary": ("a.py", b"\x00\x01\x02" * 100, "scan/binary"),
    "bytes that are no text": ("a.py", b"x = '\xff\xfe'\ny = 1\n", "scan/encoding"),
    "syntax": ("a.py", "def f(:\n  return )(\n", "scan/syntax"),
    "half a file": ("a.ts", "class A { constructor(private readonly x", "scan/syntax"),
    "minified": ("a.js", "var a=1;" * 5000, "scan/long-lines"),
    "a large file": ("a.py", "x = 1\n" * 200_000, "scan/unread"),
    "yaml bomb": ("compose.yml", "a: &a [x,x]\nb: &b [*a,*a]\n" + "c: [*b,*b,*b,*b]\n" * 3000, "yaml/duplicate-key"),
    "broken yaml": ("compose.yml", "services: {a: [}\n", "yaml/syntax"),
    "broken toml": ("testmesh.toml", "[services\n", "toml/syntax"),
    "broken json": ("package.json", "{", "manifest/syntax"),
}


@pytest.mark.parametrize("what", sorted(BROKEN))
@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_a_broken_file_is_said_and_the_good_one_counts(repo: Repo, what: str, revision: str | None) -> None:
    path, content, rule = BROKEN[what]
    repo.commit({"good.py": GOOD, path: content})

    result = scan(ScanRequest(repo.path, revision))

    assert good(result)
    assert path in rules(result)
    if not rule.startswith("yaml/"):
        assert rules(result)[path] == rule


def test_fifty_megabytes_are_never_read_whole(repo: Repo) -> None:
    with (repo.path / "huge.py").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    repo.commit({"good.py": GOOD})

    for revision in (None, "HEAD"):
        result = scan(ScanRequest(repo.path, revision))
        assert good(result)
        assert rules(result)["huge.py"] == "scan/unread"
        assert result.stats.bytes < 10_000


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.py", "x = " + "(" * 30_000 + ")" * 30_000 + "\n"),
        ("a.py", "return " + "[" * 5_000 + "]" * 5_000 + "\n"),
        ("b.py", "".join("  " * (n % 90) + f"def f{n}():\n" for n in range(2_000))),
        ("a.js", "f(" * 9_000 + ")" * 9_000 + ";\n"),
        ("a.ts", "type A = " + "Array<" * 3_000 + "string" + ">" * 3_000 + ";\n"),
        ("a.json", '{"openapi": "3.0.0", "x": ' + "[" * 3_000 + "]" * 3_000 + "}"),
        ("a.sql", "CREATE TABLE t (x int DEFAULT " + "(" * 3_000 + "1" + ")" * 3_000 + ");\n"),
    ],
)
def test_deep_nesting_stops_nothing(repo: Repo, path: str, content: str) -> None:
    repo.commit({"good.py": GOOD, path: content.replace("((((", "((((\n")})

    assert good(scan(ScanRequest(repo.path)))


@pytest.mark.parametrize("path", ["a.py", "a.js", "a.tsx"])
@pytest.mark.parametrize(
    "unit", ["(", "[{a:", "- ", "not ", "lambda:", "a().b(", "`${", "a?", "function f(){", "a=>", "x.b()"]
)
def test_a_file_made_to_be_slow_is_left_out(repo: Repo, path: str, unit: str) -> None:
    line = unit * (5_000 // len(unit)) + "\n"
    repo.commit({"good.py": GOOD, path: "x = " + line * 60})

    result = scan(ScanRequest(repo.path, workers=1))

    assert good(result)
    assert rules(result).get(path) in ("scan/too-deep", "scan/too-slow", "scan/syntax")


def test_links_out_of_the_tree_and_in_circles_are_not_followed(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text(GOOD.replace("good", "secret"))
    repo.write({"good.py": GOOD})
    os.symlink(outside / "secret.py", repo.path / "link.py")
    os.symlink(outside, repo.path / "folder")
    os.symlink("loop.py", repo.path / "loop.py")
    os.symlink(".", repo.path / "self")
    repo.commit()

    for revision in (None, "HEAD"):
        result = scan(ScanRequest(repo.path, revision))
        assert good(result)
        assert {f.at.file for f in result.facts} == {"good.py"}


def test_a_tracked_folder_replaced_by_a_link_is_not_followed(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/app.py").write_text(GOOD.replace("good", "secret"))
    repo.commit({"good.py": GOOD, "inner/app.py": GOOD})
    (repo.path / "inner/app.py").unlink()
    (repo.path / "inner").rmdir()
    os.symlink(tmp_path / "outside", repo.path / "inner")

    result = scan(ScanRequest(repo.path))

    assert good(result)
    assert not any("secret" in str(f.fields) for f in result.facts)


def test_a_repository_s_own_configuration_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hook = f"#!/bin/sh\ntouch {mark}\n"
    repo.commit({"good.py": GOOD, ".gitattributes": "*.py filter=evil diff=evil\n"})
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor"):
        repo.git("config", key, f"sh -c 'touch {mark}'")
    for key in ("filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv", "diff.external"):
        repo.git("config", key, f"sh -c 'touch {mark}; cat'")
    (repo.path / ".git/hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (repo.path / ".git/hooks" / name).write_text(hook)
        (repo.path / ".git/hooks" / name).chmod(0o755)
    repo.write({"good.py": GOOD + "\n"})
    mark.unlink(missing_ok=True)

    from scanners.changes import changes

    assert good(scan(ScanRequest(repo.path)))
    assert good(scan(ScanRequest(repo.path, "HEAD")))
    assert changes(repo.path, "HEAD").files
    assert not mark.exists()


def test_strange_names_are_read_and_remembered(repo: Repo, tmp_path: Path) -> None:
    repo.write({"good.py": GOOD, "-rf.py": GOOD, "späte bestellung.py": GOOD, 'quo"te\n.py': GOOD})
    with open(os.fsencode(repo.path) + b"/\xff.py", "wb") as stream:
        stream.write(GOOD.encode())
    repo.commit()

    with FactCache(tmp_path / "facts.db") as cache:
        for revision in (None, "HEAD"):
            found = {
                f.at.file for f in scan(ScanRequest(repo.path, revision), cache=cache).facts if f.kind == "endpoint"
            }
            assert found == {"good.py", "-rf.py", "späte bestellung.py", 'quo"te\n.py', "\\xff.py"}


def test_half_characters_do_not_reach_the_facts(repo: Repo, tmp_path: Path) -> None:
    repo.commit(
        {
            "package.json": '{"name": "\\ud800", "dependencies": {"a\\udfff": "1"}}',
            "compose.yml": 'services: {"\\ud83d": {image: x}}',
        }
    )

    with FactCache(tmp_path / "facts.db") as cache:
        facts = scan(ScanRequest(repo.path), cache=cache).facts

    assert [f.get("name") for f in facts if f.kind == "dependency"] == ["a\ufffd"]
    assert "\\ud" not in repr([f.fields for f in facts])


def test_a_missing_object_is_said_and_the_rest_counts(repo: Repo) -> None:
    repo.commit({"good.py": GOOD, "lost.py": "x = 'only here'\n"})
    oid = next(e.oid for e in Repository(repo.path).tree(repo.git("rev-parse", "HEAD")) if e.path == "lost.py")
    (repo.path / ".git/objects" / oid[:2] / oid[2:]).unlink()

    result = scan(ScanRequest(repo.path, "HEAD"))

    assert good(result)
    assert rules(result)["lost.py"] == "scan/unread"


def test_a_reader_that_fails_costs_only_its_own_facts(repo: Repo) -> None:
    class Broken:
        name = "broken"
        version = 1

        def matches(self, path: str) -> bool:
            return path == "good.py"

        def facts(self, source: object) -> list[object]:
            raise ValueError("no")

    repo.commit({"good.py": GOOD})

    result = scan(ScanRequest(repo.path, extra=(Broken(),)))  # type: ignore[arg-type]

    assert good(result)
    assert rules(result)["good.py"] == "scan/reader-failed"


def test_names_made_of_each_other_are_read_once(repo: Repo) -> None:
    names = "abcdefghij"
    lines = "".join(f"    {a} = {b} or {c} if {b} else {c}\n" for a in names for b in names for c in names)
    repo.commit(
        {"good.py": GOOD, "a.py": f"import requests\n\ndef f():\n{lines}    requests.post('http://x', json=a)\n"}
    )

    result = scan(ScanRequest(repo.path))

    assert good(result)
    assert any(f.kind == "http_call" for f in result.facts)
