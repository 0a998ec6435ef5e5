"""The gRPC health check (grpc.health.v1.Health/Check) as one HTTP/2 request: no gRPC library is loaded for it."""

from __future__ import annotations

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool, HttpRequest
from flows.clients.tls import PLAIN_TLS, Tls

STATES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
CODES = {"5": "NOT_FOUND: it does not know this service", "12": "UNIMPLEMENTED: it has no health service"}


async def health(pool: HttpPool, address: str, service: str, tls: Tls | None) -> str:
    """How a server says it is: ``SERVING``, another state, or the status of its refusal.

    Args:
        pool: connections.
        address: ``host:port``.
        service: full name; empty = the server as a whole.
        tls: None = clear text.

    Raises:
        ClientError: unreachable, broken off, or no HTTP/2.
    """
    name = service.encode()
    if len(name) > 127:
        raise ClientError("the name of a gRPC service has at most 127 bytes here", "config")
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    headers = [("Content-Type", "application/grpc"), ("TE", "trailers"), ("Accept-Encoding", "identity")]
    url = f"{'http' if tls is None else 'https'}://{address}/grpc.health.v1.Health/Check"
    body = b"\x00" + len(message).to_bytes(4, "big") + message
    response = await pool.send(HttpRequest("POST", url, headers, body, tls=tls or PLAIN_TLS, http2=True, proxy="none"))
    code = dict(response.headers).get("grpc-status", "")
    if response.status != 200 or (code not in ("", "0")):
        return CODES.get(code, f"gRPC status {code}" if code else f"HTTP status {response.status}")
    return _state(response.body)


def _state(body: bytes) -> str:
    """The `status` field of a HealthCheckResponse; one that is left out is UNKNOWN (0)."""
    message = body[5:]
    if not message:
        return STATES[0] if len(body) == 5 else "no answer to the health check"
    number = message[1] if len(message) >= 2 and message[0] == 8 else 0
    return STATES.get(number, str(number))
