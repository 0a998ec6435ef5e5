"""Subjects of NATS as a flow writes them, looked at without a server."""

from __future__ import annotations


def subject_problem(given: object, *, wildcards: bool) -> str:
    """Why a written subject is none (docs.nats.io, subject-based messaging); empty when it is one, or a template.

    Args:
        given: as written.
        wildcards: it is for subscribing.
    """
    if not isinstance(given, str) or "${" in given or "{{" in given:
        return ""
    tokens = given.split(".")
    if any(not token or any(mark.isspace() for mark in token) for token in tokens):
        return f"no subject of NATS: {given[:100]!r} (a part is empty, or has a space)"
    if ">" in tokens[:-1]:
        return "'>' stands for all that follows, so it is the last part of a subject"
    if not wildcards and {"*", ">"} & set(tokens):
        return "wildcards ('*', '>') are for subscribing; a message goes to one subject"
    return ""
