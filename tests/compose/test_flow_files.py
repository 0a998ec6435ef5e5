"""Flow files in a scan: what they name is unknown there and never missing; a broken one costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.facts.files import FLOWS
from testmesh.compose.changing import changes_of
from testmesh.compose.graphs import open_checkout, scan_trees, trees_of
from testmesh.compose.questions import impact
from testmesh.compose.refreshing import refresh
from testmesh.compose.systems import without
from tests.e2e.cli import APP, FLOW
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

PARENT = """flow:
  name: Parent
  env_file: ../test.env
  data: {file: rows.csv}
  steps:
    - id: call
      action: run_flow
      config: {flow: parts/child.yaml, input: {BASE: "${FROM_FILE}"}}
      assert: ['call.get.body.a == 1']
"""
TOML = '[services.good]\nhosts = ["127.0.0.1:9"]\n'


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A service, a flow that runs another, the files it names, and broken flows."""
    found = made(tmp_path / "good")
    found.commit(
        {
            "app.py": APP,
            "testmesh.toml": TOML,
            "test.env": "FROM_FILE=http://127.0.0.1:9\n",
            "flows/parent.yaml": PARENT,
            "flows/rows.csv": "n\n1\n",
            "flows/parts/child.yaml": FLOW.replace("body.a == 1", "body.a > 0"),
            "flows/broken.yaml": FLOW.replace("http_request", "http_reqest"),
            "flows/latin.yaml": FLOW.encode().replace(b"Good", b"G\xff"),
            "notes.yaml": "flow: [none]\n",
        }
    )
    return found


def selected(repo: Repo) -> dict[str, str]:
    found = impact(open_checkout(repo.path), "HEAD")
    return {flow.file: flow.selection for flow in found.flows}


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_named_files_are_no_problem_and_broken_flows_cost_only_themselves(repo: Repo, revision: str | None) -> None:
    checkout = open_checkout(repo.path)
    (result,) = scan_trees(trees_of(checkout, revision), repo.path.parent / "facts.db")
    flows = {fact.at.file for fact in result.facts if fact.kind == "flow"}
    assert flows == {"flows/parent.yaml", "flows/parts/child.yaml"}
    assert {(p.file, p.rule) for p in result.problems if p.severity == "error"} == {
        ("flows/broken.yaml", "flow/unknown-action"), ("flows/latin.yaml", "file/encoding"),
    }  # fmt: skip


def test_only_yaml_that_may_be_a_flow_is_looked_at() -> None:
    assert [FLOWS.matches(p) for p in ("a/b.yaml", "b.yml", "b.json", ".github/x.yaml")] == [True, True, False, False]


def test_a_change_of_the_code_selects_the_outer_flow_too(repo: Repo) -> None:
    refresh(open_checkout(repo.path))
    repo.write({"app.py": APP.replace('"a": 1', '"a": 2')})
    assert selected(repo) == {"flows/parent.yaml": "must", "flows/parts/child.yaml": "must"}


@pytest.mark.parametrize(
    ("file", "text"),
    [("flows/rows.csv", "n\n1\n2\n"), ("test.env", "FROM_FILE=http://127.0.0.1:8\n")],
)
def test_a_change_of_a_named_file_selects_the_flow(repo: Repo, file: str, text: str) -> None:
    repo.write({file: text})
    assert selected(repo).get("flows/parent.yaml") == "must"


def test_a_change_of_the_inner_flow_selects_the_outer_one(repo: Repo) -> None:
    repo.write({"flows/parts/child.yaml": FLOW.replace("body.a == 1", "body.a > 5")})
    assert selected(repo) == {"flows/parent.yaml": "must", "flows/parts/child.yaml": "must"}
    change = changes_of((repo.path, "good"), "HEAD", None)
    assert [item.file for item in change.items] == ["flows/parts/child.yaml"]


def test_flows_that_need_an_absent_service_are_left_out_with_the_reason(repo: Repo) -> None:
    needs = FLOW.replace("  steps:", "  graph: {require: [{service: storefront}]}\n  steps:")
    repo.write({"flows/needs.yaml": needs})
    paths = ["flows/needs.yaml", "flows/parts/child.yaml", "flows/broken.yaml"]
    assert without({}, paths, repo.path) == {}
    assert without({"storefront": "Node is missing"}, paths, repo.path) == {
        "flows/needs.yaml": "needs service 'storefront': Node is missing"
    }
