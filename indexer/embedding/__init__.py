"""The embedding model: trained and defined by sentence-transformers, run by whatever is fastest here.

``Embedder`` is what the rest of Lorebot uses. Behind it a model is a folder, whose weights run through torch (the
reference), ONNX Runtime or OpenVINO, or a server that speaks OpenAI's ``/v1/embeddings``. Nothing on the way of a
question imports torch once the model is exported.
"""

from __future__ import annotations

from indexer.embedding.embedder import Embedder, EmbeddingOptions, Model, open_model
from indexer.embedding.pipeline import DEFAULT_MODEL, model_folder

__all__ = ["DEFAULT_MODEL", "Embedder", "EmbeddingOptions", "Model", "model_folder", "open_model"]
