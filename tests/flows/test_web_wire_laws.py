"""Laws of the web clients' parsers: how bytes are cut never matters, and garbage never does anything but an error."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from h2.config import H2Configuration
from h2.connection import H2Connection
from hypothesis import given
from hypothesis import strategies as st

from flows.clients.cookies import CookieJar
from flows.clients.errors import ClientError
from flows.clients.event_stream import EventParser
from flows.clients.http2_frames import Frames
from flows.clients.http_address import bare_url, place_of
from flows.clients.http_bodies import decoded
from flows.clients.http_config import cookies_of
from flows.clients.http_digest import proof
from flows.clients.http_request import folded, parsed_body
from flows.clients.proxy import Proxies, proxy_named
from tests.servers.http2 import goaway

LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data", b": c", b"event: e", b"id: 7", b"id: a\0", b"retry: 1", b"", b"x", b"\xff"]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def _read(pieces: list[bytes]) -> list[dict[str, object]]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


@given(st.booleans(), st.lists(st.tuples(LINES, ENDS), max_size=12), st.lists(st.integers(0, 500), max_size=6))
def test_events_do_not_depend_on_how_their_bytes_arrive(
    bom: bool, lines: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end for line, end in lines)
    assert _read(_cut(data, cuts)) == _read([data])
    # whether a last CR is a whole line end is known only when something follows
    whole = _read([data, b"\n"])
    assert whole[: len(_read([data]))] == _read([data])


@given(st.binary(max_size=300))
def test_any_bytes_are_events_or_nothing(data: bytes) -> None:
    for event in _read([data]):
        assert event["kind"] == "message"


def _conversation() -> tuple[bytes, bytes]:
    """What a server says in HTTP/2, without GOAWAY and with two of them in between."""
    server = H2Connection(H2Configuration(client_side=False))
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    client.send_headers(
        1, [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")], end_stream=True
    )
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    first = server.data_to_send()
    server.send_headers(1, [(":status", "200")])
    server.send_data(1, b"x" * 1000, end_stream=True)
    last = server.data_to_send()
    return first + last, first + goaway(1) + last + goaway(1, 11)


@given(st.lists(st.integers(0, 2000), max_size=10))
def test_a_goaway_is_taken_out_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    without, within = _conversation()
    frames = Frames()
    found = [frames.split(piece, "t") for piece in _cut(within, cuts)]
    assert b"".join(kept for kept, _ in found) == without
    assert [farewell.code for _, farewells in found for farewell in farewells] == [0, 11]


@given(
    st.binary(max_size=200),
    st.text(max_size=40),
    st.dictionaries(st.sampled_from(["http_proxy", "no_proxy"]), st.text(max_size=20)),
)
def test_garbage_is_a_client_error_or_a_value(data: bytes, text: str, environment: dict[str, str]) -> None:
    for work in (
        lambda: Frames().split(data, "t"),
        lambda: decoded(data, text, "t"),
        lambda: decoded(data, "gzip", "t"),
        lambda: place_of("http://" + text),
        lambda: place_of(text),
        lambda: proxy_named(text),
        lambda: Proxies(environment).of("http", text, 80),
        lambda: CookieJar(lambda secret: None).keep("http://a.example/", [text]),
    ):
        with suppress(ClientError):
            work()
    bare_url(text)
    cookies_of([text])
    folded([(text, text)])
    parsed_body(data, {"content-type": f"application/json; charset={text}"})
    proof([f"Digest {text}"], ("u", "p"), ("GET", "/"))
