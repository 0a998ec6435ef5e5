"""What a flow is given from outside its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Given(NamedTuple):
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

    input: Mapping[str, object] = {}
    options: Mapping[str, str] = {}
    row: Mapping[str, object] = {}
    environment: Mapping[str, object] = {}
    process: Mapping[str, str] = {}
    integrations: Mapping[str, str] = {}
    recorded: Mapping[str, object] | None = None
