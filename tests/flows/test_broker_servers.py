"""Which server a step of a broker means: its own words go before its URL's; a URL that cannot be read is not shown."""

from __future__ import annotations

import pytest

from flows.actions import catalogue
from flows.clients.errors import ClientError
from flows.clients.redis import redis_server
from flows.clients.servers import MQTT, NATS, RABBITMQ, REDIS, Scheme, ServerConfig, server, server_problems
from flows.language.files import DiskFiles

FILES = DiskFiles()


@pytest.mark.parametrize(
    ("scheme", "url", "more", "expected"),
    [
        (REDIS, None, {}, ("localhost", 6379, "", "", False)),
        (REDIS, "redis://u:p%40ss@h:1/2", {}, ("h", 1, "u", "p@ss", False)),
        (REDIS, "redis://u:p@h:1", {"username": "", "password": "q"}, ("h", 1, "", "q", False)),
        (REDIS, "redis://u:p@h:1", {"host": "g", "port": 2}, ("g", 2, "u", "p", False)),
        (REDIS, "rediss://h", {}, ("h", 6379, "", "", True)),
        (REDIS, "h:7", {}, ("h", 7, "", "", False)),
        (MQTT, "mqtt://h", {"tls": True}, ("h", 8883, "", "", True)),
        (MQTT, "mqtt://h:1883", {"tls": True}, ("h", 1883, "", "", True)),
        (RABBITMQ, "amqps://h", {}, ("h", 5671, "", "", True)),
        (RABBITMQ, "amqps://h", {"tls": False}, ("h", 5671, "", "", False)),
        (NATS, "tls://[::1]:5", {}, ("::1", 5, "", "", True)),
    ],
)
def test_the_step_s_own_words_go_before_the_url_s(
    scheme: Scheme, url: str | None, more: dict[str, object], expected: tuple[object, ...]
) -> None:
    found = server(ServerConfig(url=url, **more), scheme, FILES)  # type: ignore[arg-type]
    assert (found.host, found.port, found.username, found.password, found.tls is not None) == expected


@pytest.mark.parametrize(
    ("url", "db", "expected"),
    [("redis://h/3", None, "3"), ("redis://h/3", 0, ""), ("redis://h?db=4", None, "4"), ("redis://h", None, "")],
)
def test_the_database_of_a_redis_step(url: str, db: int | None, expected: str) -> None:
    assert redis_server(ServerConfig(url=url), db, FILES).path == expected


@pytest.mark.parametrize(
    "url", ["redis://:pa/ss-hunter2@h", "redis://u:hunter2@h:port", "http://u:hunter2@h", "redis://[h"]
)
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    with pytest.raises(ClientError) as caught:
        server(ServerConfig(url=url), REDIS, FILES)
    assert caught.value.type == "config"
    assert "hunter2" not in caught.value.message
    assert "pa" not in caught.value.message.replace("password", "")
    assert [key for key, _ in server_problems({"url": url}, REDIS)] == ["url"]


def test_several_servers_in_one_url_are_refused_by_name() -> None:
    (problem,) = server_problems({"url": "nats://u:a,b@one:4222,nats://two:4222"}, NATS)
    assert problem == ("url", "the URL of nats names several servers; name one of them")
    assert server(ServerConfig(url="nats://u:a,b@one"), NATS, FILES).password == "a,b"


@pytest.mark.parametrize(
    ("action", "config", "problem"),
    [
        ("mqtt_subscribe", {"topic": "a/#/b"}, "no topic of MQTT: 'a/#/b'"),
        ("mqtt_subscribe", {"topic": "a+/b"}, "'+' is a whole level"),
        ("mqtt_subscribe", {"topic": "+/b/#"}, ""),
        ("mqtt_subscribe", {"topic": "${a}#"}, ""),
        ("mqtt_publish", {"topic": ""}, "no topic of MQTT: ''"),
        ("mqtt_publish", {"topic": "a/#"}, "wildcards"),
        ("nats_subscribe", {"subject": "a..b"}, "a part is empty"),
        ("nats_subscribe", {"subject": "a.>.b"}, "'>' stands for all that follows"),
        ("nats_subscribe", {"subject": "a.*.>"}, ""),
        ("nats_publish", {"subject": "a.*"}, "a message goes to one subject"),
        ("nats_publish", {"subject": "a b"}, "has a space"),
        ("rabbitmq_publish", {"queue": "q", "properties": {"corelation_id": 1}}, "did you mean 'correlation_id'?"),
        ("rabbitmq_publish", {"queue": "q", "properties": {"type": "t"}}, ""),
    ],
)
def test_names_that_no_server_takes_are_found_without_one(action: str, config: dict[str, object], problem: str) -> None:
    check = catalogue().action(action).spec.check
    assert check is not None
    found = [message for _, message in check(config)]
    assert problem in " ".join(found) if problem else not found
