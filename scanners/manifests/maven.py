"""Java builds: Maven and Gradle modules with the packages they depend on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)(pom\.xml|build\.gradle(\.kts)?)$")
_DEPTH = 60
_DEPLOYING = frozenset(
    ("quarkus-maven-plugin", "liberty-maven-plugin", "wildfly-maven-plugin", "jib-maven-plugin", "docker-maven-plugin",
     "dockerfile-maven-plugin", "wildfly-jar-maven-plugin", "payara-micro-maven-plugin", "micronaut-maven-plugin")
)  # fmt: skip
_PROPERTY = re.compile(r"\$\{([\w.-]+)\}")
_GRADLE = re.compile(
    r"""^\s*(?:implementation|api|compile|compileOnly|runtimeOnly|runtime|annotationProcessor|developmentOnly)\b
    [\s(]*(?:platform|enforcedPlatform)?[\s(]*(?:
      ["'](?P<name>[\w.-]+:[\w.-]+)(?::(?P<version>[^"'@:]+))?["'@:]
      |project\s*\(?\s*(?:path\s*[:=]\s*)?["'](?P<project>:[\w:.-]+)["']
      |group\s*[:=]\s*["'](?P<group>[\w.-]+)["']\s*,\s*name\s*[:=]\s*["'](?P<artifact>[\w.-]+)["']
    )""",
    re.VERBOSE,
)

_MORE = re.compile(r"""^\s*["'](?P<name>[\w.-]+:[\w.-]+)(?::(?P<version>[^"'@:]+))?["'@:]""")


@dataclass(slots=True)
class _Pom:
    """What is read of a pom.

    Args:
        texts: text and line by path of element names, of elements that stand once.
        dependencies: children of each dependency element, with its line.
        plugins: artifacts of its build plugins.
    """

    texts: dict[str, tuple[str, int]] = field(default_factory=dict)
    dependencies: list[tuple[dict[str, str], int]] = field(default_factory=list)
    plugins: set[str] = field(default_factory=set)


class Maven:
    """pom.xml and build.gradle."""

    name: str = "maven"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a module's build file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The module and its dependencies.

        Args:
            source: the file.
        """
        if source.path.endswith("pom.xml"):
            yield from _maven(source)
        else:
            yield from _gradle(source)


def _read(data: bytes) -> _Pom:
    """A pom's texts; document types are refused, for their entities can grow without end.

    Args:
        data: the file.

    Raises:
        expat.ExpatError: it is no XML.
        ValueError: it has a document type or is nested too deeply.
    """
    pom = _Pom()
    path: list[str] = []
    held: list[str] = []
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type")

    def start(name: str, _: Mapping[str, str]) -> None:
        if len(path) > _DEPTH:
            raise ValueError("it is nested too deeply")
        path.append(name.rpartition(":")[2])
        held.clear()
        if path[1:] == ["dependencies", "dependency"]:
            pom.dependencies.append(({}, parser.CurrentLineNumber))

    def end(_: str) -> None:
        text = "".join(held).strip()
        where = "/".join(path[1:])
        if path[1:3] == ["dependencies", "dependency"] and len(path) == 4 and pom.dependencies:
            pom.dependencies[-1][0][path[-1]] = text
        elif where == "build/plugins/plugin/artifactId":
            pom.plugins.add(text)
        elif text:
            pom.texts.setdefault(where, (text, parser.CurrentLineNumber))
        path.pop()
        held.clear()

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = held.append
    parser.Parse(data, True)
    return pom


def _maven(source: SourceFile) -> Iterator[Fact]:
    try:
        pom = _read(source.data)
    except (expat.ExpatError, ValueError) as error:
        line = getattr(error, "lineno", 1)
        fields = {"rule": "manifest/syntax", "message": f"cannot be read: {error}", "severity": "warning"}
        yield Fact("problem", fields, Location(source.path, line))
        return
    texts = {name: text for name, (text, _) in pom.texts.items()}
    known = {
        "project.groupId": texts.get("groupId") or texts.get("parent/groupId", ""),
        "project.artifactId": texts.get("artifactId", ""),
        "project.version": texts.get("version") or texts.get("parent/version", ""),
        "project.parent.groupId": texts.get("parent/groupId", ""),
    } | {name.removeprefix("properties/"): text for name, text in texts.items() if name.startswith("properties/")}
    if texts.get("packaging", "jar") != "pom" and texts.get("artifactId"):
        line = pom.texts["artifactId"][1]
        yield _root(source, "pom.xml", _filled(texts["artifactId"], known), line)
        if texts.get("packaging") == "war" or pom.plugins & _DEPLOYING:
            yield _root(source, "program", "", line)
    for item, line in pom.dependencies:
        group, artifact = _filled(item.get("groupId", ""), known), _filled(item.get("artifactId", ""), known)
        if artifact and item.get("scope") != "test":
            fields = {"ecosystem": "maven", "name": f"{group}:{artifact}"}
            fields["version"] = _filled(item.get("version", ""), known)
            yield Fact("dependency", fields, Location(source.path, line))


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Text with the properties this file knows; twice, for properties that hold properties."""
    for _ in range(2):
        text = _PROPERTY.sub(lambda m: known.get(m.group(1), m.group(0)), text)
    return text


def _root(source: SourceFile, sort: str, name: str, line: int) -> Fact:
    folder = posixpath.dirname(source.path)
    fields = {"root": folder, "sort": sort, "name": name, "image": "", "ports": (), "command": ""}
    return Fact("root", fields, Location(source.path, line))


def _gradle(source: SourceFile) -> Iterator[Fact]:
    folder = posixpath.dirname(source.path)
    yield _root(source, "gradle", posixpath.basename(folder), 1)
    listing = False
    for number, line in enumerate(source.data.decode("utf-8", "replace").splitlines(), 1):
        match = _GRADLE.match(line[:500])
        more = _MORE.match(line[:500]) if listing and match is None else None
        listing = (match is not None or more is not None) and line.rstrip().endswith(",")
        if more is not None:
            fields = {"ecosystem": "maven", "name": more["name"], "version": more["version"] or ""}
            yield Fact("dependency", fields, Location(source.path, number))
        if match is None:
            continue
        fields = {"ecosystem": "maven", "name": "", "version": match["version"] or ""}
        if match["project"]:
            fields |= {"ecosystem": "project", "name": match["project"].rpartition(":")[2]}
        else:
            fields["name"] = match["name"] or f"{match['group']}:{match['artifact']}"
        yield Fact("dependency", fields, Location(source.path, number))


MANIFEST = Maven()
