"""Command lines in failures do what the step did: they are run by a real shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.actions import catalogue
from flows.reports.commands import Sent, command_line, known_actions, quoted
from tests.flows.support import Web, run_text

OWN = {"set", "transform", "assert", "log", "delay", "parallel", "for_each", "condition", "run_flow"}


def sent(action: str, answer: Mapping[str, object] | None = None, **request: object) -> Sent:
    return Sent(action, {name.rstrip("_"): value for name, value in request.items()}, answer or {})


def words_of(line: str) -> list[str]:
    """How a shell splits a line; a pipe counts as a word."""
    return shell("printf '%s\\0' " + line.replace(" | ", " '|' ").replace(" && ", " '&&' ")).split("\0")[:-1]


def shell(line: str) -> str:
    return subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True, timeout=20).stdout


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
@settings(max_examples=60)
def test_a_word_reaches_the_program_as_it_is(text: str) -> None:
    assert quoted(text).isprintable()
    assert shell(f"printf %s {quoted(text)}") == text.replace("\r\n", "\n").replace("\r", "\n")


REQUESTS = (
    {"method": "GET", "query": {"q": ["a b", "c&d"], "n": 1, "none": None}},
    {"method": "POST", "body": {"name": 'O\'Neil "x" $HOME `id` \\ \n é', "n": [1, 2]}},
    {"method": "PUT", "body": "@/etc/passwd", "headers": {"Content-Type": "text/plain"}},
    {"method": "POST", "form": {"a b": "1&2=3", "c": ["x", "y"]}},
    {"method": "DELETE", "headers": {"X-Text": "it's", "X-Two": ["1", "2"]}},
    {"method": "GET", "auth": {"basic": {"username": "me", "password": "p w'd"}}},
    {"method": "GET", "auth": {"bearer": "abc.def"}, "cookies": {"sid": "1 2"}},
    {"method": "GET", "url": "{web}/{what}", "path": {"what": "a"}},
    {"method": "GET", "auth": {"api_key": {"name": "k", "value": "v", "in": "query"}}},
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda found: json.dumps(found)[:40])
def test_curl_sends_what_the_step_sent(request_: dict[str, object], web: Web, tmp_path) -> None:  # type: ignore[no-untyped-def]
    method = str(request_["method"])
    web.on(f"{method} /a", 200, {"ok": True})
    request_ = {"url": f"{web.url}/a", **request_}
    request_["url"] = str(request_["url"]).replace("{web}", web.url)
    config = json.dumps(request_)
    run_text(
        tmp_path,
        f"flow: {{name: x, steps: [{{id: a, action: http_request, config: {config}, assert: [status == 200]}}]}}",
    )
    shell(command_line(Sent("http_request", request_, {})))
    ours, theirs = web.seen
    assert (ours.method, ours.body) == (theirs.method, theirs.body)
    assert ours.path.replace("+", "%20") == theirs.path.replace("+", "%20")
    names = {"content-type", "authorization", "cookie", "x-text", "x-two"} & (
        ours.headers.keys() | theirs.headers.keys()
    )
    assert {name: ours.headers.get(name) for name in names} == {name: theirs.headers.get(name) for name in names}


def test_a_multipart_form_is_sent_field_by_field(web: Web) -> None:
    web.on("POST /a", 200, {})
    shell(
        command_line(
            sent("http_request", method="POST", url=f"{web.url}/a", multipart={"a": "<x", "b": {"content": "@y"}})
        )
    )
    assert b'name="a"\r\n\r\n<x' in web.seen[0].body
    assert b'name="b"\r\n\r\n@y' in web.seen[0].body


def test_sql_is_written_with_its_values() -> None:
    line = command_line(
        sent(
            "database_query",
            connection="postgresql+psycopg://me:***@db/shop",
            query="SELECT '$1', x::text FROM t WHERE a = $1 AND b = $2 AND c = $3",
            params=["O'Neil", None, True],
        )
    )
    assert words_of(line) == [
        "psql", "postgresql://me:***@db/shop", "-c",
        "SELECT '$1', x::text FROM t WHERE a = 'O''Neil' AND b = NULL AND c = TRUE",
    ]  # fmt: skip
    named = command_line(
        sent("db_poll", connection="mysql://u:***@h:3307/d", query="SELECT :a, ':a'", params={"a": 1.5})
    )
    assert words_of(named) == ["mariadb", "-h", "h", "-P", "3307", "-u", "u", "-p", "d", "-e", "SELECT 1.5, ':a'"]


def test_sqlite_gives_the_rows_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    if subprocess.run(["which", "sqlite3"], check=False, capture_output=True).returncode:
        pytest.skip("no sqlite3 program here")
    line = command_line(
        sent("database_query", connection=f"sqlite:///{tmp_path}/x.db", query="SELECT ?, 'a'", params=["b'c"])
    )
    assert shell(line) == "b'c|a\n"


@pytest.mark.server("redis")
def test_redis_cli_does_what_the_step_did(redis_url: str) -> None:
    if subprocess.run(["which", "redis-cli"], check=False, capture_output=True).returncode:
        pytest.skip("no redis-cli here")
    assert shell(command_line(sent("redis", url=redis_url, command="SET", key="k", value={"a": "x y"}))) == "OK\n"
    assert shell(command_line(sent("redis", url=redis_url, command="GET", key="k"))) == '{"a":"x y"}\n'
    assert shell(command_line(sent("redis", url=redis_url, command="RPUSH", args=["l", "a", "b c"]))) == "2\n"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (sent("http_request", url="http://h/", http2=True), ["curl", "-sS", "--http2-prior-knowledge", "http://h/"]),
        (sent("http_request", url="https://h/", http2=True), ["curl", "-sS", "--http2", "https://h/"]),
        (sent("kafka_producer", brokers="b:9092", topic="t", key="k", value={"a": 1}, headers={"h": "x"}),
         ["printf", "%s", '{"a":1}', "|", "kcat", "-b", "b:9092", "-t", "t", "-P", "-k", "k", "-H", "h=x"]),
        (sent("kafka_consumer", brokers=["a:1", "b:2"], topic="t"),
         ["kcat", "-b", "a:1,b:2", "-t", "t", "-C", "-o", "beginning", "-e", "-J"]),
        (sent("grpc_call", address="h:1", service="p.S", method="M", request={"a": 1}, metadata={"k": "v"}),
         ["grpcurl", "-plaintext", "-H", "k: v", "-d", '{"a":1}', "h:1", "p.S/M"]),
        (sent("nats_publish", url="nats://h:1", subject="s", value="x"), ["nats", "pub", "-s", "nats://h:1", "s", "x"]),
        (sent("mqtt_publish", url="mqtt://h:1", topic="a/b", value="x", retain=True),
         ["mosquitto_pub", "-L", "mqtt://h:1/a/b", "-r", "-m", "x"]),
        (sent("rabbitmq_publish", url="amqp://h", exchange="e", routing_key="r", value="x"),
         ["amqp-publish", "-u", "amqp://h", "-e", "e", "-r", "r", "-b", "x"]),
        (sent("shell", command=["echo", "a b"], env={"K": "v"}, cwd="x"),
         ["cd", "x", "&&", "env", "K=v", "echo", "a b"]),
        (sent("nats_subscribe", host="h", port=4, username="u", password="***", subject="s"),
         ["nats", "sub", "-s", "nats://u:***@h:4", "s"]),
        (sent("wait_for", tcp={"host": "h", "port": 5}), ["nc", "-vz", "h", "5"]),
        (sent("s3", endpoint="http://h", operation="head", bucket="b", key="k"),
         ["aws", "s3api", "head-object", "--bucket", "b", "--key", "k", "--endpoint-url", "http://h"]),
        (sent("neo4j", url="neo4j://h", query="RETURN $x", params={"x": 1}),
         ["cypher-shell", "-a", "neo4j://h", "-P", "x => 1", "RETURN $x"]),
        (sent("mongodb", url="mongodb://h/d", operation="find_one", collection="c", filter={"a": 1}),
         ["mongosh", "mongodb://h/d", "--eval", "db.getCollection('c').findOne({\"a\":1})"]),
    ],
)  # fmt: skip
def test_other_protocols_have_their_usual_tool(found: Sent, words: list[str]) -> None:
    assert words_of(command_line(found)) == words


def test_every_action_that_sends_something_has_a_command_line() -> None:
    names = {spec.name for spec in catalogue().complete().specs}
    assert names - OWN - known_actions() == set()
