"""Static word vectors from a wheel: no server, no download, milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from testmesh.kernel.errors import MissingExtra


@cache
def _model() -> Any:
    import logging

    # It configures the root logger when imported; a handler that is already there keeps our output ours.
    quiet = logging.NullHandler()
    logging.root.addHandler(quiet)
    try:
        import wordllama
        from wordllama import WordLlama
    except ImportError as error:
        raise MissingExtra("wordllama", "embedded") from error
    finally:
        logging.root.removeHandler(quiet)
    from pathlib import Path

    return WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


class _Static:
    name = "static"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = _model().embed(list(texts)).tolist() if texts else []
        return vectors


EMBEDDER = _Static()
