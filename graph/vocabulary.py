"""The vocabulary of facts as data: every kind a scanner may say, with its fields, meaning and evidence layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TEXT, NUMBER, FLAG, TEXTS, VALUE, VALUES, NAMED_VALUES, SHAPE, SHAPES, JSON = (
    "text",
    "number",
    "flag",
    "texts",
    "value",
    "values",
    "named values",
    "shape",
    "shapes",
    "json",
)


@dataclass(frozen=True, slots=True)
class FactField:
    """One field of a fact kind.

    Args:
        type: one of the type names above.
        about: what it says.
    """

    type: str
    about: str


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind of fact.

    Args:
        name: as written in :attr:`Fact.kind`.
        layer: code, spec, deploy, runtime, flow or annotation (DESIGN §3 Evidence).
        about: one sentence.
        fields: by name.
    """

    name: str
    layer: str
    about: str
    fields: Mapping[str, FactField]


def _kind(name: str, layer: str, about: str, /, **fields: str) -> tuple[str, FactKind]:
    parsed = {}
    for key, text in fields.items():
        type_name, _, description = text.partition(": ")
        parsed[key] = FactField(type_name, description)
    return name, FactKind(name, layer, about, parsed)


_CODE = (
    _kind(
        "symbol",
        "code",
        "A function, method, class or module-level constant.",
        name="text: qualified within the file, `Class.method`, `outer.inner`; `` for the module's own code",
        sort="text: module, function, method, class or constant",
        params="texts: parameter names without self/cls",
        bases="texts: dotted names a class extends",
        digest="text: hash of the syntax tree's tokens without comments and layout",
        decorated="flag: a decorator or annotation may register it; absent when it has none",
    ),
    _kind(
        "import",
        "code",
        "A local name bound to something of another module.",
        local="text: name in this file",
        module="text: module as written, relative dots or ./ kept",
        name="text: name inside that module, `*`, or empty for the module itself",
    ),
    _kind(
        "binding",
        "code",
        "An assignment that linking may need to evaluate a Value.",
        target="text: qualified name, `BASE`, `Settings.url`, `Client.base_url` (self.base_url), `func.local`",
        value="value: what is assigned",
        scope="text: symbol it is assigned in, empty for the module",
    ),
    _kind(
        "returns",
        "code",
        "What a function returns, one fact per return.",
        symbol="text: the function",
        value="value: what it returns",
    ),
    _kind(
        "call",
        "code",
        "A call from one symbol to another.",
        symbol="text: the caller",
        callee="value: Name or Member, as written",
        args="values: positional arguments",
        named="named values: keyword arguments",
        reads="shape: fields of the result the caller reads, absent when unknown",
        sends="shape: payload among the arguments: a dict literal, a model, or a name bound to one",
    ),
    _kind(
        "use",
        "code",
        "A read of a module-level constant or imported name that is not a call.",
        symbol="text: the reader",
        name="text: dotted name as written",
    ),
    _kind(
        "type",
        "code",
        "A named payload type (pydantic, dataclass, interface).",
        name="text: qualified name",
        shape="shape: its fields",
    ),
    _kind(
        "typed",
        "code",
        "The declared or constructed type of a name, for method resolution.",
        target="text: qualified name, as in binding",
        type="text: dotted type name as written",
    ),
    _kind(
        "config_read",
        "code",
        "A read of an environment variable or configuration key.",
        symbol="text: the reader",
        key="text: name",
        default="value: what is used without it",
    ),
    _kind(
        "dependency",
        "code",
        "A declared package dependency.",
        ecosystem="text: pypi, npm, maven, go",
        name="text: package",
        version="text: constraint",
    ),
    _kind(
        "responds",
        "code",
        "A status a handler answers with, for status-class and error-branch coverage.",
        symbol="text: handler",
        status="number: HTTP status",
        error="flag: an error branch",
    ),
)

_FRAMEWORK = (
    _kind(
        "router",
        "code",
        "An object endpoints are registered on.",
        name="text: qualified binding name (`app`, `router`, `create_app.app`)",
        framework="text: pack",
        prefix="value: its own prefix",
    ),
    _kind(
        "mount",
        "code",
        "A router put under another one.",
        parent="value: Name of the parent",
        child="value: Name of the child router",
        prefix="value: extra prefix",
        replaces="flag: the prefix stands in for the router's own one, as in Flask",
    ),
    _kind(
        "endpoint",
        "code",
        "An operation a service offers.",
        protocol="text: http, grpc, graphql, websocket",
        method="text: upper case or ANY",
        path="value: as written, before prefixes",
        router="value: Name it is registered on",
        handler="text: symbol, or empty for an inline function",
        framework="text: pack",
        accepts="shape: request body",
        returns="shape: response body of the success status",
        query="texts: query parameters read",
        status="number: success status when the code says",
        operational="flag: health, metrics and the like declared in code",
    ),
    _kind(
        "http_call",
        "code",
        "A request sent to another service.",
        method="value: upper-case literal or Name",
        url="value: what is given as URL or path",
        base="value: base URL of the client when separate",
        symbol="text: where it is sent from",
        client="text: pack",
        sends="shape: request body",
        reads="shape: response fields the code reads",
    ),
    _kind(
        "publish",
        "code",
        "A message sent to a topic.",
        broker="text: kafka, rabbitmq, redis, nats, ...",
        topic="value: topic, routing key, stream or channel",
        symbol="text: sender",
        shape="shape: payload sent",
    ),
    _kind(
        "consume",
        "code",
        "A subscription to a topic.",
        broker="text: as for publish",
        topic="value: topic",
        symbol="text: handler or the loop's function",
        shape="shape: payload fields read",
    ),
    _kind(
        "access",
        "code",
        "A read or write of a dataset through a client or ORM.",
        store_kind="text: postgresql, redis, mongodb, sql, ...",
        dataset="value: table, collection, key or a model class name",
        mode="text: read or write",
        columns="texts: columns or fields named",
        symbol="text: where",
    ),
    _kind(
        "sql",
        "code",
        "SQL text sent to a database.",
        text="value: the statement",
        symbol="text: where",
        store_kind="text: sql unless known better",
    ),
    _kind(
        "model",
        "code",
        "An ORM class bound to a table.",
        name="text: class",
        dataset="value: table",
        columns="texts: column names",
        store_kind="text: sql unless known better",
    ),
)

