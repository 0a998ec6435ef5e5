"""Failures that were explained before, found again by how they read; shown beside an answer, never evidence for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embeddings.text import Document
from graph.answers import Diagnosis
from graph.runs import Run

if TYPE_CHECKING:
    from agents.diagnosis import DiagnosisInputs, PastFailure

FILE = "failures.npz"
LEAST, MOST = 0.6, 3
KIND = "Failure"


def alike(folder: Path, run: Run) -> Callable[[str], Sequence[PastFailure]] | None:
    """Finds explained failures of other runs that read like a text; None when there are none or no embedder.

    Args:
        folder: where they are kept.
        run: the failing run, which is never its own past.
    """
    if not (folder / FILE).exists() or importlib.util.find_spec("wordllama") is None:
        return None

    def similar(text: str) -> Sequence[PastFailure]:
        from agents.diagnosis import PastFailure
        from embeddings.embedders.static import EMBEDDER
        from embeddings.index import nearest
        from embeddings.stores.numpy import NumpyIndex

        index = NumpyIndex(folder / FILE)
        hits = nearest(index, EMBEDDER.embed([text])[0], MOST + 1, [KIND], LEAST)
        others = [h for h in hits if not h.uid.startswith(f"{run.id}/")]
        return [PastFailure(h.uid.split("/", 1)[0], h.label, h.score) for h in others[:MOST]]

    return similar


def remember(folder: Path, inputs: DiagnosisInputs, diagnosis: Diagnosis) -> None:
    """Keep an explained failure for later; an abstention teaches nothing and is left out.

    Args:
        folder: where they are kept.
        inputs: of the diagnosis.
        diagnosis: the answer.
    """
    if diagnosis.failure == "unknown" or importlib.util.find_spec("wordllama") is None:
        return
    from agents.diagnosis.failure import locate
    from embeddings.embedders.static import EMBEDDER
    from embeddings.index import Row, unit
    from embeddings.stores.numpy import NumpyIndex

    failure = locate(inputs.run, inputs.green, inputs.flow)
    if failure is None:
        return
    document = Document(f"{inputs.run.id}/{diagnosis.flow}", KIND, diagnosis.failure, failure.words())
    vector = unit(EMBEDDER.embed([document.text])[0])
    NumpyIndex(folder / FILE).put([Row(document.uid, KIND, document.label, document.digest, vector)])
