"""OpenAPI descriptions: operations with their payloads, and what is wrong with the description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact
from scanners.idioms import deploy
from scanners.idioms.json_schema import Document
from scanners.idioms.openapi import HEAD, line_of, operations, problem
from testmesh.guard.yaml import MapNode

_MOST_FINDINGS = 50
_LARGEST_CHECKED = 256 * 1024


class OpenApi:
    """OpenAPI 3 and Swagger 2 documents."""

    name: str = "openapi"
    version: int = 2
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be an API description.

        Args:
            path: relative to the repository.
        """
        return deploy.may_describe(path)

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Operations and findings.

        Args:
            source: the file.
        """
        found, problems = deploy.described(source, HEAD)
        yield from problems
        if found is not None:
            yield from _findings(source, found.root, found.data)
            yield from operations(source, found.root, Document(found.data))


def _findings(source: SourceFile, root: MapNode, data: Mapping[str, object]) -> Iterator[Fact]:
    outside = list(_outside(data))
    for path, reference in outside:
        if "://" in reference or reference.startswith("//"):
            message = f"$ref '{reference}' points outside the repository; only local references are followed"
            yield problem(source, line_of(root, path), ("spec/remote-ref", message))
    if outside:
        return
    if len(source.data) > _LARGEST_CHECKED:
        message = f"it has more than {_LARGEST_CHECKED // 1024} KiB; its operations are read, its form is not checked"
        yield problem(source, 1, ("spec/unchecked", message))
        return
    try:
        yield from _validated(source, root, data)
    except Exception as error:  # a description may break its validator; it must not hide the operations (DESIGN §5)
        message = f"the validator could not finish: {type(error).__name__}: {str(error)[:200]}"
        yield problem(source, 1, ("spec/unchecked", message))


def _validated(source: SourceFile, root: MapNode, data: Mapping[str, object]) -> Iterator[Fact]:
    from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    version = str(data.get("openapi", ""))
    kind = OpenAPIV31SpecValidator if version.startswith("3.1") else OpenAPIV30SpecValidator
    validator = kind(dict(data)) if version else OpenAPIV2SpecValidator(dict(data))
    for number, error in enumerate(validator.iter_errors()):
        if number == _MOST_FINDINGS:
            yield problem(source, 1, ("spec/invalid", f"more than {_MOST_FINDINGS} findings; the rest is not listed"))
            return
        yield problem(source, line_of(root, list(error.absolute_path)), ("spec/invalid", error.message[:300]))


def _outside(data: object) -> Iterator[tuple[tuple[object, ...], str]]:
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


MANIFEST = OpenApi()