_DEPLOY = (
    _kind(
        "service",
        "deploy",
        "A deployable unit.",
        name="text: deployed name",
        root="text: folder relative to the repository, empty when image only",
        image="text: image reference",
        sort="text: business, gateway, infrastructure, frontend, job",
        store_kind="text: kind of store an infrastructure service is, e.g. postgresql, kafka",
        ports="texts: `host:container` or `container`",
        hosts="texts: names it answers to",
        command="text: start command",
        selector="texts: `key=value` labels a Kubernetes Service selects its pods by",
        labels="texts: `key=value` labels of a workload's pods",
    ),
    _kind(
        "env_value",
        "deploy",
        "A value given to an environment variable or configuration key.",
        service="text: service it is for, empty = every service of the folder",
        key="text: name",
        value="value: what it is",
        source="text: `configmap:NAME` when the value is only given to those who name it (env_file), else empty",
    ),
    _kind(
        "root",
        "deploy",
        "A folder that is built into something deployable (Dockerfile, package manifest, skaffold artifact).",
        root="text: folder relative to the repository, empty = the repository itself",
        sort="text: dockerfile, pyproject, package.json, skaffold, ...",
        name="text: package or image name it gives itself, or empty",
        image="text: image it is based on (the last FROM), or empty",
        ports="texts: exposed container ports",
        command="text: start command",
        store_kind="text: kind of store its base image is, empty when none",
        scripts="texts: `name=command` scripts of a package",
        base_sort="text: sort of its base image: infrastructure, gateway or business",
    ),
    _kind(
        "env_file",
        "deploy",
        "An environment file given to a service; the values are the env_value facts of that file.",
        service="text: service it is for",
        path="text: file relative to the repository, or `configmap:NAME` (its values name it in env_value.source)",
    ),
    _kind(
        "depends",
        "deploy",
        "A declared start-up dependency, never evidence of a call.",
        service="text: dependent",
        on="text: what it waits for",
    ),
    _kind(
        "route",
        "deploy",
        "A gateway rule.",
        gateway="text: service",
        path="text: template as served",
        to="text: host or service",
        to_path="text: rewritten template",
    ),
)

_SPEC = (
    _kind(
        "operation",
        "spec",
        "An operation of an API description.",
        protocol="text: http, grpc",
        method="text: upper case",
        path="text: template with server base path",
        pointer="text: JSON pointer into the file",
        operation_id="text: id or empty",
        accepts="shape: request body",
        returns="shapes: by status code as text",
        query="texts: query parameters",
    ),
    _kind(
        "table",
        "spec",
        "A migration's statement about a table.",
        dataset="text: table",
        op="text: create, alter, drop",
        columns="texts: columns named",
        store_kind="text: dialect or sql",
    ),
)

_FLOW = (
    _kind(
        "flow",
        "flow",
        "An integration test.",
        name="text: flow name",
        tags="texts: its tags",
        suite="text: suite or empty",
        requires="texts: services it requires",
        files="texts: files it names (data, env files, schemas, other flows)",
    ),
    _kind(
        "step",
        "flow",
        "A step of a flow.",
        flow="text: the flow's file",
        phase="text: setup, steps or teardown",
        id="text: step id",
        action="text: canonical action",
        index="number: order within the flow",
        runs="text: file of the flow a run_flow step runs",
        inputs="named values: variables it gives that flow",
    ),
    _kind(
        "touch",
        "flow",
        "What a step exercises, by its configuration.",
        flow="text: the flow's file",
        phase="text: as in step",
        step="text: step id",
        target="text: endpoint, topic or dataset",
        method="text: HTTP method or rpc",
        url="value: URL, or topic, or dataset name",
        kind="text: broker or store kind",
        mode="text: read or write",
        sql="flag: url is SQL text",
        checks="texts: of status, body, effect",
        statuses="texts: statuses asserted, e.g. 201, 4xx",
        reads="texts: body fields asserted or used (dotted)",
        sends="shape: body sent",
    ),
)

_ANNOTATION = (
    _kind(
        "declared_service",
        "annotation",
        "A service declared or corrected in testmesh.toml.",
        name="text: service",
        root="text: folder",
        hosts="texts: host[:port] or ${VAR} it answers to",
    ),
    _kind(
        "declared_edge",
        "annotation",
        "An edge no scanner can see.",
        source="text: service or label",
        to="text: label such as `orders:POST /orders`",
        why="text: reason shown",
    ),
    _kind("ignore", "annotation", "Paths whose facts do not count.", match="text: glob"),
    _kind(
        "dismissed",
        "annotation",
        "An edge a person declared wrong.",
        source="text: label",
        to="text: label",
        why="text: reason",
    ),
)

_DIAGNOSTIC = (
    _kind(
        "problem",
        "code",
        "A file a scanner could not read whole; shown to people, stops nothing.",
        rule="text: rule id",
        message="text: what is wrong",
        hint="text: what to do",
        severity="text: error or warning",
    ),
)

FACT_KINDS: Mapping[str, FactKind] = dict((*_CODE, *_FRAMEWORK, *_DEPLOY, *_SPEC, *_FLOW, *_ANNOTATION, *_DIAGNOSTIC))
