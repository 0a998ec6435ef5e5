"""Which spans a step means, and how near the others come, apart from where spans are had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from flows.language.values import as_text
from graph.spans import Span
from testmesh.kernel.clock import iso

MOST_KEPT = 300
_NEAREST = 5
_TEXTS = ("trace_id", "span_id", "parent_id", "service", "kind", "name")
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a span must say.

    Args:
        service: pattern of its service, or None.
        name: pattern of its name, or None.
        kind: its kind, or None.
        attributes: name to value; texts may hold `*`; None = the span must not have it.
        error: failed or not, or None.
    """

    service: str | None = None
    name: str | None = None
    kind: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    error: bool | None = None

    def differs(self, span: Span) -> list[str]:
        """What a span does not satisfy, one clause each, the most telling first.

        Args:
            span: any.
        """
        found = []
        if self.service is not None and not fnmatchcase(span.service, _literal(self.service)):
            found.append(f"service is '{span.service}'")
        if self.name is not None and not fnmatchcase(span.name, _literal(self.name)):
            found.append(f"name is '{span.name}'")
        if self.kind is not None and span.kind != self.kind.lower():
            found.append(f"kind is {span.kind}")
        if self.error is not None and span.error != self.error:
            found.append("it failed" if span.error else "it did not fail")
        found += [
            text for key, value in self.attributes.items() if (text := _attribute(key, value, span.attributes.get(key)))
        ]
        return found


def _literal(pattern: str) -> str:
    """Only `*` is special: span names are full of brackets and question marks."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _attribute(key: str, wanted: object, said: str | None) -> str:
    if wanted is None:
        return "" if said is None else f"{key} is '{said}'"
    if said is None:
        return f"{key} is missing"
    return "" if fnmatchcase(said, _literal(as_text(wanted))) else f"{key} is '{said}'"


def kept(spans: Sequence[Span], wanted: Wanted) -> tuple[list[Span], int]:
    """The spans a recording keeps, by start, and how many it leaves out: those a step means are kept first.

    Args:
        spans: all that the flow caused so far.
        wanted: which of them the step means.
    """
    if len(spans) <= MOST_KEPT:
        return list(spans), 0
    first = sorted(range(len(spans)), key=lambda n: (bool(wanted.differs(spans[n])), n))[:MOST_KEPT]
    return [spans[n] for n in sorted(first)], len(spans) - MOST_KEPT


def found(recorded: Sequence[Mapping[str, object]], wanted: Wanted) -> dict[str, object]:
    """The spans a step means, by start, and the nearest of the others.

    Args:
        recorded: spans as :func:`as_result` gives them, possibly changed by hand.
        wanted: which of them.
    """
    matching: list[Mapping[str, object]] = []
    others: list[tuple[int, str]] = []
    for one in recorded:
        span = from_result(one)
        differs = wanted.differs(span)
        if differs:
            others.append((len(differs), f"{span.service} '{span.name}': {', '.join(differs)}"))
        else:
            matching.append(one)
    told = list(dict.fromkeys(text for _, text in sorted(others, key=lambda other: other[0])))
    return {
        "spans": matching,
        "count": len(matching),
        "first": matching[0] if matching else None,
        "longest": max(matching, key=_duration) if matching else None,
        "nearest": told[:_NEAREST],
    }


def _duration(one: Mapping[str, object]) -> float:
    found = one.get("duration_ms")
    return float(found) if isinstance(found, int | float) else 0.0


def from_result(one: Mapping[str, object]) -> Span:
    """A recorded span as far as a step can ask about it.

    Args:
        one: as :func:`as_result` gives it.
    """
    attributes = one.get("attributes")
    said = {str(k): as_text(v) for k, v in attributes.items()} if isinstance(attributes, Mapping) else {}
    trace_id, span_id, parent_id, service, kind, name = (str(one.get(key, "")) for key in _TEXTS)
    return Span(trace_id, span_id, parent_id, service, kind, name, 0, 0, one.get("error") is True, "", said)


def as_result(span: Span) -> dict[str, object]:
    """A span as expressions see it.

    Args:
        span: any.
    """
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start": _moment(span.start_ns),
        "duration_ms": round(span.duration_ns / 1_000_000, 3),
        "error": span.error,
        "message": span.message,
        "attributes": dict(span.attributes),
    }


def _moment(nanoseconds: int) -> str:
    """A clock can be wrong by any amount; a year beyond 9999 is shown as the last moment there is."""
    return iso(datetime.fromtimestamp(min(nanoseconds / 1_000_000_000, _LAST_SECOND), UTC))
