"""Who is who in a source: a person, known by an e-mail address, is a set of principals.

Principals are names of the source, and a name may be given anew: a group that was deleted and one of its name that
was made since are the same to whoever compares names. So nobody becomes more than they were before the rules that
name their principals have been asked about again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from psycopg import Connection

from connectors.documents import Membership
from indexer.statements import load
from indexer.texts import storable

SQL = load("indexer", "people.sql")


def tighten_people(connection: Connection, source: str, memberships: Iterable[Membership]) -> None:
    """Take from people what they are no longer; nobody becomes anything yet."""
    now, stored = _by_email(memberships), _stored(connection, source)
    kept = {email: principals & now[email] for email, principals in stored.items() if email in now}
    _write(connection, source, stored, kept)


def store_people(connection: Connection, source: str, memberships: Iterable[Membership]) -> None:
    """Replace who is who in a source; who stays the same is not written."""
    _write(connection, source, _stored(connection, source), _by_email(memberships))


def _stored(connection: Connection, source: str) -> dict[str, frozenset[str]]:
    rows = connection.execute(SQL["stored"], {"source": source})
    return {email: frozenset(principals) for email, principals in rows}


def _by_email(memberships: Iterable[Membership]) -> dict[str, frozenset[str]]:
    """One who has two accounts is both."""
    people: dict[str, frozenset[str]] = defaultdict(frozenset)
    for person in memberships:
        if email := storable(person.email).strip().lower():
            people[email] |= frozenset(map(storable, person.principals))
    return dict(people)


def _write(
    connection: Connection,
    source: str,
    stored: Mapping[str, frozenset[str]],
    wanted: Mapping[str, frozenset[str]],
) -> None:
    gone = [email for email in stored if email not in wanted]
    if gone:
        connection.execute(SQL["delete"], {"source": source, "emails": gone})
    changed = [
        {"source": source, "email": email, "principals": sorted(principals)}
        for email, principals in wanted.items()
        if stored.get(email) != principals
    ]
    if changed:
        with connection.cursor() as cursor:
            cursor.executemany(SQL["upsert"], changed)
