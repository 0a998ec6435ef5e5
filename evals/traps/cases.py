"""Traps as data: a system, a change behind an indirection, what it affects, and a twin that does not reach it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.systems import Edit
from testmesh.kernel.errors import UserError

FOLDER = Path(__file__).parent
SERVICE = "shop"
_PORT, _FIRST_PORT = 8080, 8101
_DOCKER = "FROM {image}\nCOPY . /app\nEXPOSE 8080\nCMD {command}\n"
_JAVA_POM = (
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>'
    "<artifactId>{name}</artifactId><version>1</version><dependencies><dependency><groupId>org.springframework.boot"
    "</groupId><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>\n"
)
_CSPROJ = (
    '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup>'
    "</Project>\n"
)
_BOILERPLATE: Mapping[str, Mapping[str, str]] = {
    "python": {
        "requirements.txt": "fastapi\nhttpx\nsqlalchemy\n",
        "Dockerfile": _DOCKER.format(image="python:3.12", command='["uvicorn", "app:app"]'),
    },
    "typescript": {
        "package.json": '{{"name": "{name}", "dependencies": {{"express": "4", "axios": "1"}}}}\n',
        "Dockerfile": _DOCKER.format(image="node:22", command='["node", "dist/index.js"]'),
    },
    "java": {"pom.xml": _JAVA_POM, "Dockerfile": _DOCKER.format(image="eclipse-temurin:21", command='["java"]')},
    "go": {
        "go.mod": "module example.com/{name}\n\ngo 1.22\n",
        "Dockerfile": _DOCKER.format(image="golang:1.22", command='["/app/main"]'),
    },
    "csharp": {
        "{name}.csproj": _CSPROJ,
        "Dockerfile": _DOCKER.format(image="mcr.microsoft.com/dotnet/aspnet:9.0", command='["dotnet"]'),
    },
}


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap.

    Args:
        name: unique.
        language: of the code the change lies in.
        indirection: what hides the way.
        files: the whole system, flows included.
        change: what alters the behaviour of `affected`.
        twin: a change beside it that does not.
        affected: flow files whose behaviour the change alters.
        apart: flow files whose behaviour it does not alter.
    """

    name: str
    language: str
    indirection: str
    files: Mapping[str, str]
    change: tuple[Edit, ...]
    twin: tuple[Edit, ...]
    affected: tuple[str, ...]
    apart: tuple[str, ...]


def traps(folder: Path = FOLDER) -> list[Trap]:
    """Every trap, by name.

    Args:
        folder: with the TOML files.

    Raises:
        UserError: two traps share a name.
    """
    found: dict[str, Trap] = {}
    for file in sorted(folder.glob("*.toml")):
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["trap"]:
            trap = _trap(row, file.stem.partition("_")[0])
            if trap.name in found:
                raise UserError(f"two traps are called {trap.name}")
            found[trap.name] = trap
    return [found[name] for name in sorted(found)]


def _trap(row: Mapping[str, Any], language: str) -> Trap:
    language = row.get("language", language)
    flows = {text: _flow_file(text) for text in (*row["affected"], *row.get("apart", ()))}
    services = list(dict.fromkeys([SERVICE, *row.get("services", {}), *(s for t in flows for s, _, _ in _steps(t))]))
    files = dict(row["files"])
    for name, own in ((s, row.get("services", {}).get(s, language)) for s in services):
        files = _boilerplate(name, own) | files if own in _BOILERPLATE else files
    files.setdefault("docker-compose.yml", _compose(services, row.get("env", {}), row.get("stores", ())))
    ports = {name: _FIRST_PORT + number for number, name in enumerate(services)}
    files |= {file: _flow(text, ports) for text, file in flows.items()}
    return Trap(
        name=row["name"],
        language=language,
        indirection=row["indirection"],
        files=files,
        change=_edits(row["change"]),
        twin=_edits(row["twin"]),
        affected=tuple(flows[text] for text in row["affected"]),
        apart=tuple(flows[text] for text in row.get("apart", ())),
    )


def _edits(rows: Sequence[Mapping[str, str]]) -> tuple[Edit, ...]:
    return tuple(Edit(r["path"], r.get("old", ""), r["new"]) for r in rows)


def _boilerplate(name: str, language: str) -> dict[str, str]:
    rows = _BOILERPLATE[language].items()
    return {f"{name}/{file.format(name=name)}": text.format(name=name) for file, text in rows}


def _steps(text: str) -> Iterator[tuple[str, str, str]]:
    """(service, method, path) of each step of ``POST /orders; notes GET /notes``."""
    for part in text.split(";"):
        words = part.split()
        service = words[0] if len(words) == 3 else SERVICE
        yield service, words[-2], words[-1]


def _flow_file(text: str) -> str:
    return "flows/" + re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") + ".yaml"


def _flow(text: str, ports: Mapping[str, int]) -> str:
    lines = ["flow:", f"  name: {text.replace(';', ', then')}", "  steps:"]
    for number, (service, method, path) in enumerate(_steps(text)):
        body = ", body: { name: one }" if method not in ("GET", "DELETE") else ""
        url = f'url: "http://localhost:{ports[service]}{path}"'
        lines += [f"    - id: step{number}", "      action: http_request"]
        lines += [f"      config: {{ method: {method}, {url}{body} }}", "      assert: [status < 300]"]
    return "\n".join([*lines, ""])


def _compose(services: Sequence[str], env: Mapping[str, Mapping[str, str]], stores: Sequence[str]) -> str:
    lines = ["services:"]
    for number, name in enumerate(services):
        lines += [f"  {name}:", f"    build: ./{name}", f'    ports: ["{_FIRST_PORT + number}:{_PORT}"]']
        if env.get(name):
            lines += ["    environment:", *(f"      {k}: {v}" for k, v in env[name].items())]
    for store in stores:
        name, _, image = store.partition("=")
        lines += [f"  {name}:", f"    image: {image}"]
    return "\n".join([*lines, ""])
