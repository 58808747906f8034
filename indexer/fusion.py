"""Putting two rankings together: what both found comes first; with no overlap, some of each (step f)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

#: Reciprocal-rank constant (Cormack, Clarke & Büttcher 2009).
_K = 60


def fuse(keyword: Sequence[int], vector: Sequence[int]) -> dict[int, float]:
    """Fused scores by id, best first; each input is a ranking, best first.

    Ids in both rankings come first, by the sum of their reciprocal ranks; they score above 1. The rest follow
    by turns, one of the vector ranking, one of the keyword ranking; they score below 1.
    """
    by_keyword = {chunk: rank for rank, chunk in enumerate(keyword, start=1)}
    by_vector = {chunk: rank for rank, chunk in enumerate(vector, start=1)}
    shared = {
        chunk: 1 + 1 / (_K + by_keyword[chunk]) + 1 / (_K + rank)
        for chunk, rank in by_vector.items()
        if chunk in by_keyword
    }
    scores = dict(sorted(shared.items(), key=lambda item: -item[1]))
    turns = (chunk for pair in zip_longest(vector, keyword) for chunk in pair)
    rest = [chunk for chunk in turns if chunk is not None and chunk not in shared]
    scores |= {chunk: 1 / (1 + rank) for rank, chunk in enumerate(dict.fromkeys(rest), start=1)}
    return scores
