"""Why did run R fail? A class, ranked causes, and what was not looked at."""

from __future__ import annotations

from agents.diagnosis.confirm import Scene, confirm, suggestion
from agents.diagnosis.diagnose import AGENT, diagnose
from agents.diagnosis.inputs import Commit, DiagnosisInputs, PastFailure, Sources, Views
from agents.diagnosis.range import GitSources, commits

__all__ = [
    "AGENT",
    "Commit",
    "DiagnosisInputs",
    "GitSources",
    "PastFailure",
    "Scene",
    "Sources",
    "Views",
    "commits",
    "confirm",
    "diagnose",
    "suggestion",
]
