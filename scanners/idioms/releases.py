"""Who installs which chart with which values: helmfile, skaffold, Argo CD and Flux."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from graph.facts import SourceFile
from scanners.idioms.chart_functions import overwritten
from scanners.idioms.chart_text import from_yaml, shown
from scanners.idioms.charts import Chart, Release, values_of
from testmesh.guard import yaml
from testmesh.guard.yaml import plain

_FILE = re.compile(
    r"(^|/)(helmfile[\w.-]*\.ya?ml(\.gotmpl)?|helmfile\.d/[\w./-]+|skaffold[\w.-]*\.ya?ml"
    r"|([\w./-]*(argo|flux|gitops|release|apps?|applications?)[\w.-]*/)?[\w.-]+\.ya?ml)$"
)
_HINTS = (b"releases:", b"chartPath", b"kind: Application", b"kind: HelmRelease")
_ORIGIN = re.compile(r"^\{\{.*?\}\}/?")


def may_install(path: str) -> bool:
    """Whether a file may say that a chart is installed.

    Args:
        path: relative to the repository.
    """
    near = re.search(r"helmfile|skaffold|argo|flux|gitops|release|(^|/)apps?(lications?)?/", path)
    return bool(near and _FILE.search(path))


def installed(sources: Mapping[str, SourceFile], charts: Mapping[str, Chart]) -> Iterator[Release]:
    """Releases of charts of the repository.

    Args:
        sources: files by path.
        charts: by folder.
    """
    for path, source in sorted(sources.items()):
        if not may_install(path) or not any(hint in source.data for hint in _HINTS):
            continue
        text = re.sub(r"(?m)^\s*\{\{.*\}\}\s*$", "", source.data.decode("utf-8", "replace"))
        for root in yaml.read(text, path, yaml.FOREIGN).roots:
            body = plain(root)
            if isinstance(body, dict):
                yield from _of_document(path, body, (sources, charts))


_Known = tuple[Mapping[str, SourceFile], Mapping[str, Chart]]


def _of_document(path: str, body: dict[str, Any], known: _Known) -> Iterator[Release]:
    kind = body.get("kind")
    spec = _map(body.get("spec"))
    if kind == "Application":
        for source in [spec.get("source"), *_list(spec.get("sources"))]:
            yield from _argo(_map(body.get("metadata")), _map(source), known)
    elif kind == "HelmRelease":
        chart = shown(_map(_map(spec.get("chart")).get("spec")).get("chart"))
        name = shown(spec.get("releaseName") or _map(body.get("metadata")).get("name"))
        yield from _release((name, chart), [_map(spec.get("values"))], ("", known))
    elif kind == "Config":
        for holder in (_map(body.get("deploy")), _map(body.get("manifests"))):
            for item in _list(_map(holder.get("helm")).get("releases")):
                yield from _skaffold(path, _map(item), known)
    else:
        for item in _list(body.get("releases")):
            entry = _map(item)
            given = [_values(path, v, known[0]) for v in _list(entry.get("values"))]
            where = (posixpath.dirname(path), known)
            yield from _release((shown(entry.get("name")), shown(entry.get("chart"))), given, where)


def _argo(metadata: Mapping[str, Any], source: Mapping[str, Any], known: _Known) -> Iterator[Release]:
    helm = _map(source.get("helm"))
    folder = shown(source.get("path"))
    given = [
        values_of(known[0], posixpath.normpath(posixpath.join(folder, shown(f)))) for f in _list(helm.get("valueFiles"))
    ]
    inline = from_yaml(helm.get("values")) if helm.get("values") else {}
    given += [_map(inline), _map(helm.get("valuesObject")), _dotted(_list(helm.get("parameters")))]
    yield from _release((shown(helm.get("releaseName") or metadata.get("name")), folder), given, ("", known))


def _skaffold(path: str, item: Mapping[str, Any], known: _Known) -> Iterator[Release]:
    folder = posixpath.dirname(path)
    files = [posixpath.normpath(posixpath.join(folder, shown(f))) for f in _list(item.get("valuesFiles"))]
    given = [values_of(known[0], f) for f in files]
    pairs = [{"name": k, "value": v} for k, v in _map(item.get("setValues")).items()]
    given += [_dotted(pairs), _map(item.get("overrides"))]
    name = shown(item.get("name"))
    yield from _release((name, shown(item.get("chartPath"))), given, (folder, known))


def _release(names: tuple[str, str], given: list[dict[str, Any]], where: tuple[str, _Known]) -> Iterator[Release]:
    name, written = names
    folder, (sources, charts) = where
    path = posixpath.normpath(posixpath.join(folder, _ORIGIN.sub("", written))) if written else ""
    chart = charts.get(path) or charts.get(written.removeprefix("./"))
    if chart is not None and name and "{{" not in name:
        values: dict[str, Any] = {}
        for part in given:
            overwritten(values, part)
        yield Release(chart, values, name, charts, sources)


def _values(path: str, item: Any, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    if isinstance(item, dict):
        return item
    return values_of(sources, posixpath.normpath(posixpath.join(posixpath.dirname(path), shown(item))))


def _dotted(pairs: list[Any]) -> dict[str, Any]:
    """`image.tag=1` as nested values."""
    out: dict[str, Any] = {}
    for pair in pairs:
        *outer, last = shown(_map(pair).get("name")).split(".")
        level = out
        for part in outer:
            inner = level.setdefault(part, {})
            level = inner if isinstance(inner, dict) else {}
        level[last] = _map(pair).get("value")
    return out


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
