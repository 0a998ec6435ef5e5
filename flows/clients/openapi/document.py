"""One operation of an OpenAPI document, with everything it refers to and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from flows.clients.errors import ClientError
from flows.language.values import parse_json
from testmesh.guard.yaml import FOREIGN, parse, plain
from testmesh.kernel.errors import UserError

Json: TypeAlias = Any
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"3\.([01])(\.|$)")
_MAX_REFS = 5000


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, alone.

    Args:
        version: ``3.0`` or ``3.1``.
        method: upper case.
        path: template.
        data: the operation object; references in it are resolved in `root`.
        parameters: of the path and the operation, resolved; the operation's win.
        root: a document with only what the operation needs.
    """

    version: str
    method: str
    path: str
    data: Mapping[str, Json]
    parameters: tuple[Mapping[str, Json], ...]
    root: Mapping[str, Json]

    @property
    def name(self) -> str:
        """``METHOD /path``."""
        return f"{self.method} {self.path}"

    def resolved(self, value: Json) -> Json:
        """What a reference object stands for; anything else is itself.

        Args:
            value: of the document.
        """
        return resolved(self.root, value)


@lru_cache(maxsize=4)
def read_document(text: str | bytes, name: str) -> Mapping[str, Json]:
    """A description from its text.

    Args:
        text: YAML or JSON.
        name: of the file, for messages.

    Raises:
        ClientError: it is no OpenAPI 3.0 or 3.1 document.
    """
    try:
        data = parse_json(text) if name.endswith(".json") else plain(parse(text, name, FOREIGN))
    except (ValueError, UserError) as problem:
        raise ClientError(f"{name} cannot be read: {problem}", "config") from problem
    version = str(data.get("openapi", "")) if isinstance(data, Mapping) else ""
    if not _VERSION.match(version) or not isinstance(data, Mapping):
        raise ClientError(f"{name} is no OpenAPI 3.0 or 3.1 document ('openapi: {version}')", "config")
    return data


def resolved(root: Mapping[str, Json], value: Json) -> Json:
    """What a local reference stands for.

    Args:
        root: the document.
        value: any value of it.

    Raises:
        ClientError: it names another file, or nothing.
    """
    for _ in range(50):
        if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
            return value
        value = _target(root, value["$ref"])
    raise ClientError(f"the description's reference {value} goes round in circles", "config")


def _target(root: Mapping[str, Json], reference: str) -> Json:
    if not reference.startswith("#/"):
        raise ClientError(f"the description refers to {reference}; only references inside the file are followed",
                          "config")  # fmt: skip
    here: Json = root
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping) and key in here:
            here = here[key]
        elif isinstance(here, Sequence) and not isinstance(here, str) and key.isdigit() and int(key) < len(here):
            here = here[int(key)]
        else:
            raise ClientError(f"the description refers to {reference}, which is not in it", "config")
    return here


def operation(root: Mapping[str, Json], wanted: str) -> Operation:
    """An operation by its id, or by method and path.

    Args:
        root: the document.
        wanted: ``operationId`` or ``GET /orders/{id}``.

    Raises:
        ClientError: there is none.
    """
    found = {name: where for name, where in _named(root)}
    where = found.get(wanted) or found.get(_spaced(wanted))
    if where is None:
        names = ", ".join(sorted(name for name in found if " " in name)[:8])
        raise ClientError(f"the description has no operation '{wanted}'; it has {names or 'none'}", "config")
    method, path = where
    item = resolved(root, root["paths"][path])
    data = item[method]
    both = [resolved(root, p) for p in (*(item.get("parameters") or ()), *(data.get("parameters") or ()))]
    by_name = {(str(p.get("in")), str(p.get("name"))): p for p in both if isinstance(p, Mapping)}
    version = "3.1" if str(root["openapi"]).startswith("3.1") else "3.0"
    return Operation(version, method.upper(), path, data, tuple(by_name.values()), root)


def _spaced(wanted: str) -> str:
    method, _, path = wanted.strip().partition(" ")
    return f"{method.upper()} {path.strip()}"


def _named(root: Mapping[str, Json]) -> Iterator[tuple[str, tuple[str, str]]]:
    paths = root.get("paths")
    for path, item in (paths or {}).items() if isinstance(paths, Mapping | None) else ():
        item = resolved(root, item)
        for method in METHODS:
            data = item.get(method) if isinstance(item, Mapping) else None
            if isinstance(data, Mapping):
                yield f"{method.upper()} {path}", (method, path)
                if isinstance(data.get("operationId"), str):
                    yield data["operationId"], (method, path)


def alone(found: Operation) -> str:
    """A document with this operation and what it refers to, as JSON: the contract that a recording keeps.

    Args:
        found: the operation.
    """
    kept: dict[str, Json] = {
        "openapi": found.version + ".0",
        "paths": {found.path: {found.method.lower(): {**found.data, "parameters": list(found.parameters)}}},
    }
    waiting: list[Json] = [kept["paths"]]
    seen: set[str] = set()
    while waiting and len(seen) < _MAX_REFS:
        for reference in _references(waiting.pop()):
            if reference not in seen:
                seen.add(reference)
                target = _target(found.root, reference)
                _put(kept, reference, target)
                waiting.append(target)
    return json.dumps(kept, default=str, ensure_ascii=False, sort_keys=True)


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        mapping = value.get("mapping")
        if isinstance(mapping, Mapping):
            yield from (v if v.startswith("#") else f"#/components/schemas/{v}" for v in map(str, mapping.values()))
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _references(inner)


def _put(kept: dict[str, Json], reference: str, target: Json) -> None:
    here = kept
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")]
    for part in parents:
        here = here.setdefault(part, {})
    here.setdefault(last, target)
