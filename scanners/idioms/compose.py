"""A compose file's services, whichever file they are written in and whichever they extend."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Env, Fact, Location, Value
from scanners.idioms import deploy
from scanners.idioms.gateways import REST, Passed, traefik_rule, traefik_target
from testmesh.guard.yaml import MapNode, Node

_FILE = re.compile(r"(^|/)([\w.-]*[._-])?(docker[-_]?)?(compose|stack)([._-][\w.-]+)?\.ya?ml$")
_WORK = re.compile(
    r"^/(app|src|code|srv|workspace|project|usr/src/\w+|opt/\w+|var/www(/html)?|go/src/.+|home/\w+(/\w+)?)$"
)
_ASIDE = re.compile(r"(?i)(e2e|tests?|testing|load[-_]?tests?|benchmarks?|[\w-]+[-_]tests?)")
_LABEL = re.compile(r"^traefik\.(http|tcp)\.(routers|services|middlewares)\.([\w-]+)\.(.+)$")
_TRAEFIK_1 = re.compile(r"^traefik\.frontend\.rule$")


def is_compose(path: str) -> bool:
    """Whether a file's name is one that compose files have.

    Args:
        path: relative to the repository.
    """
    return bool(_FILE.search(path))


@dataclass(frozen=True, slots=True)
class Entry:
    """A service as written.

    Args:
        name: its name.
        key: where it is written.
        body: what is written.
        source: the file.
        values: of the variables in it, as far as an environment file beside it says.
    """

    name: str
    key: Node
    body: dict[str, Node]
    source: SourceFile
    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, node: Node | None) -> str:
        """A scalar's text with variables filled in.

        Args:
            node: of the body.
        """
        return deploy.filled(deploy.text(node), self.values)


def entries(source: SourceFile, root: Node) -> list[Entry]:
    """The services of a document; those of the first format stand at its top.

    Args:
        source: the file.
        root: the document.
    """
    body = deploy.mapping(root)
    listed = body.get("services")
    if isinstance(listed, MapNode):
        return [Entry(n, e.key, deploy.mapping(e.value), source) for n, e in listed.entries.items() if _is(e.value)]
    if not isinstance(root, MapNode) or {"services", "version", "apiVersion", "kind"} & body.keys():
        return []
    old = [(n, e) for n, e in root.entries.items() if {"image", "build"} & deploy.mapping(e.value).keys()]
    return [Entry(n, e.key, deploy.mapping(e.value), source) for n, e in old] if len(old) == len(body) else []


def _is(node: Node) -> bool:
    return isinstance(node, MapNode)


def facts(entry: Entry, place: SourceFile | None = None) -> Iterator[Fact]:
    """What a service says.

    Args:
        entry: the service.
        place: the file whose folder paths are relative to, when it is another one.
    """
    where = place or entry.source
    yield Fact("service", _fields(entry, where), deploy.at(entry.source, entry.key))
    variant = {"variant": v} if (v := deploy.variant(entry.source.path)) else {}
    for variable, value, node in deploy.pairs(entry.body.get("environment")):
        given: Value = Env(variable) if value is None else deploy.substituted(value)
        fields = {"service": entry.name, "key": variable, "value": given}
        yield Fact("env_value", fields | variant, deploy.at(entry.source, node))
    for argument, value, node in deploy.pairs(deploy.mapping(entry.body.get("build")).get("args")):
        if value:  # what a page is built with, such as the address of its API
            build = {"service": entry.name, "key": argument, "value": deploy.substituted(value), "built": True}
            yield Fact("env_value", build | variant, deploy.at(entry.source, node))
    yield from _env_files(entry, where)
    for on, node in _dependencies(entry.body):
        yield Fact("depends", {"service": entry.name, "on": on}, deploy.at(entry.source, node))


def _fields(entry: Entry, where: SourceFile) -> dict[str, object]:
    name, body = entry.name, entry.body
    image = entry.text(body.get("image"))
    built, root = _root(entry, where)
    hosts = [name, entry.text(body.get("container_name")), entry.text(body.get("hostname")), *_aliases(body)]
    hosts += [host for rule in _rules(body).values() if not rule.paths for host in rule.hosts]
    ports = tuple(_port(entry, p) for p in (*deploy.items(body.get("ports")), *deploy.items(body.get("expose"))))
    kind = deploy.kept_in(name, image, ports) if not built else ""
    sort = deploy.sort_of_image(image, built=built) if image and not built else "business"
    fields: dict[str, object] = {
        "name": name,
        "root": root,
        "image": image,
        "sort": "infrastructure" if kind else sort,
        "ports": ports,
        "hosts": tuple(dict.fromkeys(h for h in hosts if h)),
        "command": _command(body),
    }
    optional: dict[str, object] = {
        "store_kind": kind,
        "variant": deploy.variant(entry.source.path),
        "profiles": tuple(deploy.text(p) for p in deploy.items(body.get("profiles"))),
        "mounts": tuple(path for path, _ in _mounts(where, body)),
        "build": (*_build(entry, where), *_workdir(where, body)),
    }
    profiles = [deploy.text(p) for p in deploy.items(body.get("profiles"))]
    if profiles and all(_ASIDE.fullmatch(p) for p in profiles):
        fields["sort"] = "job"
    return fields | {key: value for key, value in optional.items() if value}


def _root(entry: Entry, where: SourceFile) -> tuple[bool, str]:
    build = entry.body.get("build")
    if build is None:
        return False, ""
    body = deploy.mapping(build)
    context = entry.text(body.get("context")) if body else entry.text(build)
    if "://" in context or context.startswith("git@"):
        return True, ""
    root = deploy.beside(where, context or ".")
    folder = posixpath.dirname(entry.text(body.get("dockerfile")))
    if folder and not posixpath.isabs(folder):
        root = posixpath.normpath(posixpath.join(root, folder))
    return True, root if root and not root.startswith("..") else "."


def _build(entry: Entry, where: SourceFile) -> tuple[str, ...]:
    """How it is built beside its folder: Dockerfile, stage, arguments."""
    body = deploy.mapping(entry.body.get("build"))
    context = entry.text(body.get("context")) or "."
    dockerfile, target = entry.text(body.get("dockerfile")), deploy.text(body.get("target"))
    found = [f"dockerfile={deploy.beside(where, posixpath.join(context, dockerfile))}"] if dockerfile else []
    found += [f"target={target}"] if target else []
    given = ((key, deploy.filled(value, entry.values)) for key, value, _ in deploy.pairs(body.get("args")) if value)
    return (*found, *(f"arg:{key}={value}" for key, value in given))


def _port(entry: Entry, node: Node) -> str:
    body = deploy.mapping(node)
    if body:
        published, target = entry.text(body.get("published")), entry.text(body.get("target"))
        return f"{published}:{target}" if published else target
    return entry.text(node).split("/", 1)[0]


def _aliases(body: dict[str, Node]) -> list[str]:
    networks = deploy.mapping(body.get("networks"))
    return [deploy.text(a) for n in networks.values() for a in deploy.items(deploy.mapping(n).get("aliases"))]


def _command(body: dict[str, Node]) -> str:
    return " ".join(words for key in ("entrypoint", "command") if (words := _words(body.get(key))))


def _words(node: Node | None) -> str:
    return " ".join(deploy.text(i) for i in deploy.items(node)) or deploy.text(node)


def _mounts(where: SourceFile, body: dict[str, Node]) -> Iterator[tuple[str, str]]:
    """Files and folders of the repository it sees, and where: bind mounts."""
    for item in deploy.items(body.get("volumes")):
        long = deploy.mapping(item)
        source, _, target = deploy.filled(deploy.text(item)).partition(":")
        if long:
            source, target = deploy.filled(deploy.text(long.get("source"))), deploy.text(long.get("target"))
        if source.startswith(".") or ("/" in source and not source.startswith(("/", "~", "$"))):
            path = deploy.beside(where, source)
            if not path.startswith(".."):
                yield path or ".", target.split(":", 1)[0].rstrip("/") or "/"


def _workdir(where: SourceFile, body: dict[str, Node]) -> tuple[str, ...]:
    """The folder of the repository that a mount puts where the service works."""
    wanted = deploy.text(body.get("working_dir")).rstrip("/")
    for path, target in sorted(_mounts(where, body), key=lambda m: -len(m[1])):
        if wanted and (wanted == target or wanted.startswith(target.rstrip("/") + "/")):
            folder = posixpath.normpath(posixpath.join(path, wanted[len(target.rstrip("/")) :].lstrip("/")))
            return (f"workdir={folder}",)
        if not wanted and _WORK.search(target):
            return (f"workdir={path}",)
    return ()


def _env_files(entry: Entry, where: SourceFile) -> Iterator[Fact]:
    node = entry.body.get("env_file")
    for item in deploy.items(node) or ([node] if node is not None else []):
        path = deploy.filled(deploy.text(item) or deploy.text(deploy.mapping(item).get("path")))
        if path:
            fields = {"service": entry.name, "path": deploy.beside(where, path)}
            yield Fact("env_file", fields, deploy.at(entry.source, item))


def _dependencies(body: dict[str, Node]) -> Iterator[tuple[str, Node]]:
    for key in ("depends_on", "links"):
        node = body.get(key)
        if isinstance(node, MapNode):
            yield from ((name, entry.key) for name, entry in node.entries.items())
        for item in deploy.items(node):
            yield deploy.text(item).split(":", 1)[0], item


def _labels(body: dict[str, Node]) -> Iterator[tuple[str, str, Node]]:
    for holder in (body, deploy.mapping(body.get("deploy"))):
        for key, value, node in deploy.pairs(holder.get("labels")):
            yield key, deploy.filled(value or "").replace("$$", "$"), node


def _rules(body: dict[str, Node]) -> dict[str, _Rule]:
    return {name: _Rule.read(value, node) for key, value, node in _labels(body) if (name := _router(key))}


def _router(key: str) -> str:
    match = _LABEL.match(key)
    if match is not None and match[2] == "routers" and match[4] == "rule":
        return match[3]
    return "default" if _TRAEFIK_1.match(key) else ""


@dataclass(frozen=True, slots=True)
class _Rule:
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    method: str
    node: Node

    @classmethod
    def read(cls, text: str, node: Node) -> _Rule:
        old = re.sub(r"(\w+):\s*([^;`]+)(;|$)", lambda m: _old_matcher(m[1], m[2]), text) if "(" not in text else text
        rule = traefik_rule(old)
        return cls(rule.hosts, rule.paths, rule.method, node)


def _old_matcher(name: str, written: str) -> str:
    bare = "PathPrefix" if name.startswith("PathPrefix") else name
    return f"{bare}({', '.join(f'`{part.strip()}`' for part in written.split(','))}) "


def routes(found: list[Entry]) -> Iterator[Fact]:
    """Gateway rules written as labels of the services behind the gateway.

    Args:
        found: the services of one deployment.
    """
    gateways = [e.name for e in found if deploy.image_name(e.text(e.body.get("image"))) == "traefik"]
    sorts = _middlewares(found)
    for entry in found:
        labels = {key: value for key, value, _ in _labels(entry.body)}
        if labels.get("traefik.enable") == "false":
            continue
        port = next((v for k, v in labels.items() if k.endswith(".loadbalancer.server.port")), "")
        for name, rule in _rules(entry.body).items():
            used = labels.get(f"traefik.http.routers.{name}.middlewares", "").split(",")
            chain = [sorts[m] for u in used if (m := u.strip().split("@")[0]) in sorts]
            if labels.get("traefik.frontend.rule", "").startswith("PathPrefixStrip"):
                chain = [("stripprefix", {"prefixes": [p.removesuffix(REST) for p in rule.paths]})]
            for path in rule.paths:
                to = f"{entry.name}:{port}" if port else entry.name
                host = rule.hosts[0] if len(rule.hosts) == 1 else ""
                passed = Passed(path, to, traefik_target(path, chain), rule.method, host)
                gateway = gateways[0] if len(gateways) == 1 else ""
                line = Location(entry.source.path, rule.node.at[0])
                yield Fact("route", passed.fields(gateway), line)


def _middlewares(found: list[Entry]) -> dict[str, tuple[str, dict[str, object]]]:
    options: dict[str, tuple[str, dict[str, object]]] = {}
    for entry in found:
        for key, value, _ in _labels(entry.body):
            match = _LABEL.match(key)
            if match is not None and match[2] == "middlewares":
                sort, _, option = match[4].partition(".")
                options.setdefault(match[3], (sort.lower(), {}))[1][option.lower()] = value
    return options
