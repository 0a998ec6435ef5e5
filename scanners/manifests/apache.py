"""Apache httpd configuration: what ProxyPass and proxying rewrites pass on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.gateways import REST, Passed, below, of_expression, onto, replaced, without

_FILE = re.compile(
    r"(^|/)([\w.-]+\.(conf|vhost)|\.htaccess|httpd[\w.-]*\.conf[\w.-]*|sites-(enabled|available)/[\w.-]+)$"
)
_MARKS = (b"sethandler", b"proxypass", b"[p", b",p]", b",p,")
_PAGES = ("balancer-manager", "server-status", "server-info", "ldap-status")
_DEFINED = re.compile(r"\$\{(\w+)\}")


class Apache:
    """httpd configuration."""

    name: str = "apache"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be httpd configuration.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Routes.

        Args:
            source: the file.
        """
        lowered = source.data.lower()
        if any(mark in lowered for mark in _MARKS):
            yield from _Reading(source).facts()


@dataclass(slots=True)
class _Reading:
    source: SourceFile
    location: str = ""
    expression: bool = False
    balancer: str = ""
    host: str = ""
    members: dict[str, str] = field(default_factory=dict)
    defined: dict[str, str] = field(default_factory=dict)

    def facts(self) -> Iterator[Fact]:
        """Line after line; balancers are known before what uses them."""
        lines = list(enumerate(self.source.data.decode("utf-8", "replace").splitlines(), 1))
        for _, line in lines:
            self._member(_words(line))
        for number, line in lines:
            words = _words(line)
            shown = words[0].lower() == "sethandler" and words[-1].lower() in _PAGES if words else False
            if shown and self.location and not self.expression:
                yield Fact("endpoint", _page(self.location), Location(self.source.path, number))
            for passed in self._line(words):
                yield Fact("route", passed.fields(""), Location(self.source.path, number))

    def _member(self, words: list[str]) -> None:
        head = words[0].lower() if words else ""
        if head == "<proxy" and len(words) > 1:
            self.balancer = words[1].rstrip(">").strip("\"'").rstrip("/")
        elif head == "</proxy>":
            self.balancer = ""
        elif head == "balancermember" and len(words) > 1:
            self.members.setdefault(self.balancer, words[1])
        elif head == "define" and len(words) > 2:
            self.defined[words[1]] = words[2]

    def _line(self, words: list[str]) -> Iterator[Passed]:
        head = words[0].lower() if words else ""
        if head in ("<location", "<locationmatch") and len(words) > 1:
            self.location, self.expression = (
                words[-1].rstrip(">").strip("\"'"),
                head == "<locationmatch" or words[1] == "~",
            )
        elif head in ("</location>", "</locationmatch>"):
            self.location, self.expression = "", False
        elif head in ("<virtualhost", "</virtualhost>"):
            self.host = ""
        elif head == "servername" and len(words) > 1 and "." in words[1]:
            self.host = words[1].split("://")[-1].split(":")[0]
        elif head in ("proxypass", "proxypassmatch"):
            yield from self._pass(head, words)
        elif head == "rewriterule" and len(words) > 3 and re.search(r"[\[,]\s*P(roxy)?\s*[\],]", words[3]):
            expression = words[1] if words[1].startswith("^/") else words[1].replace("^", "^/", 1)
            yield from self._to(words[2], of_expression(expression), (expression, ""))

    def _pass(self, head: str, words: list[str]) -> Iterator[Passed]:
        given = [w for w in words[1:] if "=" not in w or "://" in w]
        path, target = (
            (given[0], given[1]) if len(given) > 1 and not self.location else (self.location, given[0] if given else "")
        )
        if not path or not target or target == "!":
            return
        if head == "proxypassmatch" or self.expression:
            yield from self._to(target, of_expression(path), (path, ""))
        else:
            yield from self._to(target, below(path), ("", path))

    def _to(self, target: str, template: str, how: tuple[str, str]) -> Iterator[Passed]:
        expression, prefix = how
        filled = _DEFINED.sub(lambda m: self.defined.get(m[1], m[0]), target)
        base = next((b for b in self.members if b and filled.startswith(b)), "")
        filled = self.members[base].rstrip("/") + filled[len(base) :] if base else filled
        host, slash, rest = filled.split("://", 1)[-1].partition("/")
        if expression:
            to_path = replaced(template, expression, f"/{rest}") if slash and rest else template
        elif slash:
            to_path = onto(without(template, prefix), rest)
        else:
            to_path = without(template, prefix) if prefix.strip("/") else template
        if host and host != "unix:":
            yield Passed(template, host, to_path or REST, host=self.host)


def _page(path: str) -> dict[str, object]:
    return {
        "protocol": "http",
        "method": "GET",
        "path": Lit(path.rstrip("/") or "/"),
        "handler": "",
        "framework": "apache",
        "operational": True,
    }


def _words(line: str) -> list[str]:
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return []
    try:
        return shlex.split(stripped, posix=True)
    except ValueError:
        return stripped.split()


MANIFEST = Apache()
