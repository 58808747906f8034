"""The people and groups of a site: one directory that Jira and Confluence share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person. `id` is the Cloud account id; `login` the Data Center user name.

    Who hides the address in their Atlassian profile (`email_hidden`) is shown and found without it on Cloud.
    Who is only known as the author of something (not `listed`) has no groups and is not found by searches.
    """

    id: str
    login: str
    name: str
    email: str
    active: bool = True
    time_zone: str = "UTC"
    listed: bool = True
    email_hidden: bool = False

    @property
    def cloud_email(self) -> str:
        """The address as Cloud shows it to others: empty where the profile hides it."""
        return "" if self.email_hidden else self.email

    @property
    def user_key(self) -> str:
        """The opaque key by which Confluence Data Center names a user."""
        return sha256(self.login.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    name: str
    member_ids: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The Cloud group id: stable for a name."""
        return str(uuid5(NAMESPACE_URL, f"group:{self.name}"))


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """What API clients see: `reader` None is everything, `hides` takes `space:KEY`, `page:ID` (with its
    descendants), `project:KEY` and `issue:KEY` away on top."""

    reader: User | None = None
    hides: frozenset[str] = frozenset()

    @property
    def is_limited(self) -> bool:
        return self.reader is not None or bool(self.hides)


class Directory:
    """Finds users and groups by each of the names that the APIs give them."""

    def __init__(self, users: Iterable[User] = (), groups: Iterable[Group] = ()) -> None:
        self._by_id: dict[str, User] = {}
        self._by_login: dict[str, User] = {}
        self._by_email: dict[str, User] = {}
        self._by_key: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        for user in users:
            self.add_user(user)
        for group in groups:
            self.put_group(group)

    def add_user(self, user: User) -> User:
        self._by_id[user.id] = user
        self._by_login[user.login] = user
        self._by_key[user.user_key] = user
        self._by_email.setdefault(user.email.lower(), user)
        return user

    def update_user(self, user: User, **changes: Any) -> User:
        """Change a user's e-mail, name, time zone or whether they are active."""
        if self._by_email.get(user.email.lower()) is user:
            del self._by_email[user.email.lower()]
        return self.add_user(replace(user, **changes))

    def put_group(self, group: Group) -> None:
        """Add a group, or replace the one of that name."""
        self.groups[group.name] = group

    def users(self) -> list[User]:
        """The people whom searches find, in a stable order."""
        return [user for user in self._by_id.values() if user.listed]

    def find(self, reference: str | None) -> User | None:
        """A user by account id, e-mail, login or Confluence user key."""
        if not reference:
            return None
        return (
            self._by_id.get(reference)
            or self._by_login.get(reference)
            or self._by_email.get(reference.lower())
            or self._by_key.get(reference)
        )

    def author(
        self, login: str, *, name: str = "", email: str = "", active: bool = True, listed: bool = False
    ) -> User:
        """The user with that login; somebody new is entered as a person known by name only."""
        known = self._by_login.get(login) or self._by_id.get(login)
        if known:
            return known
        account_id = "557058:" + str(uuid5(NAMESPACE_URL, f"user:{login}"))
        name = name or login.replace(".", " ").title()
        return self.add_user(
            User(id=account_id, login=login, name=name, email=email, active=active, listed=listed)
        )

    def group(self, reference: str | None) -> Group | None:
        """A group by name or by Cloud group id."""
        if not reference:
            return None
        return self.groups.get(reference) or next(
            (g for g in self.groups.values() if g.id == reference), None
        )

    def groups_of(self, user: User) -> list[Group]:
        return [group for group in self.groups.values() if user.id in group.member_ids]

    def members_of(self, group: Group) -> list[User]:
        return [user for user in self._by_id.values() if user.id in group.member_ids]
