"""Files that a configuration map holds: their values go to whoever mounts the map, their rules are its gateway's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy, kube, nginx, properties
from scanners.idioms.kube import Resource


def facts(resource: Resource) -> Iterator[Fact]:
    """What the files of a configuration map say.

    Args:
        resource: any; only a ConfigMap holds files.
    """
    owner = f"configmap:{resource.name}"
    for inner in kube.files(resource):
        for fact in _read(inner):
            at = resource.place(fact.at.line)
            more: dict[str, object] = {"variant": resource.variant} if resource.variant else {}
            if fact.kind == "env_value":
                yield replace(fact, fields={**fact.fields, **more, "source": owner}, at=at)
            elif fact.kind == "route":
                yield replace(fact, fields={**fact.fields, **more, "gateway": owner}, at=at)


def _read(inner: SourceFile) -> Iterator[Fact]:
    name = inner.path.lower()
    if name.endswith((".properties", ".env")) or name == "env":
        yield from properties.facts(inner)
    elif name.endswith((".yml", ".yaml", ".json")) and deploy.TEMPLATED.encode() not in inner.data:
        yield from properties.of_yaml(inner)
    elif (name.endswith(".conf") or "nginx" in name) and b"location" in inner.data:
        yield from nginx.facts(inner)
