"""Why did run R fail? A class, ranked causes, and what was not looked at."""

from __future__ import annotations

from agents.diagnosis.diagnose import AGENT, diagnose
from agents.diagnosis.inputs import Commit, DiagnosisInputs, PastFailure, Sources, Views

__all__ = ["AGENT", "Commit", "DiagnosisInputs", "PastFailure", "Sources", "Views", "diagnose"]
