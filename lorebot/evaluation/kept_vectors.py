"""Vectors that are kept between evaluations, so that a text is embedded once however often a collection is scored.

One SQLite file per embedding model, ``<the model's name>.sqlite``, with the table ``vectors(digest, vector)``: the
BLAKE2b (12 bytes) of the text in UTF-8, and its unit vector as little-endian float16, which is also what the index
stores. Only the evaluation uses it: an index keeps its own vectors.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder


class KeptVectors:
    """Stands in for the embedder while a collection is indexed. Thread-safe."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        """Open the model's file in the folder, or begin it."""
        self._embedder = embedder
        self.name = embedder.name
        self.max_tokens = embedder.max_tokens
        #: Texts that had to be embedded so far.
        self.embedded = 0
        self._lock = Lock()
        folder.mkdir(parents=True, exist_ok=True)
        # A remote model's name may hold slashes.
        file = folder / f"{embedder.name.replace('/', '_')}.sqlite"
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute(
            "create table if not exists vectors (digest blob primary key, vector blob not null) without rowid"
        )

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._embedder.dimensions

    def count_tokens(self, text: str) -> int:
        """How many word pieces a text has."""
        return self._embedder.count_tokens(text)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, one row a text: shape (len(texts), dimensions); what is not kept is embedded and kept."""
        digests = [hashlib.blake2b(text.encode(), digest_size=12).digest() for text in texts]
        with self._lock:
            kept = {digest: vector for digest in set(digests) if (vector := self._get(digest))}
            missing = {
                digest: text for digest, text in zip(digests, texts, strict=True) if digest not in kept
            }
            if missing:
                new = self._embedder.encode(list(missing.values())).astype("<f2")
                kept |= {digest: row.tobytes() for digest, row in zip(missing, new, strict=True)}
                self._put({digest: kept[digest] for digest in missing})
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
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
