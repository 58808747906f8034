"""Measuring the backends of an export on this machine: a few seconds, in a process of its own.

``python -m indexer.embedding.measuring MODEL EXPORT`` writes what it finds into the export's ``choice.json``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from indexer.embedding.backends import Backend, installed
from indexer.embedding.exported import open_exported
from indexer.embedding.pipeline import read_pipeline
from indexer.embedding.preparation import AGREEMENT, check, read_choice, write_choice
from indexer.errors import EmbeddingError

#: Seconds for each backend.
_SECONDS = 2.0

#: About the length of a chunk (180 word pieces), all a little different as chunks are.
_TEXTS = [
    " ".join(
        f"step {number} of the procedure restarts service {number * seed} safely"
        for number in range(17 + seed % 5)
    )
    for seed in range(1, 33)
]


def measure(model: str, export: Path) -> None:
    """Find out agreement and rate of each backend and keep them."""
    pipeline, choice = read_pipeline(model), read_choice(export)
    for name in installed():
        try:
            backend = open_exported(name, export, folder=pipeline.folder, window=pipeline.window)
            choice.agreement[name] = round(check(backend), 7)
        except EmbeddingError:
            choice.agreement[name] = 0.0
        if choice.agreement[name] >= AGREEMENT:
            choice.rates[name] = round(rate(backend), 1)
    write_choice(export, choice)


def rate(backend: Backend, *, seconds: float = _SECONDS) -> float:
    """Texts of a chunk's length a second."""
    backend.encode(_TEXTS)  # the first run plans memory and kernels
    started, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        backend.encode(_TEXTS)
        done += len(_TEXTS)
    return done / elapsed


if __name__ == "__main__":
    measure(sys.argv[1], Path(sys.argv[2]))
