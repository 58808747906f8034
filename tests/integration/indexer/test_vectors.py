"""Vectors in the database: made in a pipeline, stored once, indexed when there are enough."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest

from indexer import vector_index, vectors
from indexer.blending import TITLE_WEIGHT, Embeddable, encode_chunks
from indexer.embedding import Embedder
from indexer.models import follow
from indexer.pieces import encode_whole
from indexer.vector_index import settle_index
from indexer.vectors import embed_missing, embed_source, store_vectors

_INDEXES = """
select c.relname, i.indisvalid, c.reloptions from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = 'embeddings'::regclass and c.relname ~ '^embeddings_hnsw' order by 1
"""


def fill(index: Any, source: Any, document: Callable[..., Any], count: int) -> None:
    """So many pages of one chunk each, without vectors."""
    source.put(
        *(document(number, f"Printer {number}. " + "It prints. " * (number % 9)) for number in range(count))
    )
    index.refresh(source, mode="lazy")


def test_every_chunk_gets_its_own_vector_whatever_its_batch(
    index: Any, source: Any, document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorting by length, threads and batches leave each vector with its chunk; what is done is told in order."""
    monkeypatch.setattr(vectors, "BATCH", 8)
    fill(index, source, document, 30)
    told: list[tuple[int, int]] = []

    embedded = embed_source(index.pool, "wiki", index.embedder, progress=lambda *done: told.append(done))

    assert embedded == 30
    assert told == [(8, 30), (16, 30), (24, 30), (30, 30)]
    rows = index.rows(
        "select c.context || E'\\n' || c.text, d.title, e.embedding::text from chunks c "
        "join embeddings e on e.chunk_id = c.id join documents d on d.id = c.document_id"
    )
    stored = np.array([json.loads(vector) for *_, vector in rows])
    texts, titles = (index.embedder.encode([row[column] for row in rows]) for column in (0, 1))
    expected = texts + TITLE_WEIGHT * titles
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert len(rows) == 30
    assert np.sum(stored * expected, axis=1).min() > 0.9999
    assert embed_source(index.pool, "wiki", index.embedder, progress=lambda *_: None) == 0


def test_a_chunk_that_goes_while_it_is_embedded_is_left_out(
    index: Any, source: Any, document: Callable[..., Any]
) -> None:
    """Gone, or just being deleted by another transaction, which nobody waits for."""
    fill(index, source, document, 4)
    ids = [row[0] for row in index.rows("select id from chunks order by id")]
    live = follow(index.pool, index.embedder)
    made = index.embedder.encode(["a", "b", "c", "d"])
    with index.pool.connection() as deleting, index.pool.connection() as storing:
        storing.execute("delete from chunks where id = %s", [ids[0]])
        storing.commit()
        deleting.execute("delete from chunks where id = %s", [ids[1]])
        storing.execute("set local lock_timeout = '2s'")
        assert store_vectors(storing, live.id, live.name, ids, made) == 2

    assert index.rows("select chunk_id from embeddings order by 1") == [(ids[2],), (ids[3],)]


def test_a_vector_is_never_stored_under_another_models_id(
    index: Any, source: Any, document: Callable[..., Any]
) -> None:
    """Nor under one that is neither live nor being built."""
    fill(index, source, document, 1)
    ((chunk,),) = index.rows("select id from chunks")
    live = follow(index.pool, index.embedder)
    with index.pool.connection() as connection:
        made = index.embedder.encode(["a"])
        assert store_vectors(connection, live.id, "another", [chunk], made) == 0
        connection.execute("update embedding_models set live = false")
        assert store_vectors(connection, live.id, live.name, [chunk], made) == 0
        connection.execute("update embedding_models set building = true")
        assert store_vectors(connection, live.id, live.name, [chunk], made) == 1


def test_searches_embed_what_is_missing_once(index: Any, source: Any, document: Callable[..., Any]) -> None:
    """Asked for again, nothing is embedded."""
    fill(index, source, document, 5)
    ids = [row[0] for row in index.rows("select id from chunks")]
    live = follow(index.pool, index.embedder)

    assert embed_missing(index.pool, ids[:3], index.embedder, live.id) == 3
    assert embed_missing(index.pool, ids, index.embedder, live.id) == 2
    assert embed_missing(index.pool, ids, index.embedder, live.id) == 0


