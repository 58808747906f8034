"""Forward-only migrations: numbered ``.sql`` files in one folder, applied once each, in order.

All pending ones run in one transaction under an advisory lock, so that any number of processes may start at
once. A file that has been applied must never change; its checksum is kept to notice it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

import psycopg
import structlog

from lorebot.errors import DatabaseError

log = structlog.get_logger(__name__)

#: Any fixed number; "lore" in ASCII.
ADVISORY_LOCK = 0x6C6F7265

_HISTORY = """
create table if not exists schema_migrations (
    number int primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def all_migrations() -> list[Migration]:
    """Every migration that ships with this version, in order."""
    folder = resources.files("lorebot").joinpath("migrations")
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [
        Migration(
            number=int(name.split("_")[0]),
            name=name.removesuffix(".sql"),
            sql=folder.joinpath(name).read_text("utf-8"),
        )
        for name in files
    ]


def migrate(connection: psycopg.Connection, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is pending and return the names; leaves a newer database as it is.

    Raises:
        DatabaseError: a migration failed (nothing of it stays), or an applied file has changed since.
    """
    pending = all_migrations() if migrations is None else migrations
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
            connection.execute(_HISTORY)
            rows = connection.execute("select number, checksum from schema_migrations").fetchall()
            applied: dict[int, str] = dict(rows)
            return [_apply(connection, migration) for migration in pending if _is_pending(migration, applied)]
    except psycopg.errors.FeatureNotSupported as error:
        raise DatabaseError(
            "The database has no pgvector: install the extension `vector` (0.8 or newer) on the server."
        ) from error
    except psycopg.Error as error:
        raise DatabaseError(
            f"Migrating the database failed ({error.sqlstate}); nothing was changed."
        ) from error


def _is_pending(migration: Migration, applied: dict[int, str]) -> bool:
    checksum = applied.get(migration.number)
    if checksum is not None and checksum != migration.checksum:
        raise DatabaseError(
            f"Migration {migration.name} has changed since it was applied: write a new one instead."
        )
    return checksum is None


def _apply(connection: psycopg.Connection, migration: Migration) -> str:
    connection.execute(migration.sql)
    connection.execute(
        "insert into schema_migrations (number, name, checksum) values (%s, %s, %s)",
        [migration.number, migration.name, migration.checksum],
    )
    log.info("migration_applied", migration=migration.name)
    return migration.name
