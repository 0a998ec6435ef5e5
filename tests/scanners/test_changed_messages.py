"""A changed message is a change of the operations that carry it, and of no others."""

from __future__ import annotations

from scanners.changes import ChangeRequest, compare
from tests.scanners.conftest import Repo

PROTO = """syntax = "proto3";
package shop;
service Orders {
  rpc Place (NewOrder) returns (Order);
  rpc Ping (Nothing) returns (Nothing);
}
message Nothing {}
message NewOrder { string customer = 1; }
message Line { string sku = 1; }
message Order { string id = 1; repeated Line lines = 2; }
"""


def _changed(repo: Repo, after: str) -> list[tuple[str, str]]:
    base = repo.commit({"shop.proto": PROTO, "a.py": "x = 1\n"})
    repo.commit({"shop.proto": after})
    change = compare(ChangeRequest(repo.path, base, "HEAD"))
    return [(i.kind, i.name) for i in change.items]


def test_a_field_deep_in_a_message_changes_the_operation(repo: Repo) -> None:
    renamed = PROTO.replace("string sku = 1", "string code = 1")
    assert _changed(repo, renamed) == [("operation", "rpc shop.Orders/Place")]


def test_a_comment_changes_no_operation(repo: Repo) -> None:
    assert [kind for kind, _ in _changed(repo, PROTO + "// more\n")] == ["file"]
