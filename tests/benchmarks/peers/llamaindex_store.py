"""LlamaIndex's PGVectorStore with hybrid search on; runs in a virtual environment of its own (see peers_table.py)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.vector_stores.postgres import PGVectorStore
from material import CANDIDATES, Material, report

#: As the documentation of the store has them.
_HNSW = {
    "hnsw_m": 16,
    "hnsw_ef_construction": 64,
    "hnsw_ef_search": 40,
    "hnsw_dist_method": "vector_cosine_ops",
}


class GivenVectors(BaseEmbedding):
    """The vectors that were made before, so that the store alone is measured."""

    vectors: dict[str, list[float]]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self.vectors[query]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self.vectors[query]

    def _get_text_embedding(self, text: str) -> list[float]:
        raise NotImplementedError("nodes come with their vectors")


def main(url: str, folder: str) -> None:
    """Store, index, search in the two ways that the documentation gives, report."""
    material = Material.read(folder)
    started = time.perf_counter()
    store = PGVectorStore.from_params(
        connection_string=url.replace("postgresql://", "postgresql+psycopg2://"),
        async_connection_string=url.replace("postgresql://", "postgresql+asyncpg://"),
        table_name="chunks",
        embed_dim=len(material.chunk_vectors[0]),
        hybrid_search=True,
        text_search_config="english",
        hnsw_kwargs=_HNSW,
    )
    rows = zip(material.texts, material.documents, material.chunk_vectors, strict=True)
    store.add(
        [TextNode(text=text, metadata={"document": document}, embedding=v) for text, document, v in rows]
    )
    seconds = time.perf_counter() - started
    index = VectorStoreIndex.from_vector_store(
        store, embed_model=GivenVectors(vectors=material.question_vectors)
    )
    depth = {"similarity_top_k": CANDIDATES, "sparse_top_k": CANDIDATES}
    hybrid = index.as_retriever(vector_store_query_mode="hybrid", **depth)
    fusion = QueryFusionRetriever(
        [
            index.as_retriever(vector_store_query_mode="default", **depth),
            index.as_retriever(vector_store_query_mode="sparse", **depth),
        ],
        llm=MockLLM(),  # never asked: it would make further questions of one
        num_queries=1,
        mode="reciprocal_rerank",
        similarity_top_k=CANDIDATES,
        use_async=False,
    )
    report("LlamaIndex", material, seconds, _search(hybrid.retrieve))
    report("LlamaIndex, QueryFusionRetriever", material, seconds, _search(fusion.retrieve))


def _search(retrieve: Callable[[str], Sequence[object]]) -> Callable[[str], Sequence[str]]:
    return lambda question: [each.node.metadata["document"] for each in retrieve(question)]


if __name__ == "__main__":
    main(*sys.argv[1:])
