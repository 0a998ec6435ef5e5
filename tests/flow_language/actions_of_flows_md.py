"""The actions of FLOWS §7 that the language's own tests need, declared as an action declares itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flows.language.catalogue import (
    ActionSpec,
    Alias,
    Assertions,
    Branches,
    Catalogue,
    Deprecated,
    Duration,
    Steps,
    always,
    option,
)
from flows.language.expressions import Expression
from flows.language.reads import redis_reads, sql_reads
from flows.language.shapes import (
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NUMBER,
    OBJECT,
    STRING,
    Shape,
    listing,
    maybe,
    record,
)


@dataclass(frozen=True, slots=True)
class Basic:
    username: str = option(doc="User.")
    password: str = option(doc="Password.")


@dataclass(frozen=True, slots=True)
class Auth:
    basic: Basic | None = option(None, "Basic credentials.", record=Basic)
    bearer: str | None = option(None, "Token.")


@dataclass(frozen=True, slots=True)
class HttpConfig:
    url: str | None = option(None, "Address.")
    service: str | None = option(None, "Service of the graph.")
    endpoint: str | None = option(None, "Operation of the service.")
    method: str = option("GET", "Method.", choices=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
    query: Mapping[str, object] | None = option(None, "Query parameters.")
    headers: Mapping[str, object] | None = option(None, "Headers.")
    body: object = option(None, "Body.")
    auth: Auth | None = option(None, "Credentials.", record=Auth)
    follow_redirects: bool = option(False, "Follow redirects.")
    timeout: Duration | None = option(None, "Limit.")


def one_address(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if "url" not in config and "service" not in config:
        yield "url", "http_request needs 'url' or 'service'"


HTTP_RESULT = record(
    status=NUMBER,
    body=ANYTHING,
    headers=OBJECT,
    headers_all=OBJECT,
    duration_ms=NUMBER,
    time=NUMBER,
    url=STRING,
)
HTTP = ActionSpec(
    name="http_request",
    summary="Sends an HTTP request.",
    config=HttpConfig,
    family="http",
    result=HTTP_RESULT,
    alias="response",
    aliases=(Alias("http"),),
    check=one_address,
)


@dataclass(frozen=True, slots=True)
class SqlConfig:
    query: str = option(doc="Statement.")
    connection: str | None = option(None, "Database URL.")
    params: object = option(None, "Values.")
    transaction: bool = option(False, "Transaction.")


SQL_RESULT = record(
    rows=listing(ANYTHING),
    row_count=NUMBER,
    count=NUMBER,
    first_row=maybe(OBJECT),
    rows_affected=NUMBER,
    columns=listing(STRING),
    attempts=NUMBER,
)


def reads_sql(config: Mapping[str, object]) -> bool:
    return sql_reads(config.get("query"))


SQL = ActionSpec(
    name="database_query",
    summary="Runs a statement.",
    config=SqlConfig,
    family="sql",
    result=SQL_RESULT,
    aliases=(Alias("sql"),),
    connection=("connection",),
    implied=("DATABASE_URL",),
    reads=reads_sql,
)


@dataclass(frozen=True, slots=True)
class PollConfig:
    query: str = option(doc="Statement.")
    connection: str | None = option(None, "Database URL.")
    params: object = option(None, "Values.")
    until: Expression | None = option(None, "Condition.")
    condition: Expression | Mapping[str, object] | None = option(None, "Condition.")
    interval: Duration | None = option(None, "Pause.")
    timeout: Duration = option(30.0, "Window.")


POLL = ActionSpec(
    name="db_poll",
    summary="Reads until a condition holds.",
    config=PollConfig,
    family="sql",
    result=SQL_RESULT,
    checks_itself=True,
    connection=("connection",),
    implied=("DATABASE_URL",),
    reads=reads_sql,
    windowed=True,
    condition=("until", "condition"),
    deprecated=(
        Deprecated(
            "expected_rows",
            "condition: {type: row_count, min_count: n}",
            lambda old: {"condition": {"type": "row_count", "min_count": old}},
        ),
        Deprecated("poll_interval", "interval", lambda old: {"interval": old}),
    ),
)

MESSAGE = record(
    value=ANYTHING,
    raw=STRING,
    key=maybe(STRING),
    headers=OBJECT,
    topic=STRING,
    partition=NUMBER,
    offset=NUMBER,
    timestamp=STRING,
    json=ANYTHING,
)


@dataclass(frozen=True, slots=True)
class ProduceConfig:
    topic: str = option(doc="Topic.")
    brokers: str | tuple[str, ...] | None = option(None, "Brokers.")
    key: object = option(None, "Key.")
    value: object = option(None, "Value.", also=("payload",))
    headers: Mapping[str, str] | None = option(None, "Headers.")


PRODUCE = ActionSpec(
    name="kafka_producer",
    summary="Publishes a message.",
    config=ProduceConfig,
    family="messaging",
    result=record(partition=NUMBER, offset=NUMBER, topic=STRING),
    aliases=(Alias("kafka_publish"), Alias("kafka.produce")),
    connection=("brokers",),
    implied=("KAFKA_BROKERS",),
)


@dataclass(frozen=True, slots=True)
class ConsumeConfig:
    topic: str = option(doc="Topic.")
    brokers: str | tuple[str, ...] | None = option(None, "Brokers.")
    match: Expression | None = option(None, "Condition on one message.", also=("filter",), scope="message")
    count: int = option(1, "Messages.")
    timeout: Duration = option(10.0, "Window.")
    from_: str = option("start_of_flow", "Start.", choices=("start_of_flow", "beginning", "end"))
    expect: str | None = option(None, "None expected.", choices=("none",))


CONSUME = ActionSpec(
    name="kafka_consumer",
    summary="Waits for messages.",
    config=ConsumeConfig,
    family="messaging",
    result=record(messages=listing(MESSAGE), count=NUMBER, value=ANYTHING, key=maybe(STRING), headers=OBJECT),
    aliases=(Alias("kafka_consume"), Alias("kafka.consume")),
    checks_itself=True,
    connection=("brokers",),
    implied=("KAFKA_BROKERS",),
    reads=always,
    windowed=True,
    deprecated=(
        Deprecated("from_beginning", "from: beginning", lambda old: {"from": "beginning"} if old else {}),
        Deprecated("group_id", "nothing: no group is joined"),
    ),
)


@dataclass(frozen=True, slots=True)
class RedisConfig:
    command: str = option("GET", "Command.")
    args: tuple[object, ...] | None = option(None, "Arguments.")
    key: str | None = option(None, "Key.")
    value: object = option(None, "Value.")
    url: str | None = option(None, "Address.")
    port: int | None = option(None, "Port.")


def reads_redis(config: Mapping[str, object]) -> bool:
    return redis_reads(config.get("command"))


REDIS = ActionSpec(
    name="redis",
    summary="Runs a command.",
    config=RedisConfig,
    family="redis",
    result=record(value=ANYTHING, exists=BOOLEAN, ok=BOOLEAN, ttl=NUMBER, deleted=NUMBER, count=NUMBER),
    aliases=(Alias("redis.get", {"command": "GET"}), Alias("redis.set", {"command": "SET"})),
    connection=("url",),
    implied=("REDIS_URL",),
    reads=reads_redis,
)


@dataclass(frozen=True, slots=True)
class SetConfig:
    """Any names."""


SET = ActionSpec("set", "Defines variables.", SetConfig, exempt=True, open_config=True, fields_from="")


@dataclass(frozen=True, slots=True)
class TransformConfig:
    transforms: Mapping[str, Expression] = option(doc="Name to path or expression.")
    input: object = option(None, "Input.")


TRANSFORM = ActionSpec("transform", "Computes values.", TransformConfig, exempt=True, fields_from="transforms")


@dataclass(frozen=True, slots=True)
class AssertConfig:
    assertions: Assertions = option((), "Assertions.")


ASSERT = ActionSpec("assert", "Checks.", AssertConfig, checks_itself=True, result=record())


@dataclass(frozen=True, slots=True)
class LogConfig:
    message: str = option(doc="Text.")
    level: str = option("info", "Level.", choices=("debug", "info", "warning", "error"))


LOG = ActionSpec("log", "Says something.", LogConfig, exempt=True, result=record())


@dataclass(frozen=True, slots=True)
class DelayConfig:
    duration: Duration = option(doc="How long.")


DELAY = ActionSpec("delay", "Pauses.", DelayConfig, exempt=True, result=record())


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    branches: Branches | None = option(None, "Branches.")
    steps: Steps | None = option(None, "Steps, each a branch.")
    max_concurrent: int | None = option(None, "Limit.")
    fail_fast: bool = option(True, "Cut others off.")


PARALLEL = ActionSpec(
    "parallel", "Side by side.", ParallelConfig, family="container", container="parallel", result=record()
)


@dataclass(frozen=True, slots=True)
class Range:
    from_: int = option(doc="First.")
    to: int = option(doc="Last.")
    step: int = option(1, "Step.")


@dataclass(frozen=True, slots=True)
class ForEachConfig:
    steps: Steps = option(doc="Steps.")
    items: Expression | tuple[object, ...] | None = option(None, "Items.", scope="flow")
    range: Range | None = option(None, "Numbers.", record=Range)
    as_: str = option("item", "Name.")
    max_concurrent: int = option(1, "Limit.")


FOR_EACH = ActionSpec(
    "for_each",
    "One after the other.",
    ForEachConfig,
    family="container",
    container="for_each",
    result=Shape("object", {"results": ARRAY}, closed=True),
)


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    if_: Expression = option(doc="Condition.", also=("condition",), scope="flow")
    then: Steps = option(doc="When true.")
    else_: Steps | None = option(None, "Otherwise.")


CONDITION = ActionSpec(
    "condition", "Either or.", ConditionConfig, family="container", container="condition", result=record()
)


@dataclass(frozen=True, slots=True)
class RunFlowConfig:
    flow: str = option(doc="File.", file=True, flow=True)
    input: Mapping[str, object] | None = option(None, "Variables.")


RUN_FLOW = ActionSpec("run_flow", "Runs a flow.", RunFlowConfig, checks_itself=True)

CATALOGUE = Catalogue(
    [
        HTTP,
        SQL,
        POLL,
        PRODUCE,
        CONSUME,
        REDIS,
        SET,
        TRANSFORM,
        ASSERT,
        LOG,
        DELAY,
        PARALLEL,
        FOR_EACH,
        CONDITION,
        RUN_FLOW,
    ]
)
