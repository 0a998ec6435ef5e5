"""The strength of a flow: which changes of its own green evidence it notices, and the line that would notice others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flows.engine.recording import judge, own_stars
from flows.language.errors import UNDECIDED
from flows.language.masked_text import hidden, recorded
from flows.strength.answers import competing, streamed
from flows.strength.inserting import with_assertions
from flows.strength.links import Links
from flows.strength.mutation import Mutation, Where, leaves, mutations, where_of
from flows.strength.places import found
from flows.strength.ranking import Weights
from flows.strength.suggesting import lines_for
from flows.strength.telling import stands, tell
from graph.runs import AssertionResult, FlowRun, Run, StepRun


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes of one place that the flow does not notice.

    Args:
        step: step id.
        inside: its phase and the ids around it.
        line: of the step in its file.
        changes: what would go unnoticed, in words.
        suggestion: the assertion that notices all of them, verified on the recording; empty when there is none.
        advice: what to do where no assertion of this step can notice it by itself.
        consumed: known code reads the field.
        weight: how much it matters.
    """

    step: str
    inside: tuple[str, ...]
    line: int
    changes: tuple[str, ...]
    suggestion: str = ""
    advice: str = ""
    consumed: bool = False
    weight: int = 0


@dataclass(frozen=True, slots=True)
class StepStrength:
    """One step's share.

    Args:
        id: step id.
        inside: its phase and the ids around it.
        action: canonical action.
        line: in its file.
        noticed: changes the flow notices.
        all: changes there are.
    """

    id: str
    inside: tuple[str, ...]
    action: str
    line: int
    noticed: int
    all: int


@dataclass(frozen=True, slots=True)
class Strength:
    """How strong one flow is.

    Args:
        file: the flow.
        run: the recording that was measured.
        recordings: green recordings on which suggestions were tried.
        steps: in file order; those that check nothing can be told by `noticed` 0.
        gaps: the most important first.
        problem: why nothing could be measured, or empty.
    """

    file: str
    run: str
    recordings: int = 0
    steps: tuple[StepStrength, ...] = ()
    gaps: tuple[Gap, ...] = ()
    problem: str = ""

    @property
    def noticed(self) -> int:
        """Changes the flow notices."""
        return sum(step.noticed for step in self.steps)

    @property
    def all(self) -> int:
        """Changes there are."""
        return sum(step.all for step in self.steps)

    @property
    def score(self) -> float:
        """Percent noticed; 100 where nothing can change."""
        return round(100 * self.noticed / self.all, 1) if self.all else 100.0


@dataclass(frozen=True, slots=True)
class Measure:
    """What to measure.

    Args:
        runs: recordings of one green execution each, the one to change first; on the others suggestions must hold too.
        text: the flow's text.
        step: only this step, or all when empty.
        reads: field names that known code reads, by step id.
    """

    runs: Sequence[Run]
    text: str
    step: str = ""
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)


def alone(run: Run, flow: FlowRun) -> Run:
    """The recording of one execution only.

    Args:
        run: a run.
        flow: one of its executions.
    """
    return replace(run, flows=(flow,), verdict=flow.verdict)


def judged(run: Run, text: str) -> FlowRun:
    """One recorded execution judged with a text.

    Args:
        run: with one execution.
        text: the flow's text.
    """
    return judge(run, {run.flows[0].file: text}).flows[0]


def unnoticed(run: Run, text: str, lies: Iterable[Mutation]) -> list[Mutation]:
    """The lies that a text of the flow lets pass.

    Args:
        run: a recording of one execution that passes as it is.
        text: the flow's text.
        lies: what to tell.
    """
    flow = run.flows[0]
    return [lie for lie in lies if stands(judged(alone(run, tell(flow, lie)), text))]


def countable(run: Run, links: Links) -> Iterator[Mutation]:
    """The lies a flow can be asked to notice: another id or instant only where an earlier name gives the true one.

    What is masked is another value already; which of two steps side by side wins is nobody's mistake.

    Args:
        run: a recording of one execution.
        links: its names.
    """
    flow = run.flows[0]
    steps, own, racing = where_of(flow), own_stars(run), competing(flow)
    for lie in mutations(flow):
        where = (lie.step, lie.inside)
        if where in racing:
            continue
        value = next(found(steps[where].result, lie.path), None)
        if (lie.kind == "value" and hidden(recorded(value, own))) or _prepares(lie):
            continue
        if lie.kind != "value" or not links.fresh(lie.path, value) or links.name(where, lie.path, value):
            yield lie


