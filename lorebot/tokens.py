"""OAuth tokens in the database: a row for each grant, locked while its refresh token is being spent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from connectors.errors import SourceUnavailableError
from connectors.oauth import Tokens, TokenSlot
from indexer import statements


class PostgresTokenStore:
    """A store that every process of an installation shares. Raises SourceUnavailableError where the database fails."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def load(self, key: str) -> Tokens | None:
        """The tokens of a grant, if there are any."""
        with _named(), self._pool.connection() as connection:
            return _tokens(connection.execute(_sql("load"), {"key": key}).fetchone())

    @contextmanager
    def exclusive(self, key: str) -> Iterator[TokenSlot]:
        """The grant's row, locked until the end."""
        with _named(), self._pool.connection() as connection:
            connection.execute(_sql("forget"))
            connection.execute(_sql("add"), {"key": key})
            connection.commit()  # others must find the row, to wait for it
            row = connection.execute(_sql("lock"), {"key": key}).fetchone()
            yield _Slot(connection, key, _tokens(row))


class _Slot:
    def __init__(self, connection: psycopg.Connection, key: str, tokens: Tokens | None) -> None:
        self._connection = connection
        self._key = key
        self.tokens = tokens

    def save(self, tokens: Tokens) -> None:
        """Store and commit at once: an error later on must not bring a spent token back."""
        values = {
            "key": self._key,
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "issued_at": tokens.issued_at,
            "expires_at": tokens.expires_at,
        }
        self._connection.execute(_sql("save"), values)
        self._connection.commit()
        self.tokens = tokens


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise SourceUnavailableError("OAuth tokens could not be read or kept: check the database.") from error


def _tokens(row: tuple[Any, ...] | None) -> Tokens | None:
    if row is None or row[0] is None:
        return None
    access_token, refresh_token, issued_at, expires_at = row
    return Tokens(
        access_token=access_token, refresh_token=refresh_token, issued_at=issued_at, expires_at=expires_at
    )


def _sql(name: str) -> Any:
    return statements.load("lorebot", "tokens.sql")[name]
