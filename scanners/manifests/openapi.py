"""OpenAPI descriptions: operations with their payloads, and what is wrong with the description."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from graph.facts import SourceFile
from graph.values import ANYTHING, Fact, Location, Shape
from scanners.idioms import deploy
from scanners.idioms.json_schema import Document
from testmesh.guard.yaml import ListNode, MapNode, Node, plain

_HEAD = re.compile(rb"""(?m)^\s*\{?\s*["']?(openapi|swagger)["']?\s*:\s*["']?[23]\.""")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_MOST_FINDINGS = 50
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class OpenApi:
    """OpenAPI 3 and Swagger 2 documents."""

    name: str = "openapi"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be an API description.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".yaml", ".yml", ".json")) and not path.endswith(("package.json", "package-lock.json"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Operations and findings.

        Args:
            source: the file.
        """
        if not _HEAD.search(source.data[:4096]):
            return
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots[:1]:
            data = plain(root)
            if isinstance(root, MapNode) and isinstance(data, Mapping):
                yield from _findings(source, root, data)
                yield from _operations(source, root, Document(data))


def _operations(source: SourceFile, root: MapNode, document: Document) -> Iterator[Fact]:
    base = _base(document.root)
    paths = document.root.get("paths")
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        body = document.resolve(item)
        for method in _METHODS:
            operation = body.get(method)
            if not isinstance(operation, Mapping) or not str(path).startswith("/"):
                continue
            fields: dict[str, object] = {
                "protocol": "http",
                "method": method.upper(),
                "path": f"{base}{path}",
                "pointer": "#/paths/{}/{}".format(str(path).replace("~", "~0").replace("/", "~1"), method),
                "operation_id": str(operation.get("operationId", "")),
                "returns": _returns(document, operation),
                "query": tuple(_query(document, (body, operation))),
            }
            accepted = _accepted(document, operation)
            if accepted != ANYTHING:
                fields["accepts"] = accepted
            yield Fact("operation", fields, Location(source.path, _line(root, ("paths", str(path), method))))


def _base(root: Mapping[str, object]) -> str:
    if isinstance(root.get("basePath"), str):
        return str(root["basePath"]).rstrip("/")
    servers = root.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    if not isinstance(first, Mapping):
        return ""
    variables = first.get("variables")

    def default(match: re.Match[str]) -> str:
        named = variables.get(match[1]) if isinstance(variables, Mapping) else None
        return str(named.get("default", "")) if isinstance(named, Mapping) else ""

    return urlsplit(_VARIABLE.sub(default, str(first.get("url", "")))).path.rstrip("/")


def _content(document: Document, node: object) -> object:
    """The schema of a body or response: JSON before anything else."""
    body = document.resolve(node)
    content = body.get("content")
    if not isinstance(content, Mapping):
        return body.get("schema")
    best = next((v for k, v in content.items() if "json" in str(k)), next(iter(content.values()), None))
    return best.get("schema") if isinstance(best, Mapping) else None


def _accepted(document: Document, operation: Mapping[str, object]) -> Shape:
    if "requestBody" in operation:
        return document.shape(_content(document, operation["requestBody"]))
    for parameter in _parameters(document, (operation,)):
        if parameter.get("in") == "body":
            return document.shape(parameter.get("schema"))
    return ANYTHING


def _returns(document: Document, operation: Mapping[str, object]) -> dict[str, object]:
    responses = operation.get("responses")
    if not isinstance(responses, Mapping):
        return {}
    return {str(status): document.shape(_content(document, body)) for status, body in responses.items()}


def _parameters(document: Document, owners: Sequence[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    for owner in owners:
        listed = owner.get("parameters")
        for item in listed if isinstance(listed, list) else ():
            yield document.resolve(item)


def _query(document: Document, owners: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for parameter in _parameters(document, owners):
        if parameter.get("in") == "query":
            yield str(parameter.get("name", ""))


def _line(root: Node, path: Sequence[object]) -> int:
    """The line of the deepest part of a path that is written in the file."""
    node: Node = root
    line = root.at[0]
    for part in path:
        if isinstance(node, MapNode) and str(part) in node.entries:
            entry = node.entries[str(part)]
            node, line = entry.value, entry.key.at[0]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            line = node.at[0]
        else:
            break
    return line


def _findings(source: SourceFile, root: MapNode, data: Mapping[str, object]) -> Iterator[Fact]:
    remote = list(_remote(data))
    for path, reference in remote:
        message = f"$ref '{reference}' points outside this file; only local references are followed"
        yield _problem(source, _line(root, path), ("spec/remote-ref", message))
    if remote:
        return
    try:
        yield from _validated(source, root, data)
    except Exception as error:  # a description may break its validator; it must not hide the operations (DESIGN §5)
        message = f"the validator could not finish: {type(error).__name__}: {str(error)[:200]}"
        yield _problem(source, 1, ("spec/unchecked", message))


def _validated(source: SourceFile, root: MapNode, data: Mapping[str, object]) -> Iterator[Fact]:
    from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    version = str(data.get("openapi", ""))
    kind = OpenAPIV31SpecValidator if version.startswith("3.1") else OpenAPIV30SpecValidator
    validator = kind(dict(data)) if version else OpenAPIV2SpecValidator(dict(data))
    for number, error in enumerate(validator.iter_errors()):
        if number == _MOST_FINDINGS:
            yield _problem(source, 1, ("spec/invalid", f"more than {_MOST_FINDINGS} findings; the rest is not listed"))
            return
        yield _problem(source, _line(root, list(error.absolute_path)), ("spec/invalid", error.message[:300]))


def _remote(data: object) -> Iterator[tuple[tuple[object, ...], str]]:
    todo: list[tuple[tuple[object, ...], object]] = [((), data)]
    while todo:
        path, node = todo.pop()
        if isinstance(node, Mapping):
            reference = node.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield (*path, "$ref"), reference
            todo += [((*path, k), v) for k, v in node.items()]
        elif isinstance(node, list):
            todo += [((*path, i), v) for i, v in enumerate(node)]


def _problem(source: SourceFile, line: int, about: tuple[str, str]) -> Fact:
    rule, message = about
    return Fact("problem", {"rule": rule, "message": message, "severity": "warning"}, Location(source.path, line))


MANIFEST = OpenApi()
