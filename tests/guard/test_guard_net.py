"""Addresses of strangers: what is not public, not a URL or not allowed is refused before anything is opened."""

from __future__ import annotations

import pytest

from testmesh.guard.net import Pinned, Rules, check_url, is_loopback, is_public
from testmesh.kernel.errors import UnavailableError, UserError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:0001::",
        "64:ff9b::7f00:1",
        "ff02::1",
    ],
)
def test_addresses_of_this_network_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://0x7f000001/x",
        "https://2130706433/x",
        "https://127.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "http://1.1.1.1/x",
        "file:///etc/passwd",
        "gopher://1.1.1.1/",
        "https:///x",
        "https://",
        "https://1.1.1.1:99999/",
        "https://1.1.1.1\\@127.0.0.1/",
        "https://1.1.1.1/ x",
        "https://1.1.1.1/\r\nHost: x",
        "https://1.1.1.1/" + "x" * 3000,
        "",
    ],
)
def test_urls_that_lead_inside_or_nowhere_are_refused(url: str) -> None:
    with pytest.raises(UserError):
        check_url(url, Rules())


def test_the_judged_address_is_what_is_connected_to() -> None:
    assert check_url("https://1.1.1.1/x", Rules()) == Pinned("https", "1.1.1.1", 443, "1.1.1.1")
    loopback = Rules(schemes=("http",), private=True)
    assert check_url("http://127.0.0.1:8080/x", loopback) == Pinned("http", "127.0.0.1", 8080, "127.0.0.1")


def test_hosts_can_be_limited_to_a_list() -> None:
    rules = Rules(hosts=("1.1.1.1",))
    assert check_url("https://1.1.1.1./x", rules).host == "1.1.1.1"
    with pytest.raises(UserError, match="not allowed here"):
        check_url("https://8.8.8.8/x", rules)


def test_a_name_that_does_not_exist_is_said() -> None:
    with pytest.raises(UnavailableError, match="does not resolve"):
        check_url("https://no-such-host.invalid/x", Rules())


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.9.9.9", True), ("[::1]", True), ("example.com", False), ("10.0.0.1", False)],
)
def test_this_machine_is_known_by_name_and_address(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
