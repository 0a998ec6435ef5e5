"""A law: what a scan says does not depend on what was scanned before, nor on being killed on the way."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanners.cache import FactCache
from scanners.scan import ScanRequest, scan
from testmesh.guard.process import Command, run
from tests.scanners.conftest import Repo

_CONTENTS = (
    "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/a')\ndef a(): return {}\n",
    "import requests\n\ndef call(base):\n    return requests.get(base + '/a').json()['x']\n",
    "BASE = 'http://a'\n",
    "def broken(:\n",
    "services: {a: {image: redis:7}, b: {build: b}}\n",
    "const app = require('express')();\napp.get('/x', (req, res) => res.json({ a: 1 }));\n",
    "",
)
_PATHS = ("a.py", "b/a.py", "b/c.py", "web/x.js", "compose.yml", "tests/t.py", "b/.env")
_EDITS = st.lists(st.tuples(st.sampled_from(_PATHS), st.one_of(st.none(), st.sampled_from(_CONTENTS))), max_size=4)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(_EDITS, min_size=2, max_size=3), committed=st.booleans())
def test_an_incremental_scan_says_what_a_full_one_says(
    make_repo: Callable[[], Repo], rounds: list[list[tuple[str, str | None]]], committed: bool
) -> None:
    repo = make_repo()
    with tempfile.TemporaryDirectory() as folder, FactCache(Path(folder) / "facts.db") as cache:
        for edits in rounds:
            for path, content in edits:
                (repo.path / path).unlink(missing_ok=True)
                if content is not None:
                    repo.write({path: content})
            revision = repo.commit() if committed else None
            request = ScanRequest(repo.path, revision)
            assert scan(request, cache=cache) == scan(request)


_KILLED = """
import os, signal, sys
from pathlib import Path
from scanners.cache import FactCache
from scanners.scan import ScanRequest, scan

def die(done, total, label):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

with FactCache(Path(sys.argv[2])) as cache:
    scan(ScanRequest(Path(sys.argv[1]), "HEAD"), cache=cache, progress=die)
"""


def test_a_kill_at_any_moment_leaves_the_cache_whole(repo: Repo, tmp_path: Path) -> None:
    repo.commit({f"m{n}.py": f"def f{n}():\n    return {n}\n" for n in range(300)})
    full = scan(ScanRequest(repo.path, "HEAD"))
    facts = tmp_path / "facts.db"
    for at in ("1", "70", "200", "299"):
        killed = run(Command((sys.executable, "-c", _KILLED, str(repo.path), str(facts), at), cwd=Path.cwd()))
        assert killed.code == -9
        with FactCache(facts) as cache:
            assert cache.get("none", []) == {}

    with FactCache(facts) as cache:
        again = scan(ScanRequest(repo.path, "HEAD"), cache=cache)

    assert again == full
    assert 0 < again.stats.cached < 300
