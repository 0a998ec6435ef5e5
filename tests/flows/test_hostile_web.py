"""Web servers and registries that answer what nobody should: short results that name them, and nothing that grows."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader

import pytest

from flows.clients.errors import ClientError
from flows.clients.http import HttpPool
from flows.clients.http1 import TURN, Wire
from flows.clients.http_address import MAX_SHOWN, bare_url
from flows.clients.schema_registry import Registry, RegistryAddress
from flows.language import foreign_json
from flows.language.errors import TooMuch
from flows.language.values import exact_literal, parse_json
from tests.flows.support import Web


def test_a_body_of_very_many_chunks_leaves_others_their_turn() -> None:
    async def read() -> tuple[int, bytes]:
        reader, turns = StreamReader(), 0
        reader.feed_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (TURN * 4))
        reader.feed_data(b"0\r\n\r\n")
        answer = asyncio.create_task(Wire(reader, 10**6).answer("GET"))
        while not answer.done():
            turns += 1
            await asyncio.sleep(0)
        return turns, answer.result().body

    turns, body = asyncio.run(read())
    assert body == b"x" * (TURN * 4)
    assert turns >= 4


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "[1e99999999999999999999999]"])
def test_a_number_without_end_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match="a number of more than 400 digits"):
        parse_json(text)


def test_an_expression_s_number_has_an_end_too() -> None:
    with pytest.raises(TooMuch):
        exact_literal("1e99999999999999999999999")


def test_json_of_very_many_values_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_json, "MAX_VALUES", 10)
    with pytest.raises(ValueError, match="too many values"):
        parse_json("[" + "0," * 11 + "0]")
    assert parse_json('["' + "0," * 11 + '"]') == ["0," * 11]
    assert parse_json(b"[" + b"0," * 10 + b"0]") == [0] * 11


@pytest.mark.timeout(30)
def test_quotes_without_end_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_json, "MAX_VALUES", 10)
    with pytest.raises(ValueError, match="JSON"):
        parse_json("[" + "," * 11 + '"' + '\\"' * 200_000)


def test_a_url_in_a_message_is_no_longer_than_a_line() -> None:
    assert len(bare_url("http://u:p@h/" + "x" * 70_000)) == MAX_SHOWN + 3
    assert bare_url("http://u:p@h/x?y") == "http://h/x"


@pytest.mark.parametrize(
    ("status", "answer", "problem"),
    [
        (200, {}, "subject 's': the answer holds no schema's number"),
        (200, {"id": True, "schema": "{}"}, "subject 's': the answer holds no schema's number"),
        (200, {"id": 2**40, "schema": "{}"}, "subject 's': the answer holds no schema's number"),
        (200, {"id": 1}, "schema 1: the answer holds no schema"),
        (200, {"id": 1, "schema": "{}", "references": [7]}, "a reference between schemas cannot be read"),
        (302, {"id": 1, "schema": "{}"}, "subject 's': status 302"),
        (200, [], "status 200, and the answer is no registry's"),
    ],
)
def test_a_registry_that_answers_nonsense_is_its_error(status: int, answer: object, problem: str) -> None:
    web = Web()
    web.on("GET /subjects/s/versions/latest", status, answer)

    async def asked() -> None:
        pool = HttpPool()
        try:
            await Registry(RegistryAddress((web.url,), "", None), pool).of_subject("s", None)
        finally:
            await pool.aclose()

    try:
        with pytest.raises(ClientError) as caught:
            asyncio.run(asked())
    finally:
        web.close()
    assert caught.value.type == "server"
    assert caught.value.message == f"schema registry {web.url.removeprefix('http://')}: {problem}"
