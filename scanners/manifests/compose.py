"""Docker Compose: services with their build folders, images, names, ports, variables and start order."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from graph.facts import SourceFile
from graph.values import Env, Fact, Value
from scanners.idioms import deploy
from testmesh.guard.yaml import MapNode, Node

_FILE = re.compile(r"(^|/)(docker-)?compose([._-][\w.-]+)?\.ya?ml$")


@dataclass(frozen=True, slots=True)
class Compose:
    """Compose files."""

    name: str = "compose"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be a compose file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Services, variables, start order.

        Args:
            source: the file.
        """
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots:
            services = deploy.mapping(root).get("services")
            if isinstance(services, MapNode):
                for name, entry in services.entries.items():
                    yield from _service(source, name, entry.key, deploy.mapping(entry.value))


def _service(source: SourceFile, name: str, key: Node, body: dict[str, Node]) -> Iterator[Fact]:
    image = deploy.text(body.get("image"))
    built, root = _root(source, body.get("build"))
    hosts = [name, deploy.text(body.get("container_name")), deploy.text(body.get("hostname")), *_aliases(body)]
    fields: dict[str, object] = {
        "name": name,
        "root": root,
        "image": image,
        "sort": deploy.sort_of_image(image, built=built) if image and not built else "business",
        "ports": tuple(_port(p) for p in (*deploy.items(body.get("ports")), *deploy.items(body.get("expose")))),
        "hosts": tuple(dict.fromkeys(h for h in hosts if h)),
        "command": _command(body.get("command") or body.get("entrypoint")),
    }
    kind = deploy.store_kind(image) if not built else ""
    if kind:
        fields["store_kind"] = kind
    yield Fact("service", fields, deploy.at(source, key))
    for variable, value, node in deploy.pairs(body.get("environment")):
        given: Value = Env(variable) if value is None else deploy.substituted(value)
        yield Fact("env_value", {"service": name, "key": variable, "value": given}, deploy.at(source, node))
    yield from _env_files(source, name, body.get("env_file"))
    for on, node in _dependencies(body):
        yield Fact("depends", {"service": name, "on": on}, deploy.at(source, node))


def _root(source: SourceFile, build: Node | None) -> tuple[bool, str]:
    if build is None:
        return False, ""
    body = deploy.mapping(build)
    context = deploy.text(body.get("context")) if body else deploy.text(build)
    root = deploy.beside(source, context or ".")
    folder = posixpath.dirname(deploy.text(body.get("dockerfile")))
    if folder and not posixpath.isabs(folder):
        root = posixpath.normpath(posixpath.join(root, folder))
    return True, root or "."


def _port(node: Node) -> str:
    body = deploy.mapping(node)
    if body:
        published, target = deploy.text(body.get("published")), deploy.text(body.get("target"))
        return f"{published}:{target}" if published else target
    return deploy.text(node).split("/", 1)[0]


def _aliases(body: dict[str, Node]) -> list[str]:
    networks = deploy.mapping(body.get("networks"))
    return [deploy.text(a) for n in networks.values() for a in deploy.items(deploy.mapping(n).get("aliases"))]


def _command(node: Node | None) -> str:
    return " ".join(deploy.text(i) for i in deploy.items(node)) or deploy.text(node)


def _env_files(source: SourceFile, name: str, node: Node | None) -> Iterator[Fact]:
    for item in deploy.items(node) or ([node] if node is not None else []):
        path = deploy.text(item) or deploy.text(deploy.mapping(item).get("path"))
        if path:
            fields = {"service": name, "path": deploy.beside(source, path)}
            yield Fact("env_file", fields, deploy.at(source, item))


def _dependencies(body: dict[str, Node]) -> Iterator[tuple[str, Node]]:
    for key in ("depends_on", "links"):
        node = body.get(key)
        if isinstance(node, MapNode):
            yield from ((name, entry.key) for name, entry in node.entries.items())
        for item in deploy.items(node):
            yield deploy.text(item).split(":", 1)[0], item


MANIFEST = Compose()
