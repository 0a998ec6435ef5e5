"""Embeddings of a model that Ollama serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from testmesh.kernel.errors import MissingExtra, UnavailableError


@dataclass(frozen=True, slots=True)
class OllamaEmbedder:
    """Vectors from an Ollama server.

    Args:
        model: the model's name there.
        url: base URL.
    """

    model: str = "nomic-embed-text"
    url: str = "http://127.0.0.1:11434"

    @property
    def name(self) -> str:
        """Part of every digest: other models make other vectors."""
        return f"ollama:{self.model}"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text.

        Raises:
            UnavailableError: the server does not answer or refuses.
        """
        try:
            import ollama
        except ImportError as error:
            raise MissingExtra("ollama", "ai") from error
        try:
            with ollama.Client(host=self.url, timeout=30) as client:
                answer = client.embed(self.model, list(texts))
        except (ollama.ResponseError, ConnectionError, OSError) as error:
            raise UnavailableError("ollama", type(error).__name__, hint="is 'ollama serve' running?") from error
        return [list(vector) for vector in answer.embeddings]


EMBEDDER = OllamaEmbedder()
