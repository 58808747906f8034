"""The admin API for pages, their comments, attachments and restrictions."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from aiohttp import web

from sandbox import site_changes
from sandbox.atlassian.admin_wire import Table, an_object, page_of, principals_of
from sandbox.errors import ChangeError
from sandbox.site_records import Attachment, PageComment, PageRow
from sandbox.site_state import Site
from sandbox.site_times import confluence_time


def wiki_table(site: Site) -> Table:
    """The routes for the wiki."""
    admin = _WikiAdmin(site)
    return [
        ("GET", "/pages", admin.list_pages),
        ("POST", "/pages", admin.post_page),
        ("GET", "/pages/{page}", admin.get_page),
        ("PUT", "/pages/{page}", admin.put_page),
        ("DELETE", "/pages/{page}", admin.delete_page),
        ("PUT", "/pages/{page}/status", admin.put_status),
        ("PUT", "/pages/{page}/restrictions", admin.put_restrictions),
        ("POST", "/pages/{page}/comments", admin.post_comment),
        ("PUT", "/pages/{page}/comments/{comment}", admin.put_comment),
        ("DELETE", "/pages/{page}/comments/{comment}", admin.delete_comment),
        ("POST", "/pages/{page}/attachments", admin.post_attachment),
        ("GET", "/pages/{page}/attachments/{attachment}", admin.get_attachment),
        ("PUT", "/pages/{page}/attachments/{attachment}", admin.put_attachment),
        ("DELETE", "/pages/{page}/attachments/{attachment}", admin.delete_attachment),
    ]


class _WikiAdmin:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def list_pages(self, _: web.Request) -> Any:
        return [
            {
                "id": page.id,
                "space": page.space,
                "title": page.title,
                "type": page.kind,
                "status": page.status,
            }
            for page in list(self._site.pages.values())
        ]

    async def post_page(self, request: web.Request) -> Any:
        return _page_json(site_changes.create_page(self._site, await an_object(request)))

    async def get_page(self, request: web.Request) -> Any:
        return _page_json(self._page(request))

    async def put_page(self, request: web.Request) -> Any:
        page = self._page(request)
        site_changes.update_page(self._site, page, await an_object(request))
        return _page_json(page)

    async def delete_page(self, request: web.Request) -> Any:
        page = self._page(request)
        purge = request.query.get("purge", "0") not in ("", "0", "false")
        site_changes.delete_page(self._site, page, purge=purge)
        return {"id": page.id, "status": "purged" if purge else page.status}

    async def put_status(self, request: web.Request) -> Any:
        page, data = self._page(request), await an_object(request)
        site_changes.set_page_status(self._site, page, str(data.get("status")))
        return {"id": page.id, "status": page.status}

    async def put_restrictions(self, request: web.Request) -> Any:
        """Of reading, or with `?operation=update` of editing, which limits no reader."""
        page, principals = self._page(request), await principals_of(request)
        operation = request.query.get("operation", "read")
        if operation not in ("read", "update"):
            raise ChangeError(f"There is no operation {operation!r}: write read or update.")
        site_changes.set_restriction(self._site, page, principals, operation=operation)
        return {"principals": principals}

    async def post_comment(self, request: web.Request) -> Any:
        page = self._page(request)
        return _comment_json(site_changes.add_page_comment(self._site, page, await an_object(request)))

    async def put_comment(self, request: web.Request) -> Any:
        page, data = self._page(request), await an_object(request)
        comment_id = request.match_info["comment"]
        return _comment_json(site_changes.update_page_comment(self._site, page, comment_id, data))

    async def delete_comment(self, request: web.Request) -> Any:
        comment_id = request.match_info["comment"]
        site_changes.delete_page_comment(self._site, self._page(request), comment_id)
        return {"id": comment_id, "status": "deleted"}

    async def post_attachment(self, request: web.Request) -> Any:
        page = self._page(request)
        return _attachment_json(site_changes.add_attachment(self._site, page, await an_object(request)))

    async def get_attachment(self, request: web.Request) -> Any:
        """With the bytes as `base64`, or null where the site has none."""
        page, wanted = self._page(request), request.match_info["attachment"]
        attachment = site_changes.attachment_of(page, wanted)
        content = self._site.attachment_bytes(page, attachment)
        encoded = b64encode(content).decode() if content is not None else None
        return {**_attachment_json(attachment), "base64": encoded}

    async def put_attachment(self, request: web.Request) -> Any:
        page, data = self._page(request), await an_object(request)
        wanted = request.match_info["attachment"]
        return _attachment_json(site_changes.update_attachment(self._site, page, wanted, data))

    async def delete_attachment(self, request: web.Request) -> Any:
        wanted = request.match_info["attachment"]
        site_changes.delete_attachment(self._site, self._page(request), wanted)
        return {"id": wanted, "status": "deleted"}

    def _page(self, request: web.Request) -> PageRow:
        return page_of(self._site, request.match_info["page"])


def _page_json(page: PageRow) -> dict[str, Any]:
    return {
        "id": page.id,
        "type": page.kind,
        "space": page.space,
        "title": page.title,
        "parent_id": page.parent_id,
        "version": page.version,
        "status": page.status,
        "created": confluence_time(page.created),
        "updated": confluence_time(page.updated),
        "author": page.author,
        "labels": list(page.labels),
        "storage": page.storage,
        "comments": [_comment_json(comment) for comment in page.comments],
        "attachments": [_attachment_json(attachment) for attachment in page.attachments],
    }


def _comment_json(comment: PageComment) -> dict[str, Any]:
    anchor = comment.inline
    inline = {"originalSelection": anchor.selection, "markerRef": anchor.marker_ref} if anchor else None
    return {
        "id": comment.id,
        "author": comment.author,
        "created": confluence_time(comment.created),
        "updated": confluence_time(comment.updated),
        "version": comment.version,
        "parent_id": comment.parent_id,
        "inline": inline,
        "resolved": comment.resolved,
        "storage": comment.storage,
    }


def _attachment_json(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.id,
        "title": attachment.title,
        "media_type": attachment.media_type,
        "created": confluence_time(attachment.created),
        "updated": confluence_time(attachment.updated),
        "author": attachment.author,
        "size": attachment.size,
        "version": attachment.version,
    }
