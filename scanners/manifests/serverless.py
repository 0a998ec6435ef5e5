"""Serverless Framework and AWS SAM: functions with the HTTP requests that start them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location, Unknown, Value
from scanners.idioms import deploy
from testmesh.guard.yaml import MapNode, Node, ScalarNode

_FILE = re.compile(r"(^|/)(serverless[\w.-]*|template[\w.-]*|sam[\w.-]*)\.ya?ml$")
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"))


class Serverless:
    """serverless.yml and SAM templates."""

    name: str = "serverless"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The folder that is deployed and its operations.

        Args:
            source: the file.
        """
        sam = b"AWS::Serverless" in source.data
        if not sam and b"functions:" not in source.data:
            return
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots[:1]:
            body = deploy.mapping(root)
            if sam:
                yield from _sam(source, body)
            elif isinstance(body.get("functions"), MapNode) and "provider" in body:
                service = deploy.text(deploy.mapping(body.get("service")).get("name")) or deploy.text(
                    body.get("service")
                )
                yield _root(source, "serverless", service)
                yield from _variables(source, deploy.mapping(body.get("provider")).get("environment"))
                yield from _functions(source, body["functions"])


def _root(source: SourceFile, sort: str, name: str) -> Fact:
    fields = {
        "root": posixpath.dirname(source.path),
        "sort": sort,
        "name": name,
        "image": "",
        "ports": (),
        "command": "",
    }
    return Fact("root", fields, Location(source.path, 1))


def _variables(source: SourceFile, node: Node | None) -> Iterator[Fact]:
    for key, entry in node.entries.items() if isinstance(node, MapNode) else ():
        value: Value = Lit(deploy.text(entry.value))
        if not isinstance(entry.value, ScalarNode) or _filled_in(entry.value):
            value = Unknown("filled in when the stack is deployed")
        yield Fact("env_value", {"service": "", "key": key, "value": value}, deploy.at(source, entry.key))


def _filled_in(node: ScalarNode) -> bool:
    """Whether a value is a reference: `!Ref`, `!Sub`, `${...}`."""
    return "${" in node.text or node.source.text.startswith("!", node.span[0])


def _functions(source: SourceFile, node: Node | None) -> Iterator[Fact]:
    for name, entry in node.entries.items() if isinstance(node, MapNode) else ():
        function = deploy.mapping(entry.value)
        yield from _variables(source, function.get("environment"))
        for event in deploy.items(function.get("events")):
            for sort in ("http", "httpApi"):
                given = deploy.mapping(event).get(sort)
                if given is not None:
                    body = deploy.mapping(given)
                    text = deploy.text(given)
                    method, path = text.partition(" ")[::2] if text else ("", "")
                    method, path = method or deploy.text(body.get("method")), path or deploy.text(body.get("path"))
                    yield from _operation(source, event, (method, path, name))


def _sam(source: SourceFile, body: dict[str, Node]) -> Iterator[Fact]:
    resources = body.get("Resources")
    yield _root(source, "sam", posixpath.basename(posixpath.dirname(source.path)))
    shared = deploy.mapping(deploy.mapping(body.get("Globals")).get("Function"))
    yield from _variables(source, deploy.mapping(shared.get("Environment")).get("Variables"))
    for name, entry in resources.entries.items() if isinstance(resources, MapNode) else ():
        resource = deploy.mapping(entry.value)
        if deploy.text(resource.get("Type")) != "AWS::Serverless::Function":
            continue
        properties = deploy.mapping(resource.get("Properties"))
        yield from _variables(source, deploy.mapping(properties.get("Environment")).get("Variables"))
        events = properties.get("Events")
        for found in events.entries.values() if isinstance(events, MapNode) else ():
            event = deploy.mapping(found.value)
            given = deploy.mapping(event.get("Properties"))
            if deploy.text(event.get("Type")) in ("Api", "HttpApi") and "Path" in given:
                about = (deploy.text(given.get("Method")), deploy.text(given.get("Path")), name)
                yield from _operation(source, found.key, about)


def _operation(source: SourceFile, node: Node, about: tuple[str, str, str]) -> Iterator[Fact]:
    method, path, name = about
    spoken = "ANY" if method in ("*", "any", "") else method.upper()
    if not path or path == "*" or spoken not in _METHODS:
        return
    fields = {
        "protocol": "http",
        "method": spoken,
        "path": "/" + re.sub(r"\{(\w+)\+\}", r"{\1}", path).strip("/"),
        "pointer": name,
        "operation_id": name,
        "returns": {},
        "query": (),
    }
    yield Fact("operation", fields, deploy.at(source, node))


MANIFEST = Serverless()
