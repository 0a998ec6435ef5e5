"""OpenAI's Chat Completions API, at the vendor or at any compatible server, through the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.llm.model import Ask, Connection, ModelFailed, Reply, Usage, allowed_url, retryable_status
from testmesh.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionMessageParam


class _Model:
    def __init__(self, connect: Callable[[float], OpenAI], model: str) -> None:
        self._connect, self._model = connect, model

    def ask(self, ask: Ask) -> Reply:
        import openai

        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": ask.prompt}]
        if ask.system:
            messages.insert(0, {"role": "system", "content": ask.system})
        try:
            with self._connect(ask.timeout) as client:
                completion = client.chat.completions.create(
                    model=self._model,
                    messages=messages,
                    max_completion_tokens=ask.max_tokens,
                    response_format={"type": "json_object"} if ask.schema else openai.omit,
                    stream=False,
                )
        except openai.APIStatusError as error:
            status = error.status_code
            raise ModelFailed(f"openai answered {status}", retryable=retryable_status(status)) from error
        except openai.APIConnectionError as error:
            raise ModelFailed(f"openai: {type(error).__name__}", retryable=True) from error
        except (openai.OpenAIError, ValueError) as error:
            raise ModelFailed(f"openai sent something unreadable: {type(error).__name__}", retryable=False) from error
        if not completion.choices:
            raise ModelFailed("openai sent no choice", retryable=False)
        choice, counted = completion.choices[0], completion.usage
        usage = Usage(counted.prompt_tokens, counted.completion_tokens) if counted else Usage()
        return Reply(choice.message.content or "", usage, f"openai:{self._model}", choice.finish_reason == "length")


class _OpenAI:
    name = "openai"
    default_url = "https://api.openai.com/v1"
    key_variable = "OPENAI_API_KEY"

    def connect(self, connection: Connection) -> _Model:
        url = allowed_url(connection.url, self.default_url)
        try:
            from openai import OpenAI
        except ImportError as error:
            raise MissingExtra("openai", "ai") from error

        def connect(timeout: float) -> OpenAI:
            return OpenAI(api_key=connection.key or "none", base_url=url, max_retries=0, timeout=timeout)

        return _Model(connect, connection.model)


PROVIDER = _OpenAI()
