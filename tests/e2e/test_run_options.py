"""Options of `testmesh run` as a user has them: shards, only what failed, dry runs, seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cli import answer, answered, refused, testmesh
from tests.flows.support import Web

STEP = '{{id: get, action: http_request, config: {{url: "{url}/{path}"}}, assert: [status == 200]}}'


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


def _flow(folder: Path, name: str, steps: str, head: str = "") -> None:
    (folder / f"{name}.yaml").write_text(f"flow:\n  name: {name}\n{head}  steps:\n{steps}")


def _many(folder: Path, web: Web) -> None:
    web.on("GET /ok", 200, {})
    for name, count in (("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)):
        step = STEP.format(url=web.url, path="ok")
        _flow(folder, name, "".join(f"    - {step.replace('id: get', f'id: get{n}')}\n" for n in range(count)))


def test_shards_run_every_flow_exactly_once_and_are_balanced(tmp_path: Path, web: Web) -> None:
    _many(tmp_path, web)
    parts = [answer(tmp_path, "run", ".", "--shard", f"{i}/3") for i in (1, 2, 3)]
    files = [sorted(flow["file"] for flow in part["flows"]) for part in parts]
    assert sorted(file for part in files for file in part) == [f"{n}.yaml" for n in "abcde"]
    assert files == [["e.yaml"], ["a.yaml", "d.yaml"], ["b.yaml", "c.yaml"]]
    assert files[1] == [flow["file"] for flow in answer(tmp_path, "run", ".", "--shard", "2/3")["flows"]]


def test_shards_are_balanced_by_durations_of_an_earlier_run(tmp_path: Path, web: Web) -> None:
    _many(tmp_path, web)
    past = {"a.yaml": 90, "b.yaml": 5, "c.yaml": 5, "d.yaml": 5}
    known = {"flows": [{"file": file, "row": None, "duration_ms": ms} for file, ms in past.items()]}
    (tmp_path / "past.json").write_text(json.dumps(known))
    first = answer(tmp_path, "run", ".", "--shard", "1/2", "--durations", "past.json")
    assert [flow["file"] for flow in first["flows"]] == ["a.yaml"]
    refused(tmp_path, "run", ".", "--durations", "past.json", says=("--shard",))
    refused(tmp_path, "run", ".", "--shard", "1/2", "--durations", "a.yaml", says=("neither a run",))


def test_a_shard_on_which_nothing_falls_is_no_failure_and_claims_nothing(tmp_path: Path, web: Web) -> None:
    web.on("GET /ok", 200, {})
    _flow(tmp_path, "a", f"    - {STEP.format(url=web.url, path='ok')}\n")
    assert answer(tmp_path, "run", ".", "--shard", "2/2") == {"run": None, "verdict": None, "flows": []}
    assert "nothing falls on it" in answered(tmp_path, "run", ".", "--shard", "2/2")
    for text in ("0/2", "3/2", "1", "a/b"):
        refused(tmp_path, "run", ".", "--shard", text, says=("is not i/n",))


def test_only_what_failed_runs_again_until_all_passed(tmp_path: Path, web: Web) -> None:
    web.on("GET /ok", 200, {})
    rows = "  data: [{path: ok}, {path: late}]\n"
    _flow(tmp_path, "rows", f"    - {STEP.format(url=web.url, path='${path}')}\n", rows)
    _flow(tmp_path, "fine", f"    - {STEP.format(url=web.url, path='ok')}\n")
    first = answer(tmp_path, "run", ".", code=1)
    again = answer(tmp_path, "run", "--only-failed", code=1)
    assert [(flow["file"], flow["row"]) for flow in again["flows"]] == [("rows.yaml", 1)]
    web.on("GET /late", 200, {})
    assert answer(tmp_path, "run", "--only-failed")["verdict"] == "passed"
    assert "every flow passed" in answered(tmp_path, "run", "--only-failed")
    assert len(answer(tmp_path, "run", "--failed-in", first["run"])["flows"]) == 1
    assert answer(tmp_path, "run", "fine.yaml", "--failed-in", first["run"])["flows"] == []


DRY = """flow:
  name: Dry
  env: {{BASE: "{url}", TOKEN: "${{SECRET_TOKEN}}"}}
  steps:
    - {{id: new, action: set, config: {{sku: "S-${{RANDOM_INT}}"}}}}
    - id: place
      action: http_request
      config: {{method: POST, url: "${{BASE}}/orders", body: {{sku: "${{sku}}"}}, auth: {{bearer: "${{TOKEN}}"}}}}
      assert: [status == 201]
    - id: read
      action: http_request
      config: {{url: "${{BASE}}/orders/${{place.body.id}}"}}
      assert: [status == 200]
    - {{id: maybe, action: log, when: place.status == 201, config: {{message: "made"}}}}
    - id: each
      action: for_each
      config:
        range: {{from: 1, to: 2}}
        steps:
          - {{id: hit, action: http_request, config: {{url: "${{BASE}}/hit/${{item}}"}}, assert: [status == 200]}}
