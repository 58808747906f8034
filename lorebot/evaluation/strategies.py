"""The strategies that can be scored: those of the search, and the plain ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast, get_args

from psycopg_pool import ConnectionPool

from connectors.documents import Document
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.ranking import DEFAULT_STRATEGY, Strategy
from indexer.search import search
from lorebot.evaluation.plain import PLAIN, Scorer, best_first

#: Names for several strategies at once.
ALL, ALL_PLAIN = "all", "plain"

#: The external ids for a question, best first, at least so many where there are; one may come twice.
Ranker = Callable[[str, int], list[str]]


def search_strategies() -> tuple[str, ...]:
    """What :func:`indexer.search.search` can be told, its own default first."""
    return (DEFAULT_STRATEGY, *(name for name in get_args(Strategy) if name != DEFAULT_STRATEGY))


def resolve(names: Sequence[str]) -> list[str]:
    """The strategies meant: groups are opened, each strategy comes once; none named: the search's default.

    Raises:
        ValueError: there is no such strategy; the message lists those that there are.
    """
    groups = {ALL: (*search_strategies(), *PLAIN), ALL_PLAIN: PLAIN}
    known = (*search_strategies(), *PLAIN)
    for name in names:
        if name not in known and name not in groups:
            raise ValueError(f"{name!r} is none of {', '.join((*known, *groups))}.")
    opened = [each for name in names for each in groups.get(name, (name,))]
    return list(dict.fromkeys(opened)) or [DEFAULT_STRATEGY]


def search_ranker(pool: ConnectionPool, embedder: Embedder, strategy: str) -> Ranker:
    """The search as it is, with the eyes of somebody who may read everything."""

    def rank(question: str, depth: int) -> list[str]:
        result = search(
            pool,
            embedder,
            question,
            audience=Audience.operator(),
            limit=depth,
            per_document=1,
            strategy=cast(Strategy, strategy),
        )
        return [hit.external_id for hit in result.hits]

    return rank


def plain_ranker(documents: Sequence[Document], scorer: Scorer) -> Ranker:
    """The documents by a plain strategy's scores; what scores nothing is not found."""

    def rank(question: str, depth: int) -> list[str]:
        scores = scorer(question)
        return [documents[each].external_id for each in best_first(scores)[:depth] if scores[each] > 0]

    return rank
