"""Kustomizations: generated configuration maps, patches, prefixes and images of each overlay, beside their base."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms import config_maps, deploy, kube, kube_routes, properties
from scanners.idioms.kube import Resource
from testmesh.guard.yaml import Node, ScalarNode

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_READ = (".yaml", ".yml", ".env", ".properties", ".conf", ".json", ".txt")
_DEEPEST = 12
_MOST_MEMBERS = 4_000
_PATCHED = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Rollout")


class Kustomize:
    """Kustomizations and what they list."""

    name: str = "kustomize"
    version: int = 1

    def members(self, paths: Sequence[str]) -> Sequence[str]:
        """Kustomizations and the files beside and below them.

        Args:
            paths: of the repository.
        """
        named = [p for p in paths if posixpath.basename(p) in _NAMES]
        folders = {posixpath.dirname(p) for p in named}
        if not named:
            return ()
        others = [p for p in paths if p.endswith(_READ) and _below(p, folders) and p not in set(named)]
        return [*named, *others][:_MOST_MEMBERS]

    def replaces(self, path: str) -> bool:
        """A resource says what it says in the base itself.

        Args:
            path: of a member.
        """
        return False

    def facts(self, sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
        """What kustomizations add to the resources they list.

        Args:
            sources: the members.
        """
        tree = _Tree(sources)
        for path in sorted(sources):
            if posixpath.basename(path) in _NAMES:
                source = sources[path]
                roots, problems = deploy.documents(source)
                yield from problems
                for root in roots[:1]:
                    body = deploy.mapping(root)
                    if "kustomize.toolkit" not in deploy.text(body.get("apiVersion")):
                        yield from _kustomization(tree, _Overlay(source, body, _variant(source, body)))


def _below(path: str, folders: set[str]) -> bool:
    folder = posixpath.dirname(path)
    while folder and folder not in folders:
        folder = posixpath.dirname(folder)
    return folder in folders


@dataclass(frozen=True, slots=True)
class _Overlay:
    source: SourceFile
    body: dict[str, Node]
    variant: str

    def fact(self, kind: str, fields: Mapping[str, object], node: Node) -> Fact:
        """A fact of this variant."""
        more = {"variant": self.variant} if self.variant else {}
        return Fact(kind, {**fields, **more}, deploy.at(self.source, node))


def _variant(source: SourceFile, body: Mapping[str, Node]) -> str:
    """An overlay is what stands on another kustomization, a component what one may add; a base holds for all."""
    named = deploy.variant(source.path)
    listed = [deploy.text(i) for key in ("resources", "bases") for i in deploy.items(body.get(key))]
    stands = any(item.startswith("..") and not item.endswith((".yaml", ".yml")) for item in listed)
    folder = posixpath.basename(posixpath.dirname(source.path))
    stands = stands or deploy.text(body.get("kind")) == "Component"
    return named or (folder if stands and folder not in ("base", "default") else "")


@dataclass(slots=True)
class _Tree:
    sources: Mapping[str, SourceFile]
    known: dict[str, list[Resource]] = field(default_factory=dict)

    def resources(self, path: str) -> list[Resource]:
        """The resources of a file."""
        if path not in self.known:
            source = self.sources[path]
            found = [r for root in deploy.documents(source)[0] for r in kube.resources(source, root)]
            self.known[path] = found
        return self.known[path]

    def listed(self, overlay: _Overlay) -> Iterator[Resource | Fact]:
        """Every resource a kustomization leads to, and what leads nowhere."""
        todo: list[tuple[SourceFile, dict[str, Node], int]] = [(overlay.source, overlay.body, 0)]
        seen = {overlay.source.path}
        while todo:
            source, body, depth = todo.pop(0)
            for key in ("resources", "bases", "components"):
                for item in deploy.items(body.get(key)):
                    path = self._target(source, deploy.text(item))
                    if path is None and depth == 0:
                        yield _problem(source, item, f"'{deploy.text(item)}' is not there")
                    if not path or path in seen:
                        continue
                    seen.add(path)
                    if posixpath.basename(path) in _NAMES and depth < _DEEPEST:
                        inner = self.sources[path]
                        todo += [(inner, deploy.mapping(r), depth + 1) for r in deploy.documents(inner)[0][:1]]
                    elif posixpath.basename(path) not in _NAMES:
                        yield from self.resources(path)

    def _target(self, source: SourceFile, written: str) -> str | None:
        """The file an entry names; empty for what lies elsewhere, None when it is missing."""
        if not written or "://" in written or written.startswith(("git@", "github.com/")) or "?ref=" in written:
            return ""
        path = deploy.beside(source, written)
        if path in self.sources:
            return path
        inner = next((p for n in _NAMES if (p := posixpath.join(path, n)) in self.sources), None)
        return "" if inner is None and path.startswith("..") else inner


def _problem(source: SourceFile, node: Node, message: str) -> Fact:
    fields = {"rule": "kustomize/reference", "message": message, "severity": "warning", "column": node.at[1]}
    return Fact("problem", fields, deploy.at(source, node))


def _kustomization(tree: _Tree, overlay: _Overlay) -> Iterator[Fact]:
    resources: list[Resource] = []
    for found in tree.listed(overlay):
        if isinstance(found, Fact):
            yield found
        else:
            resources.append(found)
    yield from _renamed(overlay, resources)
    yield from _images(overlay, resources)
    for item in deploy.items(overlay.body.get("configMapGenerator")):
        yield from _generated(tree, overlay, item)
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        for item in deploy.items(overlay.body.get(key)):
            yield from _patched(tree, overlay, (item, resources))


def _renamed(overlay: _Overlay, resources: list[Resource]) -> Iterator[Fact]:
    """With a prefix or suffix, services answer to another name."""
    prefix, suffix = (deploy.text(overlay.body.get(k)) for k in ("namePrefix", "nameSuffix"))
    node = overlay.body.get("namePrefix") or overlay.body.get("nameSuffix")
    if node is None or not (prefix or suffix):
        return
    for resource in resources:
        for fact in kube.facts(resource) if resource.kind == "Service" or resource.kind in _PATCHED else ():
            if fact.kind == "service":
                hosts = tuple(
                    f"{prefix}{resource.name}{suffix}{h.removeprefix(resource.name)}" for h in fact.get("hosts")
                )
                yield overlay.fact("service", {**fact.fields, "hosts": hosts}, node)


def _images(overlay: _Overlay, resources: list[Resource]) -> Iterator[Fact]:
    for item in deploy.items(overlay.body.get("images")):
        body = deploy.mapping(item)
        name, new = deploy.text(body.get("name")), deploy.text(body.get("newName"))
        for resource in resources if new else ():
            for fact in kube.facts(resource) if resource.kind in _PATCHED else ():
                if fact.kind == "service" and str(fact.get("image")).split("@")[0].rsplit(":", 1)[0] == name:
                    yield overlay.fact("service", {**fact.fields, "image": new}, item)


def _generated(tree: _Tree, overlay: _Overlay, item: Node) -> Iterator[Fact]:
    """A configuration map made of literals and files."""
    body = deploy.mapping(item)
    source = f"configmap:{deploy.text(body.get('name'))}"
    for literal in deploy.items(body.get("literals")):
        key, _, value = deploy.text(literal).partition("=")
        fields = {"service": "", "key": key, "value": Lit(value.strip("\"'")), "source": source}
        yield overlay.fact("env_value", fields, literal)
    listed = [*deploy.items(body.get("envs")), *([body["env"]] if "env" in body else [])]
    for node in listed:
        path = deploy.beside(overlay.source, deploy.text(node))
        if path not in tree.sources:
            yield _problem(overlay.source, node, f"'{deploy.text(node)}' is not there")
            continue
        for fact in properties.facts(tree.sources[path]):
            more = {"variant": overlay.variant} if overlay.variant else {}
            yield replace(fact, fields={**fact.fields, "source": source, **more})
    for node in deploy.items(body.get("files")):
        name, _, written = deploy.text(node).rpartition("=")
        path = deploy.beside(overlay.source, written)
        if path not in tree.sources:
            yield _problem(overlay.source, node, f"'{written}' is not there")
        else:
            file = SourceFile(name or posixpath.basename(path), tree.sources[path].data)
            yield from config_maps.read(file, (source, overlay.variant), partial(Location, path))


def _patched(tree: _Tree, overlay: _Overlay, about: tuple[Node, list[Resource]]) -> Iterator[Fact]:
    item, resources = about
    body = deploy.mapping(item)
    inline = body.get("patch") if body else item if isinstance(item, ScalarNode) and "\n" in item.text else None
    if isinstance(inline, ScalarNode):
        before = inline.at[0] - (inline.style not in ("|", ">"))
        text = SourceFile(overlay.source.path, b"\n" * before + inline.text.encode("utf-8", "replace"))
    else:
        path = deploy.beside(overlay.source, deploy.text(body.get("path") if body else item))
        if path not in tree.sources:
            yield _problem(overlay.source, item, f"the patch '{path}' is not there")
            return
        text = tree.sources[path]
    target = deploy.mapping(body.get("target"))
    chosen = [r for r in resources if target and _chosen(r, target)]
    for root in deploy.documents(text)[0]:
        if deploy.items(root):
            for resource in chosen:
                yield from _operations(overlay, (text, root), resource)
        elif text.path == overlay.source.path or chosen:
            yield from _merged(overlay, (text, root), chosen)


def _chosen(resource: Resource, target: Mapping[str, Node]) -> bool:
    kind, name = deploy.text(target.get("kind")), deploy.text(target.get("name"))
    fits = not name or resource.name == name or (name.endswith(".*") and resource.name.startswith(name[:-2]))
    return (not kind or resource.kind == kind) and fits


def _merged(overlay: _Overlay, patch: tuple[SourceFile, Node], chosen: list[Resource]) -> Iterator[Fact]:
    """A strategic patch names what it changes, or a target does; it adds variables, images, names."""
    source, root = patch
    for resource in kube.resources(source, root, variant=overlay.variant):
        names = {r.name for r in chosen} or {resource.name}
        for fact in (*kube.facts(resource), *kube_routes.facts(resource, {})):
            if fact.kind == "env_file":
                yield fact
            for name in sorted(names) if fact.kind in ("service", "env_value") and names != {resource.name} else ():
                key = "name" if fact.kind == "service" else "service"
                yield replace(fact, fields={**fact.fields, key: name, **({"hosts": (name,)} if key == "name" else {})})
            if names == {resource.name} and fact.kind != "env_file":
                yield fact


def _operations(overlay: _Overlay, patch: tuple[SourceFile, Node], resource: Resource) -> Iterator[Fact]:
    """JSON patch operations on variables and images of a workload."""
    source, root = patch
    pod, _ = kube.pod_of(resource)
    containers = [deploy.mapping(c) for c in deploy.items(pod.get("containers"))]
    for item in deploy.items(root):
        body = deploy.mapping(item)
        parts = deploy.text(body.get("path")).split("/")
        value = body.get("value")
        if value is None or "containers" not in parts or deploy.text(body.get("op")) not in ("add", "replace"):
            continue
        rest = parts[parts.index("containers") + 1 :]
        index = int(rest[0]) if rest and rest[0].isdigit() else 0
        container = containers[index] if index < len(containers) else {}
        for name, given in _variables(rest[1:], value, container):
            fields = {"service": resource.name, "key": name, "value": kube.expanded(deploy.text(given))}
            yield replace(overlay.fact("env_value", fields, item), at=deploy.at(source, item))
        if rest[1:] == ["image"]:
            about = {"name": resource.name, "root": "", "image": deploy.text(value)}
            yield replace(
                overlay.fact("service", {**about, "ports": (), "hosts": ()}, item), at=deploy.at(source, item)
            )


def _variables(path: list[str], value: Node, container: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """Names and values that an operation below a container sets."""
    if path[:1] != ["env"]:
        return
    known = [deploy.text(deploy.mapping(e).get("name")) for e in deploy.items(container.get("env"))]
    if len(path) == 3 and path[2] == "value" and path[1].isdigit() and int(path[1]) < len(known):
        yield known[int(path[1])], value
    for entry in deploy.items(value) if len(path) == 1 else [value] if len(path) == 2 else []:
        body = deploy.mapping(entry)
        if "value" in body:
            yield deploy.text(body.get("name")), body["value"]


BUNDLE = Kustomize()
