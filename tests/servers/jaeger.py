"""A real Jaeger in memory, where its binary is there: TESTMESH_TEST_JAEGER, or `jaeger` on the path.

It is built from the Go module (8 minutes with cold caches, so never in the default run): in a module of one's own,
`go get github.com/jaegertracing/jaeger/cmd/jaeger@v1.76.0`, then `go build` that package.
"""

from __future__ import annotations

import os
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import Command, Server, Unavailable, free_port, start

_CONFIG = """service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry: {metrics: {level: none}}
extensions:
  jaeger_query:
    storage: {traces: mem}
    http: {endpoint: 127.0.0.1:QUERY}
    grpc: {endpoint: 127.0.0.1:UNUSED}
  jaeger_storage: {backends: {mem: {memory: {max_traces: 1000}}}}
receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:OTLP}}}}
exporters: {jaeger_storage_exporter: {trace_storage: mem}}
"""


@dataclass(frozen=True, slots=True)
class Jaeger:
    """Its addresses.

    Args:
        query: base URL of its API.
        otlp: base URL for exporters.
    """

    query: str
    otlp: str


def start_jaeger(folder: Path) -> tuple[Server, Jaeger]:
    """Jaeger with OTLP over HTTP.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: there is no binary, or it does not start.
    """
    program = os.environ.get("TESTMESH_TEST_JAEGER") or shutil.which("jaeger")
    if not program:
        raise Unavailable("no 'jaeger' on PATH and no TESTMESH_TEST_JAEGER")
    query, otlp, unused = free_port(), free_port(), free_port()
    text = _CONFIG.replace("QUERY", str(query)).replace("OTLP", str(otlp)).replace("UNUSED", str(unused))
    (folder / "config.yaml").write_text(text)
    address = Jaeger(f"http://127.0.0.1:{query}", f"http://127.0.0.1:{otlp}")

    def answers() -> None:
        urllib.request.urlopen(f"{address.query}/api/services", timeout=2).close()

    argv = [program, "--config", str(folder / "config.yaml")]
    return start(Command(argv, folder), otlp, answers, 30), address