def _prepares(lie: Mutation) -> bool:
    """What a setup step answers beside its success is the business of the flow that tests it."""
    return lie.inside[0] == "setup" and lie.path not in _SUCCESS


_SUCCESS = (("status",), ("exists",), ("ok",), ("rows",), ("rows_affected",))


def measured(wanted: Measure) -> Strength:
    """The strength of a flow on its recording.

    Args:
        wanted: recordings and text.
    """
    run = wanted.runs[0]
    flow = run.flows[0]
    again = judged(run, wanted.text)
    if not stands(again):
        return Strength(flow.file, run.id, problem=_why(again))
    links = Links(flow, sole=len(wanted.runs) == 1)
    steps = where_of(flow)
    lies = [lie for lie in countable(run, links) if wanted.step in ("", lie.step)]
    missed = unnoticed(run, wanted.text, lies)
    counts = _counts(lies, missed, steps)
    unchecked = frozenset((s.id, s.inside) for s in counts if not s.noticed)
    lines = {lie: lines_for(lie, steps[lie.step, lie.inside], links) for lie in missed}
    chosen, recordings = _chosen(wanted, lines)
    weights = Weights(wanted.reads, unchecked)
    gaps = sorted(_gaps(chosen, steps, weights), key=lambda g: (-g.weight, g.line, g.changes))
    return Strength(flow.file, run.id, recordings, counts, tuple(gaps))


def _why(judged_again: FlowRun) -> str:
    errors = [str(problem["message"]) for problem in judged_again.problems if problem.get("severity") == "error"]
    if errors:
        return errors[0]
    for _, step in leaves(judged_again.steps):
        if step.verdict not in ("passed", "skipped"):
            return f"{step.id}: {step.message or step.verdict}"
    return judged_again.message or judged_again.verdict


def _counts(
    lies: Sequence[Mutation], missed: Sequence[Mutation], steps: Mapping[Where, StepRun]
) -> tuple[StepStrength, ...]:
    places = dict.fromkeys((lie.step, lie.inside) for lie in lies)
    gone = set(missed)
    found_steps = []
    for place in places:
        mine = [lie for lie in lies if (lie.step, lie.inside) == place]
        step = steps[place]
        heard = sum(lie not in gone for lie in mine)
        found_steps.append(StepStrength(step.id, place[1], step.action, step.line, heard, len(mine)))
    return tuple(found_steps)


Lines = Mapping[Mutation, tuple[str, ...]]


def _chosen(wanted: Measure, lines: Lines) -> tuple[dict[Mutation, str], int]:
    """For every unnoticed lie a line that holds on all recordings and fails when the lie is told."""
    run = wanted.runs[0]
    greens = [run, *(r for r in wanted.runs[1:] if stands(judged(r, wanted.text)))]
    holding = _holding(greens, wanted.text, lines)
    text = with_assertions(wanted.text, holding)
    noticing: dict[Mutation, set[str]] = {}
    for lie in lines:
        failing = _failing(judged(alone(run, tell(run.flows[0], lie)), text), (lie.step, lie.inside))
        noticing[lie] = set(holding.get((lie.step, lie.inside), ())) & failing
    return _fewest(lines, noticing), len(greens)


def _fewest(lines: Lines, noticing: Mapping[Mutation, set[str]]) -> dict[Mutation, str]:
    """For every lie a line that notices it, few lines in all: the one that notices most comes first."""
    chosen = dict.fromkeys(lines, "")
    ranks: dict[tuple[Where, str], int] = {}
    for lie, candidates in lines.items():
        for rank, line in enumerate(candidates):
            place = ((lie.step, lie.inside), line)
            ranks[place] = min(rank, ranks.get(place, rank))
    left = [lie for lie in lines if noticing[lie]]
    while left:
        counts = Counter(((lie.step, lie.inside), line) for lie in left for line in noticing[lie])
        best = min(counts, key=lambda one: (-counts[one], ranks.get(one, 0), len(one[1]), one[1]))
        for lie in [lie for lie in left if (lie.step, lie.inside) == best[0] and best[1] in noticing[lie]]:
            chosen[lie] = best[1]
            left.remove(lie)
    return chosen


