"""Ollama's chat API through its official SDK."""

from __future__ import annotations

from typing import Any

from agents.llm.model import Ask, Connection, ModelFailed, Reply, Usage, allowed_url, retryable_status
from testmesh.kernel.errors import MissingExtra


class _Model:
    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url, model

    def ask(self, ask: Ask) -> Reply:
        import ollama

        messages = [{"role": "user", "content": ask.prompt}]
        if ask.system:
            messages.insert(0, {"role": "system", "content": ask.system})
        schema: dict[str, Any] | None = dict(ask.schema) if ask.schema else None
        try:
            with ollama.Client(host=self._url, timeout=ask.timeout) as client:
                answer = client.chat(
                    self._model, messages=messages, stream=False, format=schema, options={"num_predict": ask.max_tokens}
                )
        except ollama.ResponseError as error:
            status = error.status_code
            raise ModelFailed(f"ollama answered {status}", retryable=retryable_status(status)) from error
        except (ConnectionError, OSError) as error:
            raise ModelFailed(f"ollama: {type(error).__name__}", retryable=True) from error
        except Exception as error:  # its HTTP client's own timeout and decoding errors have no common public root
            raise ModelFailed(f"ollama: {type(error).__name__}", retryable="Timeout" in type(error).__name__) from error
        usage = Usage(answer.prompt_eval_count or 0, answer.eval_count or 0)
        return Reply(answer.message.content or "", usage, f"ollama:{self._model}", answer.done_reason == "length")


class _Ollama:
    name = "ollama"
    default_url = "http://127.0.0.1:11434"
    key_variable = ""

    def connect(self, connection: Connection) -> _Model:
        url = allowed_url(connection.url, self.default_url)
        try:
            import ollama
        except ImportError as error:
            raise MissingExtra("ollama", "ai") from error
        del ollama
        return _Model(url, connection.model)


PROVIDER = _Ollama()
