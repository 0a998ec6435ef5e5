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
        sort="text: module, function, method, class, interface or constant",
        params="texts: parameter names without self/cls",
        bases="texts: dotted names a class extends, interfaces it implements, structs it embeds",
        methods="texts: method names of an interface that is fulfilled by having them (Go)",
        digest="text: hash of the syntax tree's tokens without comments and layout",
        decorated="flag: a decorator or annotation may register it; absent when it has none",
        extends="text: type an extension method is called on (C# `this` parameter), absent for others",
    ),
    _kind(
        "package",
        "code",
        "The namespace a file's top-level names live in, seen by its other files without an import (Java, Go, C#).",
        name="text: `com.shop.orders`, `Shop.Orders`; Go: the package clause's name (its folder decides)",
    ),
    _kind(
        "binds",
        "code",
        "A dependency-injection registration: who asks for the one gets the other.",
        type="text: dotted type name asked for",
        to="text: dotted type name given",
        symbol="text: where",
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
        numbers="texts: `field=number` of a Protocol Buffers message: what a field is on the wire",
        reserved="texts: numbers and names a Protocol Buffers message keeps out of use",
    ),
    _kind(
        "typed",
        "code",
        "The declared or constructed type of a name, for method resolution.",
        target="text: qualified name, as in binding",
        type="text: dotted type name as written, without its type arguments",
        of="texts: its type arguments, as written (`List<Order>` has Order)",
    ),
    _kind(
        "config_read",
        "code",
        "A read of an environment variable or configuration key.",
        symbol="text: the reader",
        key="text: name",
        default="value: what is used without it",
        of="value: where the key is empty, a property of an options class: linking knows the keys it is filled from",
    ),
    _kind(
        "options",
        "code",
        "A class whose properties are filled from a configuration section: property P is the key `section:P`.",
        type="text: dotted class name",
        section="text: section, empty for the root",
        symbol="text: where it is bound",
    ),
    _kind(
        "around",
        "code",
        "Something that runs whenever something else does: a filter, a handler of a client's messages, an aspect.",
        what="text: dotted name of the function or class it runs around, as written",
        runs="text: dotted name of the function or class that runs",
        symbol="text: where it is said",
    ),
    _kind(
        "dependency",
        "code",
        "A declared package dependency.",
        ecosystem="text: pypi, npm, maven, go, nuget",
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
        detached="flag: a view that serves nothing unless it is mounted (Django)",
        symbol="text: where it is made, absent when its name says so",
        injected='text: a container gives it under this name (uber/fx `name:"api"`)',
    ),
    _kind(
        "mount",
        "code",
        "A router put under another one.",
        parent="value: Name of the parent",
        child="value: Name of the child router",
        prefix="value: extra prefix",
        folder="text: instead of `child`: every router of the files below this folder, relative to the file's own one",
        symbol="text: where it is mounted, absent for the module",
        provided="text: instead of `child`: the routers of the service that are `injected` under this name",
        replaces="flag: the prefix stands in for the router's own one, as in Flask",
        operation="flag: the child is an operation's handler; one no router tells about serves any method here",
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
        symbol="text: where it is registered, absent when the handler's name says so",
        framework="text: pack",
        accepts="shape: request body",
        returns="shape: response body of the success status",
        query="texts: query parameters read",
        status="number: success status when the code says",
        operational="flag: health, metrics and the like declared in code",
        declared="flag: declared by an interface or base class; served only by the routers that mount it",
    ),
    _kind(
        "handler",
        "code",
        "What a function that answers requests reads and sends, for those registered in another file.",
        symbol="text: the function",
        methods="texts: HTTP methods it tells apart itself, absent for all",
        accepts="shape: request body",
        returns="shape: response body of the success status",
        query="texts: query parameters read",
        status="number: success status when the code says",
        framework="text: pack",
    ),
    _kind(
        "http_call",
        "code",
        "A request sent to another service.",
        method="value: upper-case literal or Name",
        url="value: what is given as URL or path",
        base="value: base URL of the client when separate",
        injected="text: type and name of a client object given by injection; the method that makes it binds `METHOD.baseUrl`",
        only="text: configuration key that must be set for it to be sent, else absent",
        operations="value: Name of an interface whose endpoint facts are the requests; method and url are absent",
        symbol="text: where it is sent from",
        client="text: pack",
        sends="shape: request body",
        reads="shape: response fields the code reads",
    ),
    _kind(
        "rpc_service",
        "code",
        "A class that serves an RPC service of a .proto file; linking joins it with the file's operations.",
        service="text: `Cart`, `CartService` or `shop.v1.CartService`, as far as the code says",
        handlers="named values: RPC method to Name of the symbol that serves it; empty: the class's methods by name",
        symbol="text: the class or function",
        framework="text: pack",
        impl="value: the object that serves it, when its class is in another file (its methods are the handlers)",
        gateway="flag: it answers the HTTP requests of the service's proto file and hands them on (grpc-gateway)",
        target="value: address a gateway hands them on to, absent when it serves them itself",
    ),
    _kind(
        "rpc_call",
        "code",
        "A call through an RPC stub.",
        service="text: as in rpc_service",
        method="text: RPC method, in any case style",
        target="value: address or channel the stub was made with, absent when the code does not say here",
        symbol="text: where it is sent from",
        client="text: pack",
        sends="shape: request message",
        reads="shape: response fields the code reads",
    ),
    _kind(
        "publish",
        "code",
        "A message sent to a topic.",
        broker="text: kafka, rabbitmq, redis, nats, ...",
        topic="value: topic, routing key, stream or channel; empty Lit for a fanout exchange",
        exchange="value: exchange it is sent to (AMQP), absent without one",
        symbol="text: sender",
        shape="shape: payload sent",
        rule="text: naming convention the topic comes from (`masstransit message type`), absent when it is written",
        client="value: injection token of the client it is sent with, whose transport fact says the broker",
        injected="text: type and name of a topic object given by injection; the method that makes it binds `METHOD.topicName`",
        only="text: `configured` (it counts only if the key that is its topic is set), or the key that must be set; else absent",
    ),
    _kind(
        "consume",
        "code",
        "A subscription to a topic.",
        broker="text: as for publish",
        topic="value: topic or queue",
        exchange="value: exchange the queue is bound to at the same place (AMQP), absent without one",
        symbol="text: handler or the loop's function",
        handler="text: the handler when `symbol` is where the topic's names are known, another function",
        shape="shape: payload fields read",
        rule="text: as for publish",
        only="text: as for publish",
    ),
    _kind(
        "bound",
        "code",
        "A queue bound to an exchange (AMQP) or a topic (SNS to SQS): what is sent to the one arrives in the other.",
        broker="text: as for publish",
        queue="value: the queue",
        exchange="value: the exchange or topic",
        key="value: routing key, absent for all",
        symbol="text: where it is bound, absent for the module",
    ),
    _kind(
        "transport",
        "code",
        "The message broker a service listens on, or that a named client of it sends with (NestJS microservices).",
        broker="text: kafka, rabbitmq, redis, nats, mqtt, tcp, grpc",
        client="value: token the client is injected by, absent when the service itself listens",
        queue="value: queue of the transport (RabbitMQ), absent without one",
        target="value: address it connects to, absent when the code does not say here",
        symbol="text: where",
    ),
    _kind(
        "access",
        "code",
        "A read or write of a dataset through a client or ORM.",
        store_kind="text: postgresql, redis, mongodb, sql, ...",
        dataset="value: table, collection, key or a model class name",
        mode="text: read or write",
        cascade="flag: what is written brings its collections of other models along (EF change tracking)",
        only="text: `repository` or `model` when it counts only if the dataset leads to such a fact, else absent",
        columns="texts: columns or fields named",
        symbol="text: where",
    ),
    _kind(
        "repository",
        "code",
        "A type, or a property of one, whose methods read and write a dataset (Spring Data repository, EF DbSet).",
        name="text: qualified name, `OrderRepository`, `ShopContext.Orders`",
        entity="value: Name of the model class, or Lit of the table, collection or key pattern",
        store_kind="text: sql unless known better",
        writes="texts: name starts of methods that write; default save, insert, update, delete, remove, add, upsert",
        framework="text: pack",
    ),
    _kind(
        "sql",
        "code",
        "SQL text sent to a database.",
        text="value: the statement",
        symbol="text: where",
        method="text: full name of the method that sends it, `com.shop.OrderMapper.find`, when another file has the text",
        store_kind="text: sql unless known better",
    ),
    _kind(
        "model",
        "code",
        "An ORM class bound to a table.",
        name="text: class",
        dataset="value: table",
        columns="texts: column names",
        parts="texts: dotted names of model classes stored with it: read and written when it is (cascade, owned, embedded)",
        joins="texts: dotted names of model classes read with it, always (eager relations)",
        store_kind="text: sql unless known better",
        weak="flag: a default that a written table name overrides",
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
        variant="text: the one of several deployments side by side it is declared in (`prod`), absent for all of them",
        profiles="texts: compose profiles that start it, absent when it always starts",
        mounts="texts: files and folders of the repository it sees at run time",
        build="texts: how it is built and run: `dockerfile=`, `target=`, `arg:NAME=value`, `workdir=` folder mounted there",
    ),
    _kind(
        "env_value",
        "deploy",
        "A value given to an environment variable or configuration key.",
        service="text: service it is for, empty = every service of the folder",
        key="text: name",
        value="value: what it is",
        source="text: `configmap:NAME` when the value is only given to those who name it (env_file), else empty",
        profile="text: Spring profile or ASP.NET environment the value is for, absent for every one",
        variant="text: as for service",
    ),
    _kind(
        "registers",
        "deploy",
        "The name, port and path prefix the code of a folder serves under by configuration (spring.application.name).",
        root="text: folder relative to the repository",
        name="text: discovery name, or empty",
        ports="texts: ports it listens on",
        prefix="text: path in front of every endpoint (server.servlet.context-path), or empty",
        source="text: `config server` when a folder handed out to all services says so; the root is then unknown",
        profile="text: Spring profile it is for, absent for every one",
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
        copies="texts: files and folders of the build context that a Dockerfile copies",
        builds="texts: folders, projects or packages that a Dockerfile's commands build",
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
        gateway="text: service, empty = the service whose folder the file is in",
        path="text: template as served, `/**` is the rest",
        to="text: host, URL, `lb://name` or service",
        target="value: the same as code writes it, instead of `to`",
        mounted="value: what code mounts it under, instead of `path` (everything below it)",
        by="value: the gateway as code writes it, instead of `gateway`",
        symbol="text: where code writes it, absent in configuration files",
        to_path="text: rewritten template",
        method="text: only this method, absent for all",
        host="text: only requests to this host name, absent for all",
        variant="text: as for service",
    ),
)

