"""Texts that are longer than a model's window: embedded in pieces, whose mean stands for the whole.

Chunks are cut to the window of the model that was in use when they were stored; another model may read less.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.embedding import Model
from indexer.splitting import word_counter


def encode_whole(model: Model, texts: Sequence[tuple[str, str]]) -> tuple[NDArray[np.float32], int]:
    """Unit vectors of texts with their contexts, shape (len(texts), dimensions), and how many went in pieces.

    A context stands in front of each piece of its text.
    """
    roughly = word_counter(model.count_tokens)
    pieces = [
        [whole] if roughly(whole) + whole.count("\n") <= model.max_tokens else _pieces(model, context, text)
        for context, text in texts
        for whole in [_whole(context, text)]
    ]
    flat = [piece for some in pieces for piece in some]
    vectors = model.encode(flat)
    if len(flat) == len(texts):
        return vectors, 0
    starts = np.cumsum([0, *(len(some) for some in pieces[:-1])])
    sums = np.add.reduceat(vectors, starts, axis=0)
    # Pieces that cancel each other out to nothing do not occur among a text's own.
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return np.asarray(means, dtype=np.float32), sum(len(some) > 1 for some in pieces)


def _pieces(model: Model, context: str, text: str) -> list[str]:
    whole = _whole(context, text)
    if len(whole) <= model.max_tokens or model.count_tokens(whole) <= model.max_tokens:
        return [whole]
    if context and model.count_tokens(context) > model.max_tokens // 2:
        # There is no room for it in front of each piece: it is a text like any other.
        return _pieces(model, "", whole)
    if len(text) < 2:
        return [whole]
    middle = _middle(text)
    return [*_pieces(model, context, text[:middle]), *_pieces(model, context, text[middle:])]


def _whole(context: str, text: str) -> str:
    return f"{context}\n{text}" if context else text


def _middle(text: str) -> int:
    """Where to cut in two: at the white space next before the middle, if there is any in the second quarter."""
    half = len(text) // 2
    space = max(text.rfind(" ", half // 2, half), text.rfind("\n", half // 2, half))
    return space + 1 if space > 0 else half
