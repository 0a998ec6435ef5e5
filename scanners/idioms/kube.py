"""Kubernetes resources, whoever wrote them down: a file, a chart that was rendered, a kustomization."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import Concat, Config, Env, Fact, Lit, Location, Unknown, Value
from scanners.idioms import deploy
from testmesh.guard.yaml import MapNode, Node, ScalarNode

_JOBS = frozenset(("Job", "CronJob", "ScaledJob"))
_WORKLOADS = _JOBS | frozenset(
    [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Pod",
        "Rollout",
        "DeploymentConfig",
        "CloneSet",
    ]
)
_REFERENCE = re.compile(r"\$\((\w+)\)")
_SIDECARS = re.compile(r"(^|[-_/])(proxy|sidecar|envoy|istio|linkerd|exporter|agent|cloud[-_]?sql|fluent|filebeat)")
_OPERATED = {
    "Kafka": ("kafka.strimzi.io", "kafka", ("{}-kafka-bootstrap", "{}-kafka-brokers")),
    "RabbitmqCluster": ("rabbitmq.com", "rabbitmq", ("{}",)),
    "Cluster": ("postgresql.cnpg.io", "postgresql", ("{}-rw", "{}-ro", "{}-r")),
    "PostgresCluster": ("postgres-operator.crunchydata.com", "postgresql", ("{}-primary",)),
    "postgresql": ("acid.zalan.do", "postgresql", ("{}",)),
    "MongoDBCommunity": ("mongodbcommunity.mongodb.com", "mongodb", ("{}-svc",)),
    "PerconaServerMongoDB": ("psmdb.percona.com", "mongodb", ("{}-rs0",)),
    "InnoDBCluster": ("mysql.oracle.com", "mysql", ("{}",)),
    "Elasticsearch": ("elasticsearch.k8s.elastic.co", "elasticsearch", ("{}-es-http",)),
    "RedisCluster": ("redis.redis.opstreelabs.in", "redis", ("{}-leader", "{}-follower")),
    "Redis": ("redis.redis.opstreelabs.in", "redis", ("{}",)),
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource.

    Args:
        source: the file it is written in.
        body: what is written.
        where: its name, or the document.
        lines: where each line comes from when the text is not the file's own, as that of a rendered chart.
        variant: the one of several deployments it belongs to, or empty.
    """

    source: SourceFile
    body: dict[str, Node]
    where: Node
    lines: Sequence[int] = ()
    variant: str = ""

    @property
    def kind(self) -> str:
        """Its kind."""
        return deploy.text(self.body.get("kind"))

    @property
    def group(self) -> str:
        """Its API group, `core` for the oldest ones."""
        version = deploy.text(self.body.get("apiVersion"))
        return version.rpartition("/")[0] or "core"

    @property
    def metadata(self) -> dict[str, Node]:
        """Name, labels, annotations."""
        return deploy.mapping(self.body.get("metadata"))

    @property
    def name(self) -> str:
        """Its name."""
        return deploy.text(self.metadata.get("name"))

    @property
    def spec(self) -> dict[str, Node]:
        """What is wanted."""
        return deploy.mapping(self.body.get("spec"))

    def annotation(self, key: str) -> str:
        """An annotation's text, or empty.

        Args:
            key: full name.
        """
        return deploy.text(deploy.mapping(self.metadata.get("annotations")).get(key))

    def at(self, node: Node) -> Location:
        """Where something is written.

        Args:
            node: part of it.
        """
        return self.place(node.at[0])

    def place(self, line: int) -> Location:
        """Where a line of the text comes from.

        Args:
            line: 1-based.
        """
        known = self.lines[min(line, len(self.lines)) - 1] if self.lines else line
        return Location(self.source.path, known)

    def fact(self, kind: str, fields: Mapping[str, object], node: Node) -> Fact:
        """A fact of the resource's variant.

        Args:
            kind: of the vocabulary.
            fields: as the kind says.
            node: where it is written.
        """
        return Fact(kind, {**fields, **({"variant": self.variant} if self.variant else {})}, self.at(node))


def resources(source: SourceFile, root: Node, lines: Sequence[int] = (), variant: str = "") -> Iterator[Resource]:
    """The resources of a document, those of lists included.

    Args:
        source: the file.
        root: the document.
        lines: see :class:`Resource`.
        variant: see :class:`Resource`.
    """
    body = deploy.mapping(root)
    inner = deploy.items(body.get("items")) if deploy.text(body.get("kind")).endswith("List") else [root]
    for item in inner:
        found = deploy.mapping(item)
        if deploy.text(found.get("kind")) and deploy.text(found.get("$patch")) != "delete":
            where = deploy.mapping(found.get("metadata")).get("name") or item
            yield Resource(source, found, where, lines, variant)