def test_the_index_is_built_from_some_number_on_and_one_of_before_is_replaced(
    index: Any, source: Any, document: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below that number an index only costs; what an older version or a killed build left goes."""
    fill(index, source, document, 12)
    embed_source(index.pool, "wiki", index.embedder, progress=lambda *_: None)
    model_id = follow(index.pool, index.embedder).id
    with index.pool.connection() as connection:
        connection.execute(
            psycopg.sql.SQL(
                "create index {} on embeddings using hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) "
                "with (m = 16, ef_construction = 200) where model_id = {}"
            ).format(psycopg.sql.Identifier(f"embeddings_hnsw_{model_id}"), psycopg.sql.Literal(model_id))
        )
    monkeypatch.setattr(vector_index, "INDEX_FROM", 12)

    settle_index(index.pool, model_id)
    whole = [(f"embeddings_hnsw_{model_id}_m32", True, ["m=32", "ef_construction=200"])]
    assert index.rows(_INDEXES) == whole

    # As a build that was killed leaves it.
    index_name = whole[0][0]
    with index.pool.connection() as connection:
        connection.execute(
            "update pg_index set indisvalid = false where indexrelid = %s::regclass", [index_name]
        )
    settle_index(index.pool, model_id)
    assert index.rows(_INDEXES) == whole
    assert index.rows("show statement_timeout") == [("2min",)]

    monkeypatch.setattr(vector_index, "INDEX_FROM", 13)
    settle_index(index.pool, model_id)
    assert index.rows(_INDEXES) == []


def test_a_text_in_pieces_has_the_mean_of_its_pieces(embedder: Embedder) -> None:
    """With the context in front of each; a text that fits is left whole."""
    fits, long = ("Backups", "They run at night."), ("Backups", "The disk is full. " * 120)

    together, in_pieces = encode_whole(embedder.model, [fits, long, ("", "x")])

    assert in_pieces == 1
    assert np.allclose(together[0], embedder.encode(["Backups\nThey run at night."])[0], atol=1e-3)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone, _ = encode_whole(embedder.model, [long])
    cut = embedder.encode([f"{long[0]}\n{long[1]}"])
    assert np.allclose(alone[0], together[1], atol=1e-3)
    assert not np.allclose(alone, cut, atol=1e-3)


@pytest.mark.parametrize("text", ["x" * 4000, "word " * 2000, "私は" * 900, "a-b/" * 700])
def test_no_piece_is_longer_than_the_window_and_none_is_lost(embedder: Embedder, text: str) -> None:
    """Whatever the text is made of, with a context that is itself too long too."""
    seen: list[str] = []

    class Listening:
        """The real model, told what it is given."""

        max_tokens = embedder.model.max_tokens
        count_tokens = staticmethod(embedder.model.count_tokens)

        def encode(self, texts: list[str]) -> Any:
            seen.extend(texts)
            return embedder.encode(texts)

    encode_whole(Listening(), [("Title", text)])  # type: ignore[arg-type]
    assert all(embedder.count_tokens(piece) <= embedder.model.max_tokens for piece in seen)
    assert "".join(piece.removeprefix("Title\n") for piece in seen) == text

    seen.clear()
    encode_whole(Listening(), [(text, "end")])  # type: ignore[arg-type]
    assert "".join(seen) == f"{text}\nend"


def test_a_vector_leans_towards_the_title(embedder: Embedder) -> None:
    """By the stated share; a document without a title has the vector of its text alone."""
    text = "The job runs at two and copies the volumes."
    chunks = [
        Embeddable(chunk_id=1, title="Nightly backups", context="Nightly backups", text=text),
        Embeddable(chunk_id=2, title="", context="", text=text),
    ]

    vectors, _ = encode_chunks(embedder.model, chunks)

    plain, title = embedder.encode([f"Nightly backups\n{text}", "Nightly backups"])
    leaning = plain + TITLE_WEIGHT * title
    assert np.allclose(vectors[0], leaning / np.linalg.norm(leaning), atol=5e-3)
    assert np.allclose(vectors[1], embedder.encode([text])[0], atol=5e-3)


def test_a_document_that_is_called_by_its_id_has_no_title(
    index: Any, source: Any, document: Callable[..., Any]
) -> None:
    """Its vector is that of its text: an id means nothing to the model."""
    nameless = replace(document("4711", "The printer is on fire."), title="4711", external_id="4711")
    source.put(nameless)
    index.refresh(source)

    ((context, text, stored),) = index.rows(
        "select c.context, c.text, e.embedding::text from chunks c join embeddings e on e.chunk_id = c.id"
    )
    assert "4711" not in context
    expected = index.embedder.encode([f"{context}\n{text}" if context else text])[0]
    assert np.array(json.loads(stored)) @ expected > 0.999
