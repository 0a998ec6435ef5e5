"""Every networked provider, against a server that speaks its vendor's protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.llm.model import Ask, ChatModel, Connection, ModelFailed, Provider
from testmesh.kernel.discovery import declared
from testmesh.kernel.errors import UserError
from tests.vendors import ANSWERS, Vendor, vendor

PROVIDERS = declared("agents.llm.providers", "PROVIDER", object)
NETWORKED = sorted(ANSWERS)


@pytest.fixture(params=NETWORKED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(name: str) -> Iterator[Vendor]:
    with vendor(name, '{"summary": "ok"}') as running:
        yield running


def connect(name: str, url: str) -> ChatModel:
    provider = PROVIDERS[name]
    assert isinstance(provider.name, str)  # type: ignore[attr-defined]
    chosen: Provider = provider  # type: ignore[assignment]
    return chosen.connect(Connection("m", url, "secret-key"))


def test_all_networked_providers_have_a_server_here() -> None:
    assert set(PROVIDERS) - {"scripted"} == set(NETWORKED)


def test_answers_with_text_and_usage(name: str, server: Vendor) -> None:
    reply = connect(name, server.url).ask(Ask("hello", system="be brief", schema={"type": "object"}))
    assert reply.text == '{"summary": "ok"}'
    assert (reply.usage.input, reply.usage.output) == (11, 7)
    assert reply.model == f"{name}:m"
    sent = str(server.requests[0][2])
    assert "hello" in sent
    assert "be brief" in sent


@pytest.mark.parametrize(("behave", "retryable"), [("overloaded", True), ("refuse", False)])
def test_statuses_become_failures(name: str, server: Vendor, behave: str, retryable: bool) -> None:
    server.behave = behave
    with pytest.raises(ModelFailed) as failure:
        connect(name, server.url).ask(Ask("hello"))
    assert failure.value.retryable is retryable
    assert len(server.requests) == 1
    assert "secret-key" not in str(failure.value)


def test_a_silent_server_times_out(name: str, server: Vendor) -> None:
    server.behave = "hang"
    with pytest.raises(ModelFailed) as failure:
        connect(name, server.url).ask(Ask("hello", timeout=0.2))
    assert failure.value.retryable


def test_garbage_is_a_failure_not_an_answer(name: str, server: Vendor) -> None:
    server.behave = "garbage"
    with pytest.raises(ModelFailed):
        connect(name, server.url).ask(Ask("hello"))


def test_nothing_listening_is_a_failure(name: str, server: Vendor) -> None:
    with pytest.raises(ModelFailed):
        connect(name, "http://127.0.0.1:9").ask(Ask("hello", timeout=2))


def test_only_loopback_is_reachable_in_tests(name: str) -> None:
    with pytest.raises(UserError, match="only loopback"):
        connect(name, "http://192.0.2.1:1")
