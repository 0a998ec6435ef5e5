"""Which values are expected to differ between two runs of the same flow: ids, times, random parts.

What is left out of a comparison, and nothing else:

- times: ISO timestamps inside texts, and numbers or texts under names such as ``created_at`` and ``duration_ms``;
- made-up ids inside texts: UUIDs, ULIDs, JSON Web Tokens, 16 or more hexadecimal digits; ports of the local machine;
- ids under names such as ``id``, ``order_id``, ``orderId``, ``etag`` when neither value is written in the flow or its
  variables (so ``product_id: SKU-100`` still counts);
- the same ids where they stand in other texts later on, such as in a URL;
- the values of the run's own built-ins (``RANDOM_ID`` ...), wherever they stand;
- how often a wait has read (``attempts`` of the result itself) and the port a mock server was given;
- masked secrets, headers that a server makes up for each answer, and the order of fields in a map.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.language.errors import NotEvaluable
from flows.language.masked_text import MASK
from flows.language.values import to_json
from graph.runs import FlowRun

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("time", re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")),
    ("time", re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")),
    ("id", re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")),
    ("id", re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")),
    ("id", re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", re.IGNORECASE)),
    ("id", re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-fA-F]{16,}\b")),
    ("port", re.compile(r"(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+")),
)
_WORD = re.compile(r"[\w-]+")
_TIMES = re.compile(
    r"(?:^|_)(?:at|ms|time|timestamp|ts|date|duration|latency|elapsed|uptime|expires|age|now|since|until)$"
    r"|(?:At|Time|Timestamp|Date|Duration|Ms)$",
)
_IDS = re.compile(
    r"(?:^|_)(?:id|ids|uuid|guid|etag|nonce|offset|cursor|sequence|seq|ticket|trace|span)$|(?:Id|Uuid|ID)$"
)
_OURS = {"attempts": "number of reads", "port": "port"}
_HEADERS = frozenset({"date", "etag", "server", "content-length", "x-request-id", "traceparent", "set-cookie", "age",
                      "last-modified", "expires", "x-correlation-id", "keep-alive", "connection"})  # fmt: skip


@dataclass(slots=True)
class Volatile:
    """Tells for one pair of executions what is no difference, and counts what it passed over.

    Args:
        written: everything the flow's author wrote: its text and variables.
        made: built-in values of both executions, each pair under one name.
    """

    written: str
    made: Mapping[str, str]
    passed_over: dict[str, int] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def same(self, before: object, after: object, path: str) -> bool:
        """Whether two values are equal but for what every run makes anew.

        Args:
            before: in the one.
            after: in the other.
            path: where they stand.
        """
        if before == after and isinstance(before, bool) is isinstance(after, bool):
            return True
        kind = self._why(before, after, path)
        if kind == "id":
            self.renamed |= {_as_text(before): f"<{path}>", _as_text(after): f"<{path}>"}
        if kind:
            self.passed_over[kind] = self.passed_over.get(kind, 0) + 1
        return bool(kind)

    def _why(self, before: object, after: object, path: str) -> str:
        name = path.rpartition(".")[2].rpartition('["')[2].rstrip('"]')
        bare = re.sub(r"\[\d+\]$", "", name)
        if ".headers" in f".{path}" and bare.lower() in _HEADERS:
            return "header"
        if path in _OURS and not self._is_written(before, after):
            return _OURS[path]
        simple = isinstance(before, str | int | float) and isinstance(after, str | int | float)
        if not simple and not (_number(before) and _number(after)):
            return ""
        if _TIMES.search(bare) and (_number(before) is _number(after)):
            return "time"
        if _IDS.search(bare) and type(before) is type(after) and not self._is_written(before, after):
            return "id"
        if isinstance(before, str) and isinstance(after, str):
            return self._inside(before, after)
        return ""

    def _inside(self, before: str, after: str) -> str:
        if MASK in (before, after):
            return "secret"
        for value, made in self.made.items():
            before, after = before.replace(value, made), after.replace(value, made)
        before, after = (
            _WORD.sub(lambda match: self.renamed.get(match[0], match[0]), text) for text in (before, after)
        )
        kinds = []
        for kind, pattern in _PATTERNS:
            one, other = pattern.sub(f"<{kind}>", before), pattern.sub(f"<{kind}>", after)
            if (one, other) != (before, after):
                kinds.append(kind)
            before, after = one, other
        return (kinds[0] if kinds else "made-up value") if before == after else ""

    def _is_written(self, *values: object) -> bool:
        return any(
            re.search(rf"(?<![\w-]){re.escape(_as_text(value))}(?![\w-])", self.written) is not None for value in values
        )


def _number(value: object) -> bool:
    return not isinstance(value, bool | str) and (isinstance(value, int | float) or type(value).__name__ == "Decimal")


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return to_json(value)
    except NotEvaluable:
        return str(value)


def volatile_between(before: FlowRun, after: FlowRun) -> Volatile:
    """What to pass over between two executions of a flow.

    Args:
        before: the one.
        after: the other.
    """
    written = "\n".join(
        [before.source, after.source, _as_text(dict(before.variables)), _as_text(dict(after.variables))]
    )
    made: dict[str, str] = {}
    for flow in (before, after):
        for name, value in flow.builtins.items():
            text = _as_text(value)
            if len(text) >= 4 and name != "FLOW_NAME":
                made.setdefault(text, f"<{name}>")
    return Volatile(written, dict(sorted(made.items(), key=lambda item: -len(item[0]))))
