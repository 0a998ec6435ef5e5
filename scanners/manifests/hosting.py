"""Static hosting with rewrites: Firebase, Vercel, Netlify and Azure Static Web Apps pass some paths on."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Location
from scanners.idioms import deploy
from scanners.idioms.gateways import REST, Passed, below
from testmesh.guard.yaml import Node

_NAMES = ("firebase.json", "vercel.json", "now.json", "netlify.toml", "_redirects")


class Hosting:
    """Rewrites of static hosts."""

    name: str = "hosting"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is such a file.

        Args:
            path: relative to the repository.
        """
        return posixpath.basename(path) in _NAMES

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        base = posixpath.basename(source.path)
        text = source.data.decode("utf-8", "replace")
        if base == "_redirects":
            yield from _redirects(source, text)
        elif base == "netlify.toml":
            yield from _netlify(source, text)
        else:
            roots, problems = deploy.documents(source)
            yield from problems
            for root in roots[:1]:
                yield from _firebase(source, root) if base == "firebase.json" else _vercel(source, root)


def _firebase(source: SourceFile, root: Node) -> Iterator[Fact]:
    hosting = deploy.mapping(root).get("hosting")
    for site in deploy.items(hosting) or ([hosting] if hosting is not None else []):
        for item in deploy.items(deploy.mapping(site).get("rewrites")):
            body = deploy.mapping(item)
            run = deploy.text(deploy.mapping(body.get("run")).get("serviceId"))
            function = body.get("function")
            named = deploy.text(deploy.mapping(function).get("functionId")) or deploy.text(function)
            path = deploy.text(body.get("source") or body.get("regex"))
            if (run or named) and path:
                template = below(path.rstrip("*")) if path.endswith("*") else "/" + path.lstrip("/")
                yield Fact("route", Passed(template, run or named, template).fields(""), deploy.at(source, item))


def _vercel(source: SourceFile, root: Node) -> Iterator[Fact]:
    body = deploy.mapping(root)
    for key, path_key, to_key in (("rewrites", "source", "destination"), ("routes", "src", "dest")):
        for item in deploy.items(body.get(key)):
            entry = deploy.mapping(item)
            passed = _external(deploy.text(entry.get(path_key)), deploy.text(entry.get(to_key)))
            if passed is not None:
                yield Fact("route", passed.fields(""), deploy.at(source, item))


def _redirects(source: SourceFile, text: str) -> Iterator[Fact]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if len(words) > 2 and words[-1].startswith("200"):
            passed = _external(words[0], words[1])
            if passed is not None:
                yield Fact("route", passed.fields(""), Location(source.path, number))


def _netlify(source: SourceFile, text: str) -> Iterator[Fact]:
    try:
        data: Mapping[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"at line (\d+)", str(error))
        fields = {"rule": "toml/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
        yield Fact("problem", fields, Location(source.path, int(at[1]) if at else 1))
        return
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "[[redirects]]"]
    listed = data.get("redirects")
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping) and entry.get("status") == 200:
            passed = _external(str(entry.get("from", "")), str(entry.get("to", "")))
            if passed is not None:
                line = lines[index] if index < len(lines) else 1
                yield Fact("route", passed.fields(""), Location(source.path, line))


def _external(path: str, target: str) -> Passed | None:
    """A rule that leads to another host; rules inside the site are no routes."""
    if "://" not in target or not path:
        return None
    host, _, rest = target.split("://", 1)[1].partition("/")
    bare = re.sub(r"\(\.\*\)$|/:\w+([*+]|\(\.\*\))$|\*+$", "", path.lstrip("^").rstrip("$"))
    whole = bare != path.lstrip("^").rstrip("$")
    template = below(bare) if whole else "/" + re.sub(r":(\w+)", r"{\1}", bare).strip("/")
    end = re.sub(r"(:\w+[*+]?|\$\d)$", "", rest) if whole else rest
    to_path = below(end) if whole and end != rest else "/" + re.sub(r":(\w+)", r"{\1}", rest)
    return Passed(template or REST, host, to_path)


MANIFEST = Hosting()
