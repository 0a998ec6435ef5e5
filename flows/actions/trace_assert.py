"""What the system did behind a flow's back, as its own spans say it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.actions import Action, Call, Result
from flows.language.catalogue import ActionSpec, Duration, always, option
from flows.language.shapes import BOOLEAN, NUMBER, OBJECT, STRING, listing, maybe, record

if TYPE_CHECKING:
    from flows.clients.spans import Wanted
    from flows.language.expressions.scope import Scope
    from graph.spans import Span

KINDS = ("internal", "server", "client", "producer", "consumer")
UNSENT = frozenset(
    {
        "service",
        "name",
        "kind",
        "attributes",
        "error",
        "count",
        "at_least",
        "at_most",
        "max_duration",
        "settle",
        "timeout",
    }
)


@dataclass(frozen=True, slots=True)
class TraceConfig:
    """Which spans, how many, how fast."""

    service: str | None = option(None, "`service.name`; `*` stands for any characters.")
    name: str | None = option(None, "Span name; `*` stands for any characters.")
    kind: str | None = option(None, "Kind of span.", choices=KINDS)
    attributes: Mapping[str, object] | None = option(None, "Attributes a span must have; null: must not have.")
    error: bool | None = option(None, "Only spans that failed (true), or only those that did not (false).")
    count: int | None = option(None, "Exactly so many spans match, and no further one comes within `settle`.")
    at_least: int | None = option(None, "At least so many match (default 1).")
    at_most: int | None = option(None, "No more than so many match; watched for `settle`.")
    max_duration: Duration | None = option(None, "No matching span takes longer.")
    settle: Duration = option(1.0, "An upper limit counts only when no new span came for so long.")
    timeout: Duration = option(10.0, "How long to wait for spans.")


@dataclass(slots=True)
class _Watch:
    """Since when the spans of this flow have not changed, as this step saw it."""

    seen: int = -1
    since: float = 0.0
    known: dict[tuple[str, str], tuple[object, Result]] = field(default_factory=dict)

    def quiet(self, seen: int) -> float:
        """Milliseconds for which no new span was noticed.

        Args:
            seen: how many there are now.
        """
        now = time.monotonic()
        if seen != self.seen:
            self.seen, self.since = seen, now
        return (now - self.since) * 1000

    def results(self, spans: Iterable[Span]) -> list[Result]:
        """The spans for the recording; candidates share what did not change between two reads.

        Args:
            spans: to record.
        """
        from flows.clients.spans import as_result

        found = []
        for span in spans:
            key = (span.trace_id, span.span_id)
            known = self.known.get(key)
            if known is None or known[0] is not span:
                known = self.known[key] = (span, as_result(span))
            found.append(known[1])
        return found

    async def aclose(self) -> None:
        """Nothing is held open."""


async def run(config: TraceConfig, call: Call) -> Result:
    """Reads the spans this flow caused so far.

    Args:
        config: rendered.
        call: where spans can be had, and the flow's trace.

    Raises:
        ClientError: there is no source of spans, or it cannot be asked.
    """
    from flows.clients.errors import ClientError
    from flows.clients.spans import kept
    from testmesh.kernel.errors import UnavailableError, UserError

    if call.spans is None:
        raise ClientError(
            "trace_assert has no spans to look at: run with --env NAME (an environment whose services send OTLP to "
            "TestMesh), or give [telemetry] a 'jaeger', 'tempo' or 'receive' address in testmesh.toml",
            "config",
        )
    try:
        spans = await call.spans.caused(call.traceparent.split("-")[1])
    except UnavailableError as problem:
        raise ClientError(problem.message, "connection") from problem
    except UserError as problem:
        raise ClientError(f"{problem.message}{f' ({problem.hint})' if problem.hint else ''}", "server") from problem
    watch = call.flow_clients.shared(("trace_assert", call.path), _Watch)
    chosen, left_out = kept(spans, _wanted(config))
    quiet = round(watch.quiet(len(spans)), 3)
    return {"all": watch.results(chosen), "left_out": left_out, "settled_ms": quiet}


def _wanted(config: TraceConfig) -> Wanted:
    from flows.clients.spans import Wanted

    return Wanted(config.service, config.name, config.kind, config.attributes or {}, config.error)


def seen(config: TraceConfig, result: Result, names: Scope) -> Mapping[str, object]:
    """The spans that are meant, out of all that were recorded.

    Args:
        config: rendered.
        result: one read.
        names: not used.
    """
    from flows.clients.spans import found

    recorded = result.get("all")
    spans = [one for one in recorded if isinstance(one, Mapping)] if isinstance(recorded, list) else []
    left_out = _whole(result.get("left_out"))
    return {
        **found(spans, _wanted(config)),
        "seen": len(spans) + left_out,
        "left_out": left_out,
        "settled_ms": result.get("settled_ms"),
    }


def condition(config: TraceConfig, result: Result, names: Scope) -> str | None:
    """Why the spans do not satisfy yet; None when only the step's assertions are left to decide.

    Args:
        config: rendered.
        result: one read.
        names: not used.
    """
    view = seen(config, result, names)
    return _missing(config, view) or _beyond(config, view) or None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _missing(config: TraceConfig, result: Mapping[str, object]) -> str:
    number, seen = _whole(result.get("count")), _whole(result.get("seen"))
    least = config.at_least
    if least is None:
        least = config.count if config.count is not None else 0 if config.at_most is not None else 1
    if number >= least:
        return ""
    told = f"{number} of {seen} spans match, at least {least} expected: {_asked(config)}"
    nearest = result.get("nearest")
    if isinstance(nearest, list) and nearest:
        told += "; nearest: " + "; ".join(str(text) for text in nearest[:3])
    elif not seen:
        told += "; no span of this flow has come at all"
    return told


def _beyond(config: TraceConfig, result: Mapping[str, object]) -> str:
    """An upper limit: what came is within it, and nothing came for a while."""
    number = _whole(result.get("count"))
    most = config.count if config.count is not None else config.at_most
    if most is not None and number > most:
        return f"{number} spans match, at most {most} expected: {_asked(config)}"
    slow = _slow(config, result)
    if slow:
        return slow
    if most is None and config.max_duration is None:
        return ""
    if _whole(result.get("left_out")):
        return f"the flow caused {result.get('seen')} spans, too many to be sure of an upper limit"
    if not _whole(result.get("seen")):
        return "no span of this flow has come at all, so their absence shows nothing"
    quiet = result.get("settled_ms")
    if not isinstance(quiet, int | float) or quiet < config.settle * 1000:
        return f"spans still come; an upper limit counts after {config.settle:g}s without a new one"
    return ""


def _slow(config: TraceConfig, result: Mapping[str, object]) -> str:
    longest = result.get("longest")
    if config.max_duration is None or not isinstance(longest, Mapping):
        return ""
    took, limit = longest.get("duration_ms"), config.max_duration * 1000
    if not isinstance(took, int | float) or took <= limit:
        return ""
    return f"{longest.get('service')} '{longest.get('name')}' took {took:g} ms, at most {limit:g} expected"


def _asked(config: TraceConfig) -> str:
    said = [("service", config.service), ("name", config.name), ("kind", config.kind), ("error", config.error)]
    words = [f"{key} {value!r}" for key, value in said if value is not None]
    words += [f"{key} = {value!r}" for key, value in (config.attributes or {}).items()]
    return ", ".join(words) or "any span"


def _problems(config: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for other in ("at_least", "at_most"):
        if config.get("count") is not None and config.get(other) is not None:
            yield other, f"'count' and '{other}' exclude each other"
    for key in ("count", "at_least", "at_most"):
        value = config.get(key)
        if isinstance(value, int) and value < 0:
            yield key, f"'{key}' cannot be negative"


SPAN = record(
    trace_id=STRING,
    span_id=STRING,
    parent_id=STRING,
    service=STRING,
    name=STRING,
    kind=STRING,
    start=STRING,
    duration_ms=NUMBER,
    error=BOOLEAN,
    message=STRING,
    attributes=OBJECT,
)

ACTION: Action[TraceConfig] = Action(
    spec=ActionSpec(
        name="trace_assert",
        summary="Waits for spans that this flow caused in the services.",
        config=TraceConfig,
        result=record(
            spans=listing(SPAN),
            count=NUMBER,
            first=maybe(SPAN),
            longest=maybe(SPAN),
            seen=NUMBER,
            nearest=listing(STRING),
            left_out=NUMBER,
            settled_ms=NUMBER,
        ),
        checks_itself=True,
        reads=always,
        windowed=True,
        check=_problems,
    ),
    run=run,
    condition=condition,
    seen=seen,
    unsent=UNSENT,
)
