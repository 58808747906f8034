"""The exported model by ONNX Runtime or OpenVINO: milliseconds to import, no torch.

Both get batches of a few texts of about one length, each batch on one thread: small batches stay in a core's cache,
and two streams of one thread are faster than one of two (measured: docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from indexer.embedding.backends import BackendName, cores, has_native_bfloat16, unit
from indexer.embedding.pipeline import open_tokenizer
from indexer.errors import EmbeddingError

MODEL_FILE = "model.onnx"

#: The exported graph's inputs, both (batch, tokens), and its output (batch, dimensions).
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "embedding"

#: Texts that one thread takes at a time.
_BATCH: dict[BackendName, int] = {"onnx": 1, "openvino": 8}

#: input_ids and attention_mask in, unit vectors out. Thread-safe.
Infer = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]


class ExportedBackend:
    """Tokenises, sorts by length, and lets every core take a batch at a time."""

    def __init__(self, name: BackendName, export: Path, *, tokenizer: Tokenizer, infer: Infer) -> None:
        self.name = name
        self.export = export
        self._tokenizer = tokenizer
        self._infer = infer
        self._batch = _BATCH[name]

    def encode(self, texts: Sequence[str], *, prompt: str = "") -> NDArray[np.float32]:
        """Unit vectors, one row a text."""
        if prompt:
            texts = [f"{prompt}{text}" for text in texts]
        if len(texts) <= self._batch:
            # A question: no thread is worth its start, and no bulk of texts is waited for.
            return self._run(self._tokenizer.encode_batch_fast(list(texts)))
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        # The longest first, so that all threads end at nearly the same time.
        order = sorted(range(len(texts)), key=lambda at: -len(encodings[at].ids))
        batches = [order[start : start + self._batch] for start in range(0, len(order), self._batch)]
        with ThreadPoolExecutor(min(cores(), len(batches)), thread_name_prefix="embed") as threads:
            parts = threads.map(lambda batch: self._run([encodings[at] for at in batch]), batches)
            vectors = np.concatenate(list(parts))
        return np.asarray(vectors[np.argsort(order)], dtype=np.float32)

    def _run(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        width = max(1, *(len(encoding.ids) for encoding in encodings))
        ids = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros((len(encodings), width), dtype=np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        # In bfloat16 the graph's own normalisation is off by a few thousandths.
        return unit(self._infer(ids, mask))


def open_exported(name: BackendName, export: Path, *, folder: Path, window: int) -> ExportedBackend:
    """Load an export.

    Raises:
        EmbeddingError: its file is broken, or the library is not there.
    """
    tokenizer = open_tokenizer(folder)
    tokenizer.enable_truncation(window)
    load = _onnx if name == "onnx" else _openvino
    try:
        infer = load(export / MODEL_FILE)
    except Exception as error:  # both libraries raise their own kinds of Exception and RuntimeError
        raise EmbeddingError(f"{name} cannot load {export / MODEL_FILE}.") from error
    return ExportedBackend(name, export, tokenizer=tokenizer, infer=infer)


def _onnx(file: Path) -> Infer:
    import onnxruntime  # noqa: PLC0415 - only the backend that is chosen is imported

    options = onnxruntime.SessionOptions()
    # With one thread a run stays on the thread that calls it, so that one session serves any number of them.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def infer(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        (vectors,) = session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))
        return np.asarray(vectors, dtype=np.float32)

    return infer


def _openvino(file: Path) -> Infer:
    import openvino  # noqa: PLC0415 - only the backend that is chosen is imported

    core = openvino.Core()
    model = core.compile_model(
        core.read_model(file),
        "CPU",
        {
            # Left to itself it takes what the processor is good at, and vectors differ between machines unseen.
            "INFERENCE_PRECISION_HINT": "bf16" if has_native_bfloat16() else "f32",
            "NUM_STREAMS": str(cores()),
            "INFERENCE_NUM_THREADS": str(cores()),
        },
    )
    idle: list[Any] = []

    def infer(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        try:
            request = idle.pop()  # of a list it is atomic
        except IndexError:
            request = model.create_infer_request()
        try:
            found = request.infer(dict(zip(INPUTS, (ids, mask), strict=True)), share_inputs=True)
            return np.array(found[OUTPUT], dtype=np.float32)
        finally:
            idle.append(request)

    return infer