def facts(resource: Resource) -> Iterator[Fact]:
    """What a resource says, gateway rules left out.

    Args:
        resource: one.
    """
    read = _READERS.get(resource.kind)
    knative = resource.group == "serving.knative.dev" and resource.kind in ("Service", "Configuration")
    if knative or resource.kind in _WORKLOADS:
        read = _workload
    elif resource.kind in _OPERATED and resource.group == _OPERATED[resource.kind][0]:
        read = _operated
    if read is not None:
        yield from read(resource)


def pod_of(resource: Resource) -> tuple[dict[str, Node], dict[str, Node]]:
    """The pod's specification and the metadata of the pods of a workload.

    Args:
        resource: a workload.
    """
    spec = resource.spec
    if resource.kind in ("CronJob", "ScaledJob"):
        key = "jobTemplate" if resource.kind == "CronJob" else "jobTargetRef"
        spec = deploy.mapping(spec.get(key))
        spec = deploy.mapping(spec.get("spec")) or spec
    if resource.kind == "Pod":
        return spec, resource.metadata
    template = deploy.mapping(spec.get("template"))
    return deploy.mapping(template.get("spec")), deploy.mapping(template.get("metadata"))


def _workload(resource: Resource) -> Iterator[Fact]:
    pod, metadata = pod_of(resource)
    containers = [deploy.mapping(c) for c in deploy.items(pod.get("containers"))]
    name = resource.name
    if not name or not containers:
        return
    main = _main(name, containers)
    image = deploy.filled(deploy.text(main.get("image")))
    app_id = deploy.text(deploy.mapping(metadata.get("annotations")).get("dapr.io/app-id"))
    ports = tuple(_ports(main))
    kind = deploy.kept_in(name, image, ports)
    sort = "infrastructure" if kind else deploy.sort_of_image(image, built=False)
    fields: dict[str, object] = {
        "name": name,
        "root": "",
        "image": image,
        "sort": "job" if resource.kind in _JOBS else sort,
        "ports": ports,
        "hosts": tuple(dict.fromkeys(h for h in (name, app_id) if h)),
        "command": " ".join(deploy.text(c) for k in ("command", "args") for c in deploy.items(main.get(k))),
    }
    if kind:
        fields["store_kind"] = kind
    labels = _labels(metadata.get("labels"))
    if labels:
        fields["labels"] = labels
    yield resource.fact("service", fields, resource.where)
    for container in containers:
        yield from _variables(resource, container)
    yield from _mounted(resource, pod)


def _main(name: str, containers: list[dict[str, Node]]) -> dict[str, Node]:
    named = [c for c in containers if deploy.text(c.get("name")) in (name, "server", "main", "app")]
    own = [c for c in containers if not _SIDECARS.search(deploy.image_name(deploy.text(c.get("image"))))]
    return (named or own or containers)[0]


def _ports(container: dict[str, Node]) -> Iterator[str]:
    for port in deploy.items(container.get("ports")):
        number = deploy.text(deploy.mapping(port).get("containerPort"))
        if number:
            yield number


def expanded(written: str) -> Value:
    """A variable's text, with what templates fill in unknown and ``$(OTHER)`` as the variable it names.

    Args:
        written: text.
    """
    if deploy.PLACEHOLDER.match(written):
        return Unknown(f"`{written}` stands for what whoever deploys puts there")
    value = deploy.untemplated(Lit(written))
    if not isinstance(value, Lit) or "$(" not in written:
        return value
    parts: list[Value] = []
    end = 0
    for match in _REFERENCE.finditer(written):
        parts += [Lit(written[end : match.start()])] if match.start() > end else []
        parts.append(Env(match[1]))
        end = match.end()
    parts += [Lit(written[end:])] if end < len(written) else []
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


def _variables(resource: Resource, container: dict[str, Node]) -> Iterator[Fact]:
    for item in deploy.items(container.get("env")):
        body = deploy.mapping(item)
        reference = deploy.mapping(deploy.mapping(body.get("valueFrom")).get("configMapKeyRef"))
        if reference:
            key = f"{deploy.text(reference.get('name'))}.{deploy.text(reference.get('key'))}"
            value: Value = Config(f"configmap:{key}")
        elif "value" in body:
            value = expanded(deploy.text(body.get("value")))
        else:
            continue
        fields = {"service": resource.name, "key": deploy.text(body.get("name")), "value": value}
        yield resource.fact("env_value", fields, item)
    for item in deploy.items(container.get("envFrom")):
        given = deploy.text(deploy.mapping(deploy.mapping(item).get("configMapRef")).get("name"))
        if given:
            yield Fact("env_file", {"service": resource.name, "path": f"configmap:{given}"}, resource.at(item))


