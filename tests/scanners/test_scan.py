"""Scanning revisions and work trees: what is read, what is remembered, and that nothing stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.cache import FactCache
from scanners.scan import ScanRequest, ScanResult, scan, scan_all
from testmesh.kernel.errors import NotFoundError, UserError
from tests.scanners.conftest import Repo

APP = "from fastapi import FastAPI\napp = FastAPI()\n\n@app.get('/{name}')\ndef read(): ...\n"


def endpoints(result: ScanResult) -> set[tuple[str, str]]:
    return {(f.at.file, f.get("path").value) for f in result.facts if f.kind == "endpoint"}


def rules(result: ScanResult) -> dict[str, str]:
    return {p.file: p.rule for p in result.problems}


def test_a_revision_is_read_without_touching_the_work_tree(repo: Repo) -> None:
    old = repo.commit({"app.py": APP.replace("{name}", "old")})
    repo.commit({"app.py": APP.replace("{name}", "new")})
    repo.write({"app.py": APP.replace("{name}", "dirty")})

    assert endpoints(scan(ScanRequest(repo.path, old))) == {("app.py", "/old")}
    assert endpoints(scan(ScanRequest(repo.path, "main"))) == {("app.py", "/new")}
    assert endpoints(scan(ScanRequest(repo.path))) == {("app.py", "/dirty")}
    assert repo.git("status", "--porcelain") == "M app.py"


def test_the_work_tree_includes_untracked_and_leaves_out_ignored_files(repo: Repo) -> None:
    repo.commit({".gitignore": "secret/\n", "app.py": APP})
    repo.write({"more.py": APP.replace("{name}", "more"), "secret/app.py": APP})
    (repo.path / "app.py").unlink()

    assert endpoints(scan(ScanRequest(repo.path))) == {("more.py", "/more")}


def test_a_bare_repository_and_a_folder_of_one_can_be_scanned(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"services/a/app.py": APP, "services/b/app.py": APP})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))

    bare = scan(ScanRequest(tmp_path / "bare.git", "HEAD"))
    assert bare.repository == "bare"
    assert {f for f, _ in endpoints(bare)} == {"services/a/app.py", "services/b/app.py"}
    assert endpoints(scan(ScanRequest(repo.path / "services/a", "HEAD"))) == {("app.py", "/{name}")}


def test_several_repositories_are_scanned_in_order(make_repo: Callable[[], Repo]) -> None:
    first, second = make_repo(), make_repo()
    first.commit({"app.py": APP})
    second.commit({"web.js": "const app = require('express')();\napp.get('/x', (req, res) => res.json({}));\n"})

    results = scan_all([ScanRequest(first.path), ScanRequest(second.path, repository="web")])

    assert [r.repository for r in results] == ["repo0", "web"]
    assert [len(endpoints(r)) for r in results] == [1, 1]


def test_unchanged_files_come_from_the_cache_and_say_the_same(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"app.py": APP, "docker-compose.yml": "services: {a: {image: redis}}\n"})
    with FactCache(tmp_path / ".testmesh/facts.db") as cache:
        first = scan(ScanRequest(repo.path, "HEAD"), cache=cache)
        second = scan(ScanRequest(repo.path, "HEAD"), cache=cache)
        dirty = scan(ScanRequest(repo.path), cache=cache)

    assert (first.stats.cached, second.stats.cached, dirty.stats.cached) == (0, 2, 2)
    assert first.facts == second.facts == dirty.facts
    assert (tmp_path / ".testmesh/.gitignore").read_text() == "*\n"


def test_a_cache_that_is_no_database_is_made_anew(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"app.py": APP})
    broken = tmp_path / "facts.db"
    broken.write_bytes(b"this is not a database, not at all" * 100)

    with FactCache(broken) as cache:
        scan(ScanRequest(repo.path, "HEAD"), cache=cache)
        again = scan(ScanRequest(repo.path, "HEAD"), cache=cache)

    assert again.stats.cached == 1


def test_a_full_disk_is_said_and_leaves_the_cache_whole(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"app.py": APP})
    with FactCache(tmp_path / "facts.db") as cache:
        scan(ScanRequest(repo.path, "HEAD"), cache=cache)
        repo.commit({f"app{n}.py": f"X = '{'x' * 900}{n}'\n" for n in range(200)})
        cache.limit_pages(12)
        with pytest.raises(UserError, match="full") as caught:
            scan(ScanRequest(repo.path, "HEAD"), cache=cache)

    assert caught.value.hint is not None
    assert "free some disk space" in caught.value.hint
    with FactCache(tmp_path / "facts.db") as cache:
        assert scan(ScanRequest(repo.path, "HEAD"), cache=cache).stats.cached >= 1


def test_extra_manifests_are_asked_and_remembered(repo: Repo, tmp_path: Path) -> None:
    class Notes:
        name = "notes"
        version = 1
        asked = 0

        def matches(self, path: str) -> bool:
            return path.endswith(".note")

        def facts(self, source: SourceFile) -> Iterator[Fact]:
            self.asked += 1
            yield Fact("flow", {"name": source.data.decode()}, Location(source.path, 1))

    notes = Notes()
    repo.commit({"tests/a.note": "hello"})
    with FactCache(tmp_path / "facts.db") as cache:
        for _ in range(2):
            result = scan(ScanRequest(repo.path, extra=(notes,)), cache=cache)

    assert [f.get("name") for f in result.facts] == ["hello"]
    assert notes.asked == 1


def test_progress_ends_at_the_number_of_files(repo: Repo) -> None:
    repo.commit({f"m{n}.py": "x = 1\n" for n in range(5)})
    seen: list[tuple[int, int]] = []

    scan(ScanRequest(repo.path), progress=lambda done, total, _label: seen.append((done, total)))

    assert seen[-1] == (5, 5)


def test_worker_processes_say_the_same_as_this_process(repo: Repo) -> None:
    repo.commit(
        {"app.py": APP, "a.js": "function f() { return 1 }\n", "b.py": "def g(:\n", "compose.yml": "services: {}\n"}
    )

    alone = scan(ScanRequest(repo.path, workers=1))
    pooled = scan(ScanRequest(repo.path, workers=2))

    assert pooled.facts == alone.facts


@pytest.mark.parametrize("folder", ["tests", "examples", "node_modules/x", "load-gen"])
def test_code_that_is_not_deployed_offers_no_endpoints(repo: Repo, folder: str) -> None:
    repo.commit({f"{folder}/app.py": APP})

    assert endpoints(scan(ScanRequest(repo.path))) == set()


def test_what_is_no_repository_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a git repository") as caught:
        scan(ScanRequest(tmp_path))
    assert caught.value.hint is not None
    with pytest.raises(NotFoundError, match="is not a folder"):
        scan(ScanRequest(tmp_path / "nowhere"))


@pytest.mark.parametrize("revision", ["nope", "--help", "HEAD~99", "a b", "-n1", "main:app.py"])
def test_an_unknown_revision_is_said(repo: Repo, revision: str) -> None:
    repo.commit({"app.py": APP})

    with pytest.raises(NotFoundError, match="no revision"):
        scan(ScanRequest(repo.path, revision))


def test_an_empty_repository_is_said_but_its_work_tree_can_be_read(repo: Repo) -> None:
    with pytest.raises(UserError, match="no commits yet"):
        scan(ScanRequest(repo.path, "HEAD"))
    repo.write({"app.py": APP})
    assert endpoints(scan(ScanRequest(repo.path))) == {("app.py", "/{name}")}
