"""A model that a server runs: OpenAI's ``/v1/embeddings``, as vLLM (pooling), TEI, Ollama and others serve it.

How many tokens a text has is said by a local tokenizer folder, else by vLLM's ``/tokenize``; a server without either
cannot be used, because chunks would be cut unseen.
Sources: https://platform.openai.com/docs/api-reference/embeddings,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (embeddings, models, tokenizer).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import stamina
import structlog
from numpy.typing import NDArray

from indexer.embedding.addresses import is_address, split_address
from indexer.embedding.backends import unit
from indexer.embedding.pipeline import open_tokenizer, read_pipeline
from indexer.errors import EmbeddingError

log = structlog.get_logger(__name__)

#: Seconds for one request, and for a first connection.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)

#: Tries of a request; only network faults, 429 and 5xx are tried again.
ATTEMPTS = 3

#: Texts in a request, and requests at once.
_BATCH, _AT_ONCE = 32, 4

#: Tokens that are assumed to be read when the server does not say (vLLM does, as ``max_model_len``).
_ASSUMED_WINDOW = 512

#: Special tokens around a text, on the safe side, where no tokenizer is at hand to say.
_SPECIAL = 8


@dataclass(frozen=True, kw_only=True)
class RemoteConfig:
    """Where a model is served, and as what."""

    #: Ends in /v1, without a slash.
    url: str
    #: The served model's name; None takes the first that the server lists.
    model: str | None = None
    api_key: str | None = None
    #: A folder with the model's tokenizer.json, and its prompts if it has any.
    tokenizer: Path | None = None


class _TryAgainError(Exception):
    """What another try may mend."""


class RemoteModel:
    """A client of one served model. Thread-safe; nothing is asked before it is needed."""

    def __init__(self, config: RemoteConfig) -> None:
        """Open the tokenizer, if there is one.

        Raises:
            EmbeddingError: its folder is none.
        """
        self._config = config
        headers = {"Authorization": f"Bearer {config.api_key}"} if config.api_key else {}
        self._client = httpx2.Client(timeout=TIMEOUT, headers=headers)
        self._tokenizer = open_tokenizer(config.tokenizer) if config.tokenizer else None
        self._prompts = ("", "")
        if config.tokenizer and (config.tokenizer / "config_sentence_transformers.json").exists():
            pipeline = read_pipeline(str(config.tokenizer))
            self._prompts = (pipeline.query_prompt, pipeline.document_prompt)
        self._asking = threading.Lock()
        self._served: tuple[str, int] | None = None
        self._dimensions: int | None = None

    @property
    def name(self) -> str:
        """The served model's name, which vectors are stored under."""
        return self._config.model or self._ask()[0]

    @property
    def location(self) -> str:
        """Address and name in one."""
        return f"{self._config.url}#{self.name}"

    def matches(self, name: str, location: str | None) -> bool:
        """Whether it is what the index knows by this name and location; False while the server was not asked."""
        known = self._config.model or (self._served and self._served[0])
        return known == name and is_address(location) and split_address(location) == (self._config.url, name)

    @property
    def backend(self) -> str:
        """Which server runs it."""
        return self._host

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads, the special ones and the prompts not counted."""
        special = self._tokenizer.num_special_tokens_to_add(is_pair=False) if self._tokenizer else _SPECIAL
        prompt = max(map(self.count_tokens, self._prompts)) if any(self._prompts) else 0
        return self._ask()[1] - special - prompt

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        if self._dimensions is None:
            self._dimensions = int(self._embed(["dimensions"]).shape[1])
        return self._dimensions

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has."""
        if self._tokenizer:
            return len(self._tokenizer.encode(text, add_special_tokens=False).ids)
        body = {"model": self.name, "prompt": text, "add_special_tokens": False}
        try:
            return int(self._call("POST", f"{self._root}/tokenize", body)["count"])
        except (EmbeddingError, KeyError, TypeError, ValueError) as error:
            raise EmbeddingError(
                f"The embedding server {self._host} does not count tokens: name a folder with the model's "
                "tokenizer.json as embedding.tokenizer."
            ) from error

    def load(self) -> None:
        """Nothing is loaded here."""

    def tune(self) -> None:
        """Nothing is chosen here."""

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text.

        Raises:
            EmbeddingError: the server cannot be reached, refuses, or answers something else.
        """
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        prompt = self._prompts[0 if query else 1]
        # Servers refuse an empty text.
        whole = [f"{prompt}{text}" or " " for text in texts]
        batches = [whole[start : start + _BATCH] for start in range(0, len(whole), _BATCH)]
        if len(batches) == 1:
            return self._embed(batches[0])
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="embed") as threads:
            return np.concatenate(list(threads.map(self._embed, batches)))

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        body = {"model": self.name, "input": list(texts), "encoding_format": "float"}
        answer = self._call("POST", f"{self._config.url}/embeddings", body)
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise EmbeddingError(f"The embedding server {self._host} answers no list of vectors.") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise EmbeddingError(
                f"The embedding server {self._host} gave {len(vectors)} vectors for {len(texts)} texts."
            )
        if self._dimensions not in (None, vectors.shape[1]):
            raise EmbeddingError(
                f"The embedding server {self._host} gave vectors of {vectors.shape[1]} numbers instead of "
                f"{self._dimensions}: is it still the same model?"
            )
        if not np.all(np.isfinite(vectors)) or not np.all(np.any(vectors, axis=1)):
            raise EmbeddingError(f"The embedding server {self._host} gave a vector without a direction.")
        self._dimensions = int(vectors.shape[1])
        return unit(vectors)

    def _ask(self) -> tuple[str, int]:
        """Name and window, as the server lists them."""
        with self._asking:
            if self._served is None:
                listed = self._call("GET", f"{self._config.url}/models")
                try:
                    rows = {str(row["id"]): row for row in listed["data"]}
                    name = self._config.model or next(iter(rows))
                    row = rows[name]
                except (KeyError, TypeError, StopIteration) as error:
                    raise EmbeddingError(
                        f"The embedding server {self._host} does not serve {self._config.model or 'any model'}."
                    ) from error
                self._served = name, int(row.get("max_model_len") or _ASSUMED_WINDOW)
            return self._served

    @property
    def _host(self) -> str:
        return urlsplit(self._config.url).netloc

    @property
    def _root(self) -> str:
        return self._config.url.removesuffix("/v1")

    def _call(self, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
        try:
            for attempt in stamina.retry_context(
                on=_TryAgainError, attempts=ATTEMPTS, wait_initial=0.1, wait_max=5.0
            ):
                with attempt:
                    return self._once(method, url, body)
        except _TryAgainError as error:
            raise EmbeddingError(
                f"The embedding server {self._host} does not answer ({error}); try again later."
            ) from error
        raise AssertionError("stamina gives a result or raises")

    def _once(self, method: str, url: str, body: dict[str, Any] | None) -> Any:
        try:
            response = self._client.request(method, url, json=body)
        except httpx2.TimeoutException as error:
            raise _TryAgainError("timed out") from error
        except httpx2.HTTPError as error:
            raise _TryAgainError("no connection") from error
        if response.status_code == 429 or response.status_code >= 500:
            raise _TryAgainError(f"status {response.status_code}")
        if response.status_code in (401, 403):
            raise EmbeddingError(
                f"The embedding server {self._host} refuses the key: check embedding.api_key."
            )
        if response.status_code != 200:
            # What it says may quote the text.
            raise EmbeddingError(
                f"The embedding server {self._host} refuses the request (status {response.status_code})."
            )
        try:
            return response.json()
        except ValueError as error:
            raise EmbeddingError(f"The embedding server {self._host} does not answer in JSON.") from error
