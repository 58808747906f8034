"""The log of what admins did, and of what others tried."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from indexer import statements


def record(pool: ConnectionPool, *, actor: str, action: str, allowed: bool, **details: Any) -> None:
    """Write one line; ``actor`` is a Slack user id."""
    parameters = {"actor": actor, "action": action, "allowed": allowed, "details": Jsonb(details)}
    with pool.connection() as connection:
        connection.execute(statements.load("bot", "audit.sql")["record"], parameters)
