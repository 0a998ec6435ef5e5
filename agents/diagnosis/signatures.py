"""What it looks like when the surroundings fail and not the product."""

from __future__ import annotations

import re
from typing import Final

_PHRASES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("connection refused", ("connection refused", "econnrefused", r"\[errno 111\]", "actively refused")),
    ("host unreachable", ("no route to host", "network is unreachable", "ehostunreach", "enetunreach")),
    (
        "name not resolved",
        (
            "name or service not known",
            "getaddrinfo",
            "enotfound",
            "eai_again",
            "name resolution",
            "nodename nor servname",
        ),
    ),
    (
        "connection lost",
        (
            "connection reset",
            "econnreset",
            "server closed the connection",
            "broken pipe",
            "terminating connection",
            r"connection (?:is )?closed",
            "server disconnected",
        ),
    ),
    (
        "database unavailable",
        (
            "database system is (?:starting|shutting)",
            "too many (?:connections|clients)",
            r"the database \S+ does not exist",
            r'database "[^"]*" does not exist',
            "could not connect to server",
            "connection to server at .* failed",
        ),
    ),
    (
        "login refused",
        (
            "password authentication failed",
            "noauth",
            "wrongpass",
            "certificate verify failed",
            r"role \S+ does not exist",
        ),
    ),
    (
        "broker unavailable",
        ("all broker connections are down", "broker transport failure", "_all_brokers_down", "no brokers available"),
    ),
    (
        "out of resources",
        ("no space left on device", "out of memory", "oomkilled", "cannot allocate memory", "too many open files"),
    ),
    ("connect timed out", (r"connect(?:ion)? ?timed? ?out", "connecttimeout", "etimedout", "pool ?timeout")),
    (
        "cannot connect",
        (
            r"\bconnecterror\b",
            r"\bconnectionerror\b",
            "cannot connect to",
            "failed to connect",
            "could not (?:be )?reach",
        ),
    ),
    ("variable missing", (r"environment variable \S+ (?:is )?(?:not set|missing|required)",)),
)
_SIGNS = tuple((name, re.compile("|".join(phrases), re.I)) for name, phrases in _PHRASES)
_MISSING_VARIABLE = re.compile(r"KeyError: '[A-Z][A-Z0-9_]+'")
GATEWAY = (502, 503, 504)
WEAK_SIGNS = ("connection lost",)
"""Signs that a crashing handler gives as well as a failing network."""
_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception)\b")
_CONSEQUENCE = re.compile(r"HTTPStatusError|HTTPError|ExceptionGroup|UpstreamError|Server error '5\d\d|\b50[0234]\b")


def unreachable(text: str) -> str:
    """Which sign of failing surroundings a text carries, or empty.

    Args:
        text: an error message, a log line or a response body.
    """
    if _MISSING_VARIABLE.search(text):
        return "variable missing"
    return next((name for name, pattern in _SIGNS if pattern.search(text)), "")


def error_of_its_own(line: str) -> bool:
    """Whether a log line ends a traceback that the surroundings do not explain.

    Args:
        line: without its time stamp.
    """
    return bool(_ERROR.match(line)) and not unreachable(line) and not _CONSEQUENCE.search(line)
