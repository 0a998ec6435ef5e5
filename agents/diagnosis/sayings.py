"""What the commit's own words say about a change of contract; words alone never outweigh a caller left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

from agents.diagnosis.case import SUGGESTIVE, WEAK, Case
from agents.diagnosis.edits import Seen
from agents.diagnosis.inputs import Commit
from agents.diagnosis.signs import Sign
from agents.diagnosis.words import mentions

_MEANT = re.compile(
    r"\b(renam|mov(e|ed|ing)\b|now (returns?|answers?|serves?|lives?)|replac|deprecat|migrat|breaking|instead of|v\d)",
    re.I,
)
_BREAKING = re.compile(r"^\w+(\([^)]*\))?!:|^BREAKING CHANGE", re.M)
_HARMLESS = re.compile(r"\b(refactor|tid(y|ies)|clean ?up|simplif|no functional|cosmetic|lint|format(ting)?)", re.I)
SAID = 0.6


def of_words(case: Case, edit: Seen) -> Iterator[Sign]:
    """What the commits behind the edit say they do.

    Args:
        case: the failure.
        edit: what was edited.
    """
    by_id = {c.id: c for c in case.inputs.commits}
    ids = dict.fromkeys(case.candidates[i].commit for i in edit.candidates)
    for commit in (by_id[i] for i in ids if i in by_id):
        sign = _worded(commit, edit)
        if sign is not None:
            yield sign


def _worded(commit: Commit, edit: Seen) -> Sign | None:
    message, place = commit.message, f"commit {commit.id[:10]}"
    old, new = edit.words
    names_old, names_new = mentions(message, old), bool(new) and mentions(message, new)
    said = f"'{message.splitlines()[0][:100]}'" if message.strip() else "nothing"
    if _BREAKING.search(message):
        return Sign(True, f"the commit calls itself breaking: {said}", place, SAID)
    if names_old and names_new:
        return Sign(True, f"the commit names both: {said}", place, SAID)
    if names_new and not _HARMLESS.search(message):
        return Sign(True, f"the commit names `{new}`: {said}", place, SAID)
    if names_old and _MEANT.search(message):
        return Sign(True, f"the commit says so: {said}", place, SUGGESTIVE)
    if _HARMLESS.search(message):
        return Sign(False, f"the commit promises that nothing changes: {said}", place, SUGGESTIVE)
    if edit.kind == "status" and _phrase(new) in message.lower():
        return Sign(True, f"the commit names the status: {said}", place, WEAK)
    return None


def _phrase(status: str) -> str:
    try:
        return HTTPStatus(int(status)).phrase.lower()
    except ValueError:
        return "\0"
