"""Everything that reads files, with how it did when people judged it on real code."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ENOUGH = 10
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Reader:
    """A language, pack or file format.

    Args:
        name: as declared.
        sort: language, pack or file.
        languages: those a pack is for.
        about: one sentence.
        right: judged rows that were right.
        wrong: judged rows that were wrong or missed.
        packs: of a language, how many packs there are for it.
    """

    name: str
    sort: str
    languages: tuple[str, ...]
    about: str
    right: int = 0
    wrong: int = 0
    packs: int = 0

    @property
    def measured(self) -> bool:
        """Enough rows were judged to show a number."""
        return self.right + self.wrong >= ENOUGH

    @property
    def lower(self) -> float:
        """Lower end of the 95 % Wilson interval of the share that is right."""
        return wilson_lower(self.right, self.right + self.wrong)

    @property
    def text(self) -> str:
        """What people may search in, lower case."""
        return " ".join((self.name, self.sort, *self.languages, self.about)).lower()


def wilson_lower(right: int, total: int) -> float:
    """Lower end of the 95 % Wilson score interval (Wilson 1927).

    Args:
        right: successes.
        total: trials.
    """
    if not total:
        return 0.0
    share = right / total
    middle = share + _Z * _Z / (2 * total)
    spread = _Z * math.sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    return (middle - spread) / (1 + _Z * _Z / total)


def readers() -> list[Reader]:
    """Languages, packs and file formats, each sorted by name."""
    from scanners.readers import built_in

    known, judged = built_in(), _judged()
    spoken = [language for pack in known.packs.values() for language in pack.language]
    found = [
        Reader(name, "language", (), _about(language), packs=spoken.count(name))
        for name, language in sorted(known.languages.items())
    ]
    for name, pack in sorted(known.packs.items()):
        found.append(Reader(name, "pack", tuple(pack.language), _about(pack), *judged.get(name, (0, 0))))
    for name, manifest in sorted(known.manifests.items()):
        found.append(Reader(name, "file", (), _about(manifest), *judged.get(name, (0, 0))))
    return found


def _judged() -> Mapping[str, tuple[int, int]]:
    """Counts that ``python -m evals.judging`` wrote beside the packs; nothing when none were judged."""
    file = files("scanners").joinpath("judged.json")
    if not file.is_file():
        return {}
    rows: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return {name: (int(row["right"]), int(row["wrong"])) for name, row in rows.items()}


def _about(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().partition("\n")[0]
