"""The keyword index: the words of each chunk, and figures about all of them.

A posting says how often a term is in a chunk, by the weights of the fields, and how long the chunk is: facts that stay
true whatever else is indexed. How many chunks have a term, and how long they are on average, is counted by a true-up
once more than 5 % of the chunks have changed; terms that are in at most 100 chunks are counted as they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import stamina
import structlog
from psycopg import Connection, errors
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from indexer.errors import IndexerError
from indexer.identifiers import split_words
from indexer.ranking import FIELD_WEIGHTS
from indexer.statements import load

SQL = load("indexer", "terms.sql")

log = structlog.get_logger(__name__)

#: Part of the index's version: raise it when `split_words` finds other words.
_TOKENISATION = 1

#: Terms of at most so many chunks are counted exactly by the search that asks for them.
RARE = 100

#: Of a chunk, until it has been counted; also the default of the column, for rows of the version before.
AVERAGE_LENGTH = 90.0

#: Share of the chunks that may have changed before the figures are counted anew.
DRIFT = 0.05

#: Chunks from which on the figures are counted while they double, as in a first refresh of hours.
GROWN = 1000

#: Any fixed number; "term" in ASCII.
_LOCK = 0x7465726D

#: Chunks indexed anew at a time.
_BATCH = 200


def prepare(pool: ConnectionPool, *, language: str | None = None) -> None:
    """Have everything that is stored from now on indexed by the present rules, in this language.

    ``language`` is a text search configuration of the server (``english``, ``german``, ``simple``); None keeps the one
    that the index has. After a change :func:`reindex` brings what is stored up to date.

    Raises:
        IndexerError: the server has no such configuration; the message names those that it has.
    """
    with pool.connection() as connection:
        if language is not None:
            _check_language(connection, language)
        rules = f"{_TOKENISATION} " + " ".join(f"{name}={weight:g}" for name, weight in FIELD_WEIGHTS.items())
        connection.execute(SQL["prepare"], {"language": language, "rules": rules})


def _check_language(connection: Connection, language: str) -> None:
    (known,) = connection.execute(SQL["language_exists"], {"language": language}).fetchone() or (False,)
    if not known:
        names = ", ".join(name for (name,) in connection.execute(SQL["languages"]))
        raise IndexerError(f"search.language: the database has no {language!r}; it has {names}.")


def write_words(connection: Connection, chunk_ids: Sequence[int], *, anew: Sequence[int] = ()) -> None:
    """Index the words of chunks that have none yet, and ``anew`` those of others, in the caller's transaction."""
    if anew:
        connection.execute(SQL["delete_postings"], {"ids": list(anew)})
    chunk_ids = [*chunk_ids, *anew]
    if not chunk_ids:
        return
    language, version, _ = connection.execute(SQL["begin_writing"], {"lock": _LOCK}).fetchone() or (
        "",
        0,
        None,
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SQL["fields"], {"ids": chunk_ids}).fetchall()
    texts: list[tuple[int, float, str]] = []
    identifiers: list[tuple[int, str, float]] = []
    for row in rows:
        for field, text in _fields(row):
            words, weight = split_words(text), FIELD_WEIGHTS[field]
            texts.append((row["id"], weight, words.text))
            found = words.identifiers.items()
            identifiers += [(row["id"], word, weight * count) for word, count in found]
    parameters = {
        "ids": chunk_ids,
        "language": language,
        "version": version,
        "text_chunks": [chunk for chunk, _, _ in texts],
        "text_weights": [weight for _, weight, _ in texts],
        "texts": [text for _, _, text in texts],
        "identifier_chunks": [chunk for chunk, _, _ in identifiers],
        "identifiers": [word for _, word, _ in identifiers],
        "identifier_frequencies": [frequency for _, _, frequency in identifiers],
    }
    while connection.execute(SQL["insert_words"], parameters).fetchone() != (0,):
        connection.execute(SQL["delete_postings"], parameters)


def _fields(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a chunk by name, as :data:`indexer.ranking.FIELD_WEIGHTS` has them."""
    body = row["kind"] if row["kind"] in FIELD_WEIGHTS else "body"
    title = f"{row['key']} {row['title']}" if row["key"] else row["title"]
    return [
        (name, text)
        for name, text in (("title", title), ("heading", row["heading"]), (body, row["text"]))
        if text
    ]


def reindex(pool: ConnectionPool) -> int:
    """Index the words of all chunks anew that were indexed by other rules or in another language; returns how many.

    In small transactions, so that nothing waits and an interruption loses nothing. What is new in them is counted each
    time that twice as many are done.
    """
    done, counted = 0, GROWN // 2
    while batch := _reindex_some(pool):
        done += batch
        if done >= 2 * counted:
            true_up(pool)
            counted = done
    if done:
        log.info("words_reindexed", chunks=done)
    return done


@stamina.retry(on=errors.LockNotAvailable, attempts=20)
def _reindex_some(pool: ConnectionPool) -> int:
    with pool.connection() as connection:
        # It gives way to a document that is being stored well before the server sees a deadlock.
        connection.execute("set local lock_timeout = '300ms'")
        ids = [row[0] for row in connection.execute(SQL["outdated"], {"limit": _BATCH})]
        if ids:
            write_words(connection, [], anew=ids)
    return len(ids)


def true_up_if_needed(pool: ConnectionPool) -> bool:
    """Count anew when more than 5 % of the chunks have changed since; returns whether it was done."""
    with pool.connection() as connection:
        changed, before = connection.execute(SQL["drift"]).fetchone() or (0, 0)
    if changed <= DRIFT * before:
        return False
    return true_up(pool)


def true_up_if_grown(pool: ConnectionPool) -> bool:
    """Count anew when there are twice as many chunks as then; asking takes no time. Returns whether it was done."""
    with pool.connection() as connection:
        (grown,) = connection.execute(SQL["grown"], {"least": GROWN}).fetchone() or (False,)
    return bool(grown) and true_up(pool)


def true_up(pool: ConnectionPool) -> bool:
    """Count how many chunks have each term, by who may read them; delete terms that no chunk has.

    Returns False when another process does it at this moment.
    """
    with pool.connection() as connection:
        connection.execute("set local statement_timeout = 0")
        (mine,) = connection.execute("select pg_try_advisory_xact_lock(%s)", [_LOCK + 1]).fetchone() or (
            False,
        )
        if not mine:
            return False
        for statement in (
            "count_words",
            "count_chunks",
            "true_up_terms",
            "forget_term_rule_sets",
            "true_up_term_rule_sets",
            "forget_rule_sets",
            "true_up_rule_sets",
            "trued_up",
        ):
            connection.execute(SQL[statement], {"rare": RARE})
    _delete_unused(pool)
    return True


def _delete_unused(pool: ConnectionPool) -> None:
    with pool.connection() as connection:
        ids = [row[0] for row in connection.execute(SQL["unused_terms"])]
    if not ids:
        return
    try:
        with pool.connection() as connection:
            # Waits for those who write words, and they wait for it: not for long.
            connection.execute("set local lock_timeout = '2s'")
            connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            connection.execute(SQL["delete_unused_terms"], {"ids": ids})
    except errors.LockNotAvailable:
        log.info("terms_not_deleted", reason="words are being written")
