"""Aspire application models: projects, containers and stores with their names, references, environment and routes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from graph.values import Concat, Fact, Lit, Location, Name, Param, Unknown, Value
from scanners.idioms import cs_clients, cs_resources
from scanners.idioms.code import CallSite
from scanners.idioms.cs_resources import Resource
from scanners.idioms.deploy import sort_of_image, store_kind

if TYPE_CHECKING:
    from scanners.idioms.cs_code import CsCode

_WAITS = ("WaitFor", "WaitForCompletion", "WaitForStart")
_SCHEMES = {
    "postgresql": "Host={0};Port=5432;Database={1}",
    "mssql": "Server={0},1433;Database={1}",
    "mysql": "Server={0};Port=3306;Database={1}",
    "redis": "{0}:6379",
    "rabbitmq": "amqp://{0}:5672",
    "mongodb": "mongodb://{0}:27017/{1}",
    "kafka": "{0}:9092",
    "nats": "nats://{0}:4222",
    "elasticsearch": "http://{0}:9200",
}


class Aspire:
    """.NET Aspire AppHost projects."""

    name: str = "aspire"
    version: int = 1
    language: tuple[str, ...] = ("csharp",)
    markers: tuple[bytes, ...] = (b"DistributedApplication", b"IResourceBuilder<", b"Aspire.Hosting")

    def facts(self, parsed: CsCode) -> Iterator[Fact]:
        """Services, what they are given, and gateway rules.

        Args:
            parsed: a C# file.
        """
        for site in parsed.calls:
            found = cs_resources.added(parsed, site)
            if found is not None:
                yield from _service(parsed, found)
            elif site.receiver is not None and site.method in ("WithReference", "WithEnvironment", *_WAITS):
                yield from _given(parsed, site)
            elif site.method == "AddRoute" and len(site.args) > 1:
                yield from _route(parsed, site)


def _service(code: CsCode, found: Resource) -> Iterator[Fact]:
    site = found.site
    if found.kind == "inside" or site.method in ("AddConnectionString", "AddExternalService"):
        return
    image = code.string(site.arg(1, "image")) if site.method == "AddContainer" else ""
    kind = found.store_kind or (store_kind(image) if image else "")
    fields: dict[str, object] = {"name": found.name, "root": "", "image": image, "sort": _sort(found, image)}
    fields |= {"store_kind": kind, "hosts": (found.name,)}
    project = _project(code, site) if found.kind == "project" else ""
    if found.kind == "folder":
        fields["root"] = _beside(code, code.string(site.arg(1, "workingDirectory", "contextPath", "appDirectory")))
    elif site.method == "AddExecutable":
        fields["root"] = _beside(code, code.string(site.arg(2, "workingDirectory")))
    elif project.endswith("proj"):
        fields["root"] = posixpath.dirname(_beside(code, project))
    elif project:
        fields["build"] = (f"project={project}",)
    ports = _ports(code, site)
    if ports:
        fields["ports"] = ports
    yield Fact("service", fields, Location(code.path, site.line))


def _sort(found: Resource, image: str) -> str:
    if found.kind == "store":
        return "infrastructure"
    if found.site.method == "AddYarp":
        return "gateway"
    if image:
        known = sort_of_image(image, built=False)
        return known if known == "gateway" else "infrastructure"
    return (
        "business" if found.kind in ("project", "folder") or found.site.method == "AddExecutable" else "infrastructure"
    )


def _project(code: CsCode, site: CallSite) -> str:
    """``Projects.Catalog_API``, or the path of a project file."""
    types = code.type_args(site)
    if types:
        return types[0].short
    return code.string(site.arg(1, "projectPath")).replace("\\", "/")


def _beside(code: CsCode, relative: str) -> str:
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(code.path), relative.replace("\\", "/")))
    return "" if joined.startswith("..") or joined == "." else joined


def _ports(code: CsCode, site: CallSite) -> tuple[str, ...]:
    """Ports given by ``WithHttpEndpoint(port: 5000, targetPort: 80)``."""
    ports = []
    for later in cs_clients.chained(code, site):
        if later.method in ("WithHttpEndpoint", "WithHttpsEndpoint", "WithEndpoint"):
            outer, inner = later.named.get("port"), later.named.get("targetPort")
            outer = outer or (later.args[0] if later.args and later.args[0].type == "integer_literal" else None)
            texts = [code.text(n) for n in (outer, inner) if n is not None and code.text(n).isdigit()]
            ports += [":".join(texts)] if texts else []
    return tuple(ports)


def _given(code: CsCode, site: CallSite) -> Iterator[Fact]:
    owner = cs_resources.behind(code, site.receiver, site.scope)
    if owner is None or not site.args:
        return
    where = Location(code.path, _line(site))
    if site.method == "WithEnvironment":
        key = code.value(site.args[0], site.scope)
        if isinstance(key, Lit) and len(site.args) > 1:
            value = _environment(code, site)
            yield Fact("env_value", {"service": owner.name, "key": str(key.value), "value": value}, where)
        return
    target = cs_resources.behind(code, site.args[0], site.scope)
    if target is None:
        return
    server = _server(code, target)
    yield Fact("depends", {"service": owner.name, "on": server.name}, where)
    if site.method == "WithReference":
        connection = code.string(site.named.get("connectionName")) or target.name
        text = _SCHEMES.get(server.store_kind, "").format(server.name, target.name)
        if text:
            key_name = f"ConnectionStrings:{connection}"
            yield Fact("env_value", {"service": owner.name, "key": key_name, "value": Lit(text)}, where)


def _environment(code: CsCode, site: CallSite) -> Value:
    node = site.args[1]
    resource = cs_resources.behind(code, node, site.scope)
    value = code.value(node, site.scope)
    if resource is not None and not isinstance(value, Lit | Concat):
        made = code.made_of(code.dotted(node), site.scope)
        ends = made is not None and made.method == "GetEndpoint"
        server = _server(code, resource)
        text = _SCHEMES.get(server.store_kind, "").format(server.name, resource.name)
        return Lit(f"http://{resource.name}") if ends or not text else Lit(text)
    return value if not isinstance(value, Unknown) else Unknown("a value made by the application model")


def _server(code: CsCode, found: Resource) -> Resource:
    """The server a database, queue or topic lives in."""
    if found.kind != "inside":
        return found
    return cs_resources.behind(code, found.site.receiver, found.site.scope) or found


def _line(site: CallSite) -> int:
    head = site.node.child_by_field_name("function")
    name = head.child_by_field_name("name") if head is not None else None
    return int((name or site.node).start_point[0]) + 1


def _route(code: CsCode, site: CallSite) -> Iterator[Fact]:
    """``yarp.AddRoute("/api/{**rest}", cluster).WithTransformPathRemovePrefix("/api")``."""
    path = code.string(site.args[0])
    if not path:
        return
    shown = cs_clients.rest(path)
    to_path = shown
    for later in cs_clients.chained(code, site):
        given = "/" + code.string(later.args[0]).strip("/") if later.args else "/"
        if later.method == "WithTransformPathRemovePrefix":
            to_path = to_path.removeprefix(given) or "/"
        elif later.method == "WithTransformPathPrefix":
            to_path = given + to_path
        elif later.method in ("WithTransformPathSet", "WithTransformPathRouteValues"):
            to_path = cs_clients.rest(given)
    fields: dict[str, object] = {"gateway": "", "path": shown, "to": "", "folded": True}
    target, gateway = _cluster(code, site), _gateway(code, site)
    if isinstance(target, Lit):
        fields["to"] = str(target.value)
    else:
        fields["target"] = target
    if isinstance(gateway, Lit):
        fields["gateway"] = str(gateway.value)
    elif gateway is not None:
        fields["by"] = gateway
    if to_path != shown:
        fields["to_path"] = to_path
    fields["symbol"] = site.scope.name
    yield Fact("route", fields, Location(code.path, site.line))


def _cluster(code: CsCode, site: CallSite) -> Value:
    """What a route leads to: a cluster made of a resource, the resource, or an endpoint of it."""
    node = site.args[1]
    made = code.made_of(code.dotted(node), site.scope) if code.dotted(node) else code.site(node)
    if made is not None and made.method == "AddCluster" and made.args:
        node = made.args[-1]
    found = cs_resources.behind(code, node, site.scope)
    return Lit(found.name) if found is not None else code.value(node, site.scope)


def _gateway(code: CsCode, site: CallSite) -> Value | None:
    """The resource whose configuration a route stands in."""
    parent = site.node.parent
    while parent is not None:
        outer = code.site(parent) if parent.type == "invocation_expression" else None
        if outer is not None and outer.method == "WithConfiguration" and outer.receiver is not None:
            found = cs_resources.behind(code, outer.receiver, outer.scope)
            value = Lit(found.name) if found is not None else code.value(outer.receiver, outer.scope)
            return value if isinstance(value, Lit | Param | Name) else None
        parent = parent.parent
    return None


PACK = Aspire()
