"""What is the fix, and how sure are we? A verified edit of a stale flow, or a refusal."""

from __future__ import annotations

from agents.repair.inputs import Live, RepairInputs, Seams
from agents.repair.repair import AGENT, repair

__all__ = ["AGENT", "Live", "RepairInputs", "Seams", "repair"]
