"""Log lines as JSON, with everything that looks like a credential masked before it is written."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from testmesh.kernel.clock import iso

MASK = "***"
_TOKEN = re.compile(r"tm_[0-9A-Za-z]{6,}")
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
_NAMED = re.compile(
    r"(?i)\b(authorization|cookie|password|passwd|secret|api[_-]?key|token)(\"?\s*[:=]\s*\"?)(?:bearer\s+)?[^\s\",;&]+"
)
_FIELDS = ("request_id", "method", "route", "status", "seconds", "workspace")


def masked(text: str) -> str:
    """The text without tokens, passwords in URLs and values of credential-like names.

    Args:
        text: a log message.
    """
    text = _TOKEN.sub(MASK, text)
    text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    return _NAMED.sub(rf"\1\2{MASK}", text)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message and the request's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line.

        Args:
            record: what was logged.
        """
        found: dict[str, object] = {
            "time": iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        found |= {name: value for name in _FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            found["traceback"] = masked(self.formatException(record.exc_info))
        return json.dumps(found, ensure_ascii=False)


def configure(level: int = logging.INFO) -> None:
    """Send the `testmesh` loggers to standard error as JSON lines.

    Args:
        level: least severity.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("testmesh")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
