"""Refused connections, unknown hosts, dead databases: the surroundings failed, unless the change moved the address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from agents.diagnosis.candidates import Candidate
from agents.diagnosis.case import CLEAR, PROOF, STRONG, SUGGESTIVE, WEAK, Case, Detector, Finding
from agents.diagnosis.differences import last_exchange, last_result
from agents.diagnosis.failure import FAILING, leaves
from agents.diagnosis.signatures import GATEWAY, WEAK_SIGNS, error_of_its_own, unreachable
from graph.answers import Clue
from graph.runs import StepRun

_ADDRESS = re.compile(
    r"environ|getenv|process\.env|://|\bhost|\bport\b|_url\b|\burl\b|base_url|dsn|bootstrap|brokers?\b|connect\(|create_engine",
    re.I,
)


def _find(case: Case) -> Iterable[Finding]:
    found = [*_of_settings(case), *_of_step(case.failure.step), *_of_logs(case), *_of_others(case)]
    moved = [c for c in case.candidates if moves_address(c)]
    for text, place, weight in found:
        yield Finding(Clue(DETECTOR.name, text, place, _tempered(weight, bool(moved))), None, "environment")
    for candidate in moved if found else ():
        text = "an address or setting changed here and something cannot be reached"
        yield Finding(Clue(DETECTOR.name, text, candidate.place, CLEAR), candidate.index)


def _of_settings(case: Case) -> Iterator[tuple[str, str, float]]:
    """Nothing was asked because a variable has no value."""
    for problem in case.failure.flow.problems:
        if isinstance(problem, dict) and problem.get("rule") == "flow/unset-variable":
            yield str(problem.get("message", "a variable is not set")), case.failure.flow.file, PROOF


def _tempered(weight: float, moved: bool) -> float:
    return min(weight, SUGGESTIVE) if moved else weight


def moves_address(candidate: Candidate) -> bool:
    """Whether a hunk may change where something is looked for.

    Args:
        candidate: a changed region.
    """
    if not candidate.product or candidate.inert:
        return False
    removed, added = _addresses(candidate.removed), _addresses(candidate.added)
    return removed != added


def _addresses(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Lines that speak of addresses, layout aside; a route decorator's path is none."""
    telling = (t for t in lines if _ADDRESS.search(t) and not t.lstrip().startswith(("@", "#", "//")))
    return tuple(" ".join(t.split()) for t in telling)


def _of_step(step: StepRun) -> Iterator[tuple[str, str, float]]:
    exchange = last_exchange(step)
    message = f"{step.message}\n{exchange.error if exchange else ''}"
    sign = unreachable(message)
    if exchange is not None and exchange.error_type == "connection":
        yield f"{step.id}: {sign or 'no connection'}: {_first_line(message)}", step.id, PROOF
    elif sign and step.verdict == "error":
        yield f"{step.id}: {sign}: {_first_line(message)}", step.id, STRONG
    result = last_result(step)
    if isinstance(result, Mapping) and result.get("status") in GATEWAY:
        body = str(result.get("body", ""))
        sign = unreachable(body)
        weight = CLEAR if sign else WEAK
        yield f"{step.id} got {result['status']}{': ' + sign if sign else ''}", step.id, weight


def _of_logs(case: Case) -> Iterator[tuple[str, str, float]]:
    """Signs that were not there when it passed; they prove little beside errors they do not explain."""
    run, green = case.inputs.run, case.inputs.green
    old = {text for lines in (green.logs.values() if green else ()) for text in map(_told, lines)}
    own = any(error_of_its_own(t) and t not in old for lines in run.logs.values() for t in map(_told, lines))
    for service in sorted(run.logs):
        before = {unreachable(line) for line in green.logs.get(service, ())} if green else set()
        signs = {unreachable(line): line for line in reversed(run.logs[service])}
        for sign, line in sorted(signs.items(), key=lambda pair: pair[0] in WEAK_SIGNS):
            if sign and sign not in before:
                weight = WEAK if sign in WEAK_SIGNS else SUGGESTIVE if own else STRONG
                yield f"{service} says: {sign}: {_told(line)[:160]}", f"log of {service}", weight
                break


def _told(line: str) -> str:
    return line.rsplit("\t", maxsplit=1)[-1]


def _of_others(case: Case) -> Iterator[tuple[str, str, float]]:
    """Every flow stuck on connections is a sign of its own."""
    flows = case.inputs.run.flows
    stuck = [f for f in flows if f.verdict in FAILING and any(_refused(s) for s in leaves(f.steps))]
    if len(flows) > 1 and len(stuck) == len(flows):
        yield f"all {len(flows)} flows fail to connect", case.failure.step.id, STRONG


def _refused(step: StepRun) -> bool:
    exchange = last_exchange(step)
    return exchange is not None and exchange.error_type == "connection"


def _first_line(text: str) -> str:
    return next((t.strip() for t in text.splitlines() if t.strip()), "")[:160]


DETECTOR = Detector("environment", "Signatures of a failing environment.", _find)
