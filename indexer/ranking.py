"""What decides the order of the hits: the strategies, the weights of the fusion, and those of the fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: "keyword" and "vector" are one ranking alone; "seed" puts first what both found; "rrf" adds reciprocal ranks;
#: "fused" adds weighted scores; "priors" adds to these what is known of a document whatever the question.
Strategy = Literal["keyword", "vector", "seed", "rrf", "fused", "priors"]

DEFAULT_STRATEGY: Strategy = "priors"

#: How much an occurrence counts in each field of a chunk (BM25F: Robertson, Zaragoza & Taylor 2004). They are part of
#: the stored frequencies: another weight has the words of every chunk indexed anew.
FIELD_WEIGHTS = {"title": 3.0, "heading": 3.0, "body": 1.0, "comment": 1.0, "solution": 1.0}


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The weights of a search; 0 turns a part off."""

    #: BM25's saturation and length normalisation (Robertson & Zaragoza 2009, section 3.2); those of Anserini for
    #: passages.
    k1: float = 0.9
    b: float = 0.4
    #: Of the fused score: the cosine of question and chunk; and BM25, as a share of the best candidate's.
    cosine: float = 0.6
    keyword: float = 0.4
    #: Of reciprocal-rank fusion, k and the vector ranking's share (Cormack, Clarke & Büttcher 2009).
    rrf_k: float = 60.0
    rrf_vector: float = 0.5
    #: Priors, added to a fused score of 0 to about 1: a document of today (halved every ``half_life`` days), a
    #: chunk that is a solution. Taken from it: a ticket without a solution, because it is open or was closed as a
    #: duplicate, as incomplete or as not reproducible.
    freshness: float = 0.0
    half_life: float = 365.0
    solution: float = 0.0
    unsolved: float = 0.05
    #: The most that feedback moves a score by, either way.
    feedback: float = 0.05
