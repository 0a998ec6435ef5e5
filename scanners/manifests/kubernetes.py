"""Kubernetes manifests, Helm templates and skaffold files: workloads, their names, images, variables and routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import Config, Fact, Lit
from scanners.idioms import deploy
from testmesh.guard.yaml import MapNode, Node

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Rollout")
_JOBS = ("Job", "CronJob")
_LINE_TEMPLATE = re.compile(rb"(?m)^\s*\{\{[^\n]*\}\}\s*$")
_TEMPLATE = re.compile(rb"\{\{[^\n]*?\}\}")


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """Kubernetes and skaffold YAML."""

    name: str = "kubernetes"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml")) and "/.github/" not in f"/{path}"

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Workloads, services, configuration maps, ingresses, build artifacts.

        Args:
            source: the file.
        """
        if b"apiVersion:" not in source.data or b"kind:" not in source.data:
            return
        templated = b"{{" in source.data
        data = (
            _TEMPLATE.sub(deploy.TEMPLATED.encode(), _LINE_TEMPLATE.sub(b"", source.data)) if templated else source.data
        )
        roots, problems = deploy.documents(SourceFile(source.path, data))
        if not templated:
            yield from problems
        for root in roots:
            for body in _resources(root):
                yield from _resource(source, root, body)


def _resources(root: Node) -> Iterator[dict[str, Node]]:
    body = deploy.mapping(root)
    if deploy.text(body.get("kind")) == "List":
        for item in deploy.items(body.get("items")):
            yield deploy.mapping(item)
    elif body:
        yield body


def _resource(source: SourceFile, root: Node, body: dict[str, Node]) -> Iterator[Fact]:
    kind = deploy.text(body.get("kind"))
    metadata = deploy.mapping(body.get("metadata"))
    name = deploy.text(metadata.get("name"))
    where = metadata.get("name") or root
    if kind in _WORKLOADS or kind in _JOBS:
        yield from _workload(source, name, where, body)
    elif kind == "Service" and "selector" in deploy.mapping(body.get("spec")):
        namespace = deploy.text(metadata.get("namespace")) or "default"
        yield _named(source, name, where, (namespace, deploy.mapping(body.get("spec"))))
    elif kind == "ConfigMap":
        for key, value, node in deploy.pairs(body.get("data")):
            fields = {
                "service": "",
                "key": key,
                "value": deploy.untemplated(Lit(value or "")),
                "source": f"configmap:{name}",
            }
            yield Fact("env_value", fields, deploy.at(source, node))
    elif kind == "Ingress":
        yield from _ingress(source, name, deploy.mapping(body.get("spec")))
    elif kind == "Config" and "skaffold" in deploy.text(body.get("apiVersion")):
        yield from _artifacts(source, deploy.mapping(body.get("build")))


def _workload(source: SourceFile, name: str, where: Node, body: dict[str, Node]) -> Iterator[Fact]:
    kind = deploy.text(body.get("kind"))
    spec = deploy.mapping(body.get("spec"))
    if kind == "CronJob":
        spec = deploy.mapping(deploy.mapping(spec.get("jobTemplate")).get("spec"))
    pod = spec if kind == "Pod" else deploy.mapping(deploy.mapping(spec.get("template")).get("spec"))
    containers = [deploy.mapping(c) for c in deploy.items(pod.get("containers"))]
    if not name or not containers:
        return
    main = next((c for c in containers if deploy.text(c.get("name")) in (name, "server", "main")), containers[0])
    image = deploy.text(main.get("image"))
    fields: dict[str, object] = {
        "name": name,
        "root": "",
        "image": image,
        "sort": "job" if kind in _JOBS else deploy.sort_of_image(image, built=False),
        "ports": tuple(_ports(main)),
        "hosts": (name,),
        "command": " ".join(deploy.text(c) for k in ("command", "args") for c in deploy.items(main.get(k))),
    }
    if deploy.store_kind(image):
        fields["store_kind"] = deploy.store_kind(image)
    labels = _labels(deploy.mapping(deploy.mapping(spec.get("template")).get("metadata")).get("labels"))
    if labels:
        fields["labels"] = labels
    yield Fact("service", fields, deploy.at(source, where))
    for container in containers:
        yield from _variables(source, name, container)


