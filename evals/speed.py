"""`python -m evals.speed`: what a run costs in CPU, wall time and memory, measured on whole processes (DESIGN §12).

With `--peers` the same steps are run by other runners (evals/speed_peers.py) in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from evals.speed_peers import PEERS, Peer, found

GOALS = {
    "version_cpu_ms": 60.0,
    "one_step_cpu_ms": 150.0,
    "200_steps_above_one_cpu_ms": 200.0,
    "2000_steps_to_200_ratio": 11.0,
    "50_flows_parallel_8_above_one_wall_ms": 500.0,
    "20_flows_of_1000_steps_peak_mb": 80.0,
    "loop_of_20000_steps_peak_mb": 80.0,
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


@dataclass(frozen=True, slots=True)
class Beside:
    """One runner in the comparison, CPU and wall in milliseconds.

    Args:
        runner: its name.
        one: CPU of a run with one step.
        two_hundred: CPU of 200 steps.
        two_thousand: CPU of 2,000 steps.
        marginal: CPU of one more step, from 200 to 2,000.
        many: wall time of 50 × 20 steps, eight at once, above a run with one step; None where it cannot.
    """

    runner: str
    one: float
    two_hundred: float
    two_thousand: float
    marginal: float
    many: float | None


class Spent(NamedTuple):
    """What a process cost: milliseconds, and MiB at its peak."""

    cpu: float
    wall: float
    peak: float


def _flow(name: str, url: str, steps: int) -> str:
    step = (
        "    - {{id: s{n}, action: http_request, config: {{method: POST, url: '{url}/orders', body: {{n: {n}}}}},\n"
        "       assert: [status == 200, body.ok == true]}}\n"
    )
    body = "".join(step.format(n=n, url=url) for n in range(steps))
    return f"flow:\n  name: {name}\n  steps:\n{body}"


def _loop(url: str, iterations: int) -> str:
    step = "{id: s%d, action: http_request, config: {method: POST, url: '%s/orders', body: {n: 1}}, assert: %s}"
    body = "".join(f"          - {step % (n, url, '[status == 200, body.ok == true]')}\n" for n in (1, 2))
    config = f"        range: {{from: 1, to: {iterations}}}\n        steps:\n{body}"
    return f"flow:\n  name: loop\n  steps:\n    - id: loop\n      action: for_each\n      config:\n{config}"


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


def _spent(argv: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Spent:
    """What a process cost that must succeed, with everything it started and waited for."""
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "PYTHONPATH": os.getcwd(),
        **(env or {}),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=output, stderr=output)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        text = (folder / "output.log").read_text(errors="replace")[-3000:]
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}:\n{text}")
    return Spent((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000, usage.ru_maxrss / 1024)


def _best(measure: Callable[[], Spent], repeats: int = REPEATS) -> Spent:
    """The smallest CPU and wall time of several repeats; the first only warms caches. Of memory the largest."""
    measure()
    found = [measure() for _ in range(repeats)]
    return Spent(min(spent.cpu for spent in found), min(spent.wall for spent in found), max(s.peak for s in found))


def _run(folder: Path, *rest: str) -> Callable[[], Spent]:
    reports = ("--report", "junit=out/junit.xml", "--report", "json=out/run.json")
    return lambda: _spent([sys.executable, "-m", "testmesh", "run", *rest, *reports], folder)


def _written(folder: Path, url: str) -> None:
    for steps in (1, 200, 2000):
        (folder / f"steps{steps}.yaml").write_text(_flow(f"steps {steps}", url, steps))
    for name, count, steps in (("many", 50, 20), ("long", 20, 1000)):
        (folder / name).mkdir()
        for n in range(count):
            (folder / name / f"flow{n}.yaml").write_text(_flow(f"flow {n}", url, steps))
    (folder / "loop.yaml").write_text(_loop(url, 10_000))


def measure(folder: Path, url: str) -> tuple[list[Measured], Beside]:
    """Every figure, and ours as a row of the comparison.

    Args:
        folder: empty, for flows, reports and bytecode.
        url: of the server.
    """
    _written(folder, url)
    version = _best(lambda: _spent([sys.executable, "-m", "testmesh", "--version"], folder))
    one = _best(_run(folder, "steps1.yaml"))
    few = _best(_run(folder, "steps200.yaml"))
    lots = _best(_run(folder, "steps2000.yaml"), repeats=2)
    many = _best(_run(folder, "many", "--parallel", "8"))
    values = {
        "version_cpu_ms": version.cpu,
        "one_step_cpu_ms": one.cpu,
        "200_steps_above_one_cpu_ms": few.cpu - one.cpu,
        "2000_steps_to_200_ratio": (lots.cpu - one.cpu) / (few.cpu - one.cpu),
        "50_flows_parallel_8_above_one_wall_ms": many.wall - one.wall,
        "20_flows_of_1000_steps_peak_mb": _run(folder, "long")().peak,
        "loop_of_20000_steps_peak_mb": _run(folder, "loop.yaml")().peak,
    }
    rows = [Measured(name, round(value, 1), GOALS[name], value <= GOALS[name]) for name, value in values.items()]
    return rows, _beside("testmesh", (one, few, lots), many.wall - one.wall)


def _beside(name: str, spent: tuple[Spent, Spent, Spent], many: float | None) -> Beside:
    one, few, lots = (round(found.cpu, 1) for found in spent)
    return Beside(name, one, few, lots, round((lots - few) / 1800, 4), None if many is None else round(many, 1))


def measure_peer(name: str, program: str, folder: Path, url: str) -> Beside:
    """The same steps with another runner.

    Args:
        name: of the peer.
        program: its command.
        folder: empty.
        url: of the server.
    """
    peer: Peer = PEERS[name]
    spent: list[Spent] = []
    for steps, repeats in ((1, REPEATS), (200, 3), (2000, 2)):
        file = folder / f"test_steps{steps}{peer.suffix}"
        file.write_text(peer.text(f"steps{steps}", url, steps))
        spent.append(_best(lambda file=file: _spent(peer.argv(program, file, folder), folder, peer.env), repeats))  # type: ignore[misc]
    many = None
    if peer.many is not None:
        files, run = folder / "many", peer.many
        files.mkdir()
        for n in range(50):
            (files / f"flow{n}{peer.suffix}").write_text(peer.text(f"flow{n}", url, 20))
        many = _best(lambda: _spent(run(program, files, folder), folder, peer.env), 3).wall - spent[0].wall
    return _beside(name, (spent[0], spent[1], spent[2]), many)


def compared(url: str, given: Mapping[str, str]) -> list[Beside]:
    """Every peer that is installed.

    Args:
        url: of the server.
        given: name to program.
    """
    rows = []
    for name in PEERS:
        program = found(name, given)
        if program is None:
            print(f"{name}: not installed", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix=f"testmesh-speed-{name}-") as folder:
            rows.append(measure_peer(name, program, Path(folder), url))
    return rows


def _table(rows: Sequence[Beside]) -> None:
    print(f"\n{'CPU ms':<10} {'1 step':>9} {'200':>9} {'2,000':>9} {'marginal':>9} {'50×20, 8 at once (wall)':>24}")
    for row in sorted(rows, key=lambda row: row.marginal):
        many = "-" if row.many is None else f"{row.many:.0f}"
        print(f"{row.runner:<10} {row.one:>9.1f} {row.two_hundred:>9.1f} {row.two_thousand:>9.1f} "
              f"{row.marginal:>9.3f} {many:>24}")  # fmt: skip


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="evals.speed", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--peers", action="store_true", help="measure other runners too")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM", help="where a peer is")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve())
        return 0
    given = dict(item.split("=", 1) for item in options.peer)
    with server() as url, tempfile.TemporaryDirectory(prefix="testmesh-speed-") as folder:
        rows, ours = measure(Path(folder), url)
        beside = [ours, *(compared(url, given) if options.peers or given else ())]
    for row in rows:
        print(f"{row.name:<40} {row.value:>8.1f}  goal {row.goal:>6.1f}  {'holds' if row.holds else 'MISSED'}")
    _table(beside)
    if options.json:
        data = {"figures": [asdict(row) for row in rows], "beside": [asdict(row) for row in beside]}
        Path(options.json).write_text(json.dumps(data, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
