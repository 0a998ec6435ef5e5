"""Stopping a mock server before the flow ends, to see what a service does when its neighbour is gone."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions import Action, Call, Result
from flows.language.catalogue import ActionSpec, option
from flows.language.shapes import ARRAY, NUMBER, STRING, record


@dataclass(frozen=True, slots=True)
class StopConfig:
    """Which mock server."""

    name: str = option("mock", "The mock server's name.")


async def run(config: StopConfig, call: Call) -> Result:
    """Stops it; what it received can still be verified.

    Args:
        config: rendered.
        call: connections.
    """
    from flows.clients.mock_requests import shown
    from flows.clients.mock_server import MockServers
    from flows.engine.masking import is_secret_key

    server = call.flow_clients.shared("mock_servers", MockServers).named(config.name)
    await server.aclose()
    unmatched = [shown(found, {}, is_secret_key) for found in server.requests if found.get("endpoint") is None]
    return {"name": config.name, "received": len(server.requests) + server.dropped, "unmatched": unmatched}


ACTION: Action[StopConfig] = Action(
    spec=ActionSpec(
        name="mock_server_stop",
        summary="Stops a mock server; connections to it are refused from then on.",
        config=StopConfig,
        result=record(name=STRING, received=NUMBER, unmatched=ARRAY),
        exempt=True,
    ),
    run=run,
)
