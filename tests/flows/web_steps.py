"""Flow texts from plain values: JSON is YAML, and nothing in a URL or expression needs quoting by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping


def config(id: str, action: str, settings: Mapping[str, object], *lines: str, **more: object) -> dict[str, object]:
    """One step.

    Args:
        id: of the step.
        action: its action.
        settings: its `config`.
        lines: its `assert`.
        more: other keys.
    """
    step: dict[str, object] = {"id": id, "action": action, "config": settings, **more}
    return {**step, "assert": list(lines)} if lines else step


def steps_of(*steps: Mapping[str, object], **more: object) -> str:
    """A flow text.

    Args:
        steps: in order.
        more: other keys of the flow.
    """
    return json.dumps({"flow": {"name": "web", **more, "steps": list(steps)}})
