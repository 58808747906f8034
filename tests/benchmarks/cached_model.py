"""Vectors that benchmarks keep between runs, so that a hundred thousand texts are embedded once.

A folder with one SQLite file per embedding model, ``<the model's name>.sqlite``, with the table
``vectors(digest, vector)``: the BLAKE2b (12 bytes) of the text in UTF-8, and its unit vector as little-endian float16.
It is the format in which ``lorebot eval`` keeps them too.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Embedder, EmbeddingOptions, Model


class CachedModel:
    """An embedding model that makes a text's vector once; a question's each time, unless told otherwise."""

    def __init__(self, model: Model, folder: Path, *, questions: bool = False) -> None:
        """Open the model's file in the folder, or begin it; ``questions`` keeps those as well."""
        self._model = model
        self._questions = questions
        self._lock = Lock()
        #: Texts that had to be embedded so far.
        self.made = 0
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{model.name.replace('/', '_')}.sqlite"
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute(
            "create table if not exists vectors (digest blob primary key, vector blob not null) without rowid"
        )
        self.name = model.name
        self.location = model.location
        self.matches = model.matches
        self.max_tokens = model.max_tokens
        self.count_tokens = model.count_tokens
        self.load = model.load

    @property
    def backend(self) -> str:
        """What runs it."""
        return self._model.backend

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return self._model.dimensions

    def tune(self) -> None:
        """Little is embedded."""

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Unit vectors, one row a text."""
        if query and not self._questions:
            return self._model.encode(texts, query=True)
        digests = [hashlib.blake2b(text.encode(), digest_size=12).digest() for text in texts]
        with self._lock:
            missing = {
                digest: text for digest, text in zip(digests, texts, strict=True) if self._get(digest) is None
            }
            if missing:
                made = self._model.encode(list(missing.values()), query=query).astype("<f2")
                self.made += len(missing)
                with self._database:
                    self._database.executemany(
                        "insert or replace into vectors values (?, ?)",
                        [(digest, row.tobytes()) for digest, row in zip(missing, made, strict=True)],
                    )
            found = np.frombuffer(b"".join(self._get(digest) or b"" for digest in digests), "<f2")
        vectors = found.reshape(len(texts), self.dimensions).astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def _get(self, digest: bytes) -> bytes | None:
        row = self._database.execute("select vector from vectors where digest = ?", [digest]).fetchone()
        return None if row is None else bytes(row[0])


def open_embedder(folder: Path) -> Embedder:
    """The default embedder with all its backends; what they need is exported into the folder, once."""
    return Embedder(options=EmbeddingOptions(exports=folder / "models"))


def cached_embedder(folder: Path, *, questions: bool = False) -> tuple[Embedder, CachedModel]:
    """The same with cached vectors, and the model behind it."""
    embedder = open_embedder(folder)
    model = CachedModel(embedder.model, folder, questions=questions)
    embedder.adopt(model)
    return embedder, model
