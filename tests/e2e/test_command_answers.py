"""What the commands print and write: published shapes, reports, selection, patches, skeletons, recordings."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.cli import APP, FLOW, answer, answered, refused, testmesh
from tests.scanners.conftest import Repo

BAD = FLOW.replace("name: Good", "name: Bad").replace("body.a == 1", "body.a == 2").replace("smoke", "other")
STEP = {"id", "phase", "verdict", "duration_ms", "message", "assertions", "steps"}
CALLER = """import os
import requests
from flask import Flask
app = Flask(__name__)
URL = os.environ["PAYMENTS_URL"]

@app.route("/pay", methods=["POST"])
def pay():
    return requests.post(f"{URL}/charge", json={}).json()
"""
CALLED = APP.replace('"/good"', '"/charge", methods=["POST"]')


def test_run_prints_the_published_shape(repo: Repo, app_url: str) -> None:
    repo.write(
        {"flows/bad.yaml": BAD, "flows/rows.yaml": FLOW.replace("  steps:", "  data: [{n: 1}, {n: 2}]\n  steps:")}
    )
    data = answer(repo.path, "run", code=1, APP_URL=app_url)
    assert set(data) == {"run", "verdict", "flows"}
    assert [(f["file"], f["row"], f["verdict"]) for f in data["flows"]] == [
        ("flows/bad.yaml", None, "failed"),
        ("flows/good.yaml", None, "passed"),
        ("flows/rows.yaml", 0, "passed"),
        ("flows/rows.yaml", 1, "passed"),
    ]
    bad = data["flows"][0]
    assert set(bad) == {"file", "name", "row", "verdict", "duration_ms", "steps"}
    (step,) = bad["steps"]
    assert set(step) == STEP
    assert step["assertions"][1] == {
        "list": "assert", "expression": "body.a == 2", "passed": False, "left": 1, "right": 2,
    }  # fmt: skip


def test_validate_prints_the_published_shape(repo: Repo) -> None:
    repo.write({"flows/bad.yaml": FLOW.replace("action: http_request", "action: http_reqest")})
    data = answer(repo.path, "validate", code=2)
    assert set(data) == {"files", "findings"}
    assert data["files"] == 2
    assert data["findings"] == [
        {
            "file": "flows/bad.yaml",
            "line": 8,
            "column": 15,
            "rule": "flow/unknown-action",
            "severity": "error",
            "message": "unknown action 'http_reqest'",
            "suggestion": "http_request",
        }
    ]
    (repo.path / "flows/bad.yaml").unlink()
    assert answer(repo.path, "validate") == {"files": 1, "findings": []}


def test_reports_hold_what_was_printed(repo: Repo, app_url: str, tmp_path: Path) -> None:
    repo.write({"flows/bad.yaml": BAD})
    junit, file = tmp_path / "new" / "junit.xml", tmp_path / "new" / "run.json"
    printed = answer(
        repo.path, "run", "--report", f"junit={junit}", "--report", f"json={file}", code=1, APP_URL=app_url
    )
    assert json.loads(file.read_text()) == printed
    root = ElementTree.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    refused(repo.path, "run", "--report", "html2=x", says=("unknown report 'html2'", "junit"))
    refused(repo.path, "run", "--report", "junit", says=("NAME=FILE",))


def test_selection_and_variables(repo: Repo, app_url: str) -> None:
    repo.write({"flows/bad.yaml": BAD, "flows/other.yaml": FLOW.replace("suite: shop", "suite: else")})

    def files(*options: str, code: int = 0) -> list[str]:
        return [f["file"] for f in answer(repo.path, "run", *options, code=code, APP_URL=app_url)["flows"]]

    assert files("--tag", "smoke") == ["flows/good.yaml", "flows/other.yaml"]
    assert files("--suite", "else") == ["flows/other.yaml"]
    assert files("flows/good.yaml", "--var", f"BASE={app_url}", "--parallel", "4") == ["flows/good.yaml"]
    assert files("flows/good.yaml", "--var", f"BASE={app_url}/nowhere", code=1) == ["flows/good.yaml"]
    refused(repo.path, "run", "--tag", "nope", says=("no flow has that tag",))
    refused(repo.path, "run", "--var", "nonsense", says=("--var 'nonsense' is not NAME=VALUE",))
    refused(repo.path, "run", "nowhere.yaml", says=("nowhere.yaml", "no such file"))
    refused(repo.path, "run", "--env", "nope", says=("no environment 'nope'",))


def test_fail_fast_says_what_did_not_run(repo: Repo, app_url: str) -> None:
    repo.write({"flows/bad.yaml": BAD})
    data = answer(repo.path, "run", "--fail-fast", code=1, APP_URL=app_url)
    assert [(f["file"], f["verdict"]) for f in data["flows"]] == [
        ("flows/bad.yaml", "failed"), ("flows/good.yaml", "cancelled"),
    ]  # fmt: skip


def test_nothing_reached_is_its_own_exit_code(repo: Repo) -> None:
    assert testmesh(repo.path, "run").returncode == 3
    repo.write({"flows/broken.yaml": FLOW.replace("steps:", "stepz:")})
    assert testmesh(repo.path, "run").returncode == 2


def test_a_seed_makes_the_same_random_values(repo: Repo, app_url: str) -> None:
    random = FLOW.replace("/good", "/good?id=${RANDOM_ID}").replace("status == 200, body.a == 1", "status == 404")
    repo.write({"flows/good.yaml": random})

    def sent(*options: str) -> str:
        answered(repo.path, *options, APP_URL=app_url)
        recording = json.loads(answered(repo.path, "show", "latest", "--recording"))
        return str(recording["flows"][0]["steps"][0]["exchanges"][0]["request"]["url"])

    first = sent("run", "--seed", "7")
    assert sent("run", "--seed", "7") == first
    assert sent("run", "--seed", "8") != first
    assert sent("replay", "latest") == sent("run", "--seed", "8")


def test_recordings_are_judged_by_the_flow_as_it_is_now(repo: Repo, app_url: str, tmp_path: Path) -> None:
    answered(repo.path, "run", APP_URL=app_url)
    stricter = tmp_path / "good.yaml"
    stricter.write_text(BAD)
    judged = answer(repo.path, "judge", "latest", "--flow", str(stricter), code=1)
    assert judged["verdict"] == "failed"
    assert answer(repo.path, "judge", "latest")["verdict"] == "passed"
    refused(repo.path, "judge", "latest", "--flow", "nowhere.yaml", says=("nowhere.yaml cannot be read",))


def test_a_patch_affects_what_the_same_commit_would(repo: Repo, tmp_path: Path) -> None:
    repo.write({"testmesh.toml": '[services.good]\nhosts = ["127.0.0.1:9"]\n'})
    repo.commit()
    repo.write({"app.py": APP.replace('"a": 1', '"a": 2')})
    patch = tmp_path / "change.patch"
    patch.write_text(repo.git("diff") + "\n")
    tree = answer(repo.path, "impact", "HEAD")
    repo.git("checkout", "-q", ".")
    patched = answer(repo.path, "impact", "--patch", str(patch))
    assert [(f["file"], f["selection"]) for f in patched["flows"]] == [("flows/good.yaml", "must")]
    assert patched == tree
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b"words\n", "not a unified diff"),
        (b"\x00\xff" * 500, "not a unified diff"),
        (b"--- a/../../etc/passwd\n+++ b/../../etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "which the base does not have"),
        (b"--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-nothing like it\n+b\n", "app.py"),
    ],
)
def test_a_patch_that_is_none_or_does_not_fit(repo: Repo, tmp_path: Path, text: bytes, said: str) -> None:
    file = tmp_path / "p.patch"
    file.write_bytes(text)
    refused(repo.path, "impact", "--patch", str(file), says=(said,))


def test_skeletons_for_the_gaps_validate_and_touch_no_file_that_is_there(repo: Repo) -> None:
    repo.write({"app.py": APP + '\n@app.route("/more/<int:n>", methods=["POST"])\ndef more(n): return {}\n'})
    repo.write({"skeletons/good_get__good.yaml": "mine\n"})
    shown = answered(repo.path, "coverage", "--write", "skeletons")
    files = sorted(p.name for p in (repo.path / "skeletons").iterdir())
    assert len(files) >= 2
    assert "written" in shown
    assert (repo.path / "skeletons/good_get__good.yaml").read_text() == "mine\n"
    (repo.path / "skeletons/good_get__good.yaml").unlink()
    found = answer(repo.path, "validate", "skeletons")
    assert (found["files"], found["findings"]) == (len(files) - 1, [])


def test_loose_ends_are_written_down_and_settled_by_the_next_scan(repo: Repo) -> None:
    compose = "services:\n  cart: {build: ./cart}\n  payments: {build: ./payments}\n"
    repo.commit({"docker-compose.yml": compose, "cart/app.py": CALLER, "payments/app.py": CALLED})
    answered(repo.path, "scan", ".")
    (cause,) = [c for c in answer(repo.path, "graph", "unresolved")["causes"] if c["settles"] == "PAYMENTS_URL"]
    assert cause["service"] == "payments"
    answered(repo.path, "graph", "unresolved", "--write")
    written = tomllib.loads((repo.path / "testmesh.toml").read_text())
    assert written == {"services": {"payments": {"hosts": ["${PAYMENTS_URL}"]}}}
    answered(repo.path, "scan", ".")
    assert [c for c in answer(repo.path, "graph", "unresolved")["causes"] if c["settles"] == "PAYMENTS_URL"] == []
    links = answer(repo.path, "graph", "neighbours", "payments:POST /charge")["links"]
    assert [k["status"] for k in links if k["edge"] == "CALLS"] == ["resolved"]
    refused(repo.path, "graph", "unresolved", "--write", says=("no loose end",))


def test_questions_to_the_graph(repo: Repo) -> None:
    repo.commit({"app.py": APP + '\n@app.route("/new")\ndef new(): return {}\n'})
    assert answer(repo.path, "graph", "search", "good")["total"] >= 2
    paths = answer(repo.path, "graph", "paths", "good", "good:GET /good")
    assert paths["paths"]
    diff = answered(repo.path, "graph", "diff", "main~1..HEAD")
    assert "GET /new" in diff
    for command in (("paths", "nope", "good"), ("neighbours", "nope")):
        refused(repo.path, "graph", *command, says=("nothing in the graph is called 'nope'",))


def test_affected_flows_run_and_a_broken_new_one_is_never_passed_over(repo: Repo, app_url: str) -> None:
    options = ("run", "--affected", "HEAD")
    assert answer(repo.path, *options) == {"run": None, "verdict": None, "flows": []}
    repo.write({"other/new.yaml": FLOW.replace("http_request", "http_reqest")})
    data = answer(repo.path, *options, code=2, APP_URL=app_url)
    assert {f["file"]: f["verdict"] for f in data["flows"]}["other/new.yaml"] == "error"
    repo.write({"other/new.yaml": FLOW})
    data = answer(repo.path, *options, APP_URL=app_url)
    assert {f["file"]: f["verdict"] for f in data["flows"]}["other/new.yaml"] == "passed"
