"""Reranking: a model that reads question and passage together puts the first hits in order. Optional, and slow.

The model is a folder of a sentence-transformers CrossEncoder, or is served over ``/rerank`` as vLLM, Jina, Cohere and
others do. Sources: https://sbert.net/docs/cross_encoder/usage/usage.html,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (re-rank API), https://jina.ai/reranker.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx2
import stamina

from indexer.errors import IndexerError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

#: Hits that are put in order at least.
DEPTH = 30

#: Seconds for one request, and for a connection: a person waits.
TIMEOUT = httpx2.Timeout(5.0, connect=2.0)

#: Tries of a request; only network faults, 429 and 5xx are tried again.
ATTEMPTS = 2

#: Pairs at a time, and tokens of a pair: the cost grows with both.
_BATCH, _MAX_LENGTH = 16, 512


class RerankingError(IndexerError):
    """The reranker cannot be used just now."""


class Reranker(Protocol):
    """Tells how well passages answer a question. Thread-safe."""

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """One number a passage; more is better, and only the order means something.

        Raises:
            RerankingError: it cannot be used just now.
        """


class LocalReranker:
    """A CrossEncoder in a folder; it is loaded at the first question and needs torch."""

    def __init__(self, folder: Path) -> None:
        """Name the model.

        Raises:
            RerankingError: there is no model in the folder. Nothing is ever downloaded.
        """
        if not (folder / "config.json").exists():
            raise RerankingError(f"search.reranker names no model folder: {folder} has no config.json.")
        self._folder = folder
        self._loading = threading.Lock()
        self._model: CrossEncoder | None = None

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """One number a passage."""
        try:
            model = self._load()
            pairs = [(question, passage) for passage in passages]
            return [
                float(score) for score in model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
            ]
        except (OSError, ValueError, RuntimeError, TypeError, ImportError) as error:
            raise RerankingError("The reranker's model cannot be used.") from error

    def _load(self) -> CrossEncoder:
        with self._loading:
            if self._model is None:
                # Imported here: it takes seconds, and only who has a reranker needs it.
                from sentence_transformers import CrossEncoder  # noqa: PLC0415

                self._model = CrossEncoder(str(self._folder), max_length=_MAX_LENGTH, local_files_only=True)
            return self._model


@dataclass(frozen=True, kw_only=True)
class RerankServer:
    """Where a reranker is served."""

    #: The whole address, as https://host/v1/rerank.
    url: str
    model: str | None = None
    api_key: str | None = None


class _TryAgainError(Exception):
    """What another try may mend."""


class RemoteReranker:
    """A client of a served reranker; nothing is asked before the first question."""

    def __init__(self, server: RerankServer) -> None:
        self._server = server
        headers = {"Authorization": f"Bearer {server.api_key}"} if server.api_key else {}
        self._client = httpx2.Client(timeout=TIMEOUT, headers=headers)

    def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """One number a passage."""
        body = {"query": question, "documents": list(passages), "top_n": len(passages)}
        if self._server.model:
            body["model"] = self._server.model
        try:
            results = self._post(body)["results"]
            by_index = {int(each["index"]): float(each["relevance_score"]) for each in results}
            return [by_index[index] for index in range(len(passages))]
        except (_TryAgainError, httpx2.HTTPError) as error:
            raise RerankingError("The reranking server does not answer.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RerankingError("The reranking server answers something else than scores.") from error

    @stamina.retry(on=_TryAgainError, attempts=ATTEMPTS, wait_initial=0.1, wait_max=0.5, timeout=None)
    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        try:
            response = self._client.post(self._server.url, json=body)
        except httpx2.TransportError as error:
            raise _TryAgainError from error
        if response.status_code == httpx2.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise _TryAgainError
        response.raise_for_status()
        answer = response.json()
        return answer if isinstance(answer, dict) else {}