def _mounted(resource: Resource, pod: dict[str, Node]) -> Iterator[Fact]:
    """Configuration maps whose files the pod sees."""
    for item in deploy.items(pod.get("volumes")):
        volume = deploy.mapping(item)
        projected = [deploy.mapping(s) for s in deploy.items(deploy.mapping(volume.get("projected")).get("sources"))]
        for holder in (volume, *projected):
            name = deploy.text(deploy.mapping(holder.get("configMap")).get("name"))
            if name:
                yield Fact("env_file", {"service": resource.name, "path": f"configmap:{name}"}, resource.at(item))


def _named(resource: Resource) -> Iterator[Fact]:
    """A name before pods: what its selector selects answers to it."""
    spec = resource.spec
    if "selector" not in spec:
        return
    ports = []
    for item in deploy.items(spec.get("ports")):
        body = deploy.mapping(item)
        port, target = deploy.text(body.get("port")), deploy.text(body.get("targetPort"))
        ports.append(f"{port}:{target}" if target.isdigit() else port)
    selected = deploy.mapping(spec.get("selector"))
    app = deploy.text(selected.get("app") or selected.get("app.kubernetes.io/name") or selected.get("service"))
    name = resource.name
    namespace = deploy.text(resource.metadata.get("namespace")) or "default"
    fields: dict[str, object] = {
        "name": app or name,
        "root": "",
        "image": "",
        "ports": tuple(p for p in ports if p),
        "hosts": (name, f"{name}.{namespace}", f"{name}.{namespace}.svc.cluster.local"),
        "selector": _labels(spec.get("selector")),
    }
    yield resource.fact("service", fields, resource.where)


def _labels(node: Node | None) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value, _ in deploy.pairs(node) if value)


def _config_map(resource: Resource) -> Iterator[Fact]:
    for key, value, node in deploy.pairs(resource.body.get("data")):
        if "\n" in (value or "").strip():
            continue
        fields: dict[str, object] = {
            "service": "",
            "key": key,
            "value": deploy.untemplated(Lit(value or "")),
            "source": f"configmap:{resource.name}",
        }
        yield resource.fact("env_value", fields, node)


def files(resource: Resource) -> Iterator[SourceFile]:
    """Files a configuration map holds, each with its text on the lines where it is written.

    Args:
        resource: a ConfigMap.
    """
    data = resource.body.get("data")
    for name, entry in data.entries.items() if isinstance(data, MapNode) and resource.kind == "ConfigMap" else ():
        node = entry.value
        if isinstance(node, ScalarNode) and "\n" in node.text.strip():
            before = node.at[0] - (node.style not in ("|", ">"))
            yield SourceFile(name, b"\n" * before + node.text.encode("utf-8", "replace"))


def _operated(resource: Resource) -> Iterator[Fact]:
    """A store or broker that an operator runs."""
    _, kind, hosts = _OPERATED[resource.kind]
    name = resource.name
    if name:
        fields: dict[str, object] = {
            "name": name,
            "root": "",
            "image": "",
            "sort": "infrastructure",
            "store_kind": kind,
            "ports": (),
            "hosts": (name, *(h.format(name) for h in hosts)),
            "command": "",
        }
        yield resource.fact("service", fields, resource.where)


def _artifacts(resource: Resource) -> Iterator[Fact]:
    """What skaffold builds."""
    if "skaffold" not in resource.group:
        return
    for item in deploy.items(deploy.mapping(resource.body.get("build")).get("artifacts")):
        body = deploy.mapping(item)
        context = deploy.text(body.get("context")) or "."
        project = deploy.text(deploy.mapping(body.get("jib")).get("project"))
        folder = deploy.beside(resource.source, context)
        if project and ":" not in project:
            folder = deploy.beside(resource.source, f"{context}/{project}")
        name = deploy.image_name(deploy.text(body.get("image")))
        if body:
            fields = {"root": folder, "sort": "skaffold", "name": name, "image": "", "ports": (), "command": ""}
            yield Fact("root", fields, resource.at(item))


_DAPR = {
    "snssqs": "sqs",
    "azure": "servicebus",
    "gcp": "pubsub",
    "jetstream": "nats",
    "mqtt3": "mqtt",
    "rocketmq": "rocketmq",
}


def _component(resource: Resource) -> Iterator[Fact]:
    """Which broker stands behind a Dapr pub/sub component."""
    sort = deploy.text(resource.spec.get("type"))
    if resource.group == "dapr.io" and sort.startswith("pubsub."):
        kind = sort.split(".")[1]
        fields = {"broker": _DAPR.get(kind, kind), "client": Lit(resource.name)}
        yield Fact("transport", fields, resource.at(resource.where))


_READERS: dict[str, Callable[[Resource], Iterator[Fact]]] = {
    "Service": _named,
    "ConfigMap": _config_map,
    "Config": _artifacts,
    "Component": _component,
}
