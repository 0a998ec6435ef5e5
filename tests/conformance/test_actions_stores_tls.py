"""S3, MongoDB and Neo4j behind TLS: a private authority, a client certificate, and certificates nobody vouches for."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from tests.conformance.actions import SECRET, flow_of
from tests.conformance.relays import encrypted
from tests.flows.support import run_text, step, verdicts
from tests.servers.java import Neo4j

Made = tuple[str, int, str]


def _cases(folder: Path, target: int, action: str, config: str) -> None:
    """The same read by every way of trusting, and of not trusting, the server."""
    with encrypted(target, folder) as (plain, mutual):
        ways = {
            "trusted": (plain, "{ca: ca.pem}"),
            "both": (mutual, "{ca: ca.pem, cert: client.pem, key: client.key}"),
            "unchecked": (plain, "{verify: false}"),
            "untrusted": (plain, "true"),
            "no_client": (mutual, "{ca: ca.pem}"),
        }
        steps = [
            f"{{id: {name}, action: {action}, on_error: continue, wait: none, timeout: 15s,"
            f" config: {{{config.replace('PORT', str(port))}, tls: {tls}}}, output: {{n: $}}}}"
            for name, (port, tls) in ways.items()
        ]
        run = run_text(folder, flow_of(*steps))
    found = verdicts(run)
    for name in ("trusted", "both", "unchecked"):
        assert found.pop(name) == "passed", step(run, name).message
    assert found == {"untrusted": "error", "no_client": "error"}
    assert {step(run, name).exchanges[0].error_type for name in found} == {"connection"}
    assert "certificate" in step(run, "untrusted").message.lower()


@pytest.mark.server("s3")
def test_s3_over_tls(tmp_path: Path, s3_url: str) -> None:
    config = (
        f'operation: list, bucket: abc, endpoint_url: "https://127.0.0.1:PORT", access_key: k, secret_key: {SECRET}'
    )
    _cases(tmp_path, int(s3_url.rpartition(":")[2]), "s3", config)


@pytest.mark.server("mongodb")
def test_mongodb_over_tls(tmp_path: Path, mongo_server: str) -> None:
    config = 'operation: count, collection: c, url: "mongodb://127.0.0.1:PORT/d"'
    _cases(tmp_path, int(mongo_server.partition(":")[2]), "mongodb", config)


@pytest.mark.server("neo4j")
def test_neo4j_over_tls(tmp_path: Path, neo4j_server: Neo4j) -> None:
    user = f"user: {neo4j_server.user}, password: {neo4j_server.password}"
    config = f'query: "RETURN 1 AS n", {user}, url: "bolt://127.0.0.1:PORT"'
    _cases(tmp_path, int(neo4j_server.uri.rpartition(":")[2]), "neo4j", config)
    # 2026-11: neo4j 6.4 closes TLS connections "in the background", which ends with the loop; the collector must not
    # blame the next test for them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
