"""Gateway rules among Kubernetes resources: Ingress, Gateway API, Istio, Traefik, OpenShift, Contour, Ambassador."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.gateways import (
    REST,
    Passed,
    below,
    of_expression,
    onto,
    replaced,
    traefik_rule,
    traefik_target,
    without,
)
from scanners.idioms.kube import Resource
from testmesh.guard.yaml import MapNode, Node, plain

_NGINX = "nginx.ingress.kubernetes.io/"
_TRAEFIK = "traefik.ingress.kubernetes.io/"
_TRAEFIK_GROUPS = ("traefik.containo.us", "traefik.io")

Middlewares = Mapping[str, tuple[str, Mapping[str, object]]]


def facts(resource: Resource, middlewares: Middlewares) -> Iterator[Fact]:
    """The rules of a resource.

    Args:
        resource: one.
        middlewares: Traefik's, by name, of the same files.
    """
    read = _READERS.get(resource.kind)
    if resource.kind == "IngressRoute" and resource.group in _TRAEFIK_GROUPS:
        yield from _ingress_route(resource, middlewares)
    elif read is not None:
        yield from read(resource)


def middlewares_of(found: Iterable[Resource]) -> Middlewares:
    """Traefik's middlewares by name.

    Args:
        found: resources.
    """
    options: dict[str, tuple[str, Mapping[str, object]]] = {}
    for resource in found:
        if resource.kind == "Middleware" and resource.group in _TRAEFIK_GROUPS:
            for sort, node in resource.spec.items():
                body = plain(node)
                options[resource.name] = (
                    sort.lower(),
                    {str(k).lower(): v for k, v in (body.items() if isinstance(body, dict) else ())},
                )
    return options


def _route(resource: Resource, passed: Passed, node: Node, gateway: str = "") -> Fact:
    return resource.fact("route", passed.fields(gateway or resource.name), node)


def _ingress(resource: Resource) -> Iterator[Fact]:
    default = resource.spec.get("defaultBackend") or resource.spec.get("backend")
    to = _backend(default)
    if to and default is not None:
        yield _route(resource, Passed(REST, to, REST), default)
    for rule in deploy.items(resource.spec.get("rules")):
        body = deploy.mapping(rule)
        for item in deploy.items(deploy.mapping(body.get("http")).get("paths")):
            path = deploy.mapping(item)
            to = _backend(path.get("backend"))
            if to:
                template, target = _ingress_path(resource, path)
                yield _route(resource, Passed(template, to, target, host=deploy.text(body.get("host"))), item)


def _backend(node: Node | None) -> str:
    body = deploy.mapping(node)
    service = deploy.mapping(body.get("service"))
    name = deploy.text(service.get("name") or body.get("serviceName"))
    port = deploy.text(deploy.mapping(service.get("port")).get("number") or body.get("servicePort"))
    return f"{name}:{port}" if name and port.isdigit() else name


def _ingress_path(resource: Resource, body: dict[str, Node]) -> tuple[str, str]:
    """Template and target; an expression only where the controller reads it as one."""
    path = deploy.text(body.get("path"))
    rewrite = resource.annotation(f"{_NGINX}rewrite-target")
    if deploy.text(body.get("pathType")) == "Exact":
        template = path or "/"
    elif "(" in path or (resource.annotation(f"{_NGINX}use-regex") == "true" and "*" in path):
        template = of_expression(path)
    else:
        template = below(path.rstrip("*"))
    if rewrite:
        return template, replaced(template, path if "(" in path else "", rewrite) if "$" in rewrite else rewrite
    stripped = resource.annotation("konghq.com/strip-path") == "true"
    stripped = stripped or resource.annotation(f"{_TRAEFIK}rule-type") == "PathPrefixStrip"
    return template, without(template, template.removesuffix(REST)) if stripped else template


def _gateway(resource: Resource) -> str:
    """The gateway a route hangs on, by its first parent."""
    parents = deploy.items(resource.spec.get("parentRefs")) or deploy.items(resource.spec.get("gateways"))
    for parent in parents[:1]:
        name = deploy.text(deploy.mapping(parent).get("name")) or deploy.text(parent)
        return name.rpartition("/")[2]
    return ""


def _http_route(resource: Resource) -> Iterator[Fact]:
    hosts = [deploy.text(h) for h in deploy.items(resource.spec.get("hostnames"))]
    for rule in deploy.items(resource.spec.get("rules")):
        body = deploy.mapping(rule)
        for item in deploy.items(body.get("backendRefs")):
            reference = deploy.mapping(item)
            name, port = deploy.text(reference.get("name")), deploy.text(reference.get("port"))
            to = f"{name}:{port}" if port else name
            for match in deploy.items(body.get("matches")) or [rule]:
                template, method = _matched(deploy.mapping(match))
                target = _filtered(template, body)
                passed = Passed(template, to, target, method, hosts[0] if len(hosts) == 1 else "")
                yield _route(resource, passed, item, _gateway(resource))


def _matched(match: dict[str, Node]) -> tuple[str, str]:
    path = deploy.mapping(match.get("path"))
    method = match.get("method")
    if isinstance(method, MapNode):
        called = deploy.mapping(method)
        service, name = deploy.text(called.get("service")), deploy.text(called.get("method"))
        return (f"/{service}/{name}" if name else below(service)), ""
    value, sort = deploy.text(path.get("value")) or "/", deploy.text(path.get("type")) or "PathPrefix"
    template = value if sort == "Exact" else of_expression(value) if sort == "RegularExpression" else below(value)
    return template, deploy.text(method).upper()


def _filtered(template: str, rule: dict[str, Node]) -> str:
    for item in deploy.items(rule.get("filters")):
        rewrite = deploy.mapping(deploy.mapping(deploy.mapping(item).get("urlRewrite")).get("path"))
        if "replaceFullPath" in rewrite:
            return deploy.text(rewrite["replaceFullPath"]) or "/"
        if "replacePrefixMatch" in rewrite:
            rest = without(template, template.removesuffix(REST))
            return onto(rest, deploy.text(rewrite["replacePrefixMatch"]))
    return template


def _virtual_service(resource: Resource) -> Iterator[Fact]:
    """Istio: only rules of a gateway; those of the mesh split what reaches a service anyway."""
    gateway = _gateway(resource)
    if not gateway or gateway == "mesh":
        return
    hosts = [deploy.text(h) for h in deploy.items(resource.spec.get("hosts"))]
    host = hosts[0] if len(hosts) == 1 and hosts[0] != "*" else ""
    for rule in deploy.items(resource.spec.get("http")):
        body = deploy.mapping(rule)
        rewrite = deploy.text(deploy.mapping(body.get("rewrite")).get("uri"))
        for item in deploy.items(body.get("route")):
            destination = deploy.mapping(deploy.mapping(item).get("destination"))
            port = deploy.text(deploy.mapping(destination.get("port")).get("number"))
            name = deploy.text(destination.get("host"))
            for match in deploy.items(body.get("match")) or [rule]:
                template = _uri(deploy.mapping(match))
                target = template
                if rewrite:
                    rest = without(template, template.removesuffix(REST)) if template.endswith(REST) else "/"
                    target = onto(rest, rewrite) if template.endswith(REST) else rewrite
                method = deploy.text(deploy.mapping(deploy.mapping(match).get("method")).get("exact"))
                passed = Passed(template, f"{name}:{port}" if port else name, target, method, host)
                yield _route(resource, passed, item, gateway)


def _uri(match: dict[str, Node]) -> str:
    uri = deploy.mapping(match.get("uri"))
    if "exact" in uri:
        return deploy.text(uri["exact"]) or "/"
    return of_expression(deploy.text(uri["regex"])) if "regex" in uri else below(deploy.text(uri.get("prefix")))


def _ingress_route(resource: Resource, middlewares: Middlewares) -> Iterator[Fact]:
    for item in deploy.items(resource.spec.get("routes")):
        body = deploy.mapping(item)
        rule = traefik_rule(deploy.text(body.get("match")))
        used = [deploy.text(deploy.mapping(m).get("name")) for m in deploy.items(body.get("middlewares"))]
        chain = [middlewares[name] for name in used if name in middlewares]
        host = rule.hosts[0] if len(rule.hosts) == 1 else ""
        for service in deploy.items(body.get("services")):
            reference = deploy.mapping(service)
            name, port = deploy.text(reference.get("name")), deploy.text(reference.get("port"))
            to = f"{name}:{port}" if port.isdigit() else name
            for path in rule.paths or (REST,):
                yield _route(resource, Passed(path, to, traefik_target(path, chain), rule.method, host), service)


def _openshift(resource: Resource) -> Iterator[Fact]:
    if resource.group not in ("route.openshift.io", "core"):
        return
    target = resource.spec.get("to")
    name = deploy.text(deploy.mapping(target).get("name"))
    template = below(deploy.text(resource.spec.get("path")))
    rewrite = resource.annotation("haproxy.router.openshift.io/rewrite-target")
    to_path = onto(without(template, template.removesuffix(REST)), rewrite) if rewrite else template
    if name and target is not None:
        yield _route(resource, Passed(template, name, to_path, host=deploy.text(resource.spec.get("host"))), target)


def _http_proxy(resource: Resource) -> Iterator[Fact]:
    """Contour."""
    host = deploy.text(deploy.mapping(resource.spec.get("virtualhost")).get("fqdn"))
    for route in deploy.items(resource.spec.get("routes")):
        body = deploy.mapping(route)
        prefixes = [deploy.text(deploy.mapping(c).get("prefix")) for c in deploy.items(body.get("conditions"))]
        template = below("".join(prefixes))
        policy = deploy.mapping(body.get("pathRewritePolicy"))
        changes = [deploy.mapping(r) for r in deploy.items(policy.get("replacePrefix"))]
        target = template
        for change in changes[:1]:
            prefix = deploy.text(change.get("prefix")) or template.removesuffix(REST)
            target = onto(without(template, prefix), deploy.text(change.get("replacement")))
        for service in deploy.items(body.get("services")):
            reference = deploy.mapping(service)
            to = f"{deploy.text(reference.get('name'))}:{deploy.text(reference.get('port'))}".rstrip(":")
            yield _route(resource, Passed(template, to, target, host=host), service)


def _mapping(resource: Resource) -> Iterator[Fact]:
    """Ambassador / Emissary: the prefix is taken off unless `rewrite` says otherwise."""
    spec = resource.spec
    to = deploy.text(spec.get("service")).split("://")[-1].rstrip("/")
    if "getambassador.io" not in resource.group or not to:
        return
    template = below(deploy.text(spec.get("prefix")))
    rest = without(template, template.removesuffix(REST))
    written = deploy.text(spec.get("rewrite")) if "rewrite" in spec else "/"
    target = template if "rewrite" in spec and not written else onto(rest, written)
    host = deploy.text(spec.get("hostname") or spec.get("host"))
    passed = Passed(template, to, target, deploy.text(spec.get("method")).upper(), "" if host == "*" else host)
    yield _route(resource, passed, resource.where)


_READERS: dict[str, Callable[[Resource], Iterator[Fact]]] = {
    "Ingress": _ingress,
    "HTTPRoute": _http_route,
    "GRPCRoute": _http_route,
    "VirtualService": _virtual_service,
    "Route": _openshift,
    "HTTPProxy": _http_proxy,
    "Mapping": _mapping,
}
