"""Who will see an answer, which decides what may be searched for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Audience:
    """The people who will see an answer: the asker alone, or all members of a channel.

    A document is readable when *every* person satisfies *every* access rule of it. People are known by their
    e-mail address; one who has none, or whom no source knows, satisfies only rules that admit ``anyone``.
    """

    #: Lower-case e-mail addresses, "" for a person without one; None is the operator, who sees everything.
    emails: frozenset[str] | None

    @classmethod
    def of(cls, emails: Iterable[str | None]) -> Audience:
        """The audience of these people; nobody at all still reads only what is open to anyone."""
        return cls(emails=frozenset((email or "").strip().lower() for email in emails))

    @classmethod
    def operator(cls) -> Audience:
        """The operator on the command line: everything is readable."""
        return cls(emails=None)
