"""Worker processes: what one of them cannot finish costs one file."""

from __future__ import annotations

from graph.facts import SourceFile
from scanners.pool import read_all
from scanners.readers import built_in
from scanners.worker import frame, frames


def test_a_frame_that_was_cut_off_is_left_out() -> None:
    stream = frame(b"a.py", b"one") + frame(b"b.py", b"two")

    assert list(frames(stream)) == [(b"a.py", b"one"), (b"b.py", b"two")]
    for cut in range(1, len(frame(b"b.py", b"two"))):
        assert list(frames(stream[:-cut])) == [(b"a.py", b"one")]


def test_workers_answer_for_every_file_given_to_them() -> None:
    sources = [SourceFile(f"m{n}.py", b"def f(:\n" if n == 3 else b"def f(): ...\n" * n) for n in range(9)]

    found = {path: (facts, text) for path, facts, text in read_all(built_in(), sources, 2)}

    assert found == {path: (facts, text) for path, facts, text in read_all(built_in(), sources, 1)}
    assert found.keys() == {s.path for s in sources}
