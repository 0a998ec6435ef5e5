"""OpenAI's embeddings, or any compatible server's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from testmesh.kernel.errors import MissingExtra, UnavailableError


@dataclass(frozen=True, slots=True)
class OpenAIEmbedder:
    """Vectors from an OpenAI-compatible server.

    Args:
        model: the vendor's name of the model.
        url: base URL.
        key: API key; read from ``OPENAI_API_KEY`` when empty.
    """

    model: str = "text-embedding-3-small"
    url: str = "https://api.openai.com/v1"
    key: str = ""

    @property
    def name(self) -> str:
        """Part of every digest: other models make other vectors."""
        return f"openai:{self.model}"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector a text.

        Raises:
            UnavailableError: the server does not answer or refuses.
        """
        try:
            import openai
        except ImportError as error:
            raise MissingExtra("openai", "ai") from error
        key = self.key or os.environ.get("OPENAI_API_KEY", "none")
        try:
            with openai.OpenAI(api_key=key, base_url=self.url, max_retries=1, timeout=30) as client:
                answer = client.embeddings.create(model=self.model, input=list(texts), encoding_format="float")
        except (openai.OpenAIError, ValueError) as error:
            raise UnavailableError("embedding server", type(error).__name__, hint="check [models] embed") from error
        return [row.embedding for row in sorted(answer.data, key=lambda r: r.index)]


EMBEDDER = OpenAIEmbedder()
