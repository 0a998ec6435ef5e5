"""The control counts links between services, and misses what is missing."""

from __future__ import annotations

from evals.controls import Link, expected, missing, teams


def test_every_language_has_a_service_with_the_same_names() -> None:
    found = teams()
    assert len(found) == 5
    for team in found:
        text = "\n".join(team.files.values())
        for word in ("/api/orders", "/health", "/users/", "API_URL", "SERVICE_URL", "OrderService", "orders"):
            assert word in text, (team.language, word)


def test_an_empty_graph_misses_every_link_of_the_twin() -> None:
    assert len(missing([])) == len(expected()) == 30


def test_a_link_counts_in_either_direction_for_what_is_shared() -> None:
    kind, source, target, what = expected()[-1]
    assert (kind, what) == ("dataset", "users")
    assert len(missing([Link("dataset", target, source, "db/users", "resolved")])) == 29
    assert len(missing([Link("topic", source, target, "db/users", "resolved")])) == 30
