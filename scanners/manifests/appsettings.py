"""ASP.NET settings files: configuration values by environment, and the ports Kestrel listens on."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.dotnet_json import Lines, flattened, load, problem

_FILE = re.compile(r"(?i)(^|/)(appsettings|settings|sharedsettings|hostsettings)(\.([\w-]+))?\.json$")
_LOGS = ("Logging:", "Serilog:", "$schema")
_PORT = re.compile(r"https?://[^/:\s]+:(\d+)")


class AppSettings:
    """appsettings.json and appsettings.ENVIRONMENT.json."""

    name: str = "appsettings"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a settings file.

        Args:
            path: relative to the repository.
        """
        found = _FILE.search(path)
        return bool(found) and (found is not None and "appsettings" in found[2].lower())

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Values and ports.

        Args:
            source: the file.
        """
        try:
            data = load(source)
        except ValueError as error:
            yield problem(source, error)
            return
        match = _FILE.search(source.path)
        profile = (match[4] or "") if match is not None else ""
        lines = Lines(source)
        ports: dict[str, None] = {}
        for key, value in flattened(data):
            line = lines.of(re.sub(r":\d+$", "", key))
            if key.startswith(_LOGS):
                continue
            fields: dict[str, object] = {"service": "", "key": key, "value": Lit(value)}
            if profile:
                fields["profile"] = profile
            yield Fact("env_value", fields, Location(source.path, line))
            if re.fullmatch(r"(?i)urls|Kestrel:Endpoints:[^:]+:Url", key):
                ports.update(dict.fromkeys(_PORT.findall(str(value))))
        if ports:
            root = posixpath.dirname(source.path)
            fields = {"root": root, "name": "", "ports": tuple(ports), "prefix": ""}
            yield Fact("registers", fields, Location(source.path, lines.text("://")))


MANIFEST = AppSettings()
