"""What differs between revisions, in a work tree and by a patch, as named things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph.change import WORKTREE, Change
from scanners.changes import changes, patch_changes, split_range
from testmesh.kernel.errors import NotFoundError, UserError
from tests.scanners.conftest import Repo

ORDERS = '''"""Orders."""
import os

from .tax import rate

LIMIT = 3


class Orders:
    """A class."""

    currency = "EUR"

    def total(self, lines):
        # sum up
        return sum(lines) * rate()

    def place(self, lines):
        return {"total": self.total(lines), "limit": LIMIT}


def main():
    print(os.environ["PORT"])
'''


def named(change: Change) -> set[tuple[str, str, str]]:
    return {(i.kind, i.action, i.name) for i in change.items}


def edited(repo: Repo, old: str, new: str, path: str = "orders.py") -> Change:
    text = (repo.path / path).read_text()
    assert old in text
    repo.write({path: text.replace(old, new)})
    return changes(repo.path, "HEAD")


@pytest.fixture
def orders(repo: Repo) -> Repo:
    repo.commit({"orders.py": ORDERS})
    return repo


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sum(lines)", "max(lines)", {("symbol", "modified", "Orders.total")}),
        ("LIMIT = 3", "LIMIT = 4", {("symbol", "modified", "LIMIT")}),
        ('currency = "EUR"', 'currency = "USD"', {("symbol", "modified", "Orders")}),
        ("def main()", "def run()", {("symbol", "added", "run"), ("symbol", "removed", "main")}),
        ("def total(self, lines)", "def total(self, lines, net)", {("symbol", "modified", "Orders.total")}),
        ("from .tax import rate", "from .vat import rate", {("module", "modified", "")}),
        ("import os\n", "import os\nimport json\n", {("module", "modified", "")}),
        ("LIMIT = 3", "LIMIT = 3\nprint('loaded')", {("module", "modified", "")}),
    ],
)
def test_an_edit_is_attributed_to_the_innermost_thing(
    orders: Repo, old: str, new: str, expected: set[tuple[str, str, str]]
) -> None:
    assert named(edited(orders, old, new)) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# sum up", "# add everything up"),
        ("        # sum up\n", ""),
        ('"""A class."""', '"""Another text."""'),
        ("sum(lines) * rate()", "sum( lines )*rate()"),
        ("return {", "return {\n            "),
        ("def main():", "\n\ndef main():"),
    ],
)
def test_comments_and_layout_change_no_symbol(orders: Repo, old: str, new: str) -> None:
    change = edited(orders, old, new)

    assert [f.path for f in change.files] == ["orders.py"]
    assert change.items == ()


def test_indentation_that_moves_a_statement_is_a_change(repo: Repo) -> None:
    repo.commit({"a.py": "def f(x):\n    if x:\n        a()\n    b()\n"})
    repo.write({"a.py": "def f(x):\n    if x:\n        a()\n        b()\n"})

    assert named(changes(repo.path, "HEAD")) == {("symbol", "modified", "f")}


def test_white_space_in_a_string_is_a_change(repo: Repo) -> None:
    repo.commit({"a.js": "function f() { return 'a b'; }\nfunction g() { return 1 }\n"})
    repo.write({"a.js": "function f() { return 'a  b'; }\nfunction g()\n{\n  return 1\n}\n"})

    assert named(changes(repo.path, "HEAD")) == {("symbol", "modified", "f")}


def test_an_express_handler_is_named_by_its_route(repo: Repo) -> None:
    routes = "app.get('/a', (q, s) => { s.json({ a: 1 }) });\napp.get('/b', (q, s) => s.end());\n"
    text = f"const app = require('express')();\n{routes}"
    repo.commit({"a.js": text})
    repo.write({"a.js": text.replace("a: 1", "b: 1")})

    assert named(changes(repo.path, "HEAD")) == {("symbol", "modified", "app:get /a")}


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        (".env", "A=1\nB=2\n", "A=1\nB=3\n", {("config", "modified", "B")}),
        (
            "compose.yml",
            "services:\n  a:\n    image: redis\n    environment:\n      X: 1\n",
            "services:\n  a:\n    image: redis:7\n    environment:\n      X: 2\n",
            {("deploy", "modified", "a"), ("config", "modified", "X")},
        ),
        (
            "db/1.sql",
            "CREATE TABLE a (id int);\n",
            "CREATE TABLE a (id int);\nALTER TABLE a ADD COLUMN x int;\n",
            {("table", "modified", "a")},
        ),
        ("requirements.txt", "flask==3\n", "flask==4\n", {("dependency", "modified", "flask")}),
        (
            "testmesh.toml",
            '[[ignore]]\nmatch = "a/**"\n',
            '[[ignore]]\nmatch = "b/**"\n',
            {("annotation", "removed", "a/**"), ("annotation", "added", "b/**")},
        ),
        ("Dockerfile", "FROM python\nRUN a\n", "FROM python\nRUN b\n", {("file", "modified", "Dockerfile")}),
        ("data.bin", "a\n", "b\n", {("file", "modified", "data.bin")}),
        ("README.md", "a\n", "b\n", {("file", "modified", "README.md")}),
        ("tests/test_a.py", "x = 1\n", "x = 2\n", {("file", "modified", "tests/test_a.py")}),
    ],
)
def test_every_sort_of_file_has_its_things_and_nothing_is_silent(
    repo: Repo, path: str, before: str, after: str, expected: set[tuple[str, str, str]]
) -> None:
    repo.commit({path: before})
    repo.write({path: after})

    assert named(changes(repo.path, "HEAD")) == expected


def test_a_changed_schema_changes_the_operations_that_use_it(repo: Repo) -> None:
    spec = (
        "openapi: 3.0.0\ninfo: {title: a, version: '1'}\npaths:\n"
        "  /a:\n    get:\n      responses:\n        '200':\n          description: d\n"
        "          content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}\n"
        "  /b: {get: {responses: {'200': {description: d}}}}\n"
        "components: {schemas: {A: {type: object, properties: {x: {type: string}}}}}\n"
    )
    repo.commit({"openapi.yaml": spec})
    repo.write({"openapi.yaml": spec.replace("x: {type: string}", "y: {type: string}")})

    assert named(changes(repo.path, "HEAD")) == {("operation", "modified", "GET /a")}


def test_the_range_starts_at_the_merge_base_and_knows_the_commits(orders: Repo) -> None:
    base = orders.git("rev-parse", "HEAD")
    orders.git("checkout", "-q", "-b", "feature")
    first = orders.commit({"orders.py": ORDERS.replace("LIMIT = 3", "LIMIT = 4")})
    second = orders.commit({"orders.py": ORDERS.replace("LIMIT = 3", "LIMIT = 5"), "new.py": "X = 1\n"})
    orders.git("checkout", "-q", "main")
    orders.commit({"other.py": "Y = 1\n"})

    change = changes(orders.path, "main", "feature")

    assert (change.base, change.head) == (base, second)
    assert {f.path: f.commits for f in change.files} == {"new.py": (second,), "orders.py": (second, first)}
    assert named(change) == {
        ("symbol", "modified", "LIMIT"),
        ("symbol", "added", "X"),
        ("module", "added", ""),
    } - {("module", "added", "")}


def test_the_work_tree_counts_with_untracked_and_deleted_files(orders: Repo) -> None:
    orders.write({"more.py": "def more(): ...\n"})
    (orders.path / "orders.py").unlink()

    change = changes(orders.path, "HEAD")

    assert change.head == WORKTREE
    assert {(f.path, f.status) for f in change.files} == {("more.py", "added"), ("orders.py", "deleted")}
    assert ("symbol", "removed", "Orders.total") in named(change)


def test_a_moved_file_is_a_rename_and_only_its_edits_count(orders: Repo) -> None:
    (orders.path / "orders.py").rename(orders.path / "placing.py")
    change = edited(orders, "sum(lines)", "max(lines)", "placing.py")

    assert [(f.path, f.old_path, f.status) for f in change.files] == [("placing.py", "orders.py", "renamed")]
    assert named(change) == {("symbol", "modified", "Orders.total"), ("module", "modified", "")}


def test_line_ends_alone_are_no_change(orders: Repo) -> None:
    orders.write({"orders.py": ORDERS.replace("\n", "\r\n")})

    assert changes(orders.path, "HEAD").files == ()


def test_hunks_are_numbered_as_in_a_unified_diff(orders: Repo) -> None:
    change = edited(orders, "LIMIT = 3", "LIMIT = 4\nMORE = 5")
    hunk = change.files[0].hunks[0]

    assert (hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines) == (6, 1, 6, 2)
    assert {i.name: len(i.hunks) for i in change.items} == {"LIMIT": 1, "MORE": 1}


def test_a_patch_says_what_it_would_change(orders: Repo) -> None:
    orders.write({"orders.py": ORDERS.replace("LIMIT = 3", "LIMIT = 4"), "gone.txt": "x"})
    patch = orders.git("diff", "HEAD") + "\n"
    orders.git("checkout", "-q", "--", "orders.py")

    change = patch_changes(orders.path, "HEAD", patch)

    assert named(change) == {("symbol", "modified", "LIMIT")}
    assert (orders.path / "orders.py").read_text() == ORDERS


def test_a_patch_adds_moves_and_deletes_files(orders: Repo) -> None:
    orders.commit({"old.py": "".join(f"a{n} = {n}\n" for n in range(20)), "drop.py": "z = 1\n"})
    orders.git("mv", "old.py", "moved.py")
    orders.git("rm", "-q", "drop.py")
    orders.write({"added.py": "def added(): ...\n"})
    orders.git("add", "-A")
    patch = orders.git("diff", "--cached", "-M") + "\n"
    orders.git("reset", "-q", "--hard")

    change = patch_changes(orders.path, "HEAD", patch.encode())

    assert {(f.path, f.status) for f in change.files} == {
        ("added.py", "added"),
        ("drop.py", "deleted"),
        ("moved.py", "renamed"),
    }


@pytest.mark.parametrize("patch", ["", "not a patch", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-nope\n+yes\n"])
def test_a_patch_that_does_not_fit_is_said(orders: Repo, patch: str) -> None:
    with pytest.raises(UserError, match=r"patch|diff"):
        patch_changes(orders.path, "HEAD", patch)


def test_a_patch_that_misses_its_place_names_the_line(orders: Repo) -> None:
    patch = "--- a/orders.py\n+++ b/orders.py\n@@ -6 +6 @@\n-LIMIT = 9\n+LIMIT = 4\n"

    with pytest.raises(UserError, match=r"orders\.py at line 6"):
        patch_changes(orders.path, "HEAD", patch)


def test_a_shallow_clone_is_said_with_the_fetch_command(orders: Repo, tmp_path: Path) -> None:
    orders.git("checkout", "-q", "-b", "feature")
    orders.commit({"a.py": "x = 1\n"})
    orders.git("checkout", "-q", "main")
    orders.commit({"b.py": "x = 1\n"})
    clone = tmp_path / "clone"
    orders.git("clone", "-q", "--depth", "1", "--no-single-branch", f"file://{orders.path}", str(clone))

    with pytest.raises(UserError, match="shallow clone") as caught:
        changes(clone, "origin/main", "origin/feature")

    assert caught.value.hint == f"git -C {clone} fetch --unshallow"


def test_histories_without_a_common_ancestor_are_said(orders: Repo) -> None:
    orders.git("checkout", "-q", "--orphan", "other")
    orders.commit({"a.py": "x = 1\n"})

    with pytest.raises(UserError, match="no common ancestor"):
        changes(orders.path, "main", "other")


def test_an_unknown_base_is_said(orders: Repo) -> None:
    with pytest.raises(NotFoundError, match="no revision 'nope'"):
        changes(orders.path, "nope")


@pytest.mark.parametrize(
    ("text", "sides"),
    [("a..b", ("a", "b")), ("a...b", ("a", "b")), ("main", ("main", None)), ("v1.0..v1.1", ("v1.0", "v1.1"))],
)
def test_a_range_is_split_at_its_dots(text: str, sides: tuple[str, str | None]) -> None:
    assert split_range(text) == sides


def test_a_range_without_a_side_is_said() -> None:
    with pytest.raises(UserError, match="lacks a side"):
        split_range("main..")


def test_a_folder_of_a_repository_is_compared_alone(make_repo: Callable[[], Repo]) -> None:
    repo = make_repo()
    repo.commit({"a/x.py": "X = 1\n", "b/x.py": "X = 1\n"})
    repo.commit({"a/x.py": "X = 2\n", "b/x.py": "X = 2\n"})

    assert [f.path for f in changes(repo.path / "a", "HEAD~1", "HEAD").files] == ["x.py"]
