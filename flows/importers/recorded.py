"""Steps of a run that was kept become a flow again, with assertions about what they got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flows.actions import catalogue
from flows.engine.masking import is_secret_key
from flows.importers import Draft, Imported, Note
from flows.importers.draft import escape_all
from flows.importers.proposing import Sent, propose
from flows.importers.secrets import Secrets
from flows.language.config import fields_of
from flows.language.masked_text import MASK
from graph.runs import Run, StepRun
from testmesh.kernel.errors import NotFoundError


def read_steps(run: Run, wanted: str) -> Imported:
    """One flow for each flow of a run.

    Args:
        run: as kept.
        wanted: id of the only step to take; empty = all that asked something.

    Raises:
        NotFoundError: no step of that id asked anything.
    """
    drafts: list[Draft] = []
    notes: list[Note] = []
    for flow in run.flows:
        draft = Draft(f"Recorded: {flow.name}", stem="recorded")
        secrets = Secrets()
        for step in _all(flow.steps):
            if step.exchanges and wanted in ("", step.id):
                _take(draft, step, secrets, notes)
        if secrets.names:
            draft.comments.append(f"Secrets to give (environment, file or keyring): {', '.join(secrets.names)}")
        if draft.steps:
            drafts.append(draft)
    if not drafts:
        raise NotFoundError(f"run {run.id} has no step '{wanted}' that asked something" if wanted else
                            f"run {run.id} holds no request", hint="see testmesh show")  # fmt: skip
    return Imported(tuple(drafts), tuple(notes))


def _all(steps: Sequence[StepRun]) -> Iterator[StepRun]:
    for step in steps:
        yield step
        yield from _all(step.steps)


def _take(draft: Draft, step: StepRun, secrets: Secrets, notes: list[Note]) -> None:
    made = draft.step(step.id, step.action)
    request = step.exchanges[-1].request
    defaults = _defaults(step.action)
    for key, value in request.items() if isinstance(request, Mapping) else ():
        if value is not None and defaults.get(key) != value:
            made.config[key] = _shown(escape_all(value), key, secrets)
    result = step.result
    if isinstance(result, Mapping) and isinstance(result.get("status"), int):
        propose(made, result["status"], result.get("body"), Sent())
    elif isinstance(result, Mapping) and isinstance(result.get("count"), int):
        made.check(f"count == {result['count']}")
    if MASK in str(made.config):
        why = f"'{MASK}' stands for a secret that was masked"
        notes.append(Note(step.line or 1, f"step {step.id}", why, checks=False))


def _defaults(action: str) -> Mapping[str, object]:
    found = catalogue().find(action)
    return {} if found is None else {key: field.default for key, field in fields_of(found[0].config).items()}


def _shown(value: object, key: str, secrets: Secrets) -> object:
    if isinstance(value, Mapping):
        return {str(name): _shown(item, str(name), secrets) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_shown(item, key, secrets) for item in value]
    return secrets.named(key, key) if value == MASK and is_secret_key(key) else value
