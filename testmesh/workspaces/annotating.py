"""Hosts put into testmesh.toml where they belong, with every comment and line of the file kept as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|#[^\n]*')


def with_hosts(text: str, hosts: Mapping[str, Sequence[str]]) -> tuple[str, tuple[str, ...]]:
    """The file's text with hosts added to services, and the services whose table could not be changed safely.

    Args:
        text: of testmesh.toml, valid TOML or empty.
        hosts: by service.
    """
    left: list[str] = []
    for service, found in sorted(hosts.items()):
        changed = _with(text, service, found)
        if changed is None:
            left.append(service)
        else:
            text = changed
    return text, tuple(left)


def _with(text: str, service: str, hosts: Sequence[str]) -> str | None:
    """The text with hosts added to one service, None when only a person can add them."""
    data = tomllib.loads(text)
    known = data.get("services", {}).get(service, {})
    missing = [host for host in hosts if host not in known.get("hosts", ())]
    if not missing:
        return text
    header = re.search(rf"^[ \t]*\[services\.(?:{re.escape(_key(service))})\][^\n]*$", text, re.MULTILINE)
    if header is None and service in data.get("services", {}):
        return None
    changed = _appended(text, service, missing) if header is None else _inside(text, header.end(), missing)
    return changed if _expected(data, service, missing) == _read(changed) else None


def _key(service: str) -> str:
    return service if _BARE.fullmatch(service) else json.dumps(service)


def _appended(text: str, service: str, hosts: Sequence[str]) -> str:
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[services.{_key(service)}]\nhosts = {json.dumps(list(hosts))}\n"


def _inside(text: str, start: int, hosts: Sequence[str]) -> str:
    following = re.search(r"^[ \t]*\[", text[start:], re.MULTILINE)
    array = re.search(r"^[ \t]*hosts[ \t]*=[ \t]*\[", text[start:], re.MULTILINE)
    if array is None or (following is not None and following.start() < array.start()):
        return f"{text[:start]}\nhosts = {json.dumps(list(hosts))}{text[start:]}"
    opening = start + array.end()
    closing = _closing(text, opening)
    inner = text[opening:closing]
    last = _last_item(inner)
    written = ", ".join(json.dumps(host) for host in hosts)
    if last < 0:
        return f"{text[:opening]}{written}{text[opening:]}"
    return _behind(text, (opening, opening + last, closing), written)


def _behind(text: str, places: tuple[int, int, int], written: str) -> str:
    """The text with items behind the last one of an array: on a line of their own where the others have one."""
    opening, end, closing = places
    comma = re.match(r"[ \t]*,", text[end:closing])
    end += comma.end() if comma is not None else 0
    head = text[:end] if comma is not None else f"{text[:end]},"
    line = re.search(r"\n([ \t]*)[\"'][^\n]*\Z", text[opening : places[1]])
    comment = re.match(r"[ \t]*#[^\n]*", text[end:closing])
    if comment is not None:
        head, end = head + comment.group(0), end + comment.end()
    gap = f"\n{line.group(1)}" if line is not None else "\n" if comment is not None else " "
    return f"{head}{gap}{written}{',' if comma is not None else ''}{text[end:]}"


def _closing(text: str, position: int) -> int:
    """Where the array that begins before a position ends."""
    while position < len(text) and text[position] != "]":
        token = _STRING.match(text, position)
        position = token.end() if token is not None else position + 1
    return position


def _last_item(inner: str) -> int:
    """The end of the last string of an array's text, -1 when it has none."""
    ends = [m.end() for m in _STRING.finditer(inner) if not m.group(0).startswith("#")]
    return ends[-1] if ends else -1


def _expected(data: dict[str, Any], service: str, hosts: Sequence[str]) -> dict[str, Any]:
    services = dict(data.get("services", {}))
    table = dict(services.get(service, {}))
    services[service] = {**table, "hosts": [*table.get("hosts", ()), *hosts]}
    return {**data, "services": services}


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
