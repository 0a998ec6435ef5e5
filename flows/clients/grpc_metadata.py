"""What travels beside gRPC messages: metadata both ways, and the details of an error."""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flows.clients.errors import ClientError
from flows.clients.grpc_values import Values
from flows.language.values import as_text

_DETAILS = "grpc-status-details-bin"
Pairs = Iterable[tuple[str, str | bytes]]


def shown_metadata(pairs: Pairs | None) -> dict[str, object]:
    """Metadata as flows see it: repeated names joined, binary values as base64.

    Args:
        pairs: as received.
    """
    found: dict[str, list[str]] = {}
    for name, value in pairs or ():
        if name != _DETAILS:
            text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
            found.setdefault(name, []).append(text)
    return {name: ", ".join(values) for name, values in found.items()}


def error_details(trailers: Pairs | None, values: Values) -> list[object]:
    """The details of a `google.rpc.Status` in the trailers, each with its `@type`; none where it cannot be read.

    Args:
        trailers: as received.
        values: knows the service's types.
    """
    data = next((value for name, value in trailers or () if name == _DETAILS), None)
    if not isinstance(data, bytes):
        return []
    try:
        status: Any = importlib.import_module("google.rpc.status_pb2").Status()
        importlib.import_module("google.rpc.error_details_pb2")
    except ImportError:
        return [{"@type": "google.rpc.Status", "value": base64.b64encode(data).decode()}]
    try:
        status.ParseFromString(data)
    except Exception:  # DecodeError differs between protobuf's implementations; the call itself has its answer
        return [{"@type": "google.rpc.Status", "value": base64.b64encode(data).decode()}]
    return [values.plain(detail) for detail in status.details]


def metadata_of(given: Mapping[str, object], traceparent: str) -> list[tuple[str, str | bytes]]:
    """The metadata of a call.

    Args:
        given: as a step says it; a list repeats its name, names that end in ``-bin`` take base64.
        traceparent: added unless the step has its own.

    Raises:
        ClientError: of type ``config`` when gRPC cannot carry it.
    """
    pairs: list[tuple[str, str | bytes]] = []
    for name, values in given.items():
        for value in values if isinstance(values, list | tuple) else [values]:
            if value is not None:
                pairs.append((str(name).lower(), _metadata_value(str(name), value)))
    if not any(name == "traceparent" for name, _ in pairs):
        pairs.append(("traceparent", traceparent))
    return pairs


def _metadata_value(name: str, value: object) -> str | bytes:
    text = as_text(value)
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name.lower().startswith("grpc-"):
        raise ClientError(f"metadata: '{name}' is no name that gRPC can carry", "config")
    if name.lower().endswith("-bin"):
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise ClientError(f"metadata.{name}: names that end in -bin take base64 text", "config") from None
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        raise ClientError(f"metadata.{name}: only printable ASCII can be sent; name it '{name}-bin'", "config")
    return text
