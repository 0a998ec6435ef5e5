"""Every RunStore keeps recordings the same way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph.runs import FlowRun, Run, RunStore, RunVerdict
from testmesh.kernel.errors import NotFoundError, UserError


def _sql(tmp_path: Path, request: pytest.FixtureRequest) -> RunStore:
    from testmesh.workspaces.records import Workspace
    from testmesh.workspaces.sql.credentials import Sealer
    from testmesh.workspaces.sql.database import Database
    from testmesh.workspaces.sql.store import SqlDirectory

    database = Database(request.getfixturevalue("postgres_url"))
    request.addfinalizer(database.close)
    directory = SqlDirectory(database, Sealer(bytes(32)))
    return directory.open(directory.create(Workspace("w"))).runs


def _file(tmp_path: Path, request: pytest.FixtureRequest) -> RunStore:
    from flows.runner import FileRunStore

    return FileRunStore(tmp_path / ".testmesh" / "runs")


STORES: dict[str, Callable[[Path, pytest.FixtureRequest], RunStore]] = {"file": _file, "sql": _sql}


@pytest.fixture(params=sorted(STORES))
def store(tmp_path: Path, request: pytest.FixtureRequest) -> RunStore:
    return STORES[request.param](tmp_path, request)


def a_run(run_id: str, minute: int, verdict: RunVerdict = "passed") -> Run:
    flows = (FlowRun("a.yaml", "A", None, verdict, 1.0), FlowRun("b.yaml", "B", 0, "error", 2.0))
    moment = f"2026-01-01T00:{minute:02}:00.000Z"
    return Run(run_id, moment, moment, verdict, flows, revision="r", environment="local")


def test_a_run_comes_back_by_id_prefix_and_latest(store: RunStore) -> None:
    first, second = a_run("01aaaa", 1), a_run("01bbbb", 2, "failed")
    store.save(first)
    store.save(second)
    assert store.load("01aaaa") == first
    assert store.load("01b") == second
    assert store.load("latest") == second


def test_saving_again_replaces(store: RunStore) -> None:
    store.save(a_run("01aaaa", 1))
    store.save(a_run("01aaaa", 1, "failed"))
    assert store.load("01aaaa").verdict == "failed"
    assert len(store.list()) == 1


def test_a_listing_is_newest_first_and_pages(store: RunStore) -> None:
    for n in range(5):
        store.save(a_run(f"0{n}", n))
    assert [s.id for s in store.list(limit=2)] == ["04", "03"]
    assert [s.id for s in store.list(limit=2, before="03")] == ["02", "01"]
    summary = store.list(limit=1)[0]
    assert (summary.verdict, summary.passed, summary.failed, summary.revision) == ("passed", 1, 1, "r")


@pytest.mark.parametrize("missing", ["02", "%", "_", "", "../x", "latest"])
def test_what_is_not_there_is_not_found(store: RunStore, missing: str) -> None:
    if missing != "latest":
        store.save(a_run("01", 1))
    with pytest.raises(NotFoundError):
        store.load(missing)


def test_a_prefix_of_several_is_refused(store: RunStore) -> None:
    store.save(a_run("01a", 1))
    store.save(a_run("01b", 2))
    with pytest.raises(UserError):
        store.load("01")
