"""`python -m evals.reaction`: how soon a waiting step sees what it waits for (DESIGN §12).

Measured from the commit, or the broker's acknowledgement, to the end of the step, on real servers of the test suite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from evals.reaction_kinds import KINDS
from flows.runner import RunOptions, run_flows
from graph.runs import Event, StepFinished, StepStarted
from tests.servers.process import Unavailable

GOAL_MS = 25.0
SAMPLES = 40


def _measured(folder: Path, text: str, happen: Callable[[], None], after: float) -> float:
    """Milliseconds from the end of `happen` to the end of the waiting step."""
    (folder / "flow.yaml").write_text(text)
    started, moments = threading.Event(), {}

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted) and event.id == "wait":
            started.set()
        elif isinstance(event, StepFinished) and event.step.id == "wait":
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
        said = [step.message for step in run.flows[0].steps] or run.flows[0].problems
        raise SystemExit(f"the flow did not pass: {said}")
    return (moments["seen"] - moments["done"]) * 1000


def p95(values: list[float]) -> float:
    """The value that 95 of 100 do not exceed.

    Args:
        values: at least one.
    """
    return sorted(values)[max(0, int(len(values) * 0.95) - 1)]


def reaction(name: str, spread: random.Random) -> float:
    """p95 of one kind of wait, the event within 200 ms of the step's start; the first sample only warms up.

    Args:
        name: of the kind.
        spread: when the event happens.
    """
    with tempfile.TemporaryDirectory(prefix="testmesh-reaction-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        (folder / "server").mkdir(mode=0o755)
        found = []
        with KINDS[name](folder / "server") as kind:
            for n in range(SAMPLES + 1):
                text = f"flow:\n  name: reaction\n  steps:\n    - {kind.step(n)}\n"
                found.append(_measured(folder, text, lambda n=n: kind.happen(n), spread.uniform(0.03, 0.2)))  # type: ignore[misc]
        return p95(found[1:])


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="evals.reaction", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in options.kinds or KINDS:
        try:
            value = reaction(name, random.Random(1))
        except Unavailable as problem:
            print(f"{name:<20} not measured: {problem}")
            continue
        print(
            f"{name:<20} p95 {value:>6.1f} ms  goal {GOAL_MS:.0f}  {'holds' if value <= GOAL_MS else 'MISSED'}",
            flush=True,
        )
        rows.append({"name": name, "value": round(value, 2), "goal": GOAL_MS})
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
