"""The parts of a multipart body that was recorded as text (RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)")
_FIELD = re.compile(r"\b(name|filename)=\"([^\"]*)\"")


def multipart_parts(content_type: str, text: str) -> Iterator[Mapping[str, str]]:
    """Each part as ``{name, value, fileName, contentType}``, as HAR files write them.

    Args:
        content_type: with its boundary.
        text: of the body.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        return
    for piece in text.replace("\r\n", "\n").split(f"--{boundary[1]}")[1:]:
        if piece.startswith("--"):
            return
        head, _, value = piece.lstrip("\n").partition("\n\n")
        found = {key: said for key, said in _FIELD.findall(head)}
        kind = re.search(r"(?im)^content-type:\s*(\S.*)$", head)
        part = {"name": found.get("name", ""), "value": value.removesuffix("\n")}
        if "filename" in found:
            part["fileName"] = found["filename"]
        if kind is not None:
            part["contentType"] = kind[1].strip()
        yield part