def _holding(greens: Sequence[Run], text: str, lines: Lines) -> dict[Where, list[str]]:
    """The candidate lines of each step that hold on every recording."""
    wanted: dict[Where, list[str]] = {}
    for lie, candidates in lines.items():
        mine = wanted.setdefault((lie.step, lie.inside), [])
        mine += [line for line in candidates if line not in mine]
    for run in greens:
        while any(wanted.values()):
            again = judged(run, with_assertions(text, wanted))
            if stands(again) and not any(set(mine) & _open(again, place) for place, mine in wanted.items()):
                break
            if not _drop(wanted, again, with_assertions(text, wanted)):
                return {}
    return wanted


def _drop(wanted: dict[Where, list[str]], again: FlowRun, text: str) -> bool:
    """Takes out the lines that do not hold or are no flow language; whether any was."""
    before = sum(map(len, wanted.values()))
    written = text.split("\n")
    wrong = [written[p["line"] - 1] for p in again.problems if 0 < p.get("line", 0) <= len(written)]
    for place, mine in wanted.items():
        failing = _failing(again, place) | _open(again, place)
        mine[:] = [line for line in mine if line not in failing and not any(line in text for text in wrong)]
    return sum(map(len, wanted.values())) < before


def _failing(flow: FlowRun, place: Where) -> set[str]:
    return {line.expression for line in _unmet(flow, place) if line.message != UNDECIDED}


def _open(flow: FlowRun, place: Where) -> set[str]:
    """Lines that only a masked value could decide."""
    return {line.expression for line in _unmet(flow, place) if line.message == UNDECIDED}


def _unmet(flow: FlowRun, place: Where) -> Iterator[AssertionResult]:
    for inside, step in leaves(flow.steps):
        if (step.id, inside) == place:
            yield from (line for line in step.assertions if not line.passed)


def _gaps(chosen: Mapping[Mutation, str], steps: Mapping[Where, StepRun], weights: Weights) -> Iterator[Gap]:
    """One gap for every line to add, and one for every change that no line notices."""
    groups: dict[tuple[Where, str], list[Mutation]] = {}
    for lie, line in chosen.items():
        groups.setdefault(((lie.step, lie.inside), line or f"\0{lie.what}"), []).append(lie)
    for (place, line), lies in groups.items():
        step = steps[place]
        suggestion = "" if line.startswith("\0") else line
        yield Gap(
            step=step.id,
            inside=place[1],
            line=step.line,
            changes=tuple(lie.what for lie in lies),
            suggestion=suggestion,
            advice=advice(lies, step, suggestion),
            consumed=any(weights.consumed(lie) for lie in lies),
            weight=max(weights.of(lie, step.action) for lie in lies),
        )


def advice(lies: Sequence[Mutation], step: StepRun, line: str) -> str:
    """What to do about a change that no assertion of the step can notice by itself.

    Args:
        lies: the changes.
        step: their step.
        line: that notices them on a recording, or empty.
    """
    more = next((lie for lie in lies if lie.kind == "more" and len(lie.path) == 1), None)
    if line:
        waited = sum(len(exchange.candidates) for exchange in step.exchanges) > 1 and not streamed(step)
        return HOLD if more is not None and waited else ""
    if more is not None and more.path == ("messages",):
        return (
            f"a consumer stops at its last message: add a {step.action} step like {step.id} with `expect: none` and"
            f" `match: ... && offset > {step.id}.messages[-1].offset`"
        )
    return "no line that held on every recording notices it; run the flow again and compare, or check it elsewhere"


HOLD = "this read waited, and ends with the first: `hold: 1s` also sees a second that comes later"


def strengthened(text: str, gaps: Iterable[Gap]) -> str:
    """The flow's text with the suggested lines added.

    Args:
        text: the flow.
        gaps: those to close.
    """
    wanted: dict[Where, list[str]] = {}
    for gap in gaps:
        if gap.suggestion:
            wanted.setdefault((gap.step, gap.inside), []).append(gap.suggestion)
    return with_assertions(text, wanted)
