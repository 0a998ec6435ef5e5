"""Scoring compares rows as the truth's conventions say, and reports every miss and false alarm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evals.scanning import main, report, scored
from evals.scoring import Claim, Row, Truth, compare, same, score
from evals.scoring_rows import TruthFile, dataset_name
from graph.linking.link import RepositoryFacts, link
from graph.values import Fact, Lit, Location, Name

SHOP = """
import requests
from flask import Flask

app = Flask(__name__)


@app.route("/carts/<id>", methods=["GET"])
def cart(id):
    return requests.get(f"http://prices:8000/prices/{id}").json()


@app.route("/health")
def health():
    return "ok"
"""
PRICES = """
from flask import Flask

app = Flask(__name__)


@app.get("/prices/<sku>")
def price(sku):
    return {"sku": sku}
"""
COMPOSE = """
services:
  cart: {build: cart}
  prices: {build: prices}
  db: {image: "postgres:16"}
"""


def never(_: tuple[str, ...]) -> bool:
    return False


def truth(**more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "repo": "x/y",
        "commit": "0" * 40,
        "services": [
            {"name": "cart", "language": "Python", "kind": "business", "file": "c", "line": 1},
            {"name": "prices", "language": "Python", "kind": "business", "file": "c", "line": 2},
            {"name": "db", "language": "", "kind": "infrastructure", "file": "c", "line": 3},
        ],
        "endpoints": [
            _endpoint("cart", "GET", "/carts/{}"),
            _endpoint("cart", "GET", "/health", kind="operational"),
            _endpoint("prices", "GET", "/prices/{}"),
        ],
        "calls": [
            {"from": "cart", "to": "prices", "protocol": "http", "method": "GET", "path": "/prices/{}", "line": 9}
        ],
        "routes": [], "publishes": [], "consumes": [], "stores": [], "accesses": [], "externals": [],
        "not_edges": [], "notes": [],
    }  # fmt: skip
    return data | more


def _endpoint(service: str, method: str, path: str, **more: Any) -> dict[str, Any]:
    row = {
        "service": service,
        "protocol": "http",
        "method": method,
        "path": path,
        "kind": "business",
        "file": "f",
        "line": 1,
    }
    return row | more


def repository(folder: Path) -> Path:
    for name, text in (("cart/app.py", SHOP), ("prices/app.py", PRICES), ("compose.yaml", COMPOSE)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return folder


def test_methods_and_rests_of_paths_match_as_the_conventions_say() -> None:
    assert same(("a", "http", "GET", "/x"), ("a", "http", "ANY", "/x"))
    assert same(("a", "/api/cart/add"), ("a", "/api/cart/**"))
    assert not same(("a", "/api/cartoon"), ("a", "/api/cart/**"))
    assert same(("a", "/files/**"), ("a", "/files/{}"))
    assert not same(("a", "b"), ("a", "b", "c"))


def test_neutral_rows_are_neither_misses_nor_false_alarms() -> None:
    truths = [Truth((("a",),)), Truth((("b",),), neutral=True)]
    rows = compare("services", [Claim(("b",)), Claim(("c",))], truths, never)
    assert [(r.outcome, r.key) for r in rows] == [("fp", ("c",)), ("fn", ("a",))]
    figures = score(rows, "services")
    assert (figures.tp, figures.precision, figures.recall, figures.f1) == (0, 0.0, 0.0, 0.0)
    assert score(rows, "endpoints").f1 is None


def test_aliases_exchanges_and_schema_prefixes_are_accepted() -> None:
    data = truth(
        services=[{"name": "a", "aliases": ["b"], "kind": "business"}],
        publishes=[{"service": "a", "broker": "rabbitmq", "topic": "orders", "exchange": "shop"}],
    )
    found = TruthFile(data)
    assert found.services()[0].keys == (("a",), ("b",))
    assert ("b", "rabbitmq", "shop") in found.topics("publishes")[0].keys
    assert dataset_name("public.Orders") == dataset_name("ORDERS") == "orders"
    assert dataset_name("user:{id}") == "user:{}"


def test_a_note_that_leaves_a_thing_open_excuses_it_only_by_its_whole_name() -> None:
    excused = TruthFile(truth(notes=["loadgenerator is left out: score it neither way."])).excuses()
    assert excused(("loadgenerator",))
    assert not excused(("load",))
    assert not excused(("loadgenerator", "cart"))


def test_a_database_listed_under_stores_only_is_no_false_alarm_among_services() -> None:
    excused = TruthFile(truth(stores=[{"name": "orderdb", "kind": "postgresql", "instance": "postgres"}])).excuses()
    assert excused(("postgres",))
    assert not excused(("redis",))


def test_a_gateway_and_its_route_reported_separately_is_no_false_alarm() -> None:
    routes = [{"gateway": "web", "path": "/api/**", "to": "cart", "to_path": "/**"}]
    excused = TruthFile(truth(routes=routes)).excuses()
    assert excused(("web", "cart"))
    assert excused(("web", "http", "GET", "/api/**"))
    assert not excused(("web", "http", "GET", "/other/**"))


def test_operational_and_infrastructure_rows_are_scored_apart() -> None:
    facts = (
        Fact("service", {"name": "cart", "root": "cart"}, Location("compose.yaml", 1)),
        Fact(
            "service", {"name": "db", "sort": "infrastructure", "store_kind": "postgresql"}, Location("compose.yaml", 2)
        ),
        Fact("router", {"name": "app"}, Location("cart/app.py", 1)),
        *(
            Fact(
                "endpoint",
                {"protocol": "http", "method": "GET", "path": Lit(path), "router": Name("app"), "operational": aside},
                Location("cart/app.py", 3),
            )
            for path, aside in (("/carts/{id}", False), ("/health", True), ("/extra", False))
        ),
    )
    found = TruthFile(truth())
    result = report(scored(link([RepositoryFacts("r", "c", facts)], "w"), found), frozenset({".py"}))
    assert (result["endpoints"]["tp"], result["endpoints"]["fp"], result["endpoints"]["fn"]) == (1, 1, 1)
    assert result["infrastructure"]["endpoints"]["f1"] == 1.0
    assert result["infrastructure"]["services"]["f1"] == 1.0
    assert result["by_language"]["Python"]["services"] == {
        "tp": 1, "fp": 0, "fn": 1, "precision": 1.0, "recall": 0.5, "f1": 0.6667,
    }  # fmt: skip
    alarms = [row for row in result["false_alarms"] if row["category"] == "endpoints"]
    assert [row["row"] for row in alarms] == [["cart", "http", "GET", "/extra"]]
    assert {row["category"] for row in result["misses"]} == {
        "services", "endpoints", "service_edges", "endpoint_edges", "resolved",
    }  # fmt: skip


def test_a_miss_in_a_language_nobody_reads_says_so() -> None:
    row = Row("endpoints", "fn", ("a", "http", "GET", "/x"), "Java", False, "src/A.java:7")
    other = Row("resolved", "fn", ("a", "b", "http", "GET", "/x"), "Python", False, "a/app.py:9")
    whys = [m["why"] for m in report([row, other], frozenset({".py"}))["misses"]]
    assert whys == ["no scanner reads .java files", "a candidate only"]


def test_the_command_scans_the_commit_of_the_truth_from_a_bare_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = repository(tmp_path / "work")
    commit = subprocess.run(
        ["git", "-C", str(work), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth(commit=commit)))
    assert main([str(bare), str(file), "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    for name in ("services", "endpoints", "service_edges", "endpoint_edges", "resolved"):
        assert result[name]["f1"] == 1.0, name
    assert result["misses"] == result["false_alarms"] == []
    assert "endpoint_edges      1    0    0   1.000  1.000  1.000" in capsys.readouterr().out


def test_a_commit_that_is_not_there_falls_back_to_the_work_tree_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = repository(tmp_path / "work")
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth()))
    assert main([str(work), str(file)]) == 0
    assert "the work tree is scanned instead" in capsys.readouterr().err
