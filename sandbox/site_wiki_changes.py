"""Changes to the wiki as people make them: edits count up versions and times, deleted pages go to the trash.

As in Confluence, moves, labels, permissions and the resolving of a comment change no version and no time.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sandbox.errors import ChangeError
from sandbox.site_access import ancestors
from sandbox.site_records import Attachment, PageComment, PageRow, Principals, Space, pack
from sandbox.site_rows import inline_anchor
from sandbox.site_state import Change, Site
from sandbox.site_times import now_ms

AUTHOR = "service-account"
STATUSES = ("current", "archived", "trashed")


def create_page(site: Site, data: dict[str, Any]) -> PageRow:
    """A new page from `space`, `title`, `storage` and, optionally, `parent_id`, `labels`, `author`, `type`."""
    space, title = text_of(data, "space"), text_of(data, "title")
    if space not in site.spaces:
        site.spaces[space] = Space(id=str(98304 + 4 * len(site.spaces)), key=space, name=space)
    now = now_ms()
    page = PageRow(
        id=str(_next_content_id(site)),
        kind=str(data.get("type", "page")),
        space=space,
        title=title,
        parent_id=_parent(site, data.get("parent_id")),
        version=1,
        created=now,
        updated=now,
        author=str(data.get("author", AUTHOR)),
        labels=tuple(data.get("labels", ())),
        packed=pack(text_of(data, "storage").encode()),
        position=len(site.pages),
    )
    site.directory.author(page.author)
    site.pages[page.id] = page
    site.changed(Change(event="page_created", page=page))
    return page


def update_page(site: Site, page: PageRow, data: dict[str, Any]) -> None:
    """Change title or storage (a new version); move or label the page (no new version, as in Confluence)."""
    changes = []
    if "parent_id" in data or "space" in data:
        _move(site, page, data)
        changes.append(Change(event="page_moved", page=page))
    if "labels" in data:
        changes += _relabel(page, tuple(data["labels"]))
    if "title" in data or "storage" in data:
        page.title = str(data.get("title", page.title))
        if "storage" in data:
            page.packed = pack(str(data["storage"]).encode())
        page.version += 1
        page.updated = now_ms()
        changes.append(Change(event="page_updated", page=page))
    site.changed(*changes)


def delete_page(site: Site, page: PageRow, *, purge: bool) -> None:
    """Put the page into the trash, or remove it for good; its children move up to its parent."""
    for child in site.children_of(page.id):
        child.parent_id = page.parent_id
    was_in_trash, page.status = page.status == "trashed", "trashed"
    if purge:
        del site.pages[page.id]
        site.page_restrictions.pop(page.id, None)
        site.update_restrictions.pop(page.id, None)
    events = [] if was_in_trash else ["page_trashed"]
    events += ["page_removed"] if purge else []
    site.changed(*(Change(event=event, page=page) for event in events))


def set_page_status(site: Site, page: PageRow, status: str) -> None:
    """Archive a page, take it back from the archive or the trash, or put it there; its children move up, as in
    Confluence."""
    if status not in STATUSES:
        raise ChangeError(f"There is no status {status!r}: write current, archived or trashed.")
    if status == "trashed":
        delete_page(site, page, purge=False)
        return
    parent = site.pages.get(page.parent_id or "")
    if parent is None or parent.status != "current":
        page.parent_id = None
    for child in site.children_of(page.id) if status == "archived" else ():
        child.parent_id = page.parent_id
    event = {"archived": "page_archived"}.get(status, "page_restored")
    page.status = status
    site.changed(Change(event=event, page=page))


def add_page_comment(site: Site, page: PageRow, data: dict[str, Any]) -> PageComment:
    """A comment from `storage` and, optionally, `author`, `parent_id` (a reply) and `inline` (as in a folder)."""
    comment_id, parent_id = str(_next_content_id(site)), data.get("parent_id")
    if parent_id is not None:
        comment_of(page, str(parent_id))
    try:
        inline = inline_anchor(data["inline"], comment_id) if data.get("inline") else None
    except (KeyError, TypeError, AttributeError) as exc:
        raise ChangeError(
            "The field 'inline' needs the text that is marked, as 'originalSelection'."
        ) from exc
    comment = PageComment(
        id=comment_id,
        author=str(data.get("author", AUTHOR)),
        created=now_ms(),
        storage=str(data.get("storage") or data.get("body") or ""),
        parent_id=str(parent_id) if parent_id is not None else None,
        inline=inline,
    )
    site.directory.author(comment.author)
    page.comments.append(comment)
    site.changed(Change(event="comment_created", page=page, comment=comment))
    return comment


def update_page_comment(site: Site, page: PageRow, comment_id: str, data: dict[str, Any]) -> PageComment:
    """Change a comment's `storage` (a new version), or set whether it is `resolved` (no new version)."""
    comment = comment_of(page, comment_id)
    changed = replace(comment, resolved=bool(data.get("resolved", comment.resolved)))
    if "storage" in data:
        storage = text_of(data, "storage")
        changed = replace(changed, storage=storage, version=comment.version + 1, edited=now_ms())
    page.comments[page.comments.index(comment)] = changed
    site.changed(Change(event="comment_updated", page=page, comment=changed))
    return changed


def delete_page_comment(site: Site, page: PageRow, comment_id: str) -> None:
    """Remove a comment; replies to it become replies to what it replied to."""
    gone = comment_of(page, comment_id)
    page.comments[:] = [
        replace(each, parent_id=gone.parent_id, inline=each.inline or gone.inline)
        if each.parent_id == gone.id
        else each
        for each in page.comments
        if each is not gone
    ]
    site.changed(Change(event="comment_removed", page=page, comment=gone))


