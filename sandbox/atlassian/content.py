"""Confluence content as one list: pages, blog posts, comments and attachments, each with an id of its own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from sandbox.atlassian.wire import Context
from sandbox.site_account import Sight
from sandbox.site_records import Attachment, PageComment, PageRow
from sandbox.site_state import Site


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """One thing with an id; `page` is the page itself or the container of a comment or attachment."""

    id: str
    kind: str
    title: str
    page: PageRow
    author: str
    created: int
    updated: int
    comment: PageComment | None = None
    attachment: Attachment | None = None

    @property
    def storage(self) -> str:
        if self.comment is not None:
            return self.comment.storage
        return "" if self.attachment is not None else self.page.storage

    @property
    def version(self) -> int:
        part = self.comment or self.attachment
        return self.page.version if part is None else part.version

    @property
    def ancestor_comments(self) -> list[PageComment]:
        """The comments that a reply replies to, the first of the discussion first."""
        by_id = {each.id: each for each in self.page.comments}
        chain: list[PageComment] = []
        above = by_id.get(self.comment.parent_id or "") if self.comment else None
        while above is not None and above not in chain:
            chain.append(above)
            above = by_id.get(above.parent_id or "")
        return chain[::-1]

    @property
    def location(self) -> str:
        """Of a comment: `inline` or `footer`, which for a reply is that of the discussion."""
        comments = [*self.ancestor_comments, self.comment]
        return "inline" if comments[0] is not None and comments[0].inline else "footer"


def page_content(page: PageRow) -> Content:
    return Content(
        id=page.id,
        kind=page.kind,
        title=page.title,
        page=page,
        author=page.author,
        created=page.created,
        updated=page.updated,
    )


def comment_content(page: PageRow, comment: PageComment) -> Content:
    return Content(
        id=comment.id,
        kind="comment",
        title=f"Re: {page.title}",
        page=page,
        author=comment.author,
        created=comment.created,
        updated=comment.updated,
        comment=comment,
    )


def attachment_content(page: PageRow, attachment: Attachment) -> Content:
    return Content(
        id=attachment.id,
        kind="attachment",
        title=attachment.title,
        page=page,
        author=attachment.author,
        created=attachment.created,
        updated=attachment.updated,
        attachment=attachment,
    )


def all_content(site: Site, *, status: str = "current") -> list[Content]:
    """Everything that the account sees on pages of that status, in a stable order."""

    def collect() -> list[Content]:
        found, sight = [], Sight(site)
        for page in list(site.pages.values()):
            if page.status == status and sight.page(page):
                found.append(page_content(page))
                found += [comment_content(page, comment) for comment in page.comments]
                found += [attachment_content(page, attachment) for attachment in page.attachments]
        return found

    return site.remembered(("content", status), collect)


def root_comments(page: PageRow) -> list[PageComment]:
    """The comments that are no replies."""
    return replies(page, None)


def replies(page: PageRow, comment_id: str | None) -> list[PageComment]:
    return [each for each in page.comments if each.parent_id == comment_id]


def find_content(site: Site, content_id: str) -> Content | None:
    """Content by id, whatever its status, if the account sees it."""
    if content_id in site.pages:
        content = page_content(site.pages[content_id])
    elif found := site.find_page_comment(content_id):
        content = comment_content(*found)
    elif attached := site.find_attachment(content_id):
        content = attachment_content(*attached)
    else:
        return None
    return content if Sight(site).page(content.page) else None


def web_path(context: Context, content: Content) -> str:
    """Where a person reads it, relative to the Confluence base."""
    page = content.page
    if content.attachment is not None:
        return f"/pages/viewpageattachments.action?pageId={page.id}&preview={quote(content.title)}"
    if context.is_cloud:
        path = f"/spaces/{page.space}/pages/{page.id}/{quote_plus(page.title)}"
        return f"{path}?focusedCommentId={content.id}" if content.comment else path
    if content.comment is not None:
        path = f"/pages/viewpage.action?pageId={page.id}"
        return f"{path}&focusedCommentId={content.id}#comment-{content.id}"
    if page.title.isascii() and not set(page.title) & set('?&/\\;:"+%'):
        return f"/display/{page.space}/{quote_plus(page.title)}"
    return f"/pages/viewpage.action?pageId={page.id}"


def download_path(context: Context, content: Content) -> str:
    """Where an attachment's bytes are, relative to the Confluence base."""
    if context.is_cloud:
        return f"/rest/api/content/{content.page.id}/child/attachment/{content.id}/download"
    return f"/download/attachments/{content.page.id}/{quote(content.title)}?version={content.version}&api=v2"
