"""Running flows: options in, events and one artefact out; everything here may wait for the world."""

from __future__ import annotations

from flows.runner.discovery import discover
from flows.runner.options import Listener, RunOptions
from flows.runner.running import exit_code, run_flows
from flows.runner.store import FileRunStore

__all__ = ["FileRunStore", "Listener", "RunOptions", "discover", "exit_code", "run_flows"]
