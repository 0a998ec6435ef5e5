"""MSBuild projects: what is built from which folder, whether it runs, what it uses, and its global usings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(?i)(^|/)([^/]+\.(cs|fs|vb)proj|Directory\.(Packages|Build)\.(props|targets))$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ITEM = re.compile(r"<(PackageReference|PackageVersion|ProjectReference|Using|Compile)\b([^<>]*)>")
_ATTRIBUTE = re.compile(r'(?<![\w.])([\w.]++)\s*+=\s*+"([^"]*)"')
_PROPERTY = re.compile(
    r"<(OutputType|IsAspireHost|IsTestProject|AssemblyName|PackageId|RootNamespace|UseMaui)(?:\s[^<>]*)?>([^<]*)<"
)
_SDK = re.compile(r'\bSdk\s*(?:=|Name=)\s*"([^"]+)"|<Sdk\s+Name="([^"]+)"')
_RUNS = (
    "Microsoft.NET.Sdk.Web",
    "Microsoft.NET.Sdk.Worker",
    "Microsoft.NET.Sdk.BlazorWebAssembly",
    "MSBuild.Sdk.Extras",
)
_TESTS = ("Microsoft.NET.Test.Sdk", "xunit", "NUnit", "MSTest.TestFramework", "MSTest.Sdk")


class CsProj:
    """.csproj files, Directory.Packages.props and Directory.Build.props."""

    name: str = "csproj"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is an MSBuild project or what projects share.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The project, its dependencies and global usings.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8-sig", "replace")
        text = _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        items = [
            (m[1], dict(_ATTRIBUTE.findall(m[2])), text.count("\n", 0, m.start()) + 1) for m in _ITEM.finditer(text)
        ]
        if source.path.lower().endswith("proj"):
            yield _project(
                source, text, [given.get("Include", "") for kind, given, _ in items if kind == "PackageReference"]
            )
        for kind, given, line in items:
            yield from _item(source, kind, given, line)


def _project(source: SourceFile, text: str, packages: list[str]) -> Fact:
    folder, file = posixpath.split(source.path)
    properties = dict(_PROPERTY.findall(text))
    name = posixpath.splitext(file)[0]
    sdks = [a or b for a, b in _SDK.findall(text)]
    runs = any(s.partition("/")[0] in _RUNS for s in sdks) or properties.get("OutputType", "").lower() in (
        "exe",
        "winexe",
    )
    apphost = properties.get("IsAspireHost", "").lower() == "true" or any(s.startswith("Aspire.AppHost") for s in sdks)
    test = properties.get("IsTestProject", "").lower() == "true" or any(p.startswith(_TESTS) for p in packages)
    marks = {
        "sdk": sdks[0] if sdks else "",
        "apphost": apphost,
        "test": test,
        "maui": properties.get("UseMaui") == "true",
        "package": _package(properties, name),
    }
    fields = {
        "root": folder,
        "sort": "csproj",
        "name": name,
        "image": "",
        "ports": (),
        "command": f"dotnet {properties.get('AssemblyName') or name}.dll" if runs and not apphost and not test else "",
        "scripts": tuple(
            f"{key}={str(value).lower() if value is True else value}" for key, value in marks.items() if value
        ),
    }
    line = text.count("\n", 0, max(text.find("<Project"), 0)) + 1
    return Fact("root", fields, Location(source.path, line))


def _package(properties: Mapping[str, str], name: str) -> str:
    """The name under which other projects refer to this one's package, empty where it is the project's."""
    named = properties.get("PackageId") or properties.get("AssemblyName") or name
    return "" if named == name or "$(" in named else named


def _item(source: SourceFile, kind: str, given: Mapping[str, str], line: int) -> Iterator[Fact]:
    where = Location(source.path, line)
    name = given.get("Include") or given.get("Update") or ""
    if not name or "$(" in name or "*" in name:
        return
    if kind in ("PackageReference", "PackageVersion"):
        fields = {"ecosystem": "nuget", "name": name, "version": given.get("Version", "")}
        yield Fact("dependency", fields, where)
    elif kind == "ProjectReference" or (kind == "Compile" and name.startswith("..")):
        joined = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), name.replace("\\", "/")))
        folder = posixpath.dirname(joined)
        if not joined.startswith(".."):
            yield Fact("dependency", {"ecosystem": "project", "name": folder, "version": ""}, where)
    elif kind == "Using":
        module, _, last = name.rpartition(".")
        alias = given.get("Alias")
        local, module, imported = (alias, module, last) if alias else ("global", name, "*")
        yield Fact("import", {"local": local, "module": module, "name": imported}, where)


MANIFEST = CsProj()
