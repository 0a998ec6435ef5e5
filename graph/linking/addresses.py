"""Topics as both sides know them: queues by the end of their URL, tasks by their module inside the service."""

from __future__ import annotations

from graph.linking.outcomes import Text
from graph.linking.state import Linking

_ENDS = {"sqs": "/", "sns": ":"}
_TASKS = frozenset({"celery", "huey", "taskiq", "procrastinate"})


def known_as(state: Linking, service: str, broker: str, text: Text) -> Text:
    """A topic's text without what only one side writes.

    Args:
        state: the link run.
        service: whose message it is.
        broker: kind of broker.
        text: as evaluated.
    """
    if text.holes:
        return text
    if broker in _ENDS:
        return Text((text.template.rstrip("/").rpartition(_ENDS[broker])[2],))
    if broker not in _TASKS:
        return text
    known = state.services.by_name.get(service)
    root = known.root if known is not None else None
    inside = text.template.removeprefix(f"{root.replace('/', '.')}.") if root else text.template
    return Text((inside.removeprefix("src."),))
