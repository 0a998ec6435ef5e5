"""What has not changed is not read again, and what is kept never changes an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.codec import dumps
from scanners.fingerprint import fingerprint
from scanners.scan import ScanRequest
from testmesh.compose.graphs import cache_file, open_checkout, trees_of, view_at, view_of
from testmesh.compose.kept import KeptGraphs, printed
from testmesh.compose.questions import impact
from testmesh.compose.refreshing import refresh
from testmesh.kernel.workspace import LOCAL
from tests.e2e.cli import APP
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

FILES = {"app.py": APP, "Dockerfile": "FROM python\nCOPY . .\nCMD python app.py\n", "bad.py": "def f(:\n"}


@pytest.fixture
def small(tmp_path: Path) -> Repo:
    found = made(tmp_path / "small")
    found.commit(FILES)
    return found


def test_a_second_scan_says_what_the_first_said(small: Repo) -> None:
    first, second = (refresh(open_checkout(small.path)) for _ in range(2))
    assert (first.changed, second.changed) == (True, False)
    assert (first.nodes, first.edges) == (second.nodes, second.edges)
    (one,), (other,) = first.results, second.results
    assert one.problems
    assert (one.problems, one.files, one.read, one.commit) == (other.problems, other.files, other.read, other.commit)
    assert other.cached == other.read


def test_a_changed_a_new_and_a_missing_file_are_seen(small: Repo) -> None:
    refresh(open_checkout(small.path))
    for change in ({"app.py": APP.replace("/good", "/better")}, {"more.py": APP.replace("/good", "/more")}):
        small.write(change)
        assert refresh(open_checkout(small.path)).changed
    (small.path / "more.py").unlink()
    assert refresh(open_checkout(small.path)).changed
    assert not refresh(open_checkout(small.path)).changed


def test_a_graph_that_somebody_emptied_is_made_again(small: Repo) -> None:
    refresh(open_checkout(small.path))
    for leftover in small.path.glob(".testmesh/graph.db*"):
        leftover.unlink()
    assert refresh(open_checkout(small.path)).changed


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', "{" * 5000])
def test_a_broken_note_costs_only_time(small: Repo, text: str) -> None:
    first = refresh(open_checkout(small.path))
    (small.path / ".testmesh/scanned.json").write_text(text)
    again = refresh(open_checkout(small.path))
    assert (again.changed, again.nodes, again.edges) == (False, first.nodes, first.edges)


def test_the_fingerprint_is_of_contents_not_of_the_revisions_name(small: Repo) -> None:
    at = [fingerprint(ScanRequest(small.path, revision, "small")) for revision in (None, "HEAD", "main")]
    assert len(set(at)) == 1
    small.write({"notes.txt": "nothing reads this, but it is there"})
    assert fingerprint(ScanRequest(small.path, None, "small")) != at[0]
    assert fingerprint(ScanRequest(small.path, "HEAD", "other")) != at[0]


def test_an_answer_from_a_kept_graph_is_the_same(small: Repo) -> None:
    small.commit({"app.py": APP.replace("/good", "/better")})
    checkout = open_checkout(small.path)
    first = impact(checkout, "HEAD~1..HEAD")
    assert list(checkout.project.state.glob("graphs/*.db"))
    assert dumps(impact(checkout, "HEAD~1..HEAD")) == dumps(first)
    kept, anew = view_at(checkout, "HEAD~1", keep=True), view_at(checkout, "HEAD~1")
    assert dict(kept.graph.slice().nodes) == dict(anew.graph.slice().nodes)
    assert dict(kept.graph.slice().edges) == dict(anew.graph.slice().edges)
    assert kept.facts == anew.facts
    kept.graph.close()


def test_a_scan_keeps_the_graph_that_the_next_change_is_compared_with(small: Repo) -> None:
    checkout = open_checkout(small.path)
    refresh(checkout)
    mark = printed(trees_of(checkout, "HEAD"), LOCAL)
    store = KeptGraphs(checkout.project.state / "graphs", LOCAL.id).open(mark)
    assert store is not None
    assert {n.label for n in store.slice(("Endpoint",), ()).nodes.values()} == {"small:GET /good"}
    store.close()


def test_a_damaged_kept_graph_is_made_again(small: Repo) -> None:
    checkout = open_checkout(small.path)
    trees = trees_of(checkout, "HEAD")
    first = view_of(trees, cache_file(checkout), LOCAL, keep=True)
    (path,) = checkout.project.state.glob("graphs/*.db")
    path.write_bytes(b"not a graph")
    again = view_of(trees, cache_file(checkout), LOCAL, keep=True)
    assert dict(again.graph.slice().nodes) == dict(first.graph.slice().nodes)


def test_only_the_graphs_asked_for_last_are_kept(small: Repo) -> None:
    checkout = open_checkout(small.path)
    for number in range(10):
        small.commit({"app.py": APP.replace("/good", f"/good{number}")})
        view_at(checkout, "HEAD", keep=True)
    assert len(list(checkout.project.state.glob("graphs/*.db"))) == 8
    assert not list(checkout.project.state.glob("graphs/*.new"))
