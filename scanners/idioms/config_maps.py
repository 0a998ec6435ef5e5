"""Files that a configuration map holds: their values go to whoever mounts the map, their rules are its gateway's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import deploy, envoy, kong, krakend, kube, nginx, properties
from scanners.idioms.kube import Resource

_MOST = 300
_GATEWAYS = ((b"virtual_hosts", envoy), (b"_format_version", kong), (b"krakend", krakend))


def facts(resource: Resource) -> Iterator[Fact]:
    """What the files of a configuration map say.

    Args:
        resource: any; only a ConfigMap holds files.
    """
    for inner in kube.files(resource):
        yield from read(inner, (f"configmap:{resource.name}", resource.variant), resource.place)


def read(inner: SourceFile, about: tuple[str, str], place: Callable[[int], Location]) -> Iterator[Fact]:
    """What one such file says.

    Args:
        inner: the file, by the name it has in the map.
        about: the map as a source of values, and the variant.
        place: where a line of it is written.
    """
    owner, variant = about
    more = {"variant": variant} if variant else {}
    for fact in _said(inner):
        if fact.kind == "env_value":
            yield replace(fact, fields={**fact.fields, **more, "source": owner}, at=place(fact.at.line))
        elif fact.kind == "route":
            yield replace(fact, fields={**fact.fields, **more, "gateway": owner}, at=place(fact.at.line))


def _said(inner: SourceFile) -> Iterator[Fact]:
    name = inner.path.lower()
    for mark, reader in _GATEWAYS:
        if mark in inner.data and name.endswith((".yml", ".yaml", ".json")):
            yield from reader.facts(inner)
            return
    if name.endswith((".properties", ".env")) or name == "env":
        yield from properties.facts(inner)
    elif name.endswith((".yml", ".yaml", ".json")) and deploy.TEMPLATED.encode() not in inner.data:
        settings = list(islice(properties.of_yaml(inner), _MOST + 1))
        yield from settings if len(settings) <= _MOST else ()
    elif (name.endswith(".conf") or "nginx" in name) and b"location" in inner.data:
        yield from nginx.facts(inner)
