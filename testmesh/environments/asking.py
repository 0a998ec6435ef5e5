"""One GET request of an environment: is a service ready, which revision does it say it is."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from testmesh.environments.launching import listening

ANSWER_SECONDS = 2.0
_LARGEST = 1 << 20
_REFUSED = 400
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said.

    Args:
        status: of HTTP.
        headers: names in lower case.
        body: at most a mebibyte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(url: str, timeout: float = ANSWER_SECONDS) -> Answered:
    """The answer to a GET request.

    Args:
        url: http or https.
        timeout: seconds for each step of it.

    Raises:
        OSError: nobody answers.
        http.client.HTTPException: not in HTTP.
        ValueError: that is no address.
    """
    parts = urlsplit(url)
    connection = _connection(parts, timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"User-Agent": "testmesh"})
        response = connection.getresponse()
        body = response.read(_LARGEST)
        return Answered(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        connection.close()


def _connection(parts: SplitResult, timeout: float) -> http.client.HTTPConnection:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an http address")
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(parts.hostname, port, timeout=timeout)


def trouble(url: str) -> str:
    """Why a service is not ready, empty when it is.

    Args:
        url: ``http``, ``https`` (answers below 400), or ``tcp://host:port`` (accepts connections).
    """
    try:
        parts = urlsplit(url)
        place = _place(parts)
        if parts.scheme == "tcp":
            return "" if listening(parts.port or 0, parts.hostname or "") else f"nothing answers at {place}"
    except ValueError:
        return f"'{url}' is not an address"
    try:
        status = ask(url).status
    except ValueError:
        return f"'{url}' is not an address"
    except ssl.SSLError as error:
        return f"TLS with {place} fails: {error.reason or error}"
    except OSError:
        return f"nothing answers at {place}"
    except http.client.HTTPException:
        return f"what answers at {place} is not HTTP"
    return "" if status < _REFUSED else f"answers {status} at {place}{parts.path}"


def _place(parts: SplitResult) -> str:
    return f"{parts.hostname}:{parts.port or _PORTS.get(parts.scheme, 80)}"