_SPEC = (
    _kind(
        "operation",
        "spec",
        "An operation of an API description.",
        protocol="text: http, grpc, graphql, websocket",
        method="text: upper case; `rpc` for grpc; QUERY, MUTATION, SUBSCRIPTION for graphql",
        path="text: template with server base path; `package.Service/Method` for grpc; the field for graphql",
        pointer="text: JSON pointer into the file",
        operation_id="text: id or empty",
        accepts="shape: request body",
        returns="shapes: by status code as text",
        query="texts: query parameters",
        streams="text: client, server or both when gRPC messages are streamed that way, absent for neither",
        through="text: RPC operation a generated gateway turns this HTTP operation into (google.api.http)",
    ),
    _kind(
        "channel",
        "spec",
        "A channel of an event description (AsyncAPI).",
        broker="text: as for publish, empty when it does not say",
        topic="text: address of the channel",
        exchange="text: exchange it is routed through (AMQP), absent without one",
        op="text: publish or subscribe, from the described application's side",
        shape="shape: payload",
        pointer="text: JSON pointer into the file",
        operation_id="text: id or empty",
    ),
    _kind(
        "table",
        "spec",
        "A migration's statement about a table.",
        dataset="text: table",
        op="text: create, alter, drop, rename",
        columns="texts: columns named",
        dropped="texts: columns the statement takes away or renames",
        sort="text: view, function, procedure or trigger; absent for a table",
        reads="texts: tables a view or routine reads; of a trigger the first is the table it is on",
        writes="texts: tables a routine writes",
        definition="text: digest of the text of a view or routine",
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
        column="number: 1-based, absent when it is not known",
    ),
)

FACT_KINDS: Mapping[str, FactKind] = dict((*_CODE, *_FRAMEWORK, *_DEPLOY, *_SPEC, *_FLOW, *_ANNOTATION, *_DIAGNOSTIC))
