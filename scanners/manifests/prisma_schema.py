"""Prisma schemas: models with their tables and columns, which the generated client reads and writes by model name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit, Location

_BLOCK = re.compile(r"^[ \t]*+(model|view|datasource)\s++(\w++)\s*+\{", re.MULTILINE)
_FIELD = re.compile(r"^\s*(\w+)\s+(\w+)(\[\]|\?)?\s*(.*)$")
_MAPPED = re.compile(r'@map\(\s*(?:name:\s*)?"([^"]+)"')
_TABLE = re.compile(r'@@map\(\s*(?:name:\s*)?"([^"]+)"')
_PROVIDER = re.compile(r'provider\s*=\s*"(\w+)"')
_KINDS = {"postgres": "postgresql", "sqlserver": "mssql", "cockroachdb": "postgresql"}
_SCALARS = ("String", "Boolean", "Int", "BigInt", "Float", "Decimal", "DateTime", "Json", "Bytes")


class Prisma:
    """Prisma schema files."""

    name: str = "prisma_schema"
    version: int = 1

    def matches(self, path: str) -> bool:
        """Whether a path is a Prisma schema.

        Args:
            path: relative to the repository.
        """
        return path.endswith(".prisma")

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """Models, and the table each stands for.

        Args:
            source: the file.
        """
        text = source.data.decode("utf-8", "replace")
        blocks = [(m[1], m[2], m.start(1), _body(text, m.end())) for m in _BLOCK.finditer(text)]
        kind = next((_kind(body) for sort, _, _, body in blocks if sort == "datasource"), "sql")
        models = {name for sort, name, _, _ in blocks if sort != "datasource"}
        for sort, name, start, body in blocks:
            if sort == "datasource":
                continue
            where = Location(source.path, text.count("\n", 0, start) + 1)
            mapped = _TABLE.search(body)
            table = mapped[1] if mapped else name
            columns = tuple(_columns(body, models))
            yield Fact("model", {"name": name, "dataset": Lit(table), "columns": columns, "store_kind": kind}, where)
            key = f"prisma:{name[:1].lower()}{name[1:]}"
            yield Fact("env_value", {"service": "", "key": key, "value": Lit(table)}, where)


def _body(text: str, start: int) -> str:
    """The text of a block up to the brace that closes it; comments are left out."""
    end = text.find("\n}", start)
    body = text[start : end if end >= 0 else len(text)]
    return re.sub(r"//[^\n]*", "", body)


def _kind(body: str) -> str:
    provider = _PROVIDER.search(body)
    return _KINDS.get(provider[1], provider[1]) if provider else "sql"


def _columns(body: str, models: set[str]) -> Iterator[str]:
    """Scalar and enum fields under their column names; relations to other models have no column of their own."""
    for line in body.splitlines():
        match = _FIELD.match(line)
        if match is None or (match[2] in models and match[2] not in _SCALARS):
            continue
        mapped = _MAPPED.search(match[4].replace("@@map", ""))
        yield mapped[1] if mapped else match[1]


MANIFEST = Prisma()
