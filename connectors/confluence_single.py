"""Single pages and attachments of Cloud by API v2, in the shape in which the search (API v1) gives them.

They are asked for where the search does not show them: its index lags, and only this tells that they are gone.

Source: https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-page/ and …/api-group-attachment/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from connectors.atlassian import Json
from connectors.batches import batches
from connectors.confluence_api import Body, ConfluenceApi, Space
from connectors.confluence_query import with_ids
from connectors.errors import BrokenAnswerError, NotFoundError, RemovedError

_RESOURCES = {"page": "pages", "blogpost": "blogposts"}
_ROWS_AT_ONCE = 250
_IDS_AT_ONCE = 100
#: How often the way up is continued from the highest ancestor that was told.
_LONGEST_WAY = 20


def read_page(api: ConfluenceApi, page_id: str, body: Body | None) -> Json | None:
    """The row of a current page or blog post, restrictions left out; None where it is not shown as either.

    Raises:
        BrokenAnswerError: it is there, but not all that belongs to it could be had.
    """
    params = {"status": "current", "include-labels": "true", **({"body-format": body} if body else {})}
    for kind, resource in _RESOURCES.items():
        found = api.get_if_there(f"api/v2/{resource}/{page_id}", params)
        if found is not None:
            with _whole(page_id):
                return _page_row(api, kind, found)
    return None


def read_attachment(api: ConfluenceApi, attachment_id: str) -> Json | None:
    """The row of an attachment; None where it is not shown.

    Raises:
        BrokenAnswerError: it is there, but not all that belongs to it could be had.
    """
    path = f"api/v2/attachments/{attachment_id}"
    found = api.get_if_there(path, {})
    if found is None:
        return None
    with _whole(attachment_id):
        version = found["version"]
        first = version if version["number"] == 1 else api.get_if_there(f"{path}/versions/1", {})
        container = found.get("pageId") or found.get("blogPostId")
        return {
            "id": str(found["id"]),
            "type": "attachment",
            "status": found["status"],
            "title": found["title"],
            "version": _version(version),
            "history": _history(api, found, (first or version).get("authorId")),
            "container": {"id": container, "type": "page" if found.get("pageId") else "blogpost"},
            "extensions": {"mediaType": found.get("mediaType"), "fileSize": found.get("fileSize")},
        }


def titled_pages(api: ConfluenceApi, space: Space, title: str) -> list[Json]:
    """What :func:`connectors.confluence_includes.find_included` needs of pages, or else blog posts, of this title."""
    params = {"space-id": space.id, "title": title, "status": "current", "limit": 25}
    for kind, resource in _RESOURCES.items():
        found = [row for rows in api.pages(f"api/v2/{resource}", params) for row in rows]
        if found:
            return [
                {
                    **{name: row.get(name) for name in ("id", "status", "title")},
                    "type": kind,
                    "space": {"key": space.key},
                    "history": {"createdDate": row.get("createdAt")},
                }
                for row in found
            ]
    return []


@contextmanager
def _whole(content_id: str) -> Iterator[None]:
    """What is there, but not whole, is broken: it must neither count as gone nor be read in part."""
    try:
        yield
    except RemovedError:
        raise
    except (NotFoundError, KeyError, TypeError, AttributeError) as exc:
        raise BrokenAnswerError(
            f"Confluence gave {content_id} only in part: it is read again later."
        ) from exc


def _page_row(api: ConfluenceApi, kind: str, found: Json) -> Json:
    space: Json = api.client.get(f"api/v2/spaces/{found['spaceId']}")
    return {
        "id": str(found["id"]),
        "type": kind,
        "status": found["status"],
        "title": found["title"],
        "body": found.get("body") or {},
        "space": {name: space[name] for name in ("id", "key", "name", "status")},
        "version": _version(found["version"]),
        "history": _history(api, found, found.get("authorId")),
        "metadata": {"labels": {"results": _labels(api, f"{_RESOURCES[kind]}/{found['id']}", found)}},
        "ancestors": _ancestors(api, found) if kind == "page" else [],
    }


def _version(version: Json) -> Json:
    return {"number": version["number"], "when": version["createdAt"]}


def _history(api: ConfluenceApi, found: Json, author: str | None) -> Json:
    names = api.user_names([author]) if author else {}
    return {"createdDate": found["createdAt"], "createdBy": {"displayName": names.get(author or "")}}


def _labels(api: ConfluenceApi, resource: str, found: Json) -> list[Json]:
    """All labels; the page itself comes with the first fifty."""
    labels = found["labels"]
    if not (labels.get("meta") or {}).get("hasMore"):
        return list(labels["results"])
    pages = api.pages(f"api/v2/{resource}/labels", {"limit": _ROWS_AT_ONCE})
    return [row for rows in pages for row in rows]


def _ancestors(api: ConfluenceApi, page: Json) -> list[Json]:
    """What is above a page, the top first, with titles as far as the site tells them.

    A long way up comes in parts, of which each starts at the highest ancestor of the one before.
    """
    way: list[Json] = []
    below = page
    for _ in range(_LONGEST_WAY):
        answer = api.client.get(f"api/v2/pages/{below['id']}/ancestors", {"limit": _ROWS_AT_ONCE})
        rows: list[Json] = answer["results"]
        if not rows:
            break
        pages = _by_id(api, [str(row["id"]) for row in rows])
        way = [{**row, "title": pages.get(str(row["id"]), {}).get("title")} for row in rows] + way
        below = pages.get(str(rows[0]["id"]), {})
        if not below.get("parentId"):
            return way
    if below.get("parentId"):
        raise BrokenAnswerError(f"Confluence does not tell all that is above page {page['id']}.")
    return way


def _by_id(api: ConfluenceApi, ids: Sequence[str]) -> dict[str, Json]:
    """Pages by their ids, and what else is found by its id (folders, whiteboards, databases)."""
    found: dict[str, Json] = {}
    for batch in batches(ids, _IDS_AT_ONCE):
        for rows in api.pages("api/v2/pages", {"id": ",".join(batch), "limit": _ROWS_AT_ONCE}):
            found.update({str(row["id"]): row for row in rows})
        if others := sorted(set(batch) - found.keys()):
            for rows in api.search(with_ids(others), expand="version", limit=_IDS_AT_ONCE):
                found.update({str(row["id"]): row for row in rows})
    return found
