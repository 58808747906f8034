"""LangChain's PGVectorStore with hybrid search on; runs in a virtual environment of its own (see peers_table.py)."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from langchain_core.embeddings import Embeddings
from langchain_postgres import PGEngine, PGVectorStore
from langchain_postgres.v2.hybrid_search_config import HybridSearchConfig
from langchain_postgres.v2.indexes import HNSWIndex
from material import CANDIDATES, Material, report

_TABLE = "chunks"


class GivenVectors(Embeddings):
    """The vectors that were made before, so that the store alone is measured."""

    def __init__(self, material: Material) -> None:
        self._vectors = material.question_vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Never asked: chunks come with their vectors."""
        raise NotImplementedError

    def embed_query(self, text: str) -> list[float]:
        """That of the question."""
        return self._vectors[text]


def _hybrid(question: str = "") -> HybridSearchConfig:
    """Weighted sum and English, as by default; candidates enough for ten documents.

    A new one for each question: the store writes its first question into the one that it is given and keeps it
    (langchain-postgres 0.0.19).
    """
    return HybridSearchConfig(
        tsv_column="content_tsv",
        fts_query=question,
        primary_top_k=CANDIDATES,
        secondary_top_k=CANDIDATES,
    )


def main(url: str, folder: str) -> None:
    """Store, index, search, report."""
    material = Material.read(folder)
    engine = PGEngine.from_connection_string(url.replace("postgresql://", "postgresql+psycopg://"))
    started = time.perf_counter()
    engine.init_vectorstore_table(
        _TABLE, vector_size=len(material.chunk_vectors[0]), hybrid_search_config=_hybrid()
    )
    store = PGVectorStore.create_sync(
        engine, GivenVectors(material), _TABLE, hybrid_search_config=_hybrid(), k=CANDIDATES
    )
    store.add_embeddings(
        texts=material.texts,
        embeddings=material.chunk_vectors,
        metadatas=[{"document": document} for document in material.documents],
    )
    store.apply_vector_index(HNSWIndex())
    store.apply_hybrid_search_index()
    seconds = time.perf_counter() - started

    def search(question: str) -> Sequence[str]:
        found = store.similarity_search(question, hybrid_search_config=_hybrid(question))
        return [each.metadata["document"] for each in found]

    report("LangChain", material, seconds, search)


if __name__ == "__main__":
    main(*sys.argv[1:])
