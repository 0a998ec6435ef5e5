"""How a run is asked for, as one frozen value that the CLI, the API and the agents all build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flows.actions import ShellPolicy
from graph.runs import Event

if TYPE_CHECKING:
    from flows.engine.masking import Masks
    from flows.runner.sharding import Shard
    from graph.spans import LiveSpans

Listener = Callable[[Event], None]
SecretSource = Callable[[str], "str | None"]
MAX_PARALLEL = 256


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to run and with what.

    Args:
        paths: files and folders, relative to `root` or absolute.
        root: the repository's top folder; file names in the run are relative to it where possible.
        tags: only flows that have one of these; empty = all.
        suite: only flows of this suite; empty = all.
        variables: ``--var``, text.
        environment: name of the environment, for the record.
        environment_variables: of the named environment; text counts like text everywhere (FLOWS §2).
        process: the process environment; only names that a flow references are read.
        parallel: flow executions at once.
        fail_fast: start no further flow after the first that fails.
        seed: of everything random; None = a new one.
        deployed: service to revision under test.
        revision: of the flows' repository.
        services: service to base URL, for `service` + `endpoint`.
        integrations: connection variable (``DATABASE_URL``) to value, when neither step nor variables name it.
        secrets: where ``secret(name)`` comes from; None = environment, then ``.testmesh/secrets/<name>``.
        logs: called with the run's start and finish (RFC 3339) for the log lines of each service, or None.
        log_times: called after `logs`: when each of its lines was written, ms after the start it was given; or None.
        spans: where the spans that flows cause can be had while they run, or None.
        masks: secrets are learnt into these, when the caller has more to mask than the run; None = the run's own.
        only: executions to run, (file, row); empty = all. For replay.
        recorded: (file, row) to inputs of an earlier run. For replay.
        shell: what shell steps may do; None = flows that have one are refused. Only a person's own command sets it.
        shard: only the part of the executions that falls on this machine; None = all.
    """

    paths: tuple[str, ...]
    root: Path = field(default_factory=Path.cwd)
    tags: tuple[str, ...] = ()
    suite: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    environment_variables: Mapping[str, object] = field(default_factory=dict)
    process: Mapping[str, str] = field(default_factory=dict)
    parallel: int = 1
    fail_fast: bool = False
    seed: int | None = None
    deployed: Mapping[str, str] = field(default_factory=dict)
    revision: str = "unknown"
    services: Mapping[str, str] = field(default_factory=dict)
    integrations: Mapping[str, str] = field(default_factory=dict)
    secrets: SecretSource | None = None
    logs: Callable[[str, str], Mapping[str, tuple[str, ...]]] | None = None
    log_times: Callable[[], Mapping[str, Sequence[float]]] | None = None
    spans: LiveSpans | None = None
    masks: Masks | None = None
    only: frozenset[tuple[str, int | None]] = frozenset()
    recorded: Mapping[tuple[str, int | None], Mapping[str, object]] = field(default_factory=dict)
    shard: Shard | None = None
    shell: ShellPolicy | None = None
