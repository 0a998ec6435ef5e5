from collections.abc import Sequence
from pathlib import Path
from typing import Any

class WordLlama:
    @staticmethod
    def load(*, cache_dir: Path | None = ..., disable_download: bool = ...) -> WordLlama: ...
    def embed(self, texts: Sequence[str]) -> Any: ...
