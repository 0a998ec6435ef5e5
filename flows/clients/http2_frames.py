"""GOAWAY frames, taken out of a stream of HTTP/2 frames: the h2 library ends everything at one, RFC 9113 §6.8 does not.

A server that shuts down gently says GOAWAY and then finishes what it has accepted.
"""

from __future__ import annotations

from typing import NamedTuple

from flows.clients.errors import ClientError

HEAD = 9
GOAWAY = 7
MAX_FRAME = 2**14
CODES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


class Farewell(NamedTuple):
    """What a GOAWAY frame says.

    Args:
        last: number of the last stream the server looks at.
        code: why; 0 = it just goes.
        text: of the server, for people.
    """

    last: int
    code: int
    text: str

    def __str__(self) -> str:
        name = CODES[self.code] if self.code < len(CODES) else str(self.code)
        return f"{name}: {self.text}" if self.text else name


class Frames:
    """Splits what arrives into frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._first = True

    def split(self, data: bytes, target: str) -> tuple[bytes, list[Farewell]]:
        """Whole frames without GOAWAY, and those apart.

        Args:
            data: as it arrived.
            target: for messages.

        Raises:
            ClientError: it is not HTTP/2 at all.
        """
        data = self._rest + data
        if self._first and len(data) >= HEAD:
            self._first = False
            _refuse_other_protocols(data, target)
        kept: list[bytes] = []
        farewells: list[Farewell] = []
        place = 0
        while len(data) - place >= HEAD:
            length = int.from_bytes(data[place : place + 3], "big")
            if length > MAX_FRAME:
                self._rest = b""
                return b"".join([*kept, data[place:]]), farewells
            end = place + HEAD + length
            if len(data) < end:
                break
            if data[place + 3] == GOAWAY and length >= 8:
                farewells.append(_farewell(data[place + HEAD : end]))
            else:
                kept.append(data[place:end])
            place = end
        self._rest = data[place:]
        return b"".join(kept), farewells


def _farewell(payload: bytes) -> Farewell:
    last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
    text = payload[8:200].decode("utf-8", "replace")
    return Farewell(last, int.from_bytes(payload[4:8], "big"), text if text.isprintable() else "")


def _refuse_other_protocols(data: bytes, target: str) -> None:
    if data.startswith(b"HTTP/1"):
        raise ClientError(f"{target}: it answers in HTTP/1.1 to HTTP/2; leave out 'http2'")
    if data[:2] in (b"\x15\x03", b"\x16\x03"):
        raise ClientError(f"{target}: the answer is not valid HTTP/2; it speaks TLS: use https")
