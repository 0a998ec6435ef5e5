"""HTTP/1.1 is read the same however the bytes arrive, and nothing ambiguous is accepted."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.clients.http1 import Answer, Malformed, NothingCame, NotSendable, TooLarge, Wire, request_bytes

GOOD = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabc",
    "chunked": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n",
    "until the end": b"HTTP/1.0 200 OK\n\nabc",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "no reason": b"HTTP/1.1 404\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
}
BAD = {
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "signed length": b"HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
    "other coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "folded header": b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
    "space before colon": b"HTTP/1.1 200 OK\r\nx : a\r\n\r\n",
    "control character": b"HTTP/1.1 200 OK\r\nx: a\x00b\r\n\r\n",
    "version": b"HTTP/2.0 200 OK\r\n\r\n",
    "status": b"HTTP/1.1 20 OK\r\n\r\n",
    "long chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "huge chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
    "cut off head": b"HTTP/1.1 200 O",
    "informational forever": b"HTTP/1.1 100 Continue\r\n\r\n" * 30,
}


def _read(data: bytes, cuts: list[int] | None = None, method: str = "GET") -> Answer:
    async def read() -> Answer:
        reader = asyncio.StreamReader()
        answer = asyncio.create_task(Wire(reader, 1000).answer(method))
        start = 0
        for cut in [*sorted(cuts or []), len(data)]:
            reader.feed_data(data[start:cut])
            start = cut
            await asyncio.sleep(0)
        reader.feed_eof()
        return await answer

    return asyncio.run(read())


@pytest.mark.parametrize("name", sorted(GOOD))
@given(cuts=st.lists(st.integers(0, 120), max_size=6))
@settings(max_examples=40)
def test_an_answer_does_not_depend_on_how_its_bytes_arrive(name: str, cuts: list[int]) -> None:
    data = GOOD[name]
    assert _read(data, [min(cut, len(data)) for cut in cuts]) == _read(data)


def test_answers_are_read() -> None:
    assert _read(GOOD["length"]) == Answer(200, (("content-length", "3"), ("x-a", "b")), b"abc", True)
    assert _read(GOOD["chunked"])[2:] == (b"abcde", True)
    assert _read(GOOD["until the end"])[2:] == (b"abc", False)
    assert _read(GOOD["early hints"])[:1] == (204,)
    assert _read(GOOD["no reason"])[3] is False
    assert _read(GOOD["length"].removesuffix(b"abc"), method="HEAD").body == b""


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_is_ambiguous_or_broken_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        _read(BAD[name])


def test_nothing_and_too_much_are_told_apart() -> None:
    with pytest.raises(NothingCame):
        _read(b"")
    for big in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n",
    ):
        with pytest.raises(TooLarge):
            _read(big)


@given(data=st.binary(max_size=200))
@settings(max_examples=200)
def test_garbage_never_does_anything_else(data: bytes) -> None:
    try:
        _read(b"HTTP/1.1 200 OK\r\n" + data)
    except (Malformed, TooLarge):
        return


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET X", "/", ("a", "b")),
        ("GET", "/a b", ("a", "b")),
        ("GET", "/", ("a b", "c")),
        ("GET", "/", ("a", "b\r\nx: injected")),
        ("GET", "/", ("a", "☃")),
        ("GET", "/", ("content-length", "5")),
        ("GET", "/", ("Transfer-Encoding", "chunked")),
    ],
)
def test_a_request_cannot_be_split_or_smuggled(method: str, target: str, header: tuple[str, str]) -> None:
    with pytest.raises(NotSendable):
        request_bytes(method, target, [header], b"")
