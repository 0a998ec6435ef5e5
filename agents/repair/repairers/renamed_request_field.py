"""A field of what is sent has another name now."""

from __future__ import annotations

from collections.abc import Iterable

from agents.repair.flow_text import Replacement, written_keys
from agents.repair.repairer import Broken, Repairer

_SENT = ("body", "query", "form")


def _edits(broken: Broken) -> Iterable[Replacement]:
    edit = broken.edit
    for key in written_keys(broken.text):
        part, _, _ = key.key.partition(".")
        if key.step == edit.step and key.role == "config" and part in _SENT and key.name == edit.old:
            at = key.raw.find(edit.old)
            if at >= 0:
                yield Replacement(key.start + at, key.start + at + len(edit.old), edit.new)


REPAIRER = Repairer("renamed request field", "Sends a renamed field under its new name.", "request", _edits)
