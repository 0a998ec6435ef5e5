"""One line of a service's log: how loud it is, when it was written, and what of it a person wants to read."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

ERROR, WARNING, QUIET = 0, 1, 2
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<part>\d{1,9}))?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CALM = re.compile(r"(?i)\b(?:info|debug|trace)\b")
_ERRORS = re.compile(
    r"(?i)\b(?:error|exit code|fatal|critical|panic|severe)\b|Traceback \(most|\b\w*(?:Exception|Error)\b|Caused by:"
)
_WARNINGS = re.compile(r"(?i)\b(?:err|warn(?:ing)?|fail(?:ed|ure)?|refused|denied|timed out|timeout)\b")
# A status, not a part of a name such as SKU-500, of an address, or a number of milliseconds or bytes.
_STATUS = re.compile(r"(?<![\w./#-])(?<!\d:)(?P<status>[45]\d\d)(?![\w/%-])(?!\s?(?:ms|s|bytes|B)\b)")
_FRAMES = ('File "', "at ")
_LEVELS = ("level", "severity", "lvl", "levelname", "log.level", "@l")
_MESSAGES = ("message", "msg", "event", "@m", "@mt")
_REASONS = ("error", "err", "exception", "exc_info", "stack", "stack_trace")


def readable(line: str) -> str:
    """A line without colours; of a line that is a JSON object, what was logged.

    Args:
        line: as printed.
    """
    text = _COLOURS.sub("", line) if "\x1b" in line else line
    if not text.lstrip().startswith("{"):
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(data, dict) or not any(key in data for key in _MESSAGES):
        return text
    said = [_first(data, _LEVELS).upper(), _first(data, _MESSAGES), _first(data, _REASONS)]
    return ": ".join(filter(None, [" ".join(filter(None, said[:2])), said[2]]))


def _first(data: dict[str, object], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = data.get(key)
        if value not in (None, "", {}):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return ""


def loudness(line: str) -> int:
    """ERROR, WARNING or QUIET.

    Args:
        line: readable.
    """
    if line.startswith(("    ", "\t")) or line.lstrip().startswith(_FRAMES):
        return QUIET  # of a stack trace, which is told by its exception
    calm = _CALM.search(line[:80]) is not None
    if not calm and _ERRORS.search(line):
        return ERROR
    status = _STATUS.search(line)
    if status is not None and status["status"].startswith("5"):
        return ERROR
    return WARNING if status is not None or _ERRORS.search(line) or _WARNINGS.search(line) else QUIET


def time_of(line: str) -> datetime | None:
    """When a line says it was written (UTC unless it names a zone); None when it does not say.

    Args:
        line: of a log.
    """
    match = _TIME.search(line[:200])
    if match is None:
        return None
    zone = (match["zone"] or "Z").replace("Z", "+00:00")
    part = (match["part"] or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{match['day']}T{match['time']}.{part}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
