"""What both Confluences have in common on the wire: content search by CQL, and how its pages are walked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.atlassian import AtlassianClient, Json
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    NotFoundError,
    ServerFaultError,
    UnexpectedAnswerError,
)


@dataclass(frozen=True, kw_only=True)
class Space:
    """A space; ``id`` is the number that Cloud's newer API asks for."""

    id: str
    key: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person as a principal: their id, e-mail (empty where hidden) and whether they can sign in."""

    id: str
    email: str


class ConfluenceApi(ABC):
    """A Confluence site; the subclasses know what differs between Cloud and Data Center."""

    def __init__(self, client: AtlassianClient) -> None:
        self.client = client

    @abstractmethod
    def spaces(self, keys: tuple[str, ...] | None) -> Iterator[Space]:
        """The spaces with these keys, or all that the account may read."""

    @abstractmethod
    def space_readers(self, space: Space) -> frozenset[str]:
        """The principals that may view a space."""

    @abstractmethod
    def user_names(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Display names by the ids that mentions carry; unknown ones are left out."""

    @abstractmethod
    def groups(self) -> Iterator[str]:
        """The ids of all groups, as in ``group:<id>``."""

    @abstractmethod
    def members(self, group: str) -> Iterator[Person]:
        """The people in a group."""

    @abstractmethod
    def principal_of_user(self, user: Json) -> str | None:
        """``user:<id>`` of a user in an answer."""

    @abstractmethod
    def principal_of_group(self, group: Json) -> str | None:
        """``group:<id>`` of a group in an answer."""

    @abstractmethod
    def following(self, answer: Json, params: dict[str, Any]) -> dict[str, Any] | None:
        """The parameters that ask for the page after ``answer``; None at the end."""

    def current_user(self) -> Json:
        """The account that reads."""
        user: Json = self.client.get("rest/api/user/current")
        if user.get("type") == "anonymous":
            raise AuthenticationError(
                f"{self.client.host} takes this account for an anonymous visitor: check the token."
            )
        return user

    def content(self, content_id: str, expand: str) -> Json | None:
        """One page or blog post; None where it is trashed, gone or closed to the account."""
        try:
            row: Json = self.client.get(f"rest/api/content/{content_id}", {"expand": expand})
        except NotFoundError:
            return None
        except AuthenticationError:
            self.current_user()  # an account that is refused everywhere says nothing about this page
            return None
        return row if row.get("status", "current") == "current" else None

    def search(self, cql: str, *, expand: str, limit: int) -> Iterator[list[Json]]:
        """Content that matches, a page at a time."""
        params = {"cql": cql, "expand": expand, "limit": limit}
        return self.pages("rest/api/content/search", params)

    def count(self, cql: str) -> int | None:
        """How much content matches; None where the site does not tell."""
        answer = self.client.get("rest/api/search", {"cql": cql, "limit": 1})
        total = answer.get("totalSize") if isinstance(answer, dict) else None
        return total if isinstance(total, int) else None

    def restrictions(self, content_id: str) -> Json:
        """The read restriction of one page, folder or other content."""
        path = f"rest/api/content/{content_id}/restriction/byOperation/read"
        answer: Json = self.client.get(path, {"expand": "restrictions.user,restrictions.group"})
        return answer

    def pages(self, path: str, params: dict[str, Any]) -> Iterator[list[Json]]:
        """All result pages of a listing. A site that fails on a large page is asked for smaller ones."""
        seen: set[str] = set()
        following: dict[str, Any] | None = params
        while following is not None:
            try:
                answer = self.client.get(path, following)
            except (ServerFaultError, BrokenAnswerError):
                if following["limit"] <= 1:
                    raise
                following = {**following, "limit": max(1, following["limit"] // 5)}
                continue
            results = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(results, list):
                raise UnexpectedAnswerError(f"Confluence answered {path} without results: check the URL.")
            link = (answer.get("_links") or {}).get("next")
            if link in seen:
                raise UnexpectedAnswerError(f"Confluence gave the same page of {path} twice.")
            if link:
                seen.add(link)
            if results:
                yield results
            # What the account may not see is left out after the pages are cut: an empty one may have a next.
            following = self.following(answer, following)


def step(answer: Json, params: dict[str, Any]) -> int:
    """By how much an offset moves on: an empty page has passed as many rows as it could have held."""
    return len(answer["results"]) or answer.get("limit") or params["limit"]


def next_query(answer: Json) -> dict[str, str] | None:
    """The query of ``_links.next``; its path is not used, because it lacks the site's context path."""
    link = (answer.get("_links") or {}).get("next")
    return dict(parse_qsl(urlsplit(link).query)) if link else None
