"""Razor components and pages: the addresses they are served at and the forms posted to them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.cs_http import route_text

_PAGE = re.compile(r'^[ \t\ufeff]*@page(?:[ \t]+"([^"\n]*)")?[ \t]*(?:@\*.*)?\r?$', re.MULTILINE)
_COMMENT = re.compile(r"@\*.*?\*@|<!--.*?-->", re.DOTALL)
_FORM = re.compile(
    r"<form\b[^<>]{0,600}?\bmethod=[\"']post[\"'][^<>]{0,600}>|<EditForm\b[^<>]{0,600}\bFormName=", re.IGNORECASE
)
_ACTION = re.compile(r'\baction="([^"@]+)"')
_ELSEWHERE = re.compile(r'\b(asp-(controller|action|page|route)|action)="')


class Razor:
    """.razor and .cshtml files."""

    name: str = "razor"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Razor file.

        Args:
            path: relative to the repository.
        """
        return path.endswith((".razor", ".cshtml"))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Pages and the forms posted to them.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace")
        plain = _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        pages = list(_PAGE.finditer(plain))
        paths = [_path(source.path, m[1]) for m in pages]
        for page, path in zip(pages, paths, strict=True):
            yield _endpoint(source, ("GET", path), plain.count("\n", 0, page.start()) + 1)
        seen: set[str] = set()
        for form in _FORM.finditer(plain):
            line = plain.count("\n", 0, form.start()) + 1
            action = _ACTION.search(form[0])
            targets = ["/" + action[1].strip("/")] if action is not None else paths
            if action is None and _ELSEWHERE.search(form[0]):
                continue
            for path in targets:
                if path not in seen and source.path.endswith(".razor" if action is not None else (".razor", ".cshtml")):
                    seen.add(path)
                    yield _endpoint(source, ("POST", path), line)


def _path(file: str, written: str | None) -> str:
    """The address of a page: as written, for a Razor page without one from its place under ``Pages``."""
    if file.endswith(".razor"):
        return route_text(written or "/")
    before, found, inside = posixpath.splitext(file)[0].rpartition("Pages/")
    area = re.search(r"(?:^|/)Areas/(\w+)/$", before)
    place = inside if found else posixpath.basename(posixpath.splitext(file)[0])
    place = "" if place == "Index" else place.removesuffix("/Index")
    if written and written.startswith("/"):
        return route_text(written)
    whole = "/".join(p for p in (area[1] if area else "", place, route_text(written or "")) if p)
    return f"/{whole}"


def _endpoint(source: SourceFile, about: tuple[str, str], line: int) -> Fact:
    method, path = about
    name = posixpath.basename(source.path).partition(".")[0]
    fields = {"protocol": "http", "method": method, "path": Lit(path), "handler": name, "framework": "razor"}
    return Fact("endpoint", fields, Location(source.path, line))


MANIFEST = Razor()
