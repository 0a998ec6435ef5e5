"""Consumers read from the start of the flow: their streams are opened before its first step (FLOWS §7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flows.actions import AnyAction
from flows.engine.configuring import configured
from flows.engine.context import Context
from flows.engine.effects import CutOff, Follow, Request, Steps, Together, answered, joined
from flows.engine.names import Names
from flows.language.errors import NotEvaluable
from flows.language.spec import PHASES, Step

FOLLOW_MS = 10_000.0
REFUSED_MS = 1_000.0
AT_ONCE = 16
EARLY_MS = 2_000.0


def follow_all(context: Context, names: Names) -> Steps[None]:
    """Opens the stream of every consumer whose settings are known already, so that nothing is missed.

    Args:
        context: of the flow.
        names: what is known when it starts.
    """
    context.unopened = [step for phase in PHASES for step in consumers(context, context.flow.phase(phase))]
    yield from open_streams(context, names)


def consumers(context: Context, steps: Sequence[Step]) -> Iterator[Step]:
    """The consumer steps of a list, nested ones included, that read from the start of the flow.

    Args:
        context: of the flow.
        steps: the list.
    """
    for step in steps:
        action = context.catalogue.action(step.action)
        if (action.follow is not None or action.early is not None) and not step.disabled:
            yield step
        for branch in step.branches:
            yield from consumers(context, branch.steps)
        yield from consumers(context, step.error_steps)


def open_streams(context: Context, names: Names) -> Steps[None]:
    """Opens what can be opened now; a name known only later opens when its template first resolves.

    A broker that refuses connections now is asked again before the next step: a flow may wait for it to come up.

    Args:
        context: of the flow.
        names: what is known.
    """
    waiting, context.unopened = context.unopened, []
    opening: list[Steps[None]] = []
    for step in waiting:
        action = context.catalogue.action(step.action)
        try:
            settings = configured(context, step, action, names)
        except NotEvaluable:
            context.unopened.append(step)
            continue
        if _from_the_start(action, settings.config):
            path = (step.phase, *context.prefix, step.id)
            request = Request(path, action, settings.config, settings.recorded, file=context.flow.file)
            opening.append(_opened(context, step, request))
    if opening:
        group = yield from joined(Together(opening, AT_ONCE, lambda found: ""))
        if group.cut is not None:
            raise group.cut


def _opened(context: Context, step: Step, request: Request) -> Steps[None]:
    patience, began = FOLLOW_MS if request.action.early is None else EARLY_MS, context.clock()
    try:
        answer = yield from answered(Follow(request, began + patience))
    except CutOff:
        return
    if answer.type == "connection" and answer.at - began < REFUSED_MS:
        context.unopened.append(step)
    elif answer.type in ("connection", "timeout"):
        context.late[step.phase, step.id] = answer.error or answer.awaited


def _from_the_start(action: AnyAction, config: Any) -> bool:
    if action.early is not None:
        return action.early(config)
    return getattr(config, "from_", "start_of_flow") == "start_of_flow"