def _ports(container: dict[str, Node]) -> Iterator[str]:
    for port in deploy.items(container.get("ports")):
        number = deploy.text(deploy.mapping(port).get("containerPort"))
        if number:
            yield number


def _variables(source: SourceFile, name: str, container: dict[str, Node]) -> Iterator[Fact]:
    for item in deploy.items(container.get("env")):
        body = deploy.mapping(item)
        key = deploy.text(body.get("name"))
        reference = deploy.mapping(deploy.mapping(body.get("valueFrom")).get("configMapKeyRef"))
        if reference:
            value: object = Config(
                f"configmap:{deploy.text(reference.get('name'))}.{deploy.text(reference.get('key'))}"
            )
        elif "value" in body:
            value = deploy.untemplated(Lit(deploy.text(body.get("value"))))
        else:
            continue
        yield Fact("env_value", {"service": name, "key": key, "value": value}, deploy.at(source, item))
    for item in deploy.items(container.get("envFrom")):
        given = deploy.text(deploy.mapping(deploy.mapping(item).get("configMapRef")).get("name"))
        if given:
            yield Fact("env_file", {"service": name, "path": f"configmap:{given}"}, deploy.at(source, item))


def _named(source: SourceFile, name: str, where: Node, about: tuple[str, dict[str, Node]]) -> Fact:
    namespace, spec = about
    ports = []
    for item in deploy.items(spec.get("ports")):
        body = deploy.mapping(item)
        port, target = deploy.text(body.get("port")), deploy.text(body.get("targetPort"))
        ports.append(f"{port}:{target}" if target.isdigit() else port)
    selected = deploy.mapping(spec.get("selector"))
    app = deploy.text(selected.get("app") or selected.get("app.kubernetes.io/name") or selected.get("service"))
    selector = _labels(spec.get("selector"))
    fields = {
        "name": app or name,
        "root": "",
        "image": "",
        "ports": tuple(p for p in ports if p),
        "hosts": (name, f"{name}.{namespace}", f"{name}.{namespace}.svc.cluster.local"),
        "selector": selector,
    }
    return Fact("service", fields, deploy.at(source, where))


def _labels(node: Node | None) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value, _ in deploy.pairs(node) if value)


def _ingress(source: SourceFile, name: str, spec: dict[str, Node]) -> Iterator[Fact]:
    for rule in deploy.items(spec.get("rules")):
        for item in deploy.items(deploy.mapping(deploy.mapping(rule).get("http")).get("paths")):
            body = deploy.mapping(item)
            backend = deploy.mapping(body.get("backend"))
            service = deploy.mapping(backend.get("service"))
            to = deploy.text(service.get("name") or backend.get("serviceName"))
            path = deploy.text(body.get("path")).rstrip("*").rstrip("/")
            exact = deploy.text(body.get("pathType")) == "Exact"
            if to:
                template = path or "/" if exact else f"{path}/**"
                fields = {"gateway": name, "path": template, "to": to, "to_path": template}
                yield Fact("route", fields, deploy.at(source, item))


def _artifacts(source: SourceFile, build: dict[str, Node]) -> Iterator[Fact]:
    for item in deploy.items(build.get("artifacts")):
        if not isinstance(item, MapNode):
            continue
        body = deploy.mapping(item)
        context = deploy.text(body.get("context")) or "."
        project = deploy.text(deploy.mapping(body.get("jib")).get("project"))
        folder = deploy.beside(source, context)
        if project and ":" not in project:
            folder = deploy.beside(source, f"{context}/{project}")
        name = deploy.image_name(deploy.text(body.get("image")))
        fields = {"root": folder, "sort": "skaffold", "name": name, "image": "", "ports": (), "command": ""}
        yield Fact("root", fields, deploy.at(source, item))


MANIFEST = Kubernetes()
