"""Prometheus' configuration: whose metrics it asks for, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graph.facts import SourceFile
from graph.values import Fact, Lit
from scanners.idioms import deploy

_FILE = re.compile(r"(^|/)prometheus[\w.-]*\.ya?ml$|(^|/)prometheus/[\w.-]+\.ya?ml$")
_ITSELF = ("localhost", "127.0.0.1", "0.0.0.0")


class Prometheus:
    """Scrape configurations with fixed targets."""

    name: str = "prometheus"
    version: int = 1
    sniffs: bool = True

    def matches(self, path: str) -> bool:
        """Whether a path may be such a file.

        Args:
            path: relative to the repository.
        """
        return bool(_FILE.search(path))

    def facts(self, source: SourceFile) -> Iterator[Fact]:
        """A request to every target.

        Args:
            source: the file.
        """
        if b"scrape_configs" not in source.data or b"{{" in source.data:
            return
        roots, problems = deploy.documents(source)
        yield from problems
        for root in roots:
            for item in deploy.items(deploy.mapping(root).get("scrape_configs")):
                job = deploy.mapping(item)
                path = deploy.text(job.get("metrics_path")) or "/metrics"
                scheme = deploy.text(job.get("scheme")) or "http"
                for group in deploy.items(job.get("static_configs")):
                    for target in deploy.items(deploy.mapping(group).get("targets")):
                        address = deploy.text(target).split("://")[-1]
                        if address and address.split(":")[0] not in _ITSELF and "/" not in address:
                            fields = {
                                "method": Lit("GET"),
                                "url": Lit(f"{scheme}://{address}/{path.lstrip('/')}"),
                                "symbol": "",
                                "client": "prometheus",
                            }
                            yield Fact("http_call", fields, deploy.at(source, target))


MANIFEST = Prometheus()
