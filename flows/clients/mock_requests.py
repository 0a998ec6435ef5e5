"""What a recording shows of a request that a mock server got: everything but the credentials it carried."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flows.clients.mock_match import HIDDEN, MASK
from flows.language.values import as_text

_SECRET = re.compile(
    r"(^|[^a-z])(pass(word|wd|phrase)?|secret|token|bearer|api[-_]?key|access[-_]?key|private[-_]?key|"
    r"credentials?|authorization|cookie|signature|sig)([^a-z]|$)",
    re.IGNORECASE,
)


def shown(request: Mapping[str, object], asked: Mapping[str, object]) -> dict[str, object]:
    """A request as evidence: a secret header or query value is ``***`` when it is what the flow asks for.

    Otherwise it is ``(hidden)``, so that a check of it has the same verdict on the recording as it had live.

    Args:
        request: as received.
        asked: `match` of the verification.
    """
    found = dict(request)
    for part in ("headers", "query"):
        given, wanted = request.get(part), asked.get(part)
        if isinstance(given, Mapping):
            lower = {str(k).lower(): v for k, v in wanted.items()} if isinstance(wanted, Mapping) else {}
            found[part] = {name: _shown(name, value, lower.get(name.lower())) for name, value in given.items()}
    return found


def _shown(name: str, value: object, wanted: object) -> object:
    if len(name) > 100 or not _SECRET.search(name):
        return value
    return MASK if wanted is not None and as_text(wanted) == as_text(value) else HIDDEN
