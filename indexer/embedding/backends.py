"""What runs a model's weights on this machine: the interface, and torch, the reference."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.errors import EmbeddingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BackendName = Literal["torch", "onnx", "openvino"]

#: Those that run the exported model, in the order of their start-up times.
EXPORTED: tuple[BackendName, ...] = ("onnx", "openvino")

#: The distribution that each needs.
_DISTRIBUTIONS: dict[BackendName, str] = {"onnx": "onnxruntime", "openvino": "openvino"}

#: Told a model's name before it is exported, which takes ten seconds and more.
Announce = Callable[[str], None]

#: Small batches stay in the processor's cache: measured faster than 32 and more on CPUs.
_TORCH_BATCH = 16


class Backend(Protocol):
    """Runs a model. Thread-safe."""

    @property
    def name(self) -> BackendName:
        """Which one it is."""

    def encode(self, texts: Sequence[str], *, prompt: str = "") -> NDArray[np.float32]:
        """Unit vectors, one row a text; what is longer than the model's window is cut. At least one text.

        The prompt stands in front of each.
        """


class TorchBackend:
    """sentence-transformers itself: seconds to import, 500 MB and more."""

    name: BackendName = "torch"

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Raises:
            EmbeddingError: the model's files are broken.
        """
        self._model = load_reference(folder, native=True)

    def encode(self, texts: Sequence[str], *, prompt: str = "") -> NDArray[np.float32]:
        """Unit vectors, one row a text."""
        encode: Callable[..., Any] = self._model.encode
        vectors = encode(
            list(texts),
            batch_size=_TORCH_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            # Some models read it and leave it out of the vector, for which it has to be told apart.
            prompt=prompt,
        )
        # In bfloat16 the model's own normalisation is off by a few thousandths.
        return unit(np.asarray(vectors, dtype=np.float32))


def load_reference(folder: Path, *, native: bool = False, **model_kwargs: object) -> SentenceTransformer:
    """The model as sentence-transformers loads it: in float32, or natively in what the processor multiplies fastest.

    Raises:
        EmbeddingError: the model's files are broken.
    """
    # Imported here: PyTorch takes seconds.
    try:
        import torch  # noqa: PLC0415
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415
        from transformers.utils import logging  # noqa: PLC0415
    except ImportError as error:
        raise EmbeddingError("sentence-transformers cannot be imported: install lorebot again.") from error

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # bfloat16 where it is native: two to four times as fast, cosine 0.9999 to float32.
    dtype = torch.bfloat16 if native and has_native_bfloat16() else torch.float32
    try:
        return SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype, **model_kwargs}
        )
    except Exception as error:  # each library behind it raises its own kinds for a broken file
        raise EmbeddingError(f"The embedding model in {folder} cannot be loaded.") from error


def installed() -> list[BackendName]:
    """The backends for an exported model that are here."""
    return [name for name in EXPORTED if installed_version(_DISTRIBUTIONS[name])]


def installed_version(distribution: str) -> str | None:
    """None for one that is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows with length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def processor() -> dict[str, str]:
    """What of the processor decides which backend is fastest; "" for what the system does not tell."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    known = {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "asimd", "bf16", "sve"}
    return {"model": fields.get("model name", ""), "flags": " ".join(sorted(flags & known))}


def has_native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(processor()["flags"].split()))


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
