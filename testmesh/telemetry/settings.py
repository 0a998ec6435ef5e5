"""What `[telemetry]` of testmesh.toml may say: where spans are received, and where kept ones can be asked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from testmesh.kernel.errors import SettingError, UserError

KEYS = ("receive", "receive_grpc", "jaeger", "tempo", "headers", "tenant", "timeout", "wait")
_HOLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})\Z")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_LONGEST_WAIT = 120.0


@dataclass(frozen=True, slots=True)
class Backend:
    """A server that keeps spans.

    Args:
        kind: which API it speaks.
        url: its address, without a path of the API.
        headers: sent with every request; `${NAME}` stands for a variable of the process environment.
        timeout: seconds one request may take.
    """

    kind: Literal["jaeger", "tempo"]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0

    def sent(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The headers with their variables filled in.

        Args:
            variables: the process environment.

        Raises:
            UserError: one is not set.
        """
        return {name: _filled(value, name, variables) for name, value in self.headers.items()}


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Where spans come from.

    Args:
        receive: host and port for OTLP/HTTP; None = a free port, only for environments that we start.
        receive_grpc: host and port for OTLP/gRPC; None = only when a service asks for it.
        backend: a server that keeps spans, or None.
        wait: seconds to wait after a run for spans that come late.
    """

    receive: tuple[str, int] | None = None
    receive_grpc: tuple[str, int] | None = None
    backend: Backend | None = None
    wait: float = 3.0


def telemetry_settings(table: Mapping[str, object], path: tuple[str, ...] = ("telemetry",)) -> TelemetrySettings:
    """The settings of a `[telemetry]` table.

    Args:
        table: parsed TOML.
        path: of the table in the file.

    Raises:
        SettingError: a key is misspelt or does not fit.
    """
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(KEYS)}"
            raise _fail(path, key, f" is no key: '{key}' is unknown", hint)
    if "jaeger" in table and "tempo" in table:
        raise _fail(path, "tempo", ": 'jaeger' and 'tempo' exclude each other", "name the one to ask")
    return TelemetrySettings(
        _address(table, "receive", path),
        _address(table, "receive_grpc", path),
        _backend(table, path),
        _seconds(table, "wait", 3.0, path),
    )


Place = tuple[str, ...]


def _fail(path: Place, key: str, message: str, hint: str | None = None) -> SettingError:
    return SettingError(f"testmesh.toml [{'.'.join(path)}].{key}{message}", path=(*path, key), hint=hint)


def _backend(table: Mapping[str, object], path: Place) -> Backend | None:
    headers = _headers(table, path)
    timeout = _seconds(table, "timeout", 10.0, path)
    if "jaeger" in table:
        return Backend("jaeger", _url(table, "jaeger", path), headers, timeout)
    if "tempo" in table:
        return Backend("tempo", _url(table, "tempo", path), headers, timeout)
    if headers:
        raise _fail(path, "tenant" if "tenant" in table else "headers", " needs 'jaeger' or 'tempo'")
    return None


def _url(table: Mapping[str, object], key: str, path: Place) -> str:
    value = table[key]
    parts = None
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts is None:
        raise _fail(path, key, " must be an address such as http://localhost:16686")
    if parts.username or parts.password:
        raise _fail(path, key, " holds a password", 'use headers = { Authorization = "Basic ${NAME}" }')
    return str(value).rstrip("/")


def _address(table: Mapping[str, object], key: str, path: Place) -> tuple[str, int] | None:
    value = table.get(key)
    if value is None:
        return None
    match = _ADDRESS.match(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        raise _fail(path, key, ' must be written "127.0.0.1:4318"')
    return match["host"].strip("[]"), int(match["port"])


def _seconds(table: Mapping[str, object], key: str, otherwise: float, path: Place) -> float:
    value = table.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST_WAIT:
        raise _fail(path, key, f" must be seconds between 0 and {_LONGEST_WAIT:g}")
    return float(value)


def _headers(table: Mapping[str, object], path: Place) -> dict[str, str]:
    given = table.get("headers", {})
    if not isinstance(given, Mapping) or not all(isinstance(v, str) for v in given.values()):
        raise _fail(path, "headers", " must be a table of texts")
    headers = {str(name): str(value) for name, value in given.items()}
    for name, value in headers.items():
        if not _HEADER.match(name) or not value.isprintable():
            raise _fail(path, "headers", f": '{name}' cannot be sent as a header")
    tenant = table.get("tenant")
    if tenant is not None:
        if not isinstance(tenant, str) or not tenant or not tenant.isprintable():
            raise _fail(path, "tenant", " must be a text")
        headers["X-Scope-OrgID"] = tenant
    return headers


def _filled(text: str, header: str, variables: Mapping[str, str]) -> str:
    def value(hole: re.Match[str]) -> str:
        found = variables.get(hole[1])
        if found is None:
            raise UserError(
                f"the header '{header}' for spans needs ${{{hole[1]}}}, which is not set",
                hint=f"export {hole[1]}=...",
            )
        return found

    filled = _HOLE.sub(value, text)
    if not filled.isprintable():
        raise UserError(f"the header '{header}' for spans holds characters that cannot be sent")
    return filled
