"""Claimed rows against true rows: found, missed and wrongly claimed, neutral rows left out (truth/README)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graph.linking.paths import template

NEUTRAL_FLAGS = ("variant", "conditional", "implied", "dynamic", "generated_by", "contract_only")
CATEGORIES = (
    "services",
    "endpoints",
    "service_edges",
    "endpoint_edges",
    "publishes",
    "consumes",
    "datasets",
    "resolved",
)
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something the graph says.

    Args:
        key: what is compared.
        language: of the service that acts, or empty.
        infrastructure: an infrastructure or operational row.
        place: ``file:line`` of its evidence.
    """

    key: Key
    language: str = ""
    infrastructure: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """Something the truth says.

    Args:
        keys: any of these keys is this row, the first is shown.
        language: of the service that acts, or empty.
        infrastructure: an infrastructure or operational row.
        neutral: finding it is no false alarm, missing it no miss.
        place: ``file:line``.
    """

    keys: tuple[Key, ...]
    language: str = ""
    infrastructure: bool = False
    neutral: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One scored row.

    Args:
        category: as in CATEGORIES.
        outcome: tp, fp or fn.
        key: what it is.
        language: of the acting service.
        infrastructure: scored apart.
        place: ``file:line``.
    """

    category: str
    outcome: str
    key: Key
    language: str
    infrastructure: bool
    place: str


@dataclass(frozen=True, slots=True)
class Score:
    """Counts and the figures that follow; a figure without a denominator is None.

    Args:
        tp: found and true.
        fp: claimed and not true.
        fn: true and not found.
    """

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float | None:
        """Share of the claims that are true."""
        return round(self.tp / (self.tp + self.fp), 4) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        """Share of the truth that was found."""
        return round(self.tp / (self.tp + self.fn), 4) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        total = 2 * self.tp + self.fp + self.fn
        return round(2 * self.tp / total, 4) if total else None

    def to_json(self) -> dict[str, int | float | None]:
        """As in the report."""
        return {
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


def flagged(row: Mapping[str, object]) -> bool:
    """Whether a truth row is neutral by its flags.

    Args:
        row: of a truth file.
    """
    return any(row.get(flag) for flag in NEUTRAL_FLAGS)


def compare(
    category: str, claims: Sequence[Claim], truths: Sequence[Truth], excused: Callable[[Key], bool]
) -> list[Row]:
    """Scored rows of one category.

    Args:
        category: as in CATEGORIES.
        claims: what the graph says.
        truths: what is true.
        excused: whether a note makes a wrong claim neutral.
    """
    rows: list[Row] = []
    found: set[int] = set()
    for claim in claims:
        hits = [number for number, truth in enumerate(truths) if any(same(claim.key, key) for key in truth.keys)]
        found.update(hits)
        if not hits and not excused(claim.key):
            rows.append(Row(category, "fp", claim.key, claim.language, claim.infrastructure, claim.place))
    for number, truth in enumerate(truths):
        if truth.neutral:
            continue
        outcome = "tp" if number in found else "fn"
        rows.append(Row(category, outcome, truth.keys[0], truth.language, truth.infrastructure, truth.place))
    return rows


def same(claimed: Key, true: Key) -> bool:
    """Whether two keys are one thing: ANY is every method, ``/**`` the rest of a path.

    Args:
        claimed: key of a claim.
        true: key of a truth row.
    """
    if len(claimed) != len(true):
        return False
    return all(_part(ours, theirs) for ours, theirs in zip(claimed, true, strict=True))


def _part(ours: str, theirs: str) -> bool:
    if ours == theirs or (theirs == "ANY" and ours.isupper()) or (ours == "ANY" and theirs.isupper()):
        return True
    if theirs.startswith("/") and theirs.endswith("/**"):
        return ours.startswith(theirs[:-2]) or ours == theirs[:-3]
    return ours.endswith("/**") and ours[:-2] + "{}" == theirs


def path_of(text: str) -> str:
    """A truth path as a template; gRPC operations stay as they are.

    Args:
        text: as in the truth file.
    """
    return template(text) if text.startswith("/") else text


def score(rows: Sequence[Row], category: str) -> Score:
    """Counts of one category.

    Args:
        rows: scored rows.
        category: as in CATEGORIES.
    """
    mine = [r.outcome for r in rows if r.category == category]
    return Score(mine.count("tp"), mine.count("fp"), mine.count("fn"))
