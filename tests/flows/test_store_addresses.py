"""Addresses of servers as messages show them: never with credentials, however oddly they are written."""

from __future__ import annotations

import pytest

from flows.clients.errors import ClientError
from flows.clients.grpc_channel import target_of
from flows.clients.mongodb import MongoPlace
from flows.clients.neo4j import place_of
from flows.clients.s3 import Access

ODD = ("pass", "p@ss", "pa/ss", "p@s/s", "p:ss", "")


@pytest.mark.parametrize("password", ODD)
def test_no_address_shows_a_password(password: str) -> None:
    mongo = MongoPlace(f"mongodb://user:{password}@h1:1,h2:2/db?replicaSet=r", None)
    assert str(mongo) == "h1:1,h2:2"
    neo4j = place_of(f"bolt://user:{password}@h:7687", "", "", None)
    assert (str(neo4j), neo4j.user, neo4j.password, neo4j.url) == ("h:7687", "user", password, "bolt://h:7687")
    with pytest.raises(ClientError, match="without credentials"):
        Access(f"http://user:{password}@h:9000", "r", "k", "s").url("b")
    with pytest.raises(ClientError, match="not an address: 'h:1'"):
        target_of(f"user:{password}@h:1", None)


def test_every_form_of_an_address() -> None:
    assert target_of("h:1", None).address == "h:1"
    assert target_of("grpc://h", None) == ("h:80", None)
    secure = target_of("grpcs://u:p@h/", None)
    assert secure.address == "h:443"
    assert secure.tls is not None
    assert target_of("unix:/tmp/x.sock", None).address == "unix:/tmp/x.sock"
    assert target_of("dns:///h:1", None).address == "dns:///h:1"
    assert place_of("h:7687", "u", "p", None).url == "bolt://h:7687"
    assert str(MongoPlace("mongodb+srv://cluster.example/db", None)) == "cluster.example"
    for bad in ("", "a b:1", "http://"):
        with pytest.raises(ClientError):
            target_of(bad, None)
    for bad in ("http://h", "bolt://", "bolt://h:x"):
        with pytest.raises(ClientError):
            place_of(bad, "", "", None)
