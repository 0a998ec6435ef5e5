"""Counts and times of requests in Prometheus's text format, written by hand because that is all of it we need."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator

BUCKETS = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HELP = {
    "testmesh_requests_total": ("counter", "Requests answered."),
    "testmesh_request_seconds": ("histogram", "Seconds until the response began."),
    "testmesh_spans_total": ("counter", "Spans received."),
}


class Metrics:
    """Numbers of this process since its start; labels are routes and statuses, never a workspace or an id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self._seconds: dict[str, float] = defaultdict(float)
        self._spans = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: HTTP method.
            route: path template.
            status: HTTP status.
            seconds: until the response began.
        """
        at = next((i for i, edge in enumerate(BUCKETS) if seconds <= edge), len(BUCKETS))
        with self._lock:
            self._requests[method, route, status] += 1
            self._buckets[route][at] += 1
            self._seconds[route] += seconds

    def spans(self, count: int) -> None:
        """Count received spans.

        Args:
            count: how many.
        """
        with self._lock:
            self._spans += count

    def text(self) -> str:
        """Everything, in the exposition format 0.0.4."""
        with self._lock:
            return "\n".join([*self._counters(), *self._histograms()]) + "\n"

    def _counters(self) -> Iterator[str]:
        yield from _heading("testmesh_requests_total")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{_escape(route)}",status="{status}"'
            yield f"testmesh_requests_total{{{labels}}} {count}"
        yield from _heading("testmesh_spans_total")
        yield f"testmesh_spans_total {self._spans}"

    def _histograms(self) -> Iterator[str]:
        name = "testmesh_request_seconds"
        yield from _heading(name)
        for route, counts in sorted(self._buckets.items()):
            label = f'route="{_escape(route)}"'
            total = 0
            for edge, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                total += count
                yield f'{name}_bucket{{{label},le="{edge}"}} {total}'
            yield f"{name}_sum{{{label}}} {self._seconds[route]:.6f}"
            yield f"{name}_count{{{label}}} {total}"


def _heading(name: str) -> Iterator[str]:
    kind, about = _HELP[name]
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
