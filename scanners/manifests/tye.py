"""Project Tye: the services of a .NET system with their projects, images, ports, variables and ingress rules."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy

if TYPE_CHECKING:
    from testmesh.guard.yaml import Node

_FILE = re.compile(r"(^|/)tye([._-][\w-]+)?\.ya?ml$")
_VARIANT = "tye"


class Tye:
    """tye.yaml, which runs a system on one machine; other deployment files count before it."""

    name: str = "tye"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Tye file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Services, variables, gateway rules.

        Args:
            source: the file.
        """
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots[:1]:
            whole = deploy.mapping(root)
            for node in deploy.items(whole.get("services")):
                yield from _service(source, node)
            for node in deploy.items(whole.get("ingress")):
                yield from _ingress(source, node)


def _service(source: SourceFile, node: Node) -> Iterator[Fact]:
    body = deploy.mapping(node)
    name, image = deploy.text(body.get("name")), deploy.text(body.get("image"))
    project, file = deploy.text(body.get("project")), deploy.text(body.get("dockerFile"))
    if not name or not (image or project or file):
        return
    fields: dict[str, object] = {"name": name, "root": _root(source, body), "image": image, "hosts": (name,)}
    fields["ports"] = tuple(_ports(body))
    kind = deploy.kept_in(name, image, _ports(body))
    fields["sort"] = "infrastructure" if kind else _sort(image)
    fields |= {"store_kind": kind} if kind else {}
    if file:
        fields["build"] = (f"dockerfile={deploy.beside(source, file)}",)
    yield Fact("service", fields | {"variant": _VARIANT}, deploy.at(source, node))
    for key, value, place in _variables(body):
        given = {"service": name, "key": key, "value": deploy.substituted(value), "variant": _VARIANT}
        yield Fact("env_value", given, deploy.at(source, place))


def _sort(image: str) -> str:
    return deploy.sort_of_image(image, built=False) if image else "business"


def _root(source: SourceFile, body: dict[str, Node]) -> str:
    """The folder of the project, or the one a Dockerfile is built in."""
    project, file = deploy.text(body.get("project")), deploy.text(body.get("dockerFile"))
    if project:
        return posixpath.dirname(deploy.beside(source, project.replace("\\", "/")))
    if not file:
        return ""
    context = deploy.text(body.get("dockerFileContext"))
    return deploy.beside(source, context) if context else posixpath.dirname(deploy.beside(source, file))


def _ports(body: dict[str, Node]) -> list[str]:
    found = []
    for node in deploy.items(body.get("bindings")):
        binding = deploy.mapping(node)
        outer, inner = deploy.text(binding.get("port")), deploy.text(binding.get("containerPort"))
        found += [f"{outer}:{inner}" if inner else outer] if outer else []
    return found


def _variables(body: dict[str, Node]) -> Iterator[tuple[str, str, Node]]:
    """``- KEY=value`` and ``- name: KEY`` with a ``value``."""
    for node in deploy.items(body.get("env")):
        pair = deploy.mapping(node)
        key, equals, value = deploy.text(node).partition("=")
        if pair:
            key, value = deploy.text(pair.get("name")), deploy.text(pair.get("value"))
        if key and (pair or equals):
            yield key, value, node


def _ingress(source: SourceFile, node: Node) -> Iterator[Fact]:
    body = deploy.mapping(node)
    name = deploy.text(body.get("name"))
    fields = {"name": name, "root": "", "image": "", "sort": "gateway", "hosts": (name,), "ports": tuple(_ports(body))}
    yield Fact("service", fields | {"variant": _VARIANT}, deploy.at(source, node))
    for rule in deploy.items(body.get("rules")):
        told = deploy.mapping(rule)
        service, path = deploy.text(told.get("service")), deploy.text(told.get("path")).rstrip("/")
        if not service:
            continue
        kept = deploy.text(told.get("preservePath")).lower() == "true"
        route: dict[str, object] = {"gateway": name, "path": f"{path}/**", "to": service, "variant": _VARIANT}
        route |= {} if kept or not path else {"to_path": "/**"}
        host = deploy.text(told.get("host"))
        route |= {"host": host} if host else {}
        yield Fact("route", route, deploy.at(source, rule))


MANIFEST = Tye()
