"""Helm charts with their values: what they would deploy, filled in by rule; what cannot be filled in is said."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from graph.facts import SourceFile, encode_fact
from graph.values import Fact, Location
from scanners.idioms import charts, config_maps, deploy, kube, kube_routes, releases
from scanners.idioms.charts import Chart, Release, Rendered

_TEMPLATES = re.compile(r"(^|/)templates/")
_VALUES = re.compile(r"(^|/)([\w.-]*values[\w.-]*|(values|environments?|envs|helm[\w-]*)/[\w./-]+)\.ya?ml(\.gotmpl)?$")
_READ = (".yaml", ".yml", ".tpl", ".json", ".conf", ".properties", ".toml", ".txt", ".env")
_MOST_MEMBERS = 4_000
_MOST_VARIANTS = 6
_MOST_RELEASES = 200
_MOST_REASONS = 4


class Helm:
    """Charts, their values and who installs them."""

    name: str = "helm"
    version: int = 1

    def members(self, paths: Sequence[str]) -> Sequence[str]:
        """Files of charts, values, and files that install charts.

        Args:
            paths: of the repository.
        """
        folders = {posixpath.dirname(p) for p in paths if posixpath.basename(p) == "Chart.yaml"}
        if not folders:
            return ()
        found = [p for p in paths if (p.endswith(_READ) and _inside(p, folders)) or _VALUES.search(p)]
        return [*found, *(p for p in paths if releases.may_install(p) and p not in set(found))][:_MOST_MEMBERS]

    def replaces(self, path: str) -> bool:
        """A template is no deployment file before it is filled in.

        Args:
            path: of a member.
        """
        return bool(_TEMPLATES.search(path)) and path.endswith((".yaml", ".yml"))

    def facts(self, sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
        """What the charts deploy, and what could not be filled in.

        Args:
            sources: the members.
        """
        said: set[str] = set()
        for fact in self._every(sources):
            about = f"{fact.at} {fact.get('rule')}" if fact.kind == "problem" else _key(fact)
            if about not in said:
                said.add(about)
                yield fact

    def _every(self, sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
        """What each release says, often the same."""
        found = charts.read(sources)
        brought = {c.folder for chart in found.values() for _, c, _ in charts.inside(chart, found)}
        installed = list(islice(releases.installed(sources, found), _MOST_RELEASES))
        yield from _unread(found, sources)
        for chart in found.values():
            mine = [r for r in installed if r.chart is chart]
            if mine:
                for release in mine:
                    yield from _facts(release, "")
            elif chart.folder not in brought and not chart.library:
                yield from _default(chart, found, sources)
            yield from _brought(chart, found)


def _unread(found: Mapping[str, Chart], sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
    """What is wrong with a chart's own values and description."""
    for folder in found:
        for name in ("Chart.yaml", "values.yaml"):
            source = sources.get(posixpath.join(folder, name))
            yield from deploy.documents(source)[1] if source is not None else ()


def _inside(path: str, folders: set[str]) -> bool:
    folder = posixpath.dirname(path)
    while folder and folder not in folders:
        folder = posixpath.dirname(folder)
    return folder in folders and (folder != "" or path.startswith(("templates/", "charts/", "values", "Chart")))


def _default(chart: Chart, found: Mapping[str, Chart], sources: Mapping[str, SourceFile]) -> Iterator[Fact]:
    """The chart with its own values, then what other files of values beside it would change."""
    base = list(_facts(Release(chart, {}, charts.RELEASE, found, sources), ""))
    yield from base
    known = {_key(f) for f in base}
    images = _images(base)
    for name, path in _variants(chart, sources)[:_MOST_VARIANTS]:
        values = charts.values_of(sources, path)
        other = list(_facts(Release(chart, values, charts.RELEASE, found, sources), name))
        if _images(other) - images and _images(other).isdisjoint(images):
            other = list(_facts(Release(chart, values, name, found, sources), ""))
        for fact in other:
            plain = replace(fact, fields={k: v for k, v in fact.fields.items() if k != "variant"})
            if _key(plain) not in known:
                yield fact


