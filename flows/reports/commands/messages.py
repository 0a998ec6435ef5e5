"""Messages as `kcat`, `nats`, `mosquitto_pub`, `amqp-publish`; calls as `grpcurl`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.reports.commands import Commands, Sent, as_text, quoted


def _brokers(sent: Sent) -> list[str]:
    brokers = sent.get("brokers")
    text = ",".join(map(str, brokers)) if isinstance(brokers, list | tuple) else sent.text("brokers")
    words = ["kcat", "-b", quoted(text)]
    sasl = sent.get("sasl")
    if sasl:
        words += ["-X", f"security.protocol={'SASL_SSL' if sent.get('tls') else 'SASL_PLAINTEXT'}"]
        for key, name in (
            ("mechanism", "sasl.mechanism"),
            ("username", "sasl.username"),
            ("password", "sasl.password"),
        ):
            value = sasl.get(key) if isinstance(sasl, Mapping) else "***"
            words += ["-X", quoted(f"{name}={value}")] if value is not None else []
    elif sent.get("tls"):
        words += ["-X", "security.protocol=SSL"]
    return words


def _headers(sent: Sent, switch: str, between: str) -> Iterator[str]:
    for name, value in sent.fields("headers").items():
        yield from (switch, quoted(f"{name}{between}{as_text(value)}"))


def _value(sent: Sent) -> object:
    for key in ("value", "payload", "message", "body"):
        if sent.get(key) is not None:
            return sent.get(key)
    return ""


def kafka_produce(sent: Sent) -> list[str]:
    """A message to a topic.

    Args:
        sent: what was sent.
    """
    key = ["-k", quoted(sent.get("key"))] if sent.get("key") is not None else []
    words = [*_brokers(sent), "-t", quoted(sent.get("topic")), "-P", *key, *_headers(sent, "-H", "=")]
    return ["printf", "%s", quoted(_value(sent)), "|", *words]


def kafka_consume(sent: Sent) -> list[str]:
    """Everything in a topic.

    Args:
        sent: what was sent.
    """
    begin = "end" if sent.get("from") == "end" else "beginning"
    return [*_brokers(sent), "-t", quoted(sent.get("topic")), "-C", "-o", begin, "-e", "-J"]


def _server(sent: Sent, *keys: str) -> object:
    found = next((sent.get(key) for key in keys if sent.get(key) is not None), "")
    if found or sent.get("host") is None:
        return found
    login = f"{sent.text('username')}:{sent.text('password')}@" if sent.get("username") is not None else ""
    port = f":{sent.text('port')}" if sent.get("port") is not None else ""
    return f"{sent.action.partition('_')[0].replace('rabbitmq', 'amqp')}://{login}{sent.text('host')}{port}"


def nats_publish(sent: Sent) -> list[str]:
    """A message to a subject, or a request.

    Args:
        sent: what was sent.
    """
    verb = "request" if sent.get("request") is True else "pub"
    where = ["-s", quoted(_server(sent, "url", "servers"))]
    return ["nats", verb, *where, *_headers(sent, "-H", ":"), quoted(sent.get("subject")), quoted(_value(sent))]


def nats_subscribe(sent: Sent) -> list[str]:
    """Everything on a subject, or in a stream.

    Args:
        sent: what was sent.
    """
    where = ["-s", quoted(_server(sent, "url", "servers"))]
    if sent.get("stream") is not None:
        return ["nats", "stream", "view", *where, quoted(sent.get("stream"))]
    return ["nats", "sub", *where, quoted(sent.get("subject"))]


def _mqtt(sent: Sent, tool: str) -> list[str]:
    url = str(_server(sent, "url", "broker", "address"))
    words = (
        [tool, "-L", quoted(f"{url.rstrip('/')}/{sent.text('topic')}")]
        if url
        else [tool, "-t", quoted(sent.get("topic"))]
    )
    return [*words, *(["-q", sent.text("qos")] if sent.get("qos") is not None else [])]


def mqtt_publish(sent: Sent) -> list[str]:
    """A message to a topic.

    Args:
        sent: what was sent.
    """
    return [*_mqtt(sent, "mosquitto_pub"), *(["-r"] if sent.get("retain") is True else []), "-m", quoted(_value(sent))]


def mqtt_subscribe(sent: Sent) -> list[str]:
    """Everything on a topic.

    Args:
        sent: what was sent.
    """
    return [*_mqtt(sent, "mosquitto_sub"), "-v"]


def amqp_publish(sent: Sent) -> list[str]:
    """A message to an exchange or a queue.

    Args:
        sent: what was sent.
    """
    words = ["amqp-publish", "-u", quoted(_server(sent, "url", "connection"))]
    if sent.get("exchange") is not None:
        words += ["-e", quoted(sent.get("exchange"))]
    key = _server(sent, "routing_key", "queue", "topic")
    words += ["-r", quoted(key)] if key else []
    return [*words, *_headers(sent, "-H", ": "), "-b", quoted(_value(sent))]


def amqp_consume(sent: Sent) -> list[str]:
    """What is in a queue, or comes to an exchange.

    Args:
        sent: what was sent.
    """
    words = ["amqp-consume", "-u", quoted(_server(sent, "url", "connection"))]
    if sent.get("queue") is not None:
        words += ["-q", quoted(sent.get("queue"))]
    if sent.get("exchange") is not None:
        words += ["-e", quoted(sent.get("exchange")), "-r", quoted(_server(sent, "routing_key", "binding_key") or "#")]
    return [*words, "cat"]


def grpcurl(sent: Sent) -> list[str]:
    """A call; several requests are a stream.

    Args:
        sent: what was sent.
    """
    requests = sent.get("requests")
    bodies = list(requests) if isinstance(requests, list | tuple) else [sent.get("request") or {}]
    address = sent.text("address")
    secure = bool(sent.get("tls")) or address.startswith("grpcs://")
    words = ["grpcurl"] if secure else ["grpcurl", "-plaintext"]
    if sent.get("proto_file") is not None:
        words += ["-proto", quoted(sent.get("proto_file"))]
    if sent.get("descriptor_set") is not None:
        words += ["-protoset", quoted(sent.get("descriptor_set"))]
    for name, value in sent.fields("metadata").items():
        words += ["-H", quoted(f"{name}: {as_text(value)}")]
    method = "/".join(part for part in (sent.text("service"), sent.text("method")) if part)
    return [
        *words,
        "-d",
        quoted("".join(as_text(body) for body in bodies)),
        quoted(address.rpartition("://")[2]),
        quoted(method),
    ]


COMMANDS = Commands(
    {
        "kafka_producer": kafka_produce,
        "kafka_consumer": kafka_consume,
        "nats_publish": nats_publish,
        "nats_subscribe": nats_subscribe,
        "mqtt_publish": mqtt_publish,
        "mqtt_subscribe": mqtt_subscribe,
        "rabbitmq_publish": amqp_publish,
        "rabbitmq_consume": amqp_consume,
        "grpc_call": grpcurl,
        "grpc_stream": grpcurl,
    }
)
