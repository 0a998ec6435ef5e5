"""Visual Studio launch profiles: the ports a project listens on and the environment it gets during development."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.dotnet_json import Lines, load, problem

_PORT = re.compile(r"https?://[^/:;\s]+:(\d+)")
_ENVIRONMENTS = ("ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT")


class LaunchSettings:
    """Properties/launchSettings.json."""

    name: str = "launch_settings"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a file of launch profiles.

        Args:
            path: relative to the repository.
        """
        return path.lower().endswith("properties/launchsettings.json")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Ports and environment variables.

        Args:
            source: the file.
        """
        try:
            data = load(source)
        except ValueError as error:
            yield problem(source, error)
            return
        profiles = data.get("profiles") if isinstance(data, dict) else None
        lines = Lines(source)
        ports: dict[str, None] = {}
        first = ""
        for profile in profiles.values() if isinstance(profiles, dict) else ():
            if not isinstance(profile, dict) or profile.get("commandName") == "IISExpress":
                continue
            first = first or str(profile.get("applicationUrl", ""))
            ports.update(dict.fromkeys(_PORT.findall(str(profile.get("applicationUrl", "")))))
            yield from _environment(source, profile, lines)
        if ports:
            root = posixpath.dirname(posixpath.dirname(source.path))
            fields = {"root": root, "name": "", "ports": tuple(ports), "prefix": ""}
            yield Fact("registers", fields, Location(source.path, lines.text(f'"{first}"')))


def _environment(source: SourceFile, profile: dict[str, Any], lines: Lines) -> Iterator[Fact]:
    given = profile.get("environmentVariables")
    if not isinstance(given, dict):
        return
    named = next((str(given[n]) for n in _ENVIRONMENTS if n in given), "Development")
    for key, value in given.items():
        line = lines.of(key)
        if key not in _ENVIRONMENTS:
            fields = {"service": "", "key": key, "value": Lit(str(value)), "profile": named}
            yield Fact("env_value", fields, Location(source.path, line))


MANIFEST = LaunchSettings()
