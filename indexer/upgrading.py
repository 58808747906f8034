"""After an upgrade that cuts or embeds texts in another way, all that is stored is read again.

Otherwise old chunks would stand beside new ones until the weekly refresh of everything. What is to be read goes onto
the reading list, so that it is asked for once, whatever interrupts the reading, and what is new goes first.
"""

from __future__ import annotations

import structlog
from psycopg import Connection

from indexer import cascade, reading_list
from indexer.chunking import CHUNKER_VERSION, VECTOR_VERSION
from indexer.reading_list import Priority
from indexer.statements import load

SQL = load("indexer", "sources.sql")

log = structlog.get_logger(__name__)


def note_outdated(connection: Connection, source: str) -> None:
    """Note all that is stored of a source if other versions cut it, inside the caller's transaction."""
    versions = {"source": source, "chunkers": f"{CHUNKER_VERSION}.{VECTOR_VERSION}"}
    if connection.execute(SQL["set_chunkers"], versions).rowcount == 0:
        return
    stored = [source_id for (source_id,) in connection.execute(SQL["stored_ids"], {"source": source})]
    if stored:
        reading_list.note(connection, source, stored, priority=Priority.LISTED)
        cascade.note_attachments(connection, source)
        message = "An upgrade cuts texts in another way: all is read once more, which takes as long as a first index."
        log.warning("source_outdated", source=source, documents=len(stored), message=message)