"""


def test_a_dry_run_shows_every_request_and_sends_nothing(tmp_path: Path, web: Web) -> None:
    (tmp_path / "dry.yaml").write_text(DRY.format(url=web.url))
    refused_run = testmesh(tmp_path, "run", ".", "--dry-run")
    assert refused_run.returncode == 2
    assert "'SECRET_TOKEN'" in refused_run.stdout
    shown = answer(tmp_path, "run", ".", "--dry-run", "--seed", "7", SECRET_TOKEN="hidden-value-1")
    steps = {step["id"]: step for step in shown["flows"][0]["steps"]}
    assert steps["place"]["request"]["body"] == {"sku": steps["new"]["request"]["sku"]}
    assert steps["place"]["request"]["url"] == f"{web.url}/orders"
    assert "hidden-value-1" not in json.dumps(shown)
    assert (steps["read"]["state"], steps["read"]["later"]) == ("partly", ["place"])
    assert steps["read"]["request"]["url"] == f"{web.url}/orders/${{place.body.id}}"
    assert steps["maybe"]["state"] == "maybe"
    assert [s["request"]["url"] for s in steps["each"]["steps"]] == [f"{web.url}/hit/1", f"{web.url}/hit/2"]
    assert "nothing was sent" in answered(tmp_path, "run", ".", "--dry-run", SECRET_TOKEN="hidden-value-1")
    assert web.seen == []
    assert not (tmp_path / ".testmesh" / "runs").exists()


def test_a_dry_run_knows_defaults_of_variables_also_those_of_a_flow_that_is_run_by_another(tmp_path: Path) -> None:
    head = '  env: {{BASE: "${{{name}_URL:http://127.0.0.1:1}}", PATHS: "${{BASE}}/x"}}\n'
    step = '    - {id: a, action: http_request, config: {url: "${PATHS}"}, assert: [status == 200]}\n'
    _flow(tmp_path, "child", step, head.format(name="CHILD"))
    _flow(
        tmp_path,
        "parent",
        step + "    - {id: c, action: run_flow, config: {flow: child.yaml}}\n",
        head.format(name="P"),
    )
    shown = answer(tmp_path, "run", "parent.yaml", "--dry-run", P_URL="http://127.0.0.1:2")
    own, below = shown["flows"][0]["steps"]
    assert own["request"]["url"] == "http://127.0.0.1:2/x"
    assert below["steps"][0]["request"]["url"] == "http://127.0.0.1:1/x"


def test_a_dry_run_says_what_can_never_be_evaluated(tmp_path: Path) -> None:
    bad = '    - {id: a, action: http_request, config: {url: "http://x/${int(FLOW_NAME)}"}, assert: [status == 200]}\n'
    _flow(tmp_path, "bad", bad)
    assert "cannot be evaluated" in answered(tmp_path, "run", ".", "--dry-run", code=1)
    _flow(tmp_path, "worse", "    - {id: a, action: http_reqest}\n")
    assert "http_reqest" in answered(tmp_path, "run", ".", "--dry-run", code=2)


def test_the_same_seed_gives_the_same_random_values_in_dry_and_real_runs(tmp_path: Path, web: Web) -> None:
    web.on("POST /x", 200, {})
    body = '{id: "${RANDOM_ID}", n: "${RANDOM_INT}", name: "${FAKER.person.fullName}", u: "${uuid()}"}'
    _flow(
        tmp_path,
        "s",
        f'    - {{id: a, action: http_request, config: {{method: POST, url: "{web.url}/x", body: {body}}}}}\n',
    )
    for seed in ("1", "1", "2"):
        answer(tmp_path, "run", ".", "--seed", seed)
    first, second, third = (seen.json for seen in web.seen)
    assert first == second
    assert all(first[key] != third[key] for key in first)
    dry = answer(tmp_path, "run", ".", "--dry-run", "--seed", "1")
    assert dry["flows"][0]["steps"][0]["request"]["body"] == first


def test_shell_steps_need_the_policy_file_or_the_option(tmp_path: Path) -> None:
    _flow(tmp_path, "sh", '    - {id: a, action: shell, config: {command: "touch done"}, assert: [exit_code == 0]}\n')
    done = testmesh(tmp_path, "run", ".")
    assert done.returncode == 2
    assert "write '[shell]' and 'allow = true' into testmesh.toml" in done.stdout
    assert testmesh(tmp_path, "validate", ".").returncode == 2
    assert not (tmp_path / "done").exists()
    assert answer(tmp_path, "run", ".", "--allow-shell")["verdict"] == "passed"
    (tmp_path / "testmesh.toml").write_text("[shell]\nallow = true\n")
    assert answer(tmp_path, "run", ".")["verdict"] == "passed"
    (tmp_path / "testmesh.toml").write_text("[shell]\nallow = 1\n")
    assert testmesh(tmp_path, "run", ".").returncode == 2
