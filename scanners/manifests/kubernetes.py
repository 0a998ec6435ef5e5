"""Kubernetes manifests and skaffold files: workloads, their names, images, variables and routes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import config_maps, deploy, kube, kube_routes

_LINE_TEMPLATE = re.compile(rb"(?m)^\s*\{\{[^\n]*\}\}\s*$")
_TEMPLATE = re.compile(rb"\{\{[^\n{]*?\}\}")


class Kubernetes:
    """Kubernetes and skaffold YAML."""

    name: str = "kubernetes"
    version: int = 2
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml")) and "/.github/" not in f"/{path}"

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Workloads, services, configuration maps, gateway rules, build artifacts.

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
        variant = deploy.variant(source.path)
        found = [r for root in roots for r in kube.resources(source, root, variant=variant)]
        middlewares = kube_routes.middlewares_of(found)
        for resource in found:
            yield from kube.facts(resource)
            yield from kube_routes.facts(resource, middlewares)
            yield from config_maps.facts(resource)


MANIFEST = Kubernetes()
