"""The engine decides and judges evidence; it never opens a connection and never waits."""

from __future__ import annotations

from flows.engine.recording import judge

__all__ = ["judge"]
