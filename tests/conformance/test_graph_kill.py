"""A kill or a full disk at any moment leaves the last good embedded graph."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graph.store import Bucket
from graph.stores.embedded import EmbeddedStore
from testmesh.kernel.errors import UserError
from tests.conformance.graphs import graph, random_graph, shown, thing

LINKS = Bucket("links", "shop")
ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from graph.store import Bucket
from graph.stores.embedded import EmbeddedStore
from tests.conformance.graphs import graph, thing
store = EmbeddedStore(Path(sys.argv[1]), "w1")
print("ready", flush=True)
for round in range(1000):
    store.replace(Bucket("links", "shop"), graph(*(thing("Symbol", "r", f"{round}.py", f"s{n}") for n in range(3000))))
    print(round, flush=True)
"""
FILLER = """
import resource, sys
from pathlib import Path
from graph.store import Bucket
from graph.stores.embedded import EmbeddedStore
from testmesh.kernel.errors import UserError
from tests.conformance.graphs import graph, thing
store = EmbeddedStore(Path(sys.argv[1]), "w1")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    store.replace(Bucket("links", "shop"), graph(*(thing("Symbol", "r", f"{n}.py", "x" * 200) for n in range(5000))))
except UserError as error:
    print(error.message, "|", error.hint)
    print(store.version(), len(store.slice().nodes))
"""


@pytest.mark.parametrize("moment", range(4))
def test_sigkill_during_replace_keeps_a_whole_graph(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "graph.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert writer.stdout is not None
    with writer.stdout as output:
        for _ in range(2 + moment):
            last = output.readline().strip()
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        done = [*(line.strip() for line in output), last]
    store = EmbeddedStore(path, "w1")
    nodes = list(store.slice(["Symbol"]).nodes.values())
    files = {n.key[1] for n in nodes}
    assert len(nodes) == 3000
    assert len(files) == 1
    assert int(files.pop().removesuffix(".py")) + 1 == store.version()
    assert store.version() >= max(int(line) for line in done if line.isdigit()) + 1
    store.close()


def test_a_full_disk_is_said_clearly_and_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    store = EmbeddedStore(path, "w1")
    good = random_graph(7, 10)
    store.replace(LINKS, good)
    store.close()
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "is full; the graph written before is unchanged | free some space" in done.stdout, done.stderr
    assert done.stdout.splitlines()[1] == f"1 {len(good.nodes)}"
    again = EmbeddedStore(path, "w1")
    assert shown(again.slice()) == shown(good)
    again.replace(LINKS, graph(thing("Service", "a")))
    again.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Path:
    """A file system of one megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small file system here: {done.stderr.strip()}")
    return folder


def test_a_full_file_system_is_said_clearly(tiny_disk: Path) -> None:
    try:
        store = EmbeddedStore(tiny_disk / "graph.db", "w1")
        good = random_graph(7, 10)
        store.replace(LINKS, good)
        big = graph(*(thing("Symbol", "r", f"{n}.py", "x" * 200) for n in range(9000)))
        with pytest.raises(UserError, match="full"):
            store.replace(LINKS, big)
        assert shown(store.slice()) == shown(good)
        store.close()
    finally:
        subprocess.run(["umount", str(tiny_disk)], check=True)


def test_a_file_that_is_no_graph_is_named(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    path.write_text("this is not a database, whatever its name says" * 100)
    with pytest.raises(UserError, match="not a readable graph file") as caught:
        EmbeddedStore(path)
    assert "testmesh scan" in (caught.value.hint or "")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        EmbeddedStore(tmp_path / "file" / "graph.db")


def test_another_workspaces_file_is_refused(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path / "g.db", "w1").close()
    with pytest.raises(UserError, match="another workspace"):
        EmbeddedStore(tmp_path / "g.db", "w2")


def test_another_formats_file_is_refused(tmp_path: Path) -> None:
    import sqlite3

    EmbeddedStore(tmp_path / "g.db", "w1").close()
    with sqlite3.connect(tmp_path / "g.db") as db:
        db.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    db.close()
    with pytest.raises(UserError, match="format 99"):
        EmbeddedStore(tmp_path / "g.db", "w1")
