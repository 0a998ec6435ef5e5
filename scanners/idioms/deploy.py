"""What deployment files share: YAML documents with lines, substituted variables, and what an image is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import Choice, Concat, Env, Fact, Lit, Location, Unknown, Value
from testmesh.guard import yaml
from testmesh.guard.yaml import ListNode, MapNode, Node, ScalarNode, plain

_VARIABLE = re.compile(
    r"\$(?:\{(?P<braced>\w+)(?::?(?P<sign>[-?+])(?P<default>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*)|(?P<dollar>\$))"
)
_STORES = {
    "postgresql": ("postgres", "postgresql", "timescaledb", "postgis", "pgvector", "cockroach", "cockroachdb"),
    "mysql": ("mysql", "mariadb", "percona"),
    "mongodb": ("mongo", "mongodb"),
    "redis": ("redis", "valkey", "keydb", "dragonfly"),
    "rabbitmq": ("rabbitmq",),
    "kafka": ("kafka", "redpanda", "cp-kafka", "cp-server"),
    "elasticsearch": ("elasticsearch", "opensearch"),
    "cassandra": ("cassandra", "scylla"),
    "nats": ("nats",),
    "memcached": ("memcached",),
    "s3": ("minio", "localstack"),
    "neo4j": ("neo4j",),
    "activemq": ("activemq", "artemis"),
    "mqtt": ("mosquitto", "emqx", "hivemq", "vernemq"),
    "pulsar": ("pulsar",),
    "mssql": ("mssql", "azure-sql-edge"),
}
_VARIANT = re.compile(
    r"^(?:(?:docker[-_]?)?(?:compose|stack)|values|kustomization)[._-]([\w.-]+?)\.ya?ml(?:\.gotmpl)?$"
)
_OVERLAY = re.compile(
    r"(?:^|/)(?:overlays?|environments?|envs|variants|stages|kustomize/components)/([^/]+)/"
    r"|(?:^|/)(dev|development|stag(?:e|ing)|prod|production|qa|uat|preprod|pre-prod)/"
)
_EVERY = frozenset(("override", "base", "common", "default", "all", "yml", "yaml"))
PLACEHOLDER = re.compile(
    r"^(?:[A-Z][A-Z0-9_]*_(?:VAL|VALUE|PLACEHOLDER)|(?i:PLACEHOLDER|TODO|CHANGE[-_ ]?ME|CHANGEIT)"
    r"|(?i:REPLACE[-_ ]?ME|(?:REPLACE|YOUR|INSERT)[-_ ][\w -]+)|<[\w .-]+>)$"
)
TEMPLATED = "templated"
_GATEWAYS = ("nginx", "traefik", "envoy", "kong", "haproxy", "caddy", "apisix", "httpd")
_OTHERS = (
    "zookeeper",
    "jaeger",
    "zipkin",
    "prometheus",
    "grafana",
    "otel",
    "opentelemetry-collector",
    "collector",
    "loki",
    "tempo",
    "mailhog",
    "kibana",
    "logstash",
    "fluentd",
    "consul",
    "vault",
    "adminer",
    "exporter",
    "pgadmin",
)
_TOOLS = frozenset(
    """akhq alertmanager alloy apm-server azurite busybox cadvisor cerebro cloudbeaver dapr daprd cp-kafka-connect
    cp-kafka-rest cp-schema-registry cp-ksqldb-server cp-ksqldb-cli cp-enterprise-control-center connect debezium-ui
    dex dozzle elasticsearch-head etcd eureka-server filebeat flagd fluent-bit kafdrop kafka-ui kafka-exporter
    kafka-manager cmak keycloak kowl console ksqldb-server mailcatcher maildev mailpit memcached-exporter metricbeat
    mockserver mongo-express mongo-express-docker nacos-server node-exporter pgbouncer phpmyadmin phpredisadmin
    portainer portainer-ce promtail pushgateway redis-commander redisinsight redisinsight-v2 schema-registry seq
    skywalking-oap-server skywalking-ui sonarqube swagger-ui temporal auto-setup toxiproxy unleash-server vector
    victoria-metrics watchtower wiremock zookeeper mc hydra kratos oathkeeper opa""".split()  # noqa: SIM905
)
_PORTS = {
    "3306": "mysql",
    "5432": "postgresql",
    "27017": "mongodb",
    "6379": "redis",
    "5672": "rabbitmq",
    "9092": "kafka",
    "9200": "elasticsearch",
    "9042": "cassandra",
    "1433": "mssql",
    "4222": "nats",
    "11211": "memcached",
}
_STORING = re.compile(r"(^|[-_.])(db|database|cache|store|queue|broker|mq|sql|data)([-_.]|$)")
_USERS = frozenset(
    """exporter operator ui api app service svc consumer producer worker client web gateway processor listener connector
    connect sync loader publisher subscriber proxy rest express commander insight manager admin console backup migrate
    migration migrations seeder seed init demo example test""".split()  # noqa: SIM905
)
_ENDS = frozenset(("db", "database", "server", "master", "primary", "cluster", "alpine"))
_KIND_OF = {name: kind for kind, names in _STORES.items() for name in names}


def documents(source: SourceFile) -> tuple[Sequence[Node], list[Fact]]:
    """A file's YAML documents, and what is wrong with it as problem facts.

    Args:
        source: the file.
    """
    parsed = yaml.read(source.data, source.path, yaml.FOREIGN)
    problems = [
        Fact(
            "problem",
            {"rule": f.rule, "message": f.message, "severity": "warning", "column": f.column}
            | ({"hint": f.hint} if f.hint else {}),
            Location(source.path, f.line),
        )
        for f in parsed.findings
    ]
    return parsed.roots, problems


def may_describe(path: str) -> bool:
    """Whether a file may be a description of an API or of events, by its name.

    Args:
        path: relative to the repository.
    """
    return path.endswith((".yaml", ".yml", ".json")) and not path.endswith(("package.json", "package-lock.json"))


@dataclass(frozen=True, slots=True)
class Description:
    """A description of an API or of events.

    Args:
        root: its document, for lines.
        data: the same without lines.
    """

    root: MapNode
    data: Mapping[str, object]


def described(source: SourceFile, head: re.Pattern[bytes]) -> tuple[Description | None, list[Fact]]:
    """The description a file holds, None when it is another file; and what is wrong with the file.

    Args:
        source: the file.
        head: what the first 4 KiB of a description hold.
    """
    if not head.search(source.data[:4096]):
        return None, []
    roots, problems = documents(source)
    root = roots[0] if roots else None
    if not isinstance(root, MapNode):
        return None, problems
    return Description(root, {key: plain(entry.value) for key, entry in root.entries.items()}), problems


def mapping(node: Node | None) -> dict[str, Node]:
    """Children of a mapping, empty for anything else.

    Args:
        node: any node.
    """
    return {name: entry.value for name, entry in node.entries.items()} if isinstance(node, MapNode) else {}


def items(node: Node | None) -> list[Node]:
    """Children of a list, empty for anything else.

    Args:
        node: any node.
    """
    return list(node.items) if isinstance(node, ListNode) else []


def text(node: Node | None) -> str:
    """Text of a scalar, empty for anything else.

    Args:
        node: any node.
    """
    return node.text if isinstance(node, ScalarNode) else ""


def at(source: SourceFile, node: Node) -> Location:
    """Where a node is.

    Args:
        source: the file.
        node: any node.
    """
    return Location(source.path, node.at[0])


def pairs(node: Node | None) -> Iterator[tuple[str, str | None, Node]]:
    """Entries of a mapping or of a list of ``KEY=value``: key, value (None when only the key is given), node.

    Args:
        node: mapping or list.
    """
    if isinstance(node, MapNode):
        for name, entry in node.entries.items():
            value = entry.value
            given = isinstance(value, ScalarNode) and value.value is not None
            yield name, text(value) if given else None, entry.key
    for item in items(node):
        name, equals, value_text = text(item).partition("=")
        if name:
            yield name, value_text if equals else None, item


def substituted(written: str) -> Value:
    """Text with ``$X``, ``${X}`` or ``${X:-default}`` in it as a Value.

    Args:
        written: text.
    """
    parts: list[Value] = []
    end = 0
    for match in _VARIABLE.finditer(written):
        if match.start() > end:
            parts.append(Lit(written[end : match.start()]))
        end = match.end()
        if match["dollar"]:
            parts.append(Lit("$"))
            continue
        name, word = match["braced"] or match["plain"], match["default"]
        if match["sign"] == "+":
            parts.append(Choice((Lit(word), Lit(""))))
        else:
            parts.append(Env(name, Lit(word) if match["sign"] == "-" else None))
    if end < len(written):
        parts.append(Lit(written[end:]))
    if not parts:
        return Lit("")
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


def filled(written: str, values: Mapping[str, str] | None = None) -> str:
    """Text with ``${X}`` replaced by a known value, ``${X:-default}`` by its default; anything else stays as it is.

    Args:
        written: text.
        values: of variables, as an environment file gives them.
    """
    known = values or {}

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"] or ""
        word = match["default"]
        if match["sign"] == "+":
            return word if known.get(name) else ""
        return known.get(name) or (word if match["sign"] == "-" else match[0])

    return _VARIABLE.sub(value, written)


def variant(path: str) -> str:
    """The one of several deployments side by side that a file is for, by its name or folder; empty for all of them.

    Args:
        path: relative to the repository.
    """
    name = posixpath.basename(path)
    named = _VARIANT.search(name)
    if named is not None:
        return ".".join(part for part in named[1].split(".") if part not in _EVERY)
    folder = _OVERLAY.search(path)
    return (folder[1] or folder[2]) if folder is not None else ""


def untemplated(value: Value) -> Value:
    """A Value with what a template fills in said as unknown.

    Args:
        value: of a file whose ``{{ ... }}`` were replaced by :data:`TEMPLATED`.
    """
    if isinstance(value, Lit) and isinstance(value.value, str) and TEMPLATED in value.value:
        parts: list[Value] = []
        for index, piece in enumerate(value.value.split(TEMPLATED)):
            parts += [Unknown("filled in by a template")] if index else []
            parts += [Lit(piece)] if piece else []
        return parts[0] if len(parts) == 1 else Concat(tuple(parts))
    return value


def image_name(image: str) -> str:
    """Last part of an image reference without tag and digest.

    Args:
        image: reference.
    """
    bare = re.sub(r"\$\{[^}]*\}", "", image.split("@", 1)[0])
    *outer, last = bare.split("/")
    name = last.split(":", 1)[0].lower()
    return outer[-1].lower() if outer and name in ("server", "database", "broker") and "." not in outer[-1] else name


def store_kind(image: str) -> str:
    """The kind of store or broker an image is, empty when it is none.

    Args:
        image: reference.
    """
    name = image_name(image)
    if name in _KIND_OF:
        return _KIND_OF[name]
    parts = re.split(r"[-_.]", name)
    if _USERS & set(parts):
        return ""
    if parts[0] in _KIND_OF:
        return _KIND_OF[parts[0]]
    named = [p for p in parts if p in _KIND_OF]
    return _KIND_OF[named[-1]] if named and (parts[-1] in named or parts[-1] in _ENDS) else ""


def kept_in(name: str, image: str, ports: Sequence[str]) -> str:
    """The kind of store a service is by its image, or by a name like ``orders-db`` and the port it listens on.

    Args:
        name: of the service.
        image: reference.
        ports: `host:container` or `container`.
    """
    kind = store_kind(image)
    if kind or not image or not _STORING.search(name.lower()):
        return kind
    return next((_PORTS[p] for port in ports if (p := port.rsplit(":", 1)[-1]) in _PORTS), "")


def sort_of_image(image: str, *, built: bool) -> str:
    """What a service is by its image: infrastructure, gateway, or business when it is built here.

    Args:
        image: reference.
        built: it is built from this repository.
    """
    name = image_name(image)
    if store_kind(image):
        return "infrastructure"
    parts = set(re.split(r"[-_.]", name)) | {name}
    if parts & set(_GATEWAYS):
        return "gateway"
    return "infrastructure" if (parts & set(_OTHERS) or name in _TOOLS) and not built else "business"


def beside(source: SourceFile, relative: str) -> str:
    """A path written in a file, relative to the repository; empty for the repository itself.

    Args:
        source: the file.
        relative: as written there.
    """
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), relative))
    return "" if joined in (".", "/") else joined.lstrip("/")
