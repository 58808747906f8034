"""Plain retrieval, the yardstick that Lorebot's search is held against: textbook parts, nothing tuned.

- ``plain-bm25``: BM25 (bm25s: k1 1.5, b 0.75), Porter stemmer, English stop words, over each document as a whole;
- ``plain-vectors``: the embedding model over runs of words of about 230 tokens with the title in front, none
  overlapping; a document is as near as its nearest run;
- ``plain-rrf``: reciprocal-rank fusion of the best 100 of the two, k = 60 (Cormack et al., SIGIR 2009);
- ``plain-minmax``: the mean of the two scores, each scaled to 0 to 1 over all documents.

The vectors are made here: the index's own chunks are cut in another way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from connectors.documents import Document
from indexer.embedding import Embedder
from lorebot.errors import LorebotError

PLAIN = ("plain-bm25", "plain-vectors", "plain-rrf", "plain-minmax")

#: One score a document for a question, the higher the better.
Scorer = Callable[[str], NDArray[np.float64]]

#: A run of words with its title, and what of that the title may take, in the embedding model's tokens.
_RUN = 230
_TITLE = 60

#: Texts embedded at a time.
_BATCH = 64

_RRF_K = 60

#: What each of the two contributes to reciprocal-rank fusion: its best documents.
_CANDIDATES = 100


def require_packages() -> None:
    """Say early that what the plain strategies need is not installed.

    Raises:
        LorebotError: the extra ``eval`` is missing.
    """
    try:
        import bm25s  # noqa: F401, PLC0415
        import Stemmer  # noqa: F401, PLC0415
    except ImportError as error:
        raise LorebotError(
            "The plain strategies need two more packages: pip install 'lorebot[eval]'."
        ) from error


def plain_scorers(
    names: Sequence[str],
    documents: Sequence[Document],
    embedder: Embedder,
    *,
    progress: Callable[[int, int], None],
) -> dict[str, Scorer]:
    """The plain strategies of these names over the documents.

    Args:
        names: of :data:`PLAIN`.
        documents: in the order of the scores.
        embedder: embeds the documents, and the questions.
        progress: told how many texts are embedded, of how many.
    """
    bm25 = cache(lambda: _bm25(documents))
    vectors = cache(lambda: _vectors(documents, embedder, progress))
    build: dict[str, Callable[[], Scorer]] = {
        "plain-bm25": bm25,
        "plain-vectors": vectors,
        "plain-rrf": lambda: _fused(_reciprocal_ranks, bm25(), vectors()),
        "plain-minmax": lambda: _fused(_scaled, bm25(), vectors()),
    }
    return {name: build[name]() for name in names}


def _bm25(documents: Sequence[Document]) -> Scorer:
    import bm25s  # noqa: PLC0415
    import Stemmer  # noqa: PLC0415

    # It sets its own level to DEBUG.
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    stemmer = Stemmer.Stemmer("porter")

    def tokens(texts: list[str]) -> list[list[str]]:
        words: list[list[str]] = bm25s.tokenize(
            texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return words

    index = bm25s.BM25()
    index.index(tokens([f"{_title(each)}\n{_body(each)}" for each in documents]), show_progress=False)

    def scores(question: str) -> NDArray[np.float64]:
        words = tokens([question])[0]
        # Nothing but stop words finds nothing, and bm25s cannot be asked that.
        found = index.get_scores(words) if words else np.zeros(len(documents))
        return np.asarray(found, dtype=np.float64)

    return scores


def _vectors(
    documents: Sequence[Document], embedder: Embedder, progress: Callable[[int, int], None]
) -> Scorer:
    owners: list[int] = []
    texts: list[str] = []
    count = cache(embedder.count_tokens)
    for number, document in enumerate(documents):
        title = (_runs(_title(document), _TITLE, count) or [""])[0]
        room = _RUN - sum(map(count, title.split()))
        runs = [f"{title}\n{run}" for run in _runs(_body(document), room, count) or [""]]
        owners += [number] * len(runs)
        texts += runs
    rows: list[NDArray[np.float32]] = []
    for start in range(0, len(texts), _BATCH):
        rows.append(embedder.encode(texts[start : start + _BATCH]))
        progress(min(start + _BATCH, len(texts)), len(texts))
    matrix = np.concatenate(rows)
    firsts = np.unique(owners, return_index=True)[1]
    return lambda question: np.maximum.reduceat(
        matrix @ embedder.encode([question], query=True)[0], firsts
    ).astype(float)


def _title(document: Document) -> str:
    """Nothing for a document without one, which is called by its id."""
    return "" if document.title == document.external_id else document.title


def _body(document: Document) -> str:
    return "\n".join(section.text for section in document.sections)


def _runs(text: str, room: int, count: Callable[[str], int]) -> list[str]:
    """As many words as fit, again and again; word pieces never span words."""
    runs: list[list[str]] = []
    used = room
    for word in text.split():
        tokens = count(word)
        if used + tokens > room or not runs:
            runs.append([])
            used = 0
        runs[-1].append(word)
        used += tokens
    return [" ".join(run) for run in runs]


def _fused(measure: Callable[[NDArray[np.float64]], NDArray[np.float64]], *scorers: Scorer) -> Scorer:
    return lambda question: np.sum([measure(scorer(question)) for scorer in scorers], axis=0)


def _reciprocal_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    best = best_first(scores)[:_CANDIDATES]
    shares = np.zeros(len(scores))
    shares[best] = 1 / (_RRF_K + 1 + np.arange(len(best)))
    return shares


def _scaled(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    lowest, highest = float(scores.min()), float(scores.max())
    return (scores - lowest) / ((highest - lowest) or 1.0) / 2


def best_first(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The positions of the scores, the highest first; of equal ones the first position."""
    return np.argsort(-scores, kind="stable")
