"""`python -m evals.canary [--json FILE] [--only CASE]`: leaks of a secret per action, encoding and artefact; goal 0."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from evals.canary.artefacts import ENCODING_COUNT, exercised, looked_at
from evals.canary.cases import CASES, Case, without_case
from evals.canary.echo import echo_server, echo_socket
from evals.corpus.places import places
from flows.actions import catalogue
from tests.servers.java import start_neo4j
from tests.servers.mongo import start_mongo
from tests.servers.process import Unavailable
from tests.servers.web import websocket_server

SECRETS = {
    "signs": "S3cr3t/K+y&w=Q\"x'<z>%7 end",
    "letters": "plainCanary0123456789abcDEF",
}
NO_HEADER = {"words": "pässwörd mit ümläuten 42 é"}


@contextmanager
def everything() -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """All servers: variables, and what could not be had with the reason."""
    with ExitStack() as stack:
        found = stack.enter_context(places(("nats", "mqtt", "s3", "grpc", "kafka", "rabbitmq")))
        variables, missing = dict(found.variables), dict(found.missing)
        folder = Path(tempfile.mkdtemp(prefix="testmesh-canary-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, True)
        variables["SQLITE_URL"] = f"sqlite:///{folder}/canary.db"
        variables["ECHO"] = stack.enter_context(echo_server())
        missing.pop("websocket", None)
        variables["WS"] = f"ws://127.0.0.1:{stack.enter_context(websocket_server(echo_socket))}/"
        for name, starter in (("mongodb", start_mongo), ("neo4j", start_neo4j)):
            own = folder / name
            own.mkdir(mode=0o755)
            try:
                server, address = starter(own)
            except Unavailable as problem:
                missing[name] = str(problem)
                continue
            stack.callback(server.stop)
            variables |= _variables(name, address)
        yield variables, missing


def _variables(name: str, address: Any) -> Mapping[str, str]:
    if name == "mongodb":
        return {"MONGODB_URL": f"mongodb://{address}/canary"}
    return {"NEO4J_URL": address.uri, "NEO4J_PASSWORD": address.password}


def judged(case: Case, name: str, secret: str, variables: Mapping[str, str]) -> dict[str, object]:
    """One case with one secret.

    Args:
        case: the flow.
        name: of the secret.
        secret: its value.
        variables: where servers are.
    """
    started = time.monotonic()
    found = looked_at(case, secret, variables)
    done = exercised(found.run)
    problems = [p["message"] for flow in found.run.flows for p in flow.problems]
    absent = sorted(set(case.actions) - done.keys())
    return {
        "case": case.name,
        "secret": name,
        "leaks": sorted({f"{artefact}: {encoding}" for artefact, encoding in found.leaks}),
        "artefacts": len(found.texts),
        "characters": sum(map(len, found.texts.values())),
        "actions": {action: done.get(action, "not run") for action in case.actions},
        "problems": problems + [f"{action} did not run" for action in absent],
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> int:
    """Runs everything and says what leaked."""
    parser = argparse.ArgumentParser(prog="python -m evals.canary")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    uncovered = without_case(spec.name for spec in catalogue().complete().specs)
    rows: list[dict[str, object]] = []
    with everything() as (variables, missing):
        for case in CASES:
            if options.only and case.name != options.only:
                continue
            absent = [need for need in case.needs if need not in variables]
            if absent:
                missing[case.name] = f"no {', '.join(absent)}"
                continue
            for name, secret in (SECRETS | (NO_HEADER if case.any_text else {})).items():
                rows.append(judged(case, name, secret, variables))
                print(json.dumps(rows[-1]), flush=True)
    leaks = sum(len(row["leaks"]) for row in rows if isinstance(row["leaks"], list))
    problems = [f"{row['case']}: {problem}" for row in rows for problem in row["problems"]]  # type: ignore[attr-defined]
    result = {
        "leaks": leaks,
        "encodings": ENCODING_COUNT,
        "actions": len({action for case in CASES for action in case.actions}),
        "actions without a case": uncovered,
        "servers that are missing": missing,
        "problems": problems,
        "rows": rows,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "rows"}, indent=2))
    return 1 if leaks or uncovered or problems else 0


if __name__ == "__main__":
    sys.exit(main())
