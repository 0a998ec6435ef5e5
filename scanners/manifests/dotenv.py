"""Environment files: a variable and its value a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location
from scanners.idioms.deploy import substituted

_FILE = re.compile(r"(^|/)(\.env(\.[\w-]+)?|[\w.-]+\.env)$")
_SAMPLE = re.compile(r"(example|sample|template|dist)$")
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.]*)\s*=\s*(.*?)\s*$")


class Dotenv:
    """Environment files."""

    name: str = "dotenv"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path may be an environment file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path)) and not _SAMPLE.search(path)

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Variables.

        Args:
            source: the file.
        """
        for number, line in enumerate(source.data.decode("utf-8", "replace").splitlines(), 1):
            match = _LINE.match(line)
            if match is None:
                continue
            written = match[2]
            if written[:1] in ("'", '"') and written[-1:] == written[:1] and len(written) > 1:
                value = Lit(written[1:-1]) if written[0] == "'" else substituted(written[1:-1])
            else:
                value = substituted(re.split(r"\s+#", written, maxsplit=1)[0])
            fields = {"service": "", "key": match[1], "value": value}
            yield Fact("env_value", fields, Location(source.path, number))


MANIFEST = Dotenv()
