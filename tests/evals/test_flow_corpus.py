"""The flow corpus on a small scale: every verdict as written down, in any order, and no mutant passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evals.corpus.places import FLOWS, Places, places
from evals.corpus.running import NEGATIVE, flows, run
from evals.mutants import mutants, only_what_passed
from evals.shuffles import measure
from flows.actions import catalogue
from flows.strength.measuring import alone
from testmesh.guard.yaml import FLOW, plain, read

UNTOUCHED = {"trace_assert"}


@pytest.fixture(scope="module")
def up() -> Iterator[Places]:
    """PostgreSQL, Redis and the till."""
    with places(()) as found:
        yield found


@pytest.mark.server("postgres")
def test_order_and_number_do_not_change_a_verdict(up: Places) -> None:
    corpus = flows(up)
    assert {flow.expected for flow in corpus} == {frozenset({"passed"}), frozenset({"failed", "error"})}
    quick = ("order_", "redis_m", "bad_value", "bad_miss", "bad_unw", "rows")
    found = measure(up, [flow for flow in corpus if flow.file.startswith(quick)], 2)
    assert found["odd"] == []
    assert found["as_expected"] == found["executions"]


@pytest.mark.server("postgres")
def test_no_mutant_of_a_green_flow_passes(up: Places) -> None:
    green = run([f.file for f in flows(up) if NEGATIVE not in f.tags and f.file[:5] in ("order", "poll.", "conta")], up)
    found = [m for flow in green.flows for m in mutants("corpus", alone(green, only_what_passed(flow)))]
    assert len(found) > 60
    assert not [m for m in found if m.passes]


def test_every_action_is_in_the_corpus() -> None:
    used = set()
    for file in FLOWS.glob("*.yaml"):
        waiting = [plain(read(file.read_text(), file.name, FLOW).roots[0])]
        while waiting:
            found = waiting.pop()
            if isinstance(found, dict):
                if isinstance(found.get("action"), str) and catalogue().find(found["action"]):
                    used.add(catalogue().find(found["action"])[0].name)  # type: ignore[index]
                waiting += found.values()
            elif isinstance(found, list):
                waiting += found
    assert {spec.name for spec in catalogue().complete().specs} - used <= UNTOUCHED
