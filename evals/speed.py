"""`python -m evals.speed`: what a run costs in CPU and wall time, measured on whole processes (DESIGN §12)."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

GOALS = {
    "version_cpu_ms": 60.0,
    "one_step_cpu_ms": 150.0,
    "200_steps_above_one_cpu_ms": 200.0,
    "2000_steps_to_200_ratio": 11.0,
    "50_flows_parallel_8_above_one_wall_ms": 500.0,
}
REPEATS = 5
_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"ok":true,"id":"o1"}'


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure.

    Args:
        name: a key of GOALS.
        value: measured, the best of several repeats.
        goal: at most.
        holds: whether it does.
    """

    name: str
    value: float
    goal: float
    holds: bool


def _flow(name: str, url: str, steps: int) -> str:
    step = (
        "    - {{id: s{n}, action: http_request, config: {{method: POST, url: '{url}/orders', body: {{n: {n}}}}},\n"
        "       assert: [status == 200, body.ok == true]}}\n"
    )
    body = "".join(step.format(n=n, url=url) for n in range(steps))
    return f"flow:\n  name: {name}\n  steps:\n{body}"


@contextmanager
def server() -> Iterator[str]:
    """An HTTP server in a process of its own; gives its URL."""
    program = [sys.executable, "-m", "evals.speed", "--serve"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def _serve() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
                await reader.readexactly(length)
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def _spent(argv: Sequence[str], folder: Path) -> tuple[float, float]:
    """CPU and wall milliseconds of a process that must succeed."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONPATH": os.getcwd()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu * 1000, wall * 1000


def _best(measure: Callable[[], tuple[float, float]], repeats: int = REPEATS) -> tuple[float, float]:
    """The smallest CPU and wall time of several repeats; the first only warms caches."""
    measure()
    found = [measure() for _ in range(repeats)]
    return min(cpu for cpu, _ in found), min(wall for _, wall in found)


def _run(folder: Path, *rest: str) -> Callable[[], tuple[float, float]]:
    reports = ("--report", "junit=out/junit.xml", "--report", "json=out/run.json")
    return lambda: _spent([sys.executable, "-m", "testmesh", "run", *rest, *reports], folder)


def measure(folder: Path) -> list[Measured]:
    """Every figure.

    Args:
        folder: empty, for flows, reports and bytecode.
    """
    with server() as url:
        for steps in (1, 200, 2000):
            (folder / f"steps{steps}.yaml").write_text(_flow(f"steps {steps}", url, steps))
        (folder / "many").mkdir()
        for n in range(50):
            (folder / "many" / f"flow{n}.yaml").write_text(_flow(f"flow {n}", url, 20))
        version, _ = _best(lambda: _spent([sys.executable, "-m", "testmesh", "--version"], folder))
        one, one_wall = _best(_run(folder, "steps1.yaml"))
        few, _ = _best(_run(folder, "steps200.yaml"))
        lots, _ = _best(_run(folder, "steps2000.yaml"), repeats=2)
        _, many_wall = _best(_run(folder, "many", "--parallel", "8"))
    values = {
        "version_cpu_ms": version,
        "one_step_cpu_ms": one,
        "200_steps_above_one_cpu_ms": few - one,
        "2000_steps_to_200_ratio": (lots - one) / (few - one),
        "50_flows_parallel_8_above_one_wall_ms": many_wall - one_wall,
    }
    return [Measured(name, round(value, 1), GOALS[name], value <= GOALS[name]) for name, value in values.items()]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="evals.speed", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return 0
    with tempfile.TemporaryDirectory(prefix="testmesh-speed-") as folder:
        found = measure(Path(folder))
    for row in found:
        print(f"{row.name:<40} {row.value:>8.1f}  goal {row.goal:>6.1f}  {'holds' if row.holds else 'MISSED'}")
    if options.json:
        Path(options.json).write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
