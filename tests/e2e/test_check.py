"""`testmesh graph check` as people use it: what a commit breaks, where, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.cli import testmesh
from tests.e2e.conftest import made
from tests.scanners.conftest import Repo

COMPOSE = """services:
  kafka: {image: apache/kafka}
  orders: {build: ./orders}
  mail: {build: ./mail}
"""
ORDERS = """import json
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "kafka:9092"})

def placed(order):
    event = {"order_id": order["id"], "customer_id": order["customer"], "trace": 1}
    producer.produce("order.placed", json.dumps(event))
"""
MAIL = """import json
from confluent_kafka import Consumer

def run():
    consumer = Consumer({"bootstrap.servers": "kafka:9092", "group.id": "mail"})
    consumer.subscribe(["order.placed"])
    while True:
        message = consumer.poll(1)
        event = json.loads(message.value())
        print(event["order_id"])
        print(event["customer_id"])
"""
DOCKERFILE = 'FROM python:3.13\nCOPY . .\nCMD ["python", "main.py"]\n'


@pytest.fixture
def system(tmp_path: Path) -> Repo:
    found = made(tmp_path / "system")
    files = {"compose.yaml": COMPOSE, "orders/main.py": ORDERS, "mail/main.py": MAIL}
    found.commit(files | {"orders/Dockerfile": DOCKERFILE, "mail/Dockerfile": DOCKERFILE})
    return found


def test_sides_that_fit_end_with_zero(system: Repo) -> None:
    done = testmesh(system.path, "graph", "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(
        "0 breaking, 0 warnings, 0 notes (what stands); 1 seam with both sides"
    )


def test_a_commit_that_drops_a_field_names_the_line_that_reads_it(system: Repo) -> None:
    system.commit({"orders/main.py": ORDERS.replace('"customer_id": order["customer"], ', "")})
    done = testmesh(system.path, "graph", "check", "HEAD~1..HEAD")
    assert done.returncode == 1
    said = done.stdout.splitlines()
    assert said[0] == "breaking: orders no longer sends `customer_id` in kafka:order.placed; mail reads it"
    assert said[1].split()[2] == "orders/main.py:7"
    assert said[2].split()[2] == "mail/main.py:11"
    impact = testmesh(system.path, "impact", "HEAD~1..HEAD").stdout
    assert "Breaks (1)" in impact
    assert "orders no longer sends `customer_id`" in impact


def test_a_commit_that_drops_what_nobody_reads_is_silent(system: Repo) -> None:
    system.commit({"orders/main.py": ORDERS.replace(', "trace": 1', "")})
    done = testmesh(system.path, "graph", "check", "HEAD~1..HEAD", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["findings"] == []


def test_without_a_range_the_work_tree_is_checked_not_what_was_scanned_before(system: Repo) -> None:
    assert testmesh(system.path, "scan").returncode == 0
    system.write({"orders/main.py": ORDERS.replace("customer_id", "client_id")})
    done = testmesh(system.path, "graph", "check")
    assert done.returncode == 1
    assert "mail reads `customer_id` of kafka:order.placed, which orders does not send" in done.stdout


def test_packs_says_what_is_read(tmp_path: Path) -> None:
    done = testmesh(tmp_path, "packs", "kafka", "--json")
    rows = json.loads(done.stdout)
    assert {"kafka", "spring_kafka", "go_kafka"} <= {row["name"] for row in rows}
    assert testmesh(tmp_path, "packs", "nothing-like-it").stdout == "nothing reads that\n"
