"""Helm charts: what they are made of, whose values are whose, and their files filled in without running Helm."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from graph.facts import SourceFile
from scanners.idioms.chart_functions import overwritten
from scanners.idioms.chart_render import OutOfBudget, Renderer, lined
from scanners.idioms.chart_template import Step, TemplateProblem, parse
from scanners.idioms.chart_text import Hole, from_yaml, shown

RELEASE = "release-name"
_TEMPLATE = re.compile(r"\.(ya?ml|tpl|json)$")
_DEEPEST = 6
_LARGEST = 512 * 1024
_VERSIONS = {"GitVersion": "v1.30.0", "Version": "v1.30.0", "Major": "1", "Minor": "30"}


@dataclass(frozen=True, slots=True)
class Dependency:
    """A chart that another one brings along.

    Args:
        name: of the chart.
        alias: what its values are called, or empty.
        repository: where it comes from.
        condition: value that switches it, or empty.
        line: where it is named.
    """

    name: str
    alias: str
    repository: str
    condition: str
    line: int


@dataclass(slots=True)
class Chart:
    """A chart.

    Args:
        folder: of its Chart.yaml.
        about: what Chart.yaml says.
        values: what values.yaml says.
        dependencies: charts it brings along.
        templates: files in its templates folder, by path.
    """

    folder: str
    about: Mapping[str, Any]
    values: dict[str, Any]
    dependencies: tuple[Dependency, ...] = ()
    templates: dict[str, SourceFile] = field(default_factory=dict)
    _read: dict[str, list[Step] | TemplateProblem] = field(default_factory=dict)

    def steps(self, path: str) -> list[Step] | TemplateProblem:
        """A template taken apart, once for all releases; or why it cannot be.

        Args:
            path: of one of its templates.
        """
        if path not in self._read:
            try:
                self._read[path] = parse(self.templates[path].data.decode("utf-8", "replace"))
            except TemplateProblem as problem:
                self._read[path] = problem
        return self._read[path]

    @property
    def name(self) -> str:
        """Its name, the folder's when it gives none."""
        return shown(self.about.get("name")) or posixpath.basename(self.folder) or "chart"

    @property
    def library(self) -> bool:
        """It only holds templates for others."""
        return self.about.get("type") == "library"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in.

    Args:
        source: the template.
        text: the result.
        lines: line of the template each line of the text comes from.
        holes: line and reason of what could not be filled in.
    """

    source: SourceFile
    text: str
    lines: Sequence[int]
    holes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A chart as it is installed.

    Args:
        chart: the chart.
        values: over its own.
        name: of the release.
        charts: every chart of the repository by folder.
        sources: every file at hand.
    """

    chart: Chart
    values: Mapping[str, Any]
    name: str
    charts: Mapping[str, Chart]
    sources: Mapping[str, SourceFile]


def read(sources: Mapping[str, SourceFile]) -> dict[str, Chart]:
    """Every chart by its folder.

    Args:
        sources: files by path.
    """
    charts: dict[str, Chart] = {}
    for path in sorted(sources):
        if posixpath.basename(path) == "Chart.yaml":
            folder = posixpath.dirname(path)
            about = values_of(sources, path)
            listed = about.get("dependencies") or values_of(sources, f"{folder}/requirements.yaml".lstrip("/")).get(
                "dependencies"
            )
            text = sources[path].data.decode("utf-8", "replace")
            found = tuple(_dependency(d, text) for d in listed if isinstance(d, Mapping)) if listed else ()
            values = values_of(sources, posixpath.join(folder, "values.yaml"))
            charts[folder] = Chart(folder, about, values, found if isinstance(listed, list) else ())
    for path, source in sorted(sources.items()):
        owner = _owner(path, charts)
        if owner is not None and _TEMPLATE.search(path) and len(source.data) <= _LARGEST:
            owner.templates[path] = source
    return charts


def _owner(path: str, charts: Mapping[str, Chart]) -> Chart | None:
    """The chart in whose templates folder a file is."""
    parts = path.split("/")
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "templates" and "/".join(parts[:at]) in charts:
            return charts["/".join(parts[:at])]
    return None


def values_of(sources: Mapping[str, SourceFile], path: str) -> dict[str, Any]:
    """What a file of values says, empty when it is none.

    Args:
        sources: files by path.
        path: of the file.
    """
    source = sources.get(path)
    found = from_yaml(source.data.decode("utf-8", "replace")) if source is not None else None
    return found if isinstance(found, dict) else {}


def _dependency(body: Mapping[str, Any], text: str) -> Dependency:
    name = shown(body.get("name"))
    at = text.find(f"name: {name}")
    line = text.count("\n", 0, at) + 1 if at >= 0 else 1
    return Dependency(name, shown(body.get("alias")), shown(body.get("repository")), shown(body.get("condition")), line)