def add_attachment(site: Site, page: PageRow, data: dict[str, Any]) -> Attachment:
    """A file from `title` and `text` or `base64`; the same title again is a new version, as in Confluence."""
    title, content, now = text_of(data, "title"), content_of(data), now_ms()
    known = next((each for each in page.attachments if each.title == title), None)
    if known is not None:
        return update_attachment(site, page, known.id, data)
    attachment = Attachment(
        id=f"att{_next_content_id(site)}",
        title=title,
        media_type=str(data.get("media_type", "application/octet-stream")),
        created=now,
        author=str(data.get("author", AUTHOR)),
        size=len(content),
        content=content,
    )
    site.directory.author(attachment.author)
    page.attachments.append(attachment)
    site.changed(Change(event="attachment_created", page=page, attachment=attachment))
    return attachment


def update_attachment(site: Site, page: PageRow, attachment_id: str, data: dict[str, Any]) -> Attachment:
    """A new version of a file (`text` or `base64`), or another name for it (`title`)."""
    known = attachment_of(page, attachment_id)
    content = content_of(data) if {"text", "base64"} & set(data) else site.attachment_bytes(page, known)
    changed = replace(
        known,
        title=str(data.get("title", known.title)),
        media_type=str(data.get("media_type", known.media_type)),
        content=content,
        size=len(content or b""),
        version=known.version + 1,
        edited=now_ms(),
    )
    page.attachments[page.attachments.index(known)] = changed
    site.changed(Change(event="attachment_updated", page=page, attachment=changed))
    return changed


def delete_attachment(site: Site, page: PageRow, attachment_id: str) -> None:
    gone = attachment_of(page, attachment_id)
    page.attachments.remove(gone)
    site.changed(Change(event="attachment_removed", page=page, attachment=gone))


def set_restriction(site: Site, page: PageRow, principals: Principals, *, operation: str = "read") -> None:
    """Restrict the page to these principals; without any, lift its own restriction."""
    rules = site.page_restrictions if operation == "read" else site.update_restrictions
    if principals:
        rules[page.id] = principals
    else:
        rules.pop(page.id, None)
    site.changed(Change(event="content_permissions_updated", page=page))


def comment_of(page: PageRow, comment_id: str) -> PageComment:
    """The comment with that id; raises ChangeError when the page has none."""
    for comment in page.comments:
        if comment.id == comment_id:
            return comment
    raise ChangeError(f"There is no comment {comment_id} on page {page.id}: name one that exists.")


def attachment_of(page: PageRow, attachment_id: str) -> Attachment:
    """The attachment with that id or title; raises ChangeError when the page has none."""
    for attachment in page.attachments:
        if attachment_id in (attachment.id, attachment.title):
            return attachment
    raise ChangeError(f"There is no attachment {attachment_id} on page {page.id}: name one that exists.")


def content_of(data: dict[str, Any]) -> bytes:
    """The bytes of a file, given as `text` or `base64`."""
    if "text" in data:
        return str(data["text"]).encode()
    try:
        return b64decode(str(data["base64"]), validate=True)
    except (KeyError, Base64Error, ValueError) as exc:
        raise ChangeError("The file's content is missing: give it as 'text' or as 'base64'.") from exc


def text_of(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise ChangeError(f"The field '{name}' is missing: give it as text.")
    return value


def next_number(ids: Iterable[str]) -> int:
    """The number after the highest of those ids that are numbers."""
    return max((int(each) for each in ids if each.isdecimal()), default=10000) + 1


def _move(site: Site, page: PageRow, data: dict[str, Any]) -> None:
    """To another parent, and with all its descendants to another space; without a parent to the top of it."""
    parent_id = _parent(site, data.get("parent_id"))
    chain = [*ancestors(site.pages, site.pages[parent_id]), site.pages[parent_id]] if parent_id else []
    if any(each.id == page.id for each in chain):
        raise ChangeError("A page cannot be moved below itself: choose another parent.")
    space = str(data.get("space", site.pages[parent_id].space if parent_id else page.space))
    if space not in site.spaces:
        raise ChangeError(f"There is no space {space}: name one that exists.")
    if parent_id and site.pages[parent_id].space != space:
        raise ChangeError(f"Page {parent_id} is not in space {space}: choose a parent that is.")
    page.parent_id = parent_id
    for each in [page, *site.descendants_of(page.id)]:
        each.space = space


def _relabel(page: PageRow, labels: tuple[str, ...]) -> list[Change]:
    added = tuple(label for label in labels if label not in page.labels)
    removed = tuple(label for label in page.labels if label not in labels)
    page.labels = labels
    events = [("label_added", added), ("label_removed", removed)]
    return [Change(event=event, page=page, labels=names) for event, names in events if names]


def _parent(site: Site, parent_id: Any) -> str | None:
    if parent_id in (None, ""):
        return None
    if str(parent_id) not in site.pages:
        raise ChangeError(f"There is no page {parent_id} to be the parent: name one that exists.")
    return str(parent_id)


def _next_content_id(site: Site) -> int:
    """Pages, comments and attachments share one series of ids, and none is given twice."""
    pages = site.pages.values()
    taken = [*site.pages, *(each.id for page in pages for each in page.comments)]
    taken += [each.id.removeprefix("att") for page in pages for each in page.attachments]
    site.last_content_id = max(site.last_content_id + 1, next_number(taken))
    return site.last_content_id
