"""How a step is said in words: a line for each kind of action, and one that fits any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flows.language.catalogue import ActionSpec
from flows.language.spec import Step
from flows.language.writing import inline

Config = Mapping[str, object]
_NAMED = ("topic", "channel", "subject", "queue", "exchange", "pattern", "stream", "url", "service", "method", "key")
_LONG = 120


def does(step: Step, spec: ActionSpec | None) -> str:
    """What a step does.

    Args:
        step: checked.
        spec: its action, when it is known.
    """
    say = _SAID.get(step.action)
    text = say(step.source) if say is not None else _any(step.source, spec, step.action)
    return " ".join(text.split())


def in_words(seconds: float) -> str:
    """A duration as it is written in flows.

    Args:
        seconds: how long.
    """
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else inline(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONG else text[: _LONG - 3] + "..."


def _any(config: Config, spec: ActionSpec | None, action: str) -> str:
    summary = spec.summary.rstrip(".") if spec is not None and spec.summary else f"does {action}"
    known = [f"{key} {_short(config[key])}" for key in _NAMED if config.get(key) is not None]
    return f"{summary[0].lower()}{summary[1:]}" + (f" ({', '.join(known)})" if known else "")


def _http(config: Config) -> str:
    endpoint = config.get("endpoint")
    if endpoint is not None:
        return f"sends {_short(endpoint)} to the service {config.get('service')}"
    body = next((name for name in ("body", "form", "multipart") if config.get(name) is not None), None)
    parts = [f"the query {_short(config['query'])}"] if config.get("query") is not None else []
    parts += [_short(config[body])] if body is not None else []
    with_parts = f" with {' and '.join(parts)}" if parts else ""
    return f"sends {str(config.get('method') or 'GET').upper()} {config.get('url')}{with_parts}"


def _contract(config: Config) -> str:
    if config.get("pact") is not None:
        return f"asks {config.get('base_url')} everything that the pact {config['pact']} promises"
    return f"asks {config.get('base_url')} for {config.get('operation')} as {config.get('openapi')} describes it"


def _mocked(config: Config) -> str:
    endpoints = config.get("endpoints")
    told = [e for e in endpoints if isinstance(e, Mapping)] if isinstance(endpoints, list) else []
    answers = ", ".join(f"{e.get('method') or 'GET'} {e.get('path')}" for e in told)
    return f"starts the mock server {config.get('name')}, which answers {_short(answers or 'as written')}"


def _verified(config: Config) -> str:
    asked = " ".join(str(config[key]) for key in ("method", "path") if config.get(key) is not None)
    words = {"count": "exactly", "at_least": "at least", "at_most": "at most"}
    counts = [f"{word} {config[key]}" for key, word in words.items() if config.get(key) is not None]
    match = f" that match {_short(config['match'])}" if config.get("match") is not None else ""
    number = " and ".join(counts) or "at least 1"
    noun = "request" if number.endswith(" 1") else "requests"
    return f"expects {number} {noun}{f' {asked}' if asked else ''}{match} at the mock server {config.get('name')}"


def _graphql(config: Config) -> str:
    return f"asks {config.get('url')}: {_short(config.get('query') or '')}"


def _sql(config: Config) -> str:
    several = config.get("transaction")
    if isinstance(several, list):
        return f"runs {len(several)} SQL statements in one transaction"
    return f"runs the SQL {_short(config.get('query') or '')}"


def _publish(config: Config) -> str:
    what = next((config[name] for name in ("value", "message") if config.get(name) is not None), None)
    return f"publishes {_short(what) if what is not None else 'an empty message'} to {_where(config)}"


def _consume(config: Config) -> str:
    count = config.get("count") or 1
    match = f" that pass {_short(config['match'])}" if config.get("match") is not None else ""
    if config.get("expect") == "none":
        return f"makes sure that no message{match} arrives on {_where(config)}"
    many = "a message" if count == 1 else f"{_short(count)} messages"
    match = match.replace("pass", "passes", 1) if count == 1 else match
    return f"expects {many}{match} on {_where(config)}"


def _where(config: Config) -> str:
    return _short(next((config[key] for key in _NAMED if config.get(key) is not None), "its topic"))


def _redis(config: Config) -> str:
    parts = [config.get("command"), config.get("key"), config.get("field"), config.get("value")]
    arguments = config.get("args")
    parts += arguments if isinstance(arguments, list) else [arguments]
    return "sends Redis " + " ".join(_short(part) for part in parts if part is not None)


def _wait(config: Config) -> str:
    for kind in ("http", "tcp"):
        probe = config.get(kind)
        if isinstance(probe, Mapping):
            return f"waits until {_probed(probe)} answers"
    return f"waits until {_probed(config)} answers"


def _probed(config: Config) -> str:
    return str(config.get("url") or f"{config.get('host') or 'localhost'}:{config.get('port')}")


def _loop(config: Config) -> str:
    over = config.get("items")
    if over is None:
        return f"repeats its steps for the range {_short(config.get('range'))}"
    return f"repeats its steps for each of {_short(over)}"


def _named(config: Config) -> str:
    return "sets " + ", ".join(f"{name} = {_short(value)}" for name, value in config.items())


def _transform(config: Config) -> str:
    transforms = config.get("transforms")
    names = ", ".join(transforms) if isinstance(transforms, Mapping) else "values"
    return f"computes {names}"


_SAID: Mapping[str, Callable[[Config], str]] = {
    "http_request": _http,
    "graphql": _graphql,
    "contract_verify": _contract,
    "mock_server_start": _mocked,
    "mock_server_verify": _verified,
    "database_query": _sql,
    "db_poll": lambda config: f"{_sql(config)} again and again",
    "kafka_producer": _publish,
    "kafka_consumer": _consume,
    "rabbitmq_publish": _publish,
    "rabbitmq_consume": _consume,
    "nats_publish": _publish,
    "nats_subscribe": _consume,
    "mqtt_publish": _publish,
    "mqtt_subscribe": _consume,
    "redis_publish": _publish,
    "redis_subscribe": _consume,
    "redis": _redis,
    "wait_for": _wait,
    "set": _named,
    "transform": _transform,
    "assert": lambda config: "checks what earlier steps gave",
    "log": lambda config: f"writes {_short(config.get('message') or '')} to the log",
    "delay": lambda config: f"waits {config.get('duration')}",
    "for_each": _loop,
    "parallel": lambda config: "runs its branches beside each other",
    "condition": lambda config: f"chooses by {_short(config.get('if') or '')}",
    "run_flow": lambda config: f"runs the flow {config.get('flow')}",
    "grpc_call": lambda config: f"calls {config.get('service')}/{config.get('method')}",
}
