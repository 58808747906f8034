"""The chat model: any OpenAI-compatible server, vLLM first of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx2
import openai
import stamina
import structlog
from openai.types.chat import ChatCompletionMessageParam

from inference.errors import ModelAnswerError, ModelUnavailableError

log = structlog.get_logger(__name__)

#: Seconds for one whole reply, and for a first connection.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)

#: Tries of a call; only network faults, 429 and 5xx are tried again.
ATTEMPTS = 3

#: Context length that is assumed when the server does not say (vLLM does, as ``max_model_len``).
ASSUMED_CONTEXT = 4096

#: Characters of a token, on the safe side, where the server cannot count.
_CHARACTERS_PER_TOKEN = 3

_TRANSIENT = (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Where the model is served, and as what."""

    #: Ends in /v1.
    base_url: str
    #: The served model's name; None takes the first that the server lists.
    name: str | None = None
    api_key: str | None = None
    #: Tokens of a reply at most.
    max_reply_tokens: int = 700


class ChatModel:
    """A client of one served model. Thread-safe."""

    def __init__(self, config: ModelConfig, *, http_client: httpx2.Client | None = None) -> None:
        self._config = config
        # Retries are ours (bounded, with jitter); vLLM without a key still wants the header to be there.
        self._client = openai.OpenAI(
            base_url=config.base_url,
            api_key=config.api_key or "none",
            timeout=TIMEOUT,
            max_retries=0,
            http_client=http_client,
        )
        self._served: tuple[str, int] | None = None

    @property
    def label(self) -> str:
        """What to call the model without asking the server."""
        return self._config.name or self._config.base_url

    @property
    def name(self) -> str:
        """The served model's name.

        Raises:
            ModelUnavailableError: the server does not answer, or does not serve the configured model.
        """
        return self._model()[0]

    @property
    def max_reply_tokens(self) -> int:
        """Tokens of a reply at most, never more than a quarter of the window."""
        return min(self._config.max_reply_tokens, self.context_tokens // 4)

    @property
    def context_tokens(self) -> int:
        """The model's context length in tokens."""
        return self._model()[1]

    def reply(self, messages: Sequence[ChatCompletionMessageParam], *, max_tokens: int | None = None) -> str:
        """The model's reply to a conversation.

        Raises:
            ModelUnavailableError: the server does not answer, or not in time.
            ModelAnswerError: it answered with an error or with nothing.
        """
        try:
            completion = self._call(messages, max_tokens or self.max_reply_tokens)
        except _TRANSIENT as error:
            raise ModelUnavailableError("The model does not answer just now.") from error
        except openai.OpenAIError as error:
            raise ModelAnswerError("The model could not handle this question.") from error
        text = _text(completion)
        if not text:
            raise ModelAnswerError("The model gave an empty answer.")
        return text

    def count_tokens(self, messages: Sequence[ChatCompletionMessageParam]) -> int:
        """Tokens of a prompt, by the server's own tokenizer where it has vLLM's ``/tokenize``, else estimated."""
        root = str(self._client.base_url).rstrip("/").removesuffix("/v1")
        try:
            answer = self._client.post(
                f"{root}/tokenize", body={"model": self.name, "messages": list(messages)}, cast_to=dict
            )
            return int(answer["count"])
        except (openai.OpenAIError, KeyError, TypeError, ValueError):
            return sum(len(str(message.get("content"))) for message in messages) // _CHARACTERS_PER_TOKEN

    def _call(
        self, messages: Sequence[ChatCompletionMessageParam], max_tokens: int
    ) -> openai.types.chat.ChatCompletion:
        model = self.name
        for attempt in stamina.retry_context(
            on=_TRANSIENT, attempts=ATTEMPTS, timeout=90.0, wait_initial=0.2
        ):
            with attempt:
                return self._client.chat.completions.create(
                    model=model, messages=list(messages), max_tokens=max_tokens, temperature=0.1
                )
        raise AssertionError("stamina ends with a result or an error")

    def _model(self) -> tuple[str, int]:
        if self._served is None:
            try:
                served = {model.id: model for model in self._client.models.list()}
            except (openai.OpenAIError, AttributeError) as error:  # the latter: an answer that is no list
                raise ModelUnavailableError("The model does not answer just now.") from error
            name = self._config.name or next(iter(served), "")
            if name not in served:
                log.error("model_not_served", model=name, served=sorted(served))
                raise ModelUnavailableError("The configured model is not served just now.")
            length = (served[name].model_extra or {}).get("max_model_len")
            self._served = (name, int(length) if length else ASSUMED_CONTEXT)
        return self._served


def _text(completion: openai.types.chat.ChatCompletion) -> str:
    """What the reply says; "" for an answer that is no chat completion, whose shape the client does not check."""
    try:
        return (completion.choices[0].message.content or "").strip()
    except (AttributeError, IndexError, TypeError):
        return ""
