"""How often fixes like this one held, counted on other systems, with the interval that goes with the counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graph.answers import Confidence
from testmesh.kernel.errors import UserError
from testmesh.kernel.proportion import wilson

SHIPPED = Path(__file__).with_name("outcomes.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seeded case whose fix met checks it had not seen.

    Args:
        system: repository it was counted on.
        repairer: which repairer made the fix.
        gates: "live" when every gate passed, "recorded" when live gates were not checked.
        held: it passed the held-out checks.
        case: name of the case.
    """

    system: str
    repairer: str
    gates: str
    held: bool
    case: str


def load(file: Path | None = None) -> tuple[Outcome, ...]:
    """The counted outcomes of a file; none when it does not exist.

    Args:
        file: JSON with a list `cases`, the shipped one when None.

    Raises:
        UserError: the file is not what it should be.
    """
    path = file or SHIPPED
    if not path.exists():
        return ()
    try:
        rows = json.loads(path.read_text("utf-8"))["cases"]
        return tuple(_outcome(row) for row in rows)
    except (ValueError, KeyError, TypeError) as e:
        raise UserError(f"{path} holds no counted outcomes: {e}") from e


def _outcome(row: dict[str, object]) -> Outcome:
    texts = [str(row[name]) for name in ("system", "repairer", "gates", "case")]
    return Outcome(texts[0], texts[1], texts[2], bool(row["held"]), texts[3])


def confidence(
    outcomes: Sequence[Outcome], *, system: str, repairer: str, gates: str, source: str = ""
) -> Confidence | None:
    """Counts of comparable cases on other systems; None when there is none.

    Args:
        outcomes: all counted.
        system: the system of this fix, whose own cases do not count.
        repairer: which repairer made it.
        gates: live or recorded.
        source: where the counts are kept.
    """
    alike = [o for o in outcomes if o.system != system and o.repairer == repairer and o.gates == gates]
    if not alike:
        return None
    passed = sum(o.held for o in alike)
    low, high = wilson(passed, len(alike))
    systems = ", ".join(sorted({o.system for o in alike}))
    return Confidence(passed, len(alike), low, high, (repairer, f"gates: {gates}", f"systems: {systems}"), source)
