"""Copies of real chunks with noise, by the million, in the real tables.

A copy's vector is its original's plus Gaussian noise of 0.6 of its length, made a unit vector again (cosine to the
original about 0.86). A copy's text has three words of ten replaced by words drawn from all texts as often as they
occur there, and words that occur once are made others, so that the number of postings a term has, and of terms, grow
as they do in real text. Everything else, and who may read it, is as of the original.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from corpus import progress
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import Connection
from psycopg_pool import ConnectionPool

from indexer import terms

#: Length of the noise beside the vector's own, which is 1.
NOISE = 0.6
#: Share of a text's words that are drawn anew.
DRAWN = 0.3
#: Chunks whose words are indexed in a transaction.
_PORTION = 1_000
#: Set by the database, or different in each copy.
_OWN = {"id", "source_id", "external_id", "document_id", "text", "hash", "words", "rule_set_id"}


class Copies:
    """Adds copies of what an index holds to it."""

    def __init__(self, pool: ConnectionPool, model_id: int) -> None:
        """Remember the originals: everything that is in the index now."""
        self._pool = pool
        self._model_id = model_id
        with pool.connection() as connection:
            connection.execute("set local statement_timeout = 0")
            rows = connection.execute(
                "select c.id, c.text, e.embedding from chunks c join embeddings e on e.chunk_id = c.id "
                "where e.model_id = %s order by c.id",
                [model_id],
            ).fetchall()
            self._documents = _last(connection, "documents")
            self._chunks = _last(connection, "chunks")
        self._ids = [row[0] for row in rows]
        self._texts = [row[1].split(" ") for row in rows]
        self._vectors = np.stack([row[2].to_numpy() for row in rows]).astype(np.float32)
        self._words = [word for text in self._texts for word in text]
        counts = Counter(self._words)
        self._once = {word for word, count in counts.items() if count == 1}
        self._number = 0

    def add(self, wanted: int) -> int:
        """Add so many chunks, in as many copies as it takes; how many were added."""
        added = 0
        while added < wanted:
            self._number += 1
            added += self._add_copy(min(wanted - added, len(self._ids)))
            progress(f"copy {self._number}: {added:,} of {wanted:,} chunks")
        return added

    def _add_copy(self, count: int) -> int:
        ids = self._ids[:count]
        choose = random.Random(self._number)
        with self._pool.connection() as connection:
            connection.execute("set local statement_timeout = 0")
            self._copy_rows(
                connection, "documents", "source_id || %(suffix)s, external_id || %(suffix)s", ids
            )
            connection.execute(
                "create temporary table texts (id bigint primary key, text text) on commit drop"
            )
            with connection.cursor().copy("copy texts from stdin") as copy:
                for chunk, words in zip(ids, self._texts, strict=False):
                    copy.write_row((chunk, self._noisy(words, choose)))
            self._copy_rows(
                connection, "chunks", "original.document_id + %(documents)s, t.text, md5(t.text)", ids
            )
        new = [chunk + self._number * self._chunks for chunk in ids]
        for start in range(0, len(new), _PORTION):
            with self._pool.connection() as connection:
                terms.write_words(connection, new[start : start + _PORTION])
        self._copy_vectors(new)
        return len(new)

    def _copy_rows(self, connection: Connection, table: str, own: str, ids: Sequence[int]) -> None:
        shared = ", ".join(
            f'original."{name}"'
            for (name,) in connection.execute(
                "select column_name::text from information_schema.columns "
                "where table_schema = current_schema() and table_name = %s and column_name <> all(%s)",
                [table, list(_OWN)],
            )
        )
        names = "source_id, external_id" if table == "documents" else "document_id, text, hash"
        source = (
            "documents original where id in (select document_id from chunks where id = any(%(ids)s))"
            if table == "documents"
            else "chunks original join texts t on t.id = original.id"
        )
        step = self._documents if table == "documents" else self._chunks
        connection.execute(
            f"insert into {table} (id, {names}, {shared.replace('original.', '')}) overriding system value "
            f"select original.id + %(step)s, {own}, {shared} from {source}",
            {
                "ids": list(ids),
                "step": self._number * step,
                "documents": self._number * self._documents,
                "suffix": f"~{self._number}",
            },
        )

    def _noisy(self, words: Sequence[str], choose: random.Random) -> str:
        mixed = (choose.choice(self._words) if choose.random() < DRAWN else word for word in words)
        return " ".join(f"{word}{self._number}" if word in self._once else word for word in mixed)

    def _copy_vectors(self, new: Sequence[int]) -> None:
        with self._pool.connection() as connection:
            connection.execute("set local statement_timeout = 0")
            with connection.cursor().copy(
                "copy embeddings (model_id, chunk_id, embedding) from stdin with (format binary)"
            ) as copy:
                copy.set_types(["int4", "int8", "halfvec"])
                for chunk, vector in zip(new, self._noisy_vectors(len(new)), strict=True):
                    copy.write_row((self._model_id, chunk, HalfVector(vector)))

    def _noisy_vectors(self, count: int) -> Iterator[NDArray[np.float32]]:
        generator = np.random.default_rng(self._number)
        dimensions = self._vectors.shape[1]
        for start in range(0, count, 10_000):
            vectors = self._vectors[start : min(start + 10_000, count)]
            noise = generator.standard_normal(vectors.shape, np.float32) * (NOISE / dimensions**0.5)
            mixed = vectors + noise
            yield from mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def _last(connection: Connection, table: str) -> int:
    (last,) = connection.execute(f"select coalesce(max(id), 0) from {table}").fetchone() or (0,)
    return int(last)
