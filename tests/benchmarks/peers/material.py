"""What every store is given, and what is told of it. Needs numpy alone: each runs in an environment of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: Chunks that each leg of a hybrid search gives, and that come out of it: enough for ten documents.
CANDIDATES = 50


@dataclass(frozen=True, kw_only=True)
class Material:
    """Chunks and questions with their vectors."""

    texts: list[str]
    #: The document that each chunk is of.
    documents: list[str]
    chunk_vectors: list[list[float]]
    questions: list[str]
    question_vectors: dict[str, list[float]]

    @classmethod
    def read(cls, folder: str) -> Material:
        """From material.json and the two .npy files."""
        home = Path(folder)
        content = json.loads((home / "material.json").read_text("utf-8"))
        vectors = np.load(home / "questions.npy").tolist()
        return cls(
            texts=content["texts"],
            documents=content["documents"],
            chunk_vectors=np.load(home / "chunks.npy").tolist(),
            questions=content["questions"],
            question_vectors=dict(zip(content["questions"], vectors, strict=True)),
        )


def report(
    name: str, material: Material, ingest_seconds: float, search: Callable[[str], Sequence[str]]
) -> None:
    """Ask every question twice, and print one line of JSON: the second time's milliseconds, and the documents."""
    for question in material.questions:
        search(question)
    times, rankings = [], []
    for question in material.questions:
        started = time.perf_counter()
        found = search(question)
        times.append((time.perf_counter() - started) * 1000)
        rankings.append(list(dict.fromkeys(found)))
    figures = {"name": name, "ingest_seconds": ingest_seconds, "times": times, "rankings": rankings}
    print(json.dumps(figures), flush=True)
