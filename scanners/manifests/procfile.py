"""Procfiles: the folder that is deployed and the processes it starts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Location

_FILE = re.compile(r"(^|/)Procfile(\.[\w-]+)?$")
_LINE = re.compile(r"^([\w-]+):\s*(.+)$")


class Procfile:
    """Heroku's, Foreman's and Dokku's Procfile."""

    name: str = "procfile"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Procfile.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """The folder and its processes.

        Args:
            source: the file.
        """
        found = [m for line in source.data.decode("utf-8", "replace").splitlines() if (m := _LINE.match(line))]
        if found:
            started = {m[1]: m[2].strip() for m in found}
            fields = {
                "root": posixpath.dirname(source.path),
                "sort": "procfile",
                "name": "",
                "image": "",
                "ports": (),
                "command": started.get("web") or next(iter(started.values())),
                "scripts": tuple(f"{name}={command}" for name, command in started.items()),
            }
            yield Fact("root", fields, Location(source.path, 1))


MANIFEST = Procfile()
