"""An operation answers with another status now."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.repair.flow_text import Replacement, written
from agents.repair.repairer import Broken, Repairer

_OWN = ("assert", "assert_any", "assert_none", "until")


def _edits(broken: Broken) -> Iterable[Replacement]:
    edit = broken.edit
    if edit.path not in ("status", "status_code") or not (edit.old.isdigit() and edit.new.isdigit()):
        return
    own = _comparisons(r"(?<![\w.\]])(?:\$\.)?(?:response\.)?status(?:_code)?", edit.old)
    foreign = _comparisons(rf"(?<![\w.\]-]){re.escape(edit.step)}\.(?:response\.)?status(?:_code)?", edit.old)
    for place in written(broken.text):
        mine = place.step == edit.step and place.role in _OWN
        for pattern in (*(own if mine else ()), *foreign):
            for match in pattern.finditer(place.raw):
                yield Replacement(place.start + match.start("old"), place.start + match.end("old"), edit.new)


def _comparisons(name: str, old: str) -> tuple[re.Pattern[str], ...]:
    """`status == 201`, `201 == status`, `status in [200, 201]`; never a range or an inequality."""
    return (
        re.compile(rf"{name}\s*==\s*(?P<old>{old})\b"),
        re.compile(rf"(?<![\w.])(?P<old>{old})\s*==\s*{name}\b"),
        re.compile(rf"{name}\s+in\s+\[(?:[^\]]*,)?\s*(?P<old>{old})\b[^\]]*\]"),
    )


REPAIRER = Repairer("changed status", "Expects the status an operation answers now.", "status", _edits)
