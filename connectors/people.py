"""Who is who in a source: people by e-mail, with the groups that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.documents import Membership


def memberships_of(members: Iterable[tuple[str, str, str]]) -> Iterator[Membership]:
    """Memberships from ``(person id, e-mail, group id)`` rows, in which a person comes once per group.

    People whose e-mail the source hides are left out: nobody could be matched to them. Two accounts of one
    address become one membership with what both may read.
    """
    principals: dict[str, set[str]] = {}
    for person, email, group in members:
        if email:
            principals.setdefault(email.strip().lower(), set()).update({f"user:{person}", f"group:{group}"})
    for email, found in principals.items():
        yield Membership(email=email, principals=frozenset(found))
