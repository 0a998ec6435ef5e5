"""Operations of API descriptions with their payloads, whichever version and however many files they are in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from graph.facts import SourceFile
from graph.values import ANYTHING, Fact, Field, Location, Shape
from scanners.idioms.json_schema import Document
from testmesh.guard.yaml import ListNode, MapNode, Node

HEAD = re.compile(rb"""(?m)^[ \t]*+\{?[ \t]*+["']?(openapi|swagger)["']?\s*+:\s*["']?[23]\.""")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VARIABLE = re.compile(r"\{(\w+)\}")
_MOST_OPERATIONS = 5_000


def operations(source: SourceFile, root: MapNode, document: Document) -> Iterator[Fact]:
    """What a description's paths offer; callbacks and webhooks go the other way and are left out.

    Args:
        source: the file.
        root: its document, for lines.
        document: the same, for references.
    """
    base = _base(document.root)
    paths = document.resolve(document.root.get("paths"))
    given = 0
    for path, item in paths.items():
        body = document.resolve(item)
        for method in _METHODS:
            operation = body.get(method)
            if not isinstance(operation, Mapping) or not str(path).startswith("/"):
                continue
            given += 1
            if given > _MOST_OPERATIONS:
                message = f"more than {_MOST_OPERATIONS:,} operations; the rest is not read"
                yield problem(source, 1, ("spec/too-many", message))
                return
            own = next((_base(owner) for owner in (operation, body) if owner.get("servers")), base)
            fields: dict[str, object] = {
                "protocol": "http",
                "method": method.upper(),
                "path": f"{own}{path}",
                "pointer": "#/paths/{}/{}".format(str(path).replace("~", "~0").replace("/", "~1"), method),
                "operation_id": str(operation.get("operationId", "")),
                "returns": _returns(document, operation),
                "query": tuple(_query(document, (body, operation))),
            }
            accepted = _accepted(document, (body, operation))
            if accepted != ANYTHING:
                fields["accepts"] = accepted
            yield Fact("operation", fields, Location(source.path, line_of(root, ("paths", str(path), method))))


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

    try:
        return urlsplit(_VARIABLE.sub(default, str(first.get("url", "")))).path.rstrip("/")
    except ValueError:
        return ""


def _content(document: Document, node: object) -> object:
    """The schema of a body or response: JSON before anything else."""
    body = document.resolve(node)
    content = body.get("content")
    if not isinstance(content, Mapping):
        return body.get("schema")
    best = next((v for k, v in content.items() if "json" in str(k)), next(iter(content.values()), None))
    return document.resolve(best).get("schema")


def _accepted(document: Document, owners: Sequence[Mapping[str, object]]) -> Shape:
    operation = owners[-1]
    if "requestBody" in operation:
        return document.sent(_content(document, operation["requestBody"]))
    form: list[Field] = []
    for parameter in _parameters(document, owners):
        if parameter.get("in") == "body":
            return document.sent(parameter.get("schema"))
        if parameter.get("in") == "formData":
            required = parameter.get("required") is True
            form.append(Field(str(parameter.get("name", "")), document.shape(parameter), required))
    return Shape("object", tuple(form), open=False) if form else ANYTHING


def _returns(document: Document, operation: Mapping[str, object]) -> dict[str, object]:
    responses = operation.get("responses")
    if not isinstance(responses, Mapping):
        return {}
    answers = Document(document.root, "writeOnly")
    return {str(status): answers.shape(_content(document, body)) for status, body in responses.items()}


def _parameters(document: Document, owners: Sequence[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    for owner in owners:
        listed = owner.get("parameters")
        for item in listed if isinstance(listed, list) else ():
            yield document.resolve(item)


def _query(document: Document, owners: Sequence[Mapping[str, object]]) -> Iterator[str]:
    for parameter in _parameters(document, owners):
        if parameter.get("in") == "query":
            yield str(parameter.get("name", ""))


def line_of(root: Node, path: Sequence[object]) -> int:
    """The line of the deepest part of a path that is written in the file.

    Args:
        root: the document.
        path: keys and positions.
    """
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


def problem(source: SourceFile, line: int, about: tuple[str, str]) -> Fact:
    """A warning about a description.

    Args:
        source: the file.
        line: 1-based.
        about: rule and message.
    """
    rule, message = about
    return Fact("problem", {"rule": rule, "message": message, "severity": "warning"}, Location(source.path, line))
