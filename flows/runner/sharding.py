"""`--shard i/n`: which flow executions fall on which machine, decided from what every machine sees alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from testmesh.kernel.errors import UserError

Key = tuple[str, "int | None"]
MAX_SHARDS = 1000
_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})\Z")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several machines that share the flows between them.

    Args:
        index: 1-based.
        of: how many there are.
        durations: (file, row) to milliseconds of an earlier run; the same on every machine, or flows are lost.
    """

    index: int
    of: int
    durations: Mapping[Key, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


class Portion(NamedTuple):
    """What is not divided: one execution, or all rows of a flow whose first failure stops the others.

    Args:
        keys: executions, in order.
        steps: how many steps they have together, the estimate when no duration is known.
    """

    keys: tuple[Key, ...]
    steps: int


def shard_of(text: str) -> tuple[int, int]:
    """``i/n`` as numbers.

    Args:
        text: as typed.

    Raises:
        UserError: it is not ``i/n`` with 1 <= i <= n.
    """
    match = _WRITTEN.match(text)
    index, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= of <= MAX_SHARDS:
        raise UserError(f"--shard '{text}' is not i/n", hint="the second of five machines is --shard 2/5")
    return index, of


def durations_of(path: Path) -> dict[Key, float]:
    """Milliseconds by execution from a run's artefact or its JSON report.

    Args:
        path: the file.

    Raises:
        UserError: it is neither.
    """
    from flows.language.values import parse_json

    hint = "give .testmesh/runs/<id>.json or what --report json= wrote, the same file on every machine"
    try:
        data: Any = parse_json(path.read_bytes(), ours=True)
        return {(str(flow["file"]), flow["row"]): float(flow["duration_ms"]) for flow in data["flows"]}
    except OSError as error:
        raise UserError(f"--durations {path}: {error.strerror}", hint=hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--durations {path} is neither a run nor its JSON report", hint=hint) from error


def chosen(portions: Sequence[Portion], shard: Shard) -> frozenset[Key]:
    """The executions of one shard: every execution is in exactly one, whatever the order they come in.

    The longest goes first to the shard with the least so far (LPT, R. L. Graham, 1969); ties by file and row, then by
    number of the shard.

    Args:
        portions: everything that is to be run.
        shard: which part.
    """
    weights = {portion: _weight(portion, shard.durations, _pace(portions, shard.durations)) for portion in portions}
    loads = [0.0] * shard.of
    found: set[Key] = set()
    for portion in sorted(portions, key=lambda p: (-weights[p], _order(p))):
        least = min(range(shard.of), key=lambda index: (loads[index], index))
        loads[least] += weights[portion]
        if least == shard.index - 1:
            found.update(portion.keys)
    return frozenset(found)


def _order(portion: Portion) -> tuple[str, int]:
    file, row = portion.keys[0]
    return file, -1 if row is None else row


def _pace(portions: Sequence[Portion], durations: Mapping[Key, float]) -> float:
    """Milliseconds of a step, by those executions whose duration is known."""
    known = [p for p in portions if all(key in durations for key in p.keys)]
    steps = sum(p.steps for p in known)
    return sum(durations[key] for p in known for key in p.keys) / steps if steps else 1.0


def _weight(portion: Portion, durations: Mapping[Key, float], pace: float) -> float:
    each = portion.steps / len(portion.keys) * pace
    return max(sum(durations.get(key, each) for key in portion.keys), 0.001)
