"""`testmesh replay`: the same executions again, with the same seed and inputs, against the system as it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flows.language.masked_text import MASK
from flows.runner.options import Listener, RunOptions
from flows.runner.running import run_flows
from graph.runs import Run, RunStore


async def replay(
    run: Run, options: RunOptions, listeners: Sequence[Listener] = (), store: RunStore | None = None
) -> Run:
    """Runs a recorded run again.

    Args:
        run: the recording.
        options: root, environment and whatever else is not part of a recording; masked inputs (secrets) come from
            here again.
        listeners: as for `run_flows`.
        store: as for `run_flows`.

    Raises:
        UserError: a flow file of the run does not exist any more.
    """
    return await run_flows(replay_options(run, options), listeners, store)


def replay_options(run: Run, options: RunOptions) -> RunOptions:
    """Options that run a recorded run again.

    Args:
        run: the recording.
        options: root, environment and whatever else is not part of a recording.
    """
    files = tuple(dict.fromkeys(flow.file for flow in run.flows))
    return replace(
        options,
        paths=files,
        seed=run.seed,
        only=frozenset((flow.file, flow.row) for flow in run.flows),
        recorded={(flow.file, flow.row): _known(flow.variables) for flow in run.flows},
    )


def _known(variables: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in variables.items() if MASK not in str(value)}
