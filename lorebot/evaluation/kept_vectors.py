"""Vectors that are kept between evaluations, so that a text is embedded once however often a collection is scored.

One SQLite file per embedding model, ``<the model's name>.sqlite``, with the table ``vectors(digest, vector)``: the
BLAKE2b (12 bytes) of the text in UTF-8, and its unit vector as little-endian float16, which is also what the index
stores. Only the evaluation uses it: an index keeps its own vectors.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder, Model


class KeptVectors:
    """The model it stands in front of, for texts; questions go straight through. Thread-safe."""

    def __init__(self, model: Model, folder: Path) -> None:
        """Open the model's file in the folder, or begin it."""
        self._model = model
        #: Texts that had to be embedded so far.
        self.embedded = 0
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        # A remote model's name may hold slashes.
        file = folder / f"{model.name.replace('/', '_')}.sqlite"
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute(
            "create table if not exists vectors (digest blob primary key, vector blob not null) without rowid"
        )

    @property
    def name(self) -> str:
        """The name that vectors are stored under."""
        return self._model.name

    @property
    def location(self) -> str | None:
        """What the model is opened by."""
        return self._model.location

    def matches(self, name: str, location: str | None) -> bool:
        """Whether it is what the index knows by this name and location."""
        return self._model.matches(name, location)

    @property
    def backend(self) -> str:
        """What runs it, for people."""
        return self._model.backend

    @property
    def max_tokens(self) -> int:
        """Tokens that the model reads."""
        return self._model.max_tokens

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._model.dimensions

    def count_tokens(self, text: str) -> int:
        """How many word pieces a text has."""
        return self._model.count_tokens(text)

    def load(self) -> object:
        """Load the model now rather than at the first text."""
        return self._model.load()

    def tune(self) -> None:
        """Find out what runs it fastest, before much is embedded."""
        self._model.tune()

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text: shape (len(texts), dimensions); what is not kept is embedded and kept."""
        if query or not texts:
            return self._model.encode(texts, query=query)
        digests = [hashlib.blake2b(text.encode(), digest_size=12).digest() for text in texts]
        with self._lock:
            kept = {digest: vector for digest in set(digests) if (vector := self._get(digest))}
            missing = {
                digest: text for digest, text in zip(digests, texts, strict=True) if digest not in kept
            }
            if missing:
                new = self._model.encode(list(missing.values())).astype("<f2")
                kept |= {digest: row.tobytes() for digest, row in zip(missing, new, strict=True)}
                self._put({digest: kept[digest] for digest in missing})
        return np.array([np.frombuffer(kept[digest], "<f2") for digest in digests], dtype=np.float32)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _get(self, digest: bytes) -> bytes | None:
        row = self._database.execute("select vector from vectors where digest = ?", [digest]).fetchone()
        return None if row is None else bytes(row[0])

    def _put(self, vectors: dict[bytes, bytes]) -> None:
        self.embedded += len(vectors)
        with self._database:
            self._database.executemany("insert or replace into vectors values (?, ?)", vectors.items())


@contextmanager
def keeping(embedder: Embedder, folder: Path) -> Iterator[KeptVectors]:
    """Let the embedder take its vectors from the folder, and keep new ones there, until the end of the block."""
    model = embedder.model
    kept = KeptVectors(model, folder)
    embedder.adopt(kept)
    try:
        yield kept
    finally:
        embedder.adopt(model)
        kept.close()
