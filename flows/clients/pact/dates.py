"""Java's date patterns (DateTimeFormatter), as Pact's date, time and datetime matchers use them, checked as regexes."""

from __future__ import annotations

import re

_FORMATS = {"date": "yyyy-MM-dd", "time": "HH:mm:ss", "datetime": "yyyy-MM-dd'T'HH:mm:ss", "timestamp": ""}
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_WIDE = {"M": "(0[1-9]|1[0-2])", "L": "(0[1-9]|1[0-2])", "d": "(0[1-9]|[12][0-9]|3[01])"}
_WIDE |= {"H": "([01][0-9]|2[0-3])", "k": "(0[1-9]|1[0-9]|2[0-4])", "h": "(0[1-9]|1[0-2])", "K": "(0[0-9]|1[01])"}
_WIDE |= {"m": "[0-5][0-9]", "s": "([0-5][0-9]|60)", "D": "[0-9]{2,3}", "w": "[0-5][0-9]", "F": "[0-9]{2}"}
_WIDE |= {"u": "[0-9]{2}", "e": "[0-9]{2}"}
_SLIM = {"M": "([1-9]|1[0-2])", "L": "([1-9]|1[0-2])", "d": "([1-9]|[12][0-9]|3[01])"}
_SLIM |= {"H": "([0-9]|1[0-9]|2[0-3])", "k": "([1-9]|1[0-9]|2[0-4])", "h": "([1-9]|1[0-2])", "K": "([0-9]|1[01])"}
_SLIM |= {"m": "([0-9]|[1-5][0-9])", "s": "([0-9]|[1-5][0-9]|60)", "D": "[0-9]{1,3}", "w": "[0-9]{1,2}", "F": "[0-9]"}
_SLIM |= {"u": "[1-7]", "e": "[1-7]"}
_ISO_OFFSET = r"[+-]\d\d(:?\d\d(:?\d\d)?)?"


def regex_of(kind: str, pattern: str) -> str | None:
    """A regex for texts of a pattern; None when it holds a letter whose meaning is not known here.

    Args:
        kind: date, time, datetime or timestamp.
        pattern: Java's; the ISO form when empty.
    """
    pattern = pattern or _FORMATS.get(kind, "")
    if not pattern:
        return r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$"
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "'":
            end = pattern.find("'", at + 1)
            if end < 0:
                return None
            parts.append(re.escape(pattern[at + 1 : end]) if end > at + 1 else "'")
            at = end + 1
        elif letter.isalpha():
            end = at
            while end < len(pattern) and pattern[end] == letter:
                end += 1
            found = _field(letter, end - at)
            if found is None:
                return None
            parts.append(found)
            at = end
        else:
            parts.append("" if letter in "[]" else re.escape(letter))
            at += 1
    return "^" + "".join(parts) + "$"


def _field(letter: str, count: int) -> str | None:
    if letter in "yuY" and (letter != "u" or count >= 2):
        return r"\d{2}" if count == 2 else r"\d{4,9}"
    if letter in "ML" and count >= 3:
        return f"({_MONTHS})" if count >= 4 else f"({'|'.join(m[:3] for m in _MONTHS.split('|'))})"
    if letter == "E" or (letter in "ecC" and count >= 3):
        return f"({_DAYS})" if count >= 4 else f"({'|'.join(d[:3] for d in _DAYS.split('|'))})"
    if letter in _WIDE:
        return _WIDE[letter] if count >= 2 else _SLIM[letter]
    return _rest(letter, count)


def _rest(letter: str, count: int) -> str | None:
    fixed = {"a": "([AaPp][Mm])", "X": f"(Z|{_ISO_OFFSET})", "x": _ISO_OFFSET, "Z": f"({_ISO_OFFSET}|GMT.*|Z)",
             "z": "[A-Za-z][A-Za-z /_:+0-9-]*", "V": "[A-Za-z][A-Za-z/_+0-9-]*", "O": "GMT([+-]\\d{1,2}(:\\d\\d)?)?",
             "G": "(AD|BC|Anno Domini|Before Christ)"}  # fmt: skip
    if letter in "Sn":
        return rf"\d{{{count}}}" if letter == "S" and count > 1 else r"\d{1,9}"
    return fixed.get(letter)
