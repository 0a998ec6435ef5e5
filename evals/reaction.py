"""`python -m evals.reaction`: how soon a waiting step sees what it waits for (DESIGN §12).

Measured from the commit, or the broker's acknowledgement, to the end of the step, on real servers of the test suite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flows.runner import RunOptions, run_flows
from graph.runs import Event, StepFinished, StepStarted

GOAL_MS = 25.0
SAMPLES = 40
_READ = """
flow:
  name: reaction
  steps:
    - id: wait
      action: database_query
      config: {{connection: "{url}", query: "SELECT * FROM seen WHERE id = {n}"}}
      assert: [count == 1]
"""
_CONSUME = """
flow:
  name: reaction
  steps:
    - {{id: wait, action: kafka_consumer, config: {{brokers: "{url}", topic: "{topic}"}}, assert: [value == {n}]}}
"""


def _measured(folder: Path, text: str, happen: Callable[[], None], after: float) -> float:
    """Milliseconds from the end of `happen` to the end of the step."""
    (folder / "flow.yaml").write_text(text)
    started, moments = threading.Event(), {}

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted):
            started.set()
        elif isinstance(event, StepFinished):
            moments["seen"] = time.monotonic()

    def act() -> None:
        started.wait()
        time.sleep(after)
        happen()
        moments["done"] = time.monotonic()

    thread = threading.Thread(target=act)
    thread.start()
    run = asyncio.run(run_flows(RunOptions(paths=("flow.yaml",), root=folder), [listen]))
    thread.join()
    if run.verdict != "passed":
        raise SystemExit(f"the flow did not pass: {run.flows[0].steps[0].message}")
    return (moments["seen"] - moments["done"]) * 1000


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95) - 1]


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    from tests.servers.small import start_postgres

    server, url = start_postgres(folder)
    try:
        yield url
    finally:
        server.stop()


def sql_reaction(folder: Path, spread: random.Random) -> float:
    """p95 of a SQL read, the event within 200 ms.

    Args:
        folder: scratch.
        spread: when the event happens.
    """
    import psycopg

    data = folder / "postgres"
    data.mkdir(mode=0o755)
    with ExitStack() as stack:
        url = stack.enter_context(_postgres(data))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        connection.execute("CREATE TABLE seen (id int)")
        found = []
        for n in range(SAMPLES):

            def insert(n: int = n) -> None:
                connection.execute("INSERT INTO seen VALUES (%s)", [n])

            found.append(_measured(folder, _READ.format(url=url, n=n), insert, spread.uniform(0.02, 0.2)))
        return _p95(found)


def kafka_reaction(folder: Path, spread: random.Random) -> float:
    """p95 of a Kafka consumer; the broker is `TESTMESH_TEST_KAFKA`, else librdkafka's mock cluster.

    Args:
        folder: scratch.
        spread: when the event happens.
    """
    from confluent_kafka import Producer

    brokers = os.environ.get("TESTMESH_TEST_KAFKA", "")
    mock = None
    if not brokers or brokers.startswith("unavailable"):
        mock = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        brokers = ",".join(f"{b.host}:{b.port}" for b in mock.list_topics(timeout=5).brokers.values())
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0, "log_level": 0})
    found = []
    for n in range(SAMPLES):
        topic = f"reaction-{os.getpid()}-{n}"

        def publish(topic: str = topic, n: int = n) -> None:
            producer.produce(topic, str(n).encode())
            producer.flush()

        producer.produce(topic, b"-1")
        producer.flush()
        text = _CONSUME.format(url=brokers, topic=topic, n=n)
        found.append(_measured(folder, text, publish, spread.uniform(0.02, 0.2)))
    return _p95(found)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="evals.reaction", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    spread = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="testmesh-reaction-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        values = {"sql_p95_ms": sql_reaction(folder, spread), "kafka_p95_ms": kafka_reaction(folder, spread)}
    for key, value in values.items():
        print(f"{key:<14} {value:>6.1f}  goal {GOAL_MS:.0f}  {'holds' if value <= GOAL_MS else 'MISSED'}")
    if options.json:
        rows = [{"name": key, "value": round(value, 2), "goal": GOAL_MS} for key, value in values.items()]
        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
