"""What a recording shows of a request that a mock server got: everything but the credentials it carried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flows.clients.mock_match import HIDDEN
from flows.language.masked_text import MASK
from flows.language.values import as_text, to_json

if TYPE_CHECKING:
    from flows.clients.mock_server import MockServer


def evidence(server: MockServer, asked: Mapping[str, object], secret: Callable[[str], bool]) -> list[dict[str, object]]:
    """Every request that a server got, as :func:`shown`; made once, because a wait asks for them again and again.

    Args:
        server: which.
        asked: `match` of the verification.
        secret: whether what stands under a name is a secret.
    """
    key = to_json([asked.get("headers"), asked.get("query")])
    kept = server.evidence.setdefault(key, [])
    kept.extend([shown(request, asked, secret) for request in server.requests[len(kept) :]])
    return list(kept)


def shown(
    request: Mapping[str, object], asked: Mapping[str, object], secret: Callable[[str], bool]
) -> dict[str, object]:
    """A request as evidence: a secret header or query value is ``***`` when it is what the flow asks for.

    Otherwise it is ``(hidden)``, so that a check of it has the same verdict on the recording as it had live.

    Args:
        request: as received.
        asked: `match` of the verification.
        secret: whether what stands under a name is a secret.
    """
    found = dict(request)
    for part in ("headers", "query"):
        given, wanted = request.get(part), asked.get(part)
        if isinstance(given, Mapping):
            lower = {str(k).lower(): v for k, v in wanted.items()} if isinstance(wanted, Mapping) else {}
            found[part] = {
                name: _shown(value, lower.get(name.lower())) if secret(name) else value for name, value in given.items()
            }
    return found


def _shown(value: object, wanted: object) -> str:
    return MASK if wanted is not None and as_text(wanted) == as_text(value) else HIDDEN
