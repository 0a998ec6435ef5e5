"""Anthropic's Messages API through its official SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.llm.model import Ask, Connection, ModelFailed, Reply, Usage, allowed_url, retryable_status
from testmesh.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from anthropic import Anthropic


class _Model:
    def __init__(self, connect: Callable[[float], Anthropic], model: str) -> None:
        self._connect, self._model = connect, model

    def ask(self, ask: Ask) -> Reply:
        import anthropic

        try:
            with self._connect(ask.timeout) as client:
                message = client.messages.create(
                    model=self._model,
                    max_tokens=ask.max_tokens,
                    system=ask.system or anthropic.omit,
                    messages=[{"role": "user", "content": ask.prompt}],
                    stream=False,
                )
        except anthropic.APIStatusError as error:
            status = error.status_code
            raise ModelFailed(f"anthropic answered {status}", retryable=retryable_status(status)) from error
        except anthropic.APIConnectionError as error:
            raise ModelFailed(f"anthropic: {type(error).__name__}", retryable=True) from error
        except (anthropic.APIError, ValueError) as error:
            raise ModelFailed(
                f"anthropic sent something unreadable: {type(error).__name__}", retryable=False
            ) from error
        blocks = message.content or []
        text = "".join(block.text for block in blocks if block.type == "text")
        usage = Usage(message.usage.input_tokens, message.usage.output_tokens)
        return Reply(text, usage, f"anthropic:{self._model}", message.stop_reason == "max_tokens")


class _Anthropic:
    name = "anthropic"
    default_url = "https://api.anthropic.com"
    key_variable = "ANTHROPIC_API_KEY"

    def connect(self, connection: Connection) -> _Model:
        url = allowed_url(connection.url, self.default_url)
        try:
            from anthropic import Anthropic
        except ImportError as error:
            raise MissingExtra("anthropic", "ai") from error

        def connect(timeout: float) -> Anthropic:
            return Anthropic(api_key=connection.key, base_url=url, max_retries=0, timeout=timeout)

        return _Model(connect, connection.model)


PROVIDER = _Anthropic()
