"""The embedding model in use, as one object that all parts of a process share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.addresses import is_address, split_address
from indexer.embedding.backends import Announce
from indexer.embedding.local import LocalModel
from indexer.errors import EmbeddingError

#: Word pieces of a chunk at most, however much the model reads: one vector cannot say more.
_CHUNK_TOKENS = 512


@dataclass(frozen=True, kw_only=True)
class EmbeddingOptions:
    """How models are run."""

    #: "auto" takes the fastest that agrees with sentence-transformers.
    backend: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    #: Where exported models are kept; None for nowhere, which leaves torch.
    exports: Path | None = None
    #: The configured server, and the key that it alone gets.
    url: str | None = None
    api_key: str | None = None
    #: A folder with tokenizer.json, where the model is an address.
    tokenizer: Path | None = None
    #: Told a model's name before it is exported, which takes ten seconds and more.
    announce: Announce = lambda _: None


class Model(Protocol):
    """One embedding model, in a folder or on a server. Thread-safe."""

    @property
    def name(self) -> str:
        """The name that vectors are stored under."""

    @property
    def location(self) -> str | None:
        """What ``open_model`` opens it by; None for the one that comes along."""

    def matches(self, name: str, location: str | None) -> bool:
        """Whether it is what the index knows by this name and location; False where only a server could tell."""

    @property
    def backend(self) -> str:
        """What runs it, for people."""

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads, the special ones not counted; what is longer would be cut silently."""

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has."""

    def load(self) -> object:
        """Load the model now rather than at the first text."""

    def tune(self) -> None:
        """Find out what runs it fastest, before much is embedded."""

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text: shape (len(texts), dimensions). Questions may need another prompt."""


def open_model(location: str | None, options: EmbeddingOptions | None = None) -> Model:
    """A model by its folder, by the address of a server (``https://…/v1``, and ``#name`` where it serves several), or
    by None the one that comes along.

    Raises:
        EmbeddingError: there is no such folder, or it is broken, or the address holds a password.
    """
    options = options or EmbeddingOptions()
    if is_address(location):
        # Imported here: the HTTP client takes a while, and most models are folders.
        from indexer.embedding.remote import RemoteConfig, RemoteModel  # noqa: PLC0415

        url, name = split_address(location)
        key = options.api_key if options.url and url == split_address(options.url)[0] else None
        return RemoteModel(
            RemoteConfig(url=url, model=name or None, api_key=key, tokenizer=options.tokenizer)
        )
    return LocalModel(location, backend=options.backend, exports=options.exports, announce=options.announce)


class Embedder:
    """Turns texts into unit vectors, by the model that is in use. Thread-safe.

    Which one that is may change while a process runs (``indexer.models``); who needs two of its answers to fit
    together takes them from one ``model``.
    """

    def __init__(self, model: str | None = None, *, options: EmbeddingOptions | None = None) -> None:
        """Start with the model that is configured.

        Raises:
            EmbeddingError: there is no such folder, or it is broken.
        """
        self.options = options or EmbeddingOptions()
        self._configured = self._model = open_model(model, self.options)

    @property
    def model(self) -> Model:
        """The model in use just now."""
        return self._model

    @property
    def configured(self) -> Model:
        """The model that the configuration names."""
        return self._configured

    def use(self, name: str, location: str | None) -> Model:
        """Go on with the model of this name and location.

        Raises:
            EmbeddingError: it is not here, or another one by now.
        """
        self._model = self.find(name, location)
        return self._model

    def find(self, name: str, location: str | None) -> Model:
        """A model that the index knows; the one that is in use, or configured, is not opened again. Asks no server.

        Raises:
            EmbeddingError: it is not here, or another one by now.
        """
        for known in (self._model, self._configured):
            if known.matches(name, location):
                return known
        model = open_model(location, self.options)
        if not model.matches(name, location):
            raise EmbeddingError(
                f"The index has vectors of the model {name}, which is not here: set embedding.model to its folder, "
                "or change over to another with `lorebot index --embedding-model FOLDER`."
            )
        return model

    def adopt(self, model: Model) -> None:
        """Go on with this model."""
        self._model = model

    @property
    def name(self) -> str:
        """The name that vectors are stored under."""
        return self._model.name

    @property
    def max_tokens(self) -> int:
        """Word pieces that a chunk may have, the special ones not counted."""
        return min(self._model.max_tokens, _CHUNK_TOKENS)

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._model.dimensions

    def count_tokens(self, text: str) -> int:
        """How many word pieces a text has."""
        return self._model.count_tokens(text)

    def load(self) -> None:
        """Load the model now rather than at the first text.

        Raises:
            EmbeddingError: the model's files are broken.
        """
        self._model.load()

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text: shape (len(texts), dimensions)."""
        return self._model.encode(texts, query=query)
