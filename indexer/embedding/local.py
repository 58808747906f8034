"""A model in a folder, run on this machine by the backend that is chosen at the first vector."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import preparation
from indexer.embedding.addresses import is_address
from indexer.embedding.backends import Announce, Backend
from indexer.embedding.pipeline import DEFAULT_MODEL, open_tokenizer, read_pipeline


class LocalModel:
    """One model folder. Thread-safe; counting tokens never loads the weights."""

    def __init__(self, model: str | None, *, backend: str, exports: Path | None, announce: Announce) -> None:
        """Read what the folder says.

        Args:
            model: the folder; None for the one that comes along.
            backend: what runs it; "auto" for the fastest.
            exports: where exported models are kept; None for nowhere.
            announce: told before the model is exported.

        Raises:
            EmbeddingError: there is no such folder, or it is broken.
        """
        self._pipeline = read_pipeline(model, kept=exports)
        self._wanted = backend
        self._exports = exports
        self._announce = announce
        self._tokenizer = open_tokenizer(self._pipeline.folder)
        self.name = self._pipeline.name
        default = self.name == DEFAULT_MODEL
        #: None of the model that comes along: it is elsewhere on every machine.
        self.location = None if default else str(self._pipeline.folder.resolve())
        #: Word pieces that the model reads, the special ones and the prompts not counted.
        self.max_tokens = (
            self._pipeline.window
            - self._tokenizer.num_special_tokens_to_add(is_pair=False)
            - max(map(self.count_tokens, (self._pipeline.query_prompt, self._pipeline.document_prompt)))
        )
        self._loading = threading.Lock()
        self._backend: Backend | None = None
        self._dimensions: int | None = None

    def matches(self, name: str, location: str | None) -> bool:
        """Whether it is what the index knows by this name and location: the name says it of any folder."""
        return self.name == name and not is_address(location)

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        if self._dimensions is None:
            self._dimensions = int(self.load().encode(["dimensions"]).shape[1])
        return self._dimensions

    @property
    def backend(self) -> str:
        """What runs it."""
        return {"torch": "PyTorch", "onnx": "ONNX Runtime", "openvino": "OpenVINO"}[self.load().name]

    def count_tokens(self, text: str) -> int:
        """How many word pieces a text has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def load(self) -> Backend:
        """Load the weights now rather than at the first text; the first time ever, the model is exported.

        Raises:
            EmbeddingError: the model's files are broken.
        """
        with self._loading:
            if self._backend is None:
                self._backend = self._open()
            return self._backend

    def _open(self) -> Backend:
        return preparation.open_backend(self._pipeline, self._wanted, self._exports, self._announce)

    def tune(self) -> None:
        """Before much is embedded: measure the backends, once on this machine, and go on with the fastest."""
        if self._wanted != "auto" or self._exports is None:
            return
        choice = preparation.measure(self._pipeline, self._exports, self._announce)
        fastest = choice.order()[:1] if choice else []
        if fastest and fastest != [self.load().name]:
            backend = self._open()
            with self._loading:
                self._backend = backend

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        prompt = self._pipeline.query_prompt if query else self._pipeline.document_prompt
        return self.load().encode(texts, prompt=prompt)
