"""What a flow is given from outside its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """What comes from outside the file, highest first.

    Args:
        input: of `run_flow`.
        options: ``--var``, text.
        row: data row, typed.
        environment: of the named environment.
        process: the process environment.
        integrations: connection variable to value, lowest; only for names that actions imply.
        recorded: inputs of a recording; then nothing else from outside counts.
    """

    input: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    row: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    process: Mapping[str, str] = field(default_factory=dict)
    integrations: Mapping[str, str] = field(default_factory=dict)
    recorded: Mapping[str, object] | None = None
