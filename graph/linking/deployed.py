"""A deployable unit while it is put together, and what its names, images and ports say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from graph.schema import Evidence

_WORKLOAD = re.compile(r"-(deployment|deploy|depl|dep|statefulset|pod|rs)$")
_KIND = re.compile(r"(-(deployment|service|svc|api|server|app|web|webapi|rest|grpc|host))+$")
_VARIABLE = re.compile(r"\$\{[^}$]*\}|\$\w+|\{\{[^{}]*\}\}")


@dataclass(slots=True)
class Service:
    """A deployable unit being put together.

    Args:
        name: unique in the workspace.
        repository: where it is declared.
        root: folder with its code, None when it is an image only.
        sort: business, gateway, frontend, infrastructure or job.
        store_kind: kind of store or broker it is, or empty.
        hosts: names it answers to, with or without port.
        ports: (published, inside) pairs, published empty when not published.
        declared: deployed name, before it was made unique.
        names: names deployment files give it; several when side deployments call it otherwise.
        evidence: where it is declared.
        images: image names without registry and tag.
        groups: folders whose deployment files declare it.
        variables: environment variables a person tied to it.
        command: start command, or empty.
        labels: labels of what it starts, as `key=value`.
        rule: how its root was found.
        registered: names it registers by its own configuration.
        local_ports: ports it listens on by its own configuration.
        prefix: path in front of every operation, or empty.
        mounts: files and folders of the repository it sees at run time.
        build: how it is built beside its folder.
        deployed: repositories and their folders whose deployment files declare it.
    """

    name: str
    repository: str
    root: str | None = None
    sort: str = "business"
    store_kind: str = ""
    hosts: set[str] = field(default_factory=set)
    ports: set[tuple[str, str]] = field(default_factory=set)
    declared: str = ""
    names: set[str] = field(default_factory=set)
    evidence: set[Evidence] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    command: str = ""
    labels: set[str] = field(default_factory=set)
    rule: str = ""
    registered: set[str] = field(default_factory=set)
    local_ports: set[str] = field(default_factory=set)
    prefix: str = ""
    mounts: set[str] = field(default_factory=set)
    build: set[str] = field(default_factory=set)
    deployed: set[tuple[str, str]] = field(default_factory=set)

    @property
    def repositories(self) -> frozenset[str]:
        """The repository of its code and those that deploy it."""
        return frozenset({self.repository, *(repository for repository, _ in self.deployed)})


def under(path: str, root: str) -> bool:
    """Whether a file is in a folder; the empty folder is the whole repository.

    Args:
        path: of the file.
        root: of the folder.
    """
    return not root or path.startswith(root + "/")


def image_name(image: str) -> str:
    """An image's name without registry, tag and variables.

    Args:
        image: reference.
    """
    bare = _VARIABLE.sub("", image).split("@")[0].rsplit("/", 1)[-1]
    return bare.split(":")[0].strip("-_.")


def published(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    """(published, inside) pairs of port texts.

    Args:
        texts: `host:container` or `container`.
    """
    for text in texts:
        pieces = str(text).split("/")[0].split(":")
        yield (pieces[-2], pieces[-1]) if len(pieces) > 1 else ("", pieces[-1])


def merge(into: Service, other: Service) -> None:
    """Put what another declaration of a service says into the first.

    Args:
        into: kept.
        other: merged.
    """
    for mine, theirs in (
        (into.hosts, other.hosts),
        (into.names, other.names),
        (into.images, other.images),
        (into.groups, other.groups),
    ):
        mine.update(theirs)
    into.ports.update(other.ports)
    into.deployed.update(other.deployed)
    into.mounts.update(other.mounts)
    into.evidence.update(other.evidence)
    into.command = into.command or other.command
    into.store_kind = into.store_kind or other.store_kind


def one_folder(one: Service, other: Service) -> bool:
    """Whether two declarations are built from one folder.

    Args:
        one: a service.
        other: as another deployment declares it.
    """
    return other.root is not None and one.root == other.root


def folder_within(one: Service, other: Service) -> bool:
    """Whether one is built from a folder inside the other's, and bears its name but for what kind of thing it is.

    Args:
        one: a service.
        other: as another deployment declares it.
    """
    if not one.root or not other.root or _stem(one.declared) != _stem(other.declared):
        return False
    return under(one.root, other.root) or under(other.root, one.root)


def one_host(one: Service, other: Service) -> bool:
    """Whether the name of one is a host that leads to the other, and their folders do not tell them apart.

    Args:
        one: a service.
        other: as another deployment declares it.
    """
    if None not in (one.root, other.root) and one.root != other.root:
        return False
    return one.declared.lower() in other.hosts or other.declared.lower() in one.hosts


def workload_of(workload: str, name: str) -> bool:
    """Whether a workload's name only says that it is the workload behind a name.

    Args:
        workload: name of a Deployment or the like.
        name: name it is reached by.
    """
    return bool(name) and _WORKLOAD.sub("", workload) == name != workload


def _stem(name: str) -> str:
    bare = re.sub(r"[._]", "-", name.lower())
    return _KIND.sub("", bare) or bare
