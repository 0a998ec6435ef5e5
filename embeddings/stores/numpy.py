"""Vectors in one file beside the graph, searched exactly."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.index import Row
from testmesh.kernel.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLACK = 16


class NumpyIndex:
    """An index in a file; loaded when first used, written whole and atomically.

    Args:
        path: the file, or None to keep it in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._loaded: dict[str, Row] | None = None
        self._matrix: tuple[list[Row], NDArray[np.float32]] | None = None

    def _rows(self) -> dict[str, Row]:
        if self._loaded is None:
            self._loaded = self._read() if self._path is not None and self._path.exists() else {}
        return self._loaded

    def _read(self) -> dict[str, Row]:
        from zipfile import BadZipFile

        import numpy as np

        assert self._path is not None
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                heads, vectors = json.loads(str(archive["heads"])), archive["vectors"]
            return {h[0]: Row(h[0], h[1], h[2], h[3], tuple(v.tolist())) for h, v in zip(heads, vectors, strict=True)}
        except (OSError, ValueError, LookupError, TypeError, BadZipFile) as error:
            raise UserError(f"{self._path} is not a readable vector index",
                            hint="delete it; the next search makes it anew") from error  # fmt: skip

    def _write(self) -> None:
        self._matrix = None
        if self._path is None:
            return
        import numpy as np

        rows = [row for _, row in sorted(self._rows().items())]
        heads = json.dumps([[r.uid, r.kind, r.label, r.digest] for r in rows])
        vectors = np.array([r.vector for r in rows], dtype=np.float32)
        temporary = self._path.with_suffix(".new")
        try:
            with temporary.open("wb") as out:
                np.savez(out, heads=np.array(heads), vectors=vectors)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(self._path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise UserError(
                f"cannot write {self._path}: {error.strerror}", hint="free disk space and scan again"
            ) from error

    def put(self, rows: Sequence[Row]) -> None:
        """Store rows, replacing those of the same uid."""
        if rows:
            self._rows().update({row.uid: row for row in rows})
            self._write()

    def drop(self, uids: Collection[str]) -> None:
        """Forget rows."""
        known = self._rows()
        gone = [uid for uid in uids if known.pop(uid, None) is not None]
        if gone:
            self._write()

    def digests(self, kinds: Collection[str] = ()) -> Mapping[str, str]:
        """Digest of every stored row of these kinds by uid."""
        return {uid: row.digest for uid, row in self._rows().items() if not kinds or row.kind in kinds}

    def preselect(self, vector: Sequence[float], count: int, kinds: Collection[str]) -> Sequence[Row]:
        """The nearest rows and a few more, so that rounding cannot hide one."""
        import numpy as np

        if self._matrix is None:
            rows = [row for _, row in sorted(self._rows().items()) if len(row.vector) == len(vector)]
            self._matrix = rows, np.array([r.vector for r in rows], dtype=np.float32)
        rows, matrix = self._matrix
        if not rows or matrix.shape[1] != len(vector):
            return []
        scores = matrix @ np.array(vector, dtype=np.float32)
        order = np.argsort(-scores, kind="stable")
        chosen = [rows[i] for i in order if not kinds or rows[i].kind in kinds]
        return chosen[: count + SLACK]
