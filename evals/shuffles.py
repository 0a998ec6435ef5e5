"""Does the order or the number of flows at once change a verdict? The corpus, shuffled: `python -m evals.shuffles`."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.corpus.places import EVERYTHING, Places, places
from evals.corpus.running import CorpusFlow, flows, run

TIMES = 200
PARALLEL = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Odd:
    """A verdict that was not as everywhere else.

    Args:
        shuffle: which run.
        parallel: how many flows at once.
        flow: file.
        verdict: what it was.
        message: of the first step that failed.
    """

    shuffle: int
    parallel: int
    flow: str
    verdict: str
    message: str


def measure(up: Places, corpus: Sequence[CorpusFlow], times: int) -> dict[str, object]:
    """Everything the eval says.

    Args:
        up: servers.
        corpus: flows.
        times: shuffles.
    """
    expected = {flow.file: flow.expected for flow in corpus}
    odd: list[Odd] = []
    executions: Counter[int] = Counter()
    started = time.monotonic()
    for number in range(times):
        parallel = PARALLEL[number % len(PARALLEL)]
        order = [flow.file for flow in corpus]
        random.Random(number).shuffle(order)
        for flow in run(order, up, parallel=parallel, seed=number).flows:
            executions[parallel] += 1
            if flow.verdict not in expected[flow.file]:
                first = next((s for s in flow.steps if s.verdict in ("failed", "error")), None)
                message = flow.message or (f"{first.id}: {first.message}" if first else "")
                odd.append(Odd(number, parallel, flow.file, flow.verdict, message))
    return {
        "shuffles": times,
        "flows": len(corpus),
        "negative": sum("passed" not in flow.expected for flow in corpus),
        "executions": sum(executions.values()),
        "by_parallel": {str(p): count for p, count in sorted(executions.items())},
        "as_expected": sum(executions.values()) - len(odd),
        "odd": [asdict(one) for one in odd],
        "missing": dict[str, str](up.missing),
        "seconds": round(time.monotonic() - started, 1),
    }


def shuffled(times: int, wanted: tuple[str, ...] = EVERYTHING) -> Mapping[str, object]:
    """Servers up, corpus shuffled, servers down.

    Args:
        times: shuffles.
        wanted: tags of servers.
    """
    with places(wanted) as up:
        return measure(up, flows(up), times)


def main() -> int:
    """Measure and print; `--json FILE` keeps it."""
    parser = argparse.ArgumentParser(prog="python -m evals.shuffles", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = shuffled(options.times)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
