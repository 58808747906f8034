"""What both Confluences have in common on the wire: content search by CQL, and how its pages are walked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import structlog

from connectors.atlassian import AtlassianClient, Json
from connectors.errors import (
    AuthenticationError,
    BrokenAnswerError,
    NotFoundError,
    RemovedError,
    ScopeError,
    ServerFaultError,
    SourceUnavailableError,
    UnexpectedAnswerError,
)

log = structlog.get_logger(__name__)

#: The form of a body: as its author wrote it, or as the site renders it.
Body = Literal["storage", "view"]
#: How many space keys a query may name: they all stand in its URL.
KEYS_AT_ONCE = 50
_SUBJECTS_AT_ONCE = 100
_MOST_EMPTY = 100


#: Faults of a request for several documents that are worth a request for each of them.
OF_A_BATCH = (ServerFaultError, BrokenAnswerError)
#: Faults of a request for a single one that may be its own, if the site answers otherwise.
OF_ONE = (SourceUnavailableError, BrokenAnswerError)


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

    @abstractmethod
    def download_path(self, attachment: Json, page_id: str) -> str | None:
        """Where an attachment's bytes are, relative to the site's URL; None where the site names no such place."""

    @abstractmethod
    def page(self, page_id: str, body: Body | None) -> Json | None:
        """The row of a page or blog post by its id; None where it is archived, trashed, gone or closed to us."""

    @abstractmethod
    def attachment(self, attachment_id: str) -> Json | None:
        """The row of an attachment by its id; None where it is gone or closed to us."""

    @abstractmethod
    def titled(self, space: Space, title: str) -> list[Json]:
        """Rows of the pages (on Cloud, else the blog posts) with this title, without bodies: from the site's data and
        not from its search index, which may not know them yet."""

    def admits_anonymous(self) -> bool:
        """Whether the site lets in visitors who are not signed in, without which a space that is open to them is open
        to nobody. Cloud does not tell."""
        return True

    def current_user(self) -> Json:
        """The account that reads."""
        user: Json = self.client.get("rest/api/user/current")
        if user.get("type") == "anonymous":
            raise AuthenticationError(
                f"{self.client.site.host} takes this account for an anonymous visitor: check the token."
            )
        return user

    def get_if_there(self, path: str, params: Mapping[str, Any]) -> Json | None:
        """What has an address of its own; None where it is gone or closed to the account.

        Raises:
            ConnectorError: this says nothing about that one thing: it is the account that is refused, or the
                token's scopes, or the resource itself that the site has no more (410).
        """
        try:
            found: Json = self.client.get(path, params)
        except (RemovedError, ScopeError):
            raise
        except NotFoundError:
            return None
        except AuthenticationError:
            self.current_user()  # raises where the account is refused everywhere
            return None
        return found

    def search(self, cql: str, *, expand: str, limit: int) -> Iterator[list[Json]]:
        """Content that matches, a page at a time; nothing twice, though rows may move while they are walked."""
        params = {"cql": cql, "expand": expand, "limit": limit}
        seen: set[str] = set()
        for rows in self.pages("rest/api/content/search", params):
            new = [row for row in rows if str(row["id"]) not in seen]
            seen.update(str(row["id"]) for row in new)
            if new:
                yield new

    def restrictions(self, content_id: str) -> Iterator[Json]:
        """The read restriction of one page, folder or other content: as many answers as hold all its people."""
        path = f"rest/api/content/{content_id}/restriction/byOperation/read"
        params: dict[str, Any] = {
            "expand": "restrictions.user,restrictions.group",
            "limit": _SUBJECTS_AT_ONCE,
        }
        start, seen = 0, set[str]()
        while True:
            answer: Json = self.client.get(path, {**params, "start": start} if start else params)
            yield answer
            lists = [each for each in (answer.get("restrictions") or {}).values() if isinstance(each, dict)]
            subjects = [subject for each in lists for subject in each.get("results") or ()]
            shown = {json.dumps(subject, sort_keys=True) for subject in subjects}
            # A server that does not know `start` says the same again.
            if shown <= seen or not any(_is_full(each) for each in lists):
                return
            seen |= shown
            start += max(len(each.get("results") or ()) for each in lists)

    def pages(self, path: str, params: dict[str, Any]) -> Iterator[list[Json]]:
        """All result pages of a listing. A site that fails on a large page is asked for smaller ones."""
        seen: set[str] = set()
        following: dict[str, Any] | None = params
        restarted, empty = False, 0
        while following is not None:
            try:
                answer = self.client.get(path, following)
            except (ServerFaultError, BrokenAnswerError):
                if following["limit"] <= 1:
                    raise
                following = {**following, "limit": max(1, following["limit"] // 5)}
                continue
            except (NotFoundError, UnexpectedAnswerError):
                if "cursor" not in following or restarted:
                    raise
                log.info("confluence.cursor_expired", path=path)
                restarted, following, seen = True, params, set()
                continue
            results = _results(answer, path)
            _unseen_link(answer, seen, path)
            if results:
                yield results
            # What the account may not see is left out after the pages are cut: an empty one may have a next.
            empty = 0 if results else empty + 1
            if empty > _MOST_EMPTY:
                raise UnexpectedAnswerError(f"Confluence gave one empty page of {path} after the other.")
            following = self.following(answer, following)


def _results(answer: Any, path: str) -> list[Json]:
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise UnexpectedAnswerError(f"Confluence answered {path} without results: check the URL.")
    return results


def _unseen_link(answer: Json, seen: set[str], path: str) -> None:
    link = (answer.get("_links") or {}).get("next")
    if link in seen:
        raise UnexpectedAnswerError(f"Confluence gave the same page of {path} twice.")
    if link:
        seen.add(link)


def _is_full(listed: Json) -> bool:
    """Whether more may follow: the server may hold fewer rows at a time than it was asked for, and says so."""
    limit = listed.get("limit")
    return len(listed.get("results") or ()) >= (limit if isinstance(limit, int) else _SUBJECTS_AT_ONCE)


def step(answer: Json, params: dict[str, Any]) -> int:
    """By how much an offset moves on: an empty page has passed as many rows as it could have held."""
    return len(answer["results"]) or answer.get("limit") or params["limit"]


def next_query(answer: Json) -> dict[str, str] | None:
    """The query of ``_links.next``; its path is not used, because it lacks the site's context path."""
    link = (answer.get("_links") or {}).get("next")
    return dict(parse_qsl(urlsplit(link).query)) if link else None
