"""The eval of spans to facts counts every span and every call, whatever way they come in."""

from __future__ import annotations

import asyncio

import pytest

from evals.telemetry import as_json, decoding, received, requests, send_grpc, send_http
from testmesh.telemetry.otlp import JSON, PROTOBUF


def test_bodies_of_both_kinds_say_the_same() -> None:
    bodies = list(requests(90))
    spoken = [decoding("p", bodies, PROTOBUF), decoding("j", [as_json(body) for body in bodies], JSON)]
    assert [(s.spans, s.seen, s.calls, s.lost) for s in spoken] == [(900, 900, 90, 0)] * 2
    assert spoken[0].links == spoken[1].links


@pytest.mark.parametrize(("name", "send"), [("http", send_http), ("grpc", send_grpc)])
def test_nothing_is_lost_on_the_way(name: str, send) -> None:  # type: ignore[no-untyped-def]
    speed = asyncio.run(received(name, list(requests(80)), send))
    assert (speed.spans, speed.seen, speed.lost) == (800, 800, 0)
