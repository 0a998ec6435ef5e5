"""The handle of one tenant: functions that work for a workspace take this, never a bare id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workspace:
    """One tenant.

    Args:
        id: stable id, part of every node's uid.
        name: for people.
    """

    id: str
    name: str = ""


LOCAL = Workspace("local", "this repository")
