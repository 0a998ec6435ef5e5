"""One template for every way of writing a path, and the longest literal fit wins."""

from __future__ import annotations

import pytest

from graph.linking.outcomes import Hole, Text
from graph.linking.paths import below, fit, rewritten, template
from graph.linking.urls import after, take_apart


@pytest.mark.parametrize(
    "written",
    [
        "/users/{id}",
        "/users/:id",
        "/users/<int:id>",
        "/users/${id}",
        "/users/%s",
        "/users/42",
        "users/{id:[0-9]+}/",
        "/users/:id?",
        "/users/{}?full=1",
        "/users/5f0c8a3e-7c3b-4b7e-9d52-0d2f6d7b8a11",
    ],
)
def test_every_way_of_writing_a_parameter_is_one_template(written: str) -> None:
    assert template(written) == "/users/{}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", "/"),
        ("/", "/"),
        ("/v1/x", "/v1/x"),
        ("/files/{p:path}", "/files/**"),
        ("/api/**", "/api/**"),
        ("/a/{x}-{y}", "/a/{}-{}"),
        ("/a#top", "/a"),
    ],
)
def test_fixed_text_rests_and_glued_parameters_keep_their_form(written: str, expected: str) -> None:
    assert template(written) == expected


def test_a_literal_fit_beats_a_parameter_and_a_parameter_beats_an_assumption() -> None:
    literal = fit("/orders/latest", "/orders/latest")
    parameter = fit("/orders/latest", "/orders/{}")
    assumed = fit("/orders/{}", "/orders/latest")
    assert literal is not None
    assert parameter is not None
    assert assumed is not None
    assert literal > parameter > assumed
    assert not assumed.exact
    assert fit("/orders", "/orders/{}") is None
    assert fit("/a/b/c", "/a/**") is not None


def test_prefixes_join_without_doubled_or_lost_slashes() -> None:
    assert below("/api/", "/orders") == "/api/orders"
    assert below("", "/") == "/"
    assert below("/api", "") == "/api"


def test_gateway_rules_rewrite_the_rest_of_a_path() -> None:
    assert rewritten("/api/cart/add/{}", "/api/cart/**", "/**") == "/add/{}"
    assert rewritten("/shop/items", "/shop/**", "/v2/**") == "/v2/items"
    assert rewritten("/x", "/x", "") == "/x"


def test_urls_with_unknown_parts_are_taken_apart() -> None:
    host = Hole("HOST is set nowhere", env="HOST")
    user = Hole("parameter `id`")
    url = take_apart(Text(("http://", host, ":8080/users/", user, "/cart?full=1")))
    assert (url.host, url.path) == ("{}:8080", "/users/{}/cart")
    assert url.holes == (host,)
    assert url.path_holes == (user,)
    assert url.loose == ()


def test_a_part_glued_to_text_may_hold_slashes() -> None:
    path = Hole("parameter `path`")
    assert take_apart(Text(("http://orders/api", path))).loose == (path,)
    assert take_apart(Text((path,))).holes == (path,)


def test_credentials_and_case_do_not_matter_for_the_host() -> None:
    assert take_apart(Text(("HTTP://user:pw@Orders:80/x",))).host == "orders:80"


def test_a_client_base_joins_with_one_slash_and_is_ignored_by_absolute_urls() -> None:
    base = Text(("http://orders/api/",))
    assert after(base, Text(("/items",))).template == "http://orders/api/items"
    assert after(base, Text(("items",))).template == "http://orders/api/items"
    assert after(base, Text(("https://else/x",))).template == "https://else/x"
