"""Turns the JSON of a site folder and of the admin API into rows; KeyError, TypeError, ValueError mean bad JSON."""

from __future__ import annotations

from dataclasses import replace
from sys import intern
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.errors import SiteError
from sandbox.site_records import (
    Attachment,
    InlineAnchor,
    IssueRow,
    PageComment,
    PageRow,
    pack,
    pack_document,
)
from sandbox.site_state import Site
from sandbox.site_times import parse_time


def issue_row(issue: dict[str, Any], packed: bytes | None = None) -> IssueRow:
    """Make the row of a stored issue; raises KeyError, TypeError or ValueError when it is not one."""
    fields = issue["fields"]
    int(issue["key"].rpartition("-")[2])
    return IssueRow(
        id=str(issue["id"]),
        key=issue["key"],
        project=intern(fields["project"]["key"]),
        created=parse_time(fields["created"]),
        updated=parse_time(fields["updated"]),
        facets=_facets(fields),
        packed=packed if packed is not None else pack_document(issue),
        reporter=_login(fields.get("reporter")),
        assignee=_login(fields.get("assignee")),
        attachment_ids=tuple(str(entry["id"]) for entry in fields.get("attachment") or ()),
    )


def _login(person: dict[str, Any] | None) -> str | None:
    name = (person or {}).get("name") or (person or {}).get("accountId")
    return intern(str(name)) if name else None


def _facets(fields: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """What simple JQL clauses compare, by clause name; values are shared strings in lower case."""

    def names(field: str, *keys: str) -> tuple[str, ...]:
        value = fields.get(field) or []
        entries = value if isinstance(value, list) else [value]
        found = []
        for entry in entries:
            texts = [entry] if isinstance(entry, str) else [str(entry[key]) for key in keys if entry.get(key)]
            found += [intern(text.lower()) for text in texts]
        return tuple(found)

    return {
        "status": names("status", "name", "id"),
        "statuscategory": _category(fields.get("status") or {}),
        "issuetype": names("issuetype", "name", "id"),
        "priority": names("priority", "name", "id"),
        "resolution": names("resolution", "name", "id"),
        "assignee": names("assignee", "name", "displayName", "emailAddress"),
        "reporter": names("reporter", "name", "displayName", "emailAddress"),
        "labels": names("labels"),
        "component": names("components", "name", "id"),
        "fixversion": names("fixVersions", "name", "id"),
    }


def _category(status: dict[str, Any]) -> tuple[str, ...]:
    category = status.get("statusCategory") or {}
    return tuple(intern(str(category[key]).lower()) for key in ("key", "name") if category.get(key))


def page_row(site: Site, page: dict[str, Any]) -> PageRow:
    """A page or blog post from its line of the site folder; an attachment without a file has the size 0."""
    row = PageRow(
        id=str(page["id"]),
        kind=page.get("type", "page"),
        space=intern(page["space"]),
        title=page["title"],
        parent_id=str(page["parent_id"]) if page.get("parent_id") else None,
        version=int(page.get("version", 1)),
        created=parse_time(page["created"]),
        updated=parse_time(page["updated"]),
        author=intern(page["author"]),
        labels=tuple(intern(label) for label in page.get("labels", [])),
        packed=pack(page["storage"].encode()),
        position=len(site.pages),
        status=page.get("status", "current"),
        comments=[_page_comment(entry) for entry in page.get("comments", [])],
    )
    for entry in page.get("attachments", []):
        attachment = Attachment(
            id=str(entry["id"]),
            title=entry["title"],
            media_type=entry.get("media_type", "application/octet-stream"),
            created=parse_time(entry["created"]),
            author=entry["author"],
            size=0,
        )
        file = site.attachment_file(row, attachment)
        size = file.stat().st_size if file.is_file() else 0
        row.attachments.append(replace(attachment, size=size))
    return row


def _page_comment(entry: dict[str, Any]) -> PageComment:
    inline = entry.get("inline")
    return PageComment(
        id=str(entry["id"]),
        author=entry["author"],
        created=parse_time(entry["created"]),
        storage=entry["storage"],
        version=int(entry.get("version", 1)),
        edited=parse_time(entry["updated"]) if entry.get("updated") else None,
        parent_id=str(entry["parent_id"]) if entry.get("parent_id") else None,
        inline=inline_anchor(inline, str(entry["id"])) if inline else None,
        resolved=bool(entry.get("resolved", False)),
    )


def inline_anchor(entry: dict[str, Any], comment_id: str) -> InlineAnchor:
    """From `{"originalSelection", "markerRef"}`; without a marker there is none in the page's text."""
    marker = entry.get("markerRef") or str(uuid5(NAMESPACE_URL, f"marker:{comment_id}"))
    return InlineAnchor(selection=str(entry["originalSelection"]), marker_ref=str(marker))


def time_zone(entry: dict[str, Any]) -> str:
    """The time zone of a person; raises SiteError when there is no such zone."""
    name = str(entry.get("time_zone") or entry.get("timeZone") or "UTC")
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise SiteError(
            f"site.json gives {entry['login']} the unknown time zone {name}: write one like Europe/Berlin."
        ) from exc
