"""What a flow execution starts with: built-ins, variables, secrets, made-up data; the same for a run and a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from flows.engine.builtins import Builtins
from flows.engine.given import Given
from flows.engine.masking import Masks
from flows.engine.names import Names, Sources, step_ids
from flows.engine.variables import Resolved, resolve, row_values
from flows.language.spec import Flow
from flows.runner.loading import Loader
from flows.runner.options import RunOptions
from flows.runner.sources import faked, masked_secret, schema_file, secret_source
from flows.runner.units import Unit
from testmesh.kernel.clock import iso


class RunNamed(NamedTuple):
    """What identifies a run.

    Args:
        id: run id.
        seed: of everything random.
    """

    id: str
    seed: int


class Inputs:
    """What the executions of one run start with.

    Args:
        options: of the run.
        run: which one.
        masks: learn every secret that is met.
        loader: keeps the schema files that are read.
    """

    def __init__(self, options: RunOptions, run: RunNamed, masks: Masks, loader: Loader) -> None:
        self._options = options
        self._run = run
        self._masks = masks
        self._outside = Given(
            environment=options.environment_variables, process=options.process, integrations=options.integrations
        )
        self.find = options.secrets or secret_source(options.root, options.process)
        self.sources = Sources(
            now=lambda: iso(datetime.now(UTC)),
            secret=masked_secret(self.find, masks),
            faker=faked,
            file=schema_file(options.root, loader.included),
            outside=self._outside,
        )

    def names(self, unit: Unit, flow: Flow) -> Names:
        """A scope with the built-ins, without variables.

        Args:
            unit: the execution that starts now.
            flow: its flow.
        """
        builtins = Builtins(self._run.seed, unit.key, datetime.now(UTC))
        for name in ("RUN_ID", "EXECUTION_ID"):
            builtins.set(name, self._run.id)
        builtins.set("FLOW_NAME", flow.name)
        names = Names({}, builtins, self.sources, (flow.file, step_ids(flow)))
        names.used = flow.used
        return names

    def resolved(self, unit: Unit, flow: Flow, names: Names) -> Resolved:
        """The variables of an execution; secrets among them are masked from now on.

        Args:
            unit: the execution.
            flow: its flow.
            names: gets the values.

        Raises:
            VariableProblem: one has no usable value.
            NotEvaluable: a data row cannot be rendered.
        """
        found = resolve(flow, self._given(flow, unit, names), names)
        names.variables = found.values
        self.hidden(found.values)
        return found

    def hidden(self, values: Mapping[str, object]) -> dict[str, object]:
        """Variables with secrets masked; what stands under secret names is masked everywhere from now on.

        Args:
            values: by name.
        """
        return {name: self._masks.request(value, name) for name, value in values.items()}

    def _given(self, flow: Flow, unit: Unit, names: Names) -> Given:
        recorded = self._options.recorded.get(unit.key)
        row: dict[str, object] = {}
        if unit.row is not None and flow.data is not None:
            given = self._outside._replace(options=self._options.variables, row=recorded or {})
            row = row_values(flow, flow.data.rows[unit.row], given, names)
        if recorded is not None:
            row = {**row, **recorded}
        return self._outside._replace(options=self._options.variables, row=row)