def _key(fact: Fact) -> str:
    return json.dumps(encode_fact(fact), sort_keys=True)


def _images(facts: Iterable[Fact]) -> set[str]:
    return {deploy.image_name(f.get("image")) for f in facts if f.kind == "service" and f.get("image")}


def _variants(chart: Chart, sources: Mapping[str, SourceFile]) -> list[tuple[str, str]]:
    """Files of values of a chart beside its own, with the name each gives its deployment."""
    prefix = f"{chart.folder}/" if chart.folder else ""
    found = []
    for path in sorted(sources):
        rest = path[len(prefix) :]
        if not path.startswith(prefix) or rest == "values.yaml" or rest.startswith(("templates/", "charts/", "crds/")):
            continue
        if _VALUES.search(path) and not rest.endswith(("schema.json", "Chart.yaml")):
            name = re.sub(r"(^|[._-])values([._-]|$)", "", posixpath.basename(rest).removesuffix(".gotmpl")[:-5])
            name = name.strip("._-") or posixpath.basename(posixpath.dirname(rest))
            if name:
                found.append((name, path))
    return found


def _facts(release: Release, variant: str) -> Iterator[Fact]:
    for item in charts.rendered(release):
        roots, problems = deploy.documents(SourceFile(item.source.path, item.text.encode("utf-8", "replace")))
        found = [r for root in roots for r in kube.resources(item.source, root, item.lines, variant)]
        middlewares = kube_routes.middlewares_of(found)
        for resource in found:
            yield from kube.facts(resource)
            yield from kube_routes.facts(resource, middlewares)
            yield from config_maps.facts(resource)
        if not variant:
            yield from _problems(item, problems)


def _problems(item: Rendered, problems: list[Fact]) -> Iterator[Fact]:
    """Once a template: what could not be filled in, and whether the result is no YAML."""
    if item.holes:
        reasons = list(dict.fromkeys(reason for _, reason in item.holes))
        more = f" and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
        message = f"not everything can be filled in: {'; '.join(reasons[:_MOST_REASONS])}{more}"
        yield _problem(item.source.path, min(line for line, _ in item.holes), "helm/unrendered", message)
    for fact in [p for p in problems if p.get("rule") != "yaml/duplicate-key"][:1]:
        line = item.lines[min(fact.at.line, len(item.lines)) - 1] if item.lines else 1
        yield _problem(item.source.path, line, "helm/yaml", f"filled in, it is no YAML: {fact.get('message')}")


def _problem(path: str, line: int, rule: str, message: str) -> Fact:
    return Fact("problem", {"rule": rule, "message": message, "severity": "warning"}, Location(path, line))


def _brought(chart: Chart, found: Mapping[str, Chart]) -> Iterator[Fact]:
    """Stores and brokers from charts of others, under the names those charts give their services."""
    local = {c.folder for _, c, _ in charts.inside(chart, found)}
    for dependency in chart.dependencies:
        kind = deploy.store_kind(dependency.name)
        folder = posixpath.normpath(posixpath.join(chart.folder, f"charts/{dependency.name}"))
        if not kind or folder in local or charts.switched_off(dependency.condition, chart.values):
            continue
        key = dependency.alias or dependency.name
        given: Any = chart.values.get(key)
        name = str(given.get("fullnameOverride") or "") if isinstance(given, Mapping) else ""
        name = name or key
        ends = ("", "-master", "-primary", "-headless", "-ha", "-replicas")
        fields = {
            "name": name,
            "root": "",
            "image": dependency.name,
            "sort": "infrastructure",
            "store_kind": kind,
            "ports": (),
            "hosts": tuple(f"{name}{end}" for end in ends),
            "command": "",
        }
        yield Fact("service", fields, Location(posixpath.join(chart.folder, "Chart.yaml"), dependency.line))


BUNDLE = Helm()