def inside(chart: Chart, charts: Mapping[str, Chart]) -> Iterator[tuple[str, Chart, Dependency | None]]:
    """The charts a chart brings along that are in the repository: key of their values, chart, where it is named.

    Args:
        chart: the outer one.
        charts: every chart by folder.
    """
    named: set[str] = set()
    for found in chart.dependencies:
        local = found.repository.removeprefix("file://") if found.repository.startswith("file://") else ""
        folder = posixpath.normpath(posixpath.join(chart.folder, local or f"charts/{found.name}"))
        inner = charts.get(folder)
        if inner is not None and inner is not chart:
            named.add(inner.folder)
            yield found.alias or found.name, inner, found
    prefix = posixpath.join(chart.folder, "charts") + "/"
    for folder, inner in charts.items():
        if folder.startswith(prefix) and "/" not in folder[len(prefix) :] and folder not in named:
            yield inner.name, inner, None


def switched_off(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether a dependency's condition says no: the first of its paths that has a value decides.

    Args:
        condition: paths separated by commas.
        values: of the chart that names it.
    """
    for path in condition.split(","):
        value: Any = values
        for part in path.strip().split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return not value
    return False


def rendered(release: Release) -> Iterator[Rendered]:
    """Every file of a release, those of the charts it brings along included.

    Args:
        release: what is installed.
    """
    renderer = Renderer()
    todo = list(_charts(release))
    for chart, _ in todo:
        for path in sorted(chart.templates):
            steps = chart.steps(path)
            if not isinstance(steps, TemplateProblem):
                renderer.declare(steps)
                renderer.named.setdefault(path, steps)
    for chart, values in todo:
        for path, source in sorted(chart.templates.items()):
            name = posixpath.basename(path)
            if name.startswith("_") or not path.endswith((".yaml", ".yml")) or chart.library:
                continue
            read = chart.steps(path)
            if isinstance(read, TemplateProblem):
                yield Rendered(source, "", (), ((read.line, str(read)),))
            else:
                yield _file(renderer, source, read, _dot(release, chart, values))


def _file(renderer: Renderer, source: SourceFile, steps: list[Step], dot: dict[str, Any]) -> Rendered:
    base = source.path.rpartition("/templates/")[0]
    dot["Template"] = {"Name": source.path, "BasePath": posixpath.join(base, "templates")}
    try:
        text, lines = lined(renderer.render(steps, dot))
    except OutOfBudget:
        return Rendered(source, "", (), ((1, "it takes too many steps"),))
    except RecursionError:
        return Rendered(source, "", (), ((1, "it is nested too deeply"),))
    chart = shown(dot["Chart"].get("Name"))
    return Rendered(source, _unnamed(text, chart), lines, tuple(renderer.holes))


def _unnamed(text: str, chart: str) -> str:
    """What a release of no name puts before names is left out: the same for a service and for who calls it."""
    return text.replace(f"{RELEASE}-", "").replace(RELEASE, chart)


def _charts(release: Release) -> Iterator[tuple[Chart, dict[str, Any]]]:
    """The charts of a release with their values: a chart's own, then what the outer one gives it, then `global`."""
    own = overwritten(deepcopy(release.chart.values), release.values)
    todo: list[tuple[Chart, dict[str, Any], int]] = [(release.chart, own, 0)]
    while todo:
        chart, values, depth = todo.pop(0)
        yield chart, values
        if depth >= _DEEPEST:
            continue
        for key, inner, named in inside(chart, release.charts):
            if named is not None and named.condition and switched_off(named.condition, values):
                continue
            given = values.get(key)
            below = overwritten(deepcopy(inner.values), given if isinstance(given, Mapping) else {})
            shared = values.get("global")
            if isinstance(shared, Mapping):
                held = below.setdefault("global", {})
                below["global"] = overwritten(held if isinstance(held, dict) else {}, shared)
            todo.append((inner, below, depth + 1))


def _dot(release: Release, chart: Chart, values: dict[str, Any]) -> dict[str, Any]:
    about = {key[:1].upper() + key[1:]: value for key, value in chart.about.items()}

    def get(name: Any) -> str | Hole:
        source = release.sources.get(posixpath.normpath(posixpath.join(chart.folder, shown(name))))
        known = source is not None and not isinstance(name, Hole)
        return source.data.decode("utf-8", "replace") if source is not None and known else Hole("a file of the chart")

    return {
        "Values": values,
        "Chart": {"Name": chart.name, "Version": "0.1.0", "AppVersion": "1.0.0", **about},
        "Release": {
            "Name": release.name,
            "Namespace": "default",
            "Service": "Helm",
            "IsInstall": True,
            "IsUpgrade": False,
            "Revision": 1,
        },
        "Capabilities": {
            "KubeVersion": _VERSIONS,
            "APIVersions": {"Has": lambda version: True},
            "HelmVersion": {"Version": "v3.15.0"},
        },
        "Files": {"Get": get},
    }
