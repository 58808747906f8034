"""A page's parts to a Document: sections with deep links, comments, attached text files. No network here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, quote_plus

from connectors.atlassian import Deployment
from connectors.documents import AccessRule, Document, DocumentKind, Section, SectionKind
from connectors.markup.blocks import Piece, pieces, to_markdown
from connectors.markup.storage import read_storage

#: Account id or user key -> the person's name.
UserName = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Comment:
    """A footer or inline comment; ``storage`` is its body."""

    id: str
    storage: str
    author: str | None
    created: datetime | None


@dataclass(frozen=True, kw_only=True)
class AttachedText:
    """A text file attached to a page."""

    id: str
    filename: str
    text: str
    author: str | None
    created: datetime | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page or blog post as every API and file gives it."""

    id: str
    kind: DocumentKind
    space: str
    place: str
    title: str
    storage: str
    url: str
    author: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    labels: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    attachments: tuple[AttachedText, ...] = ()


def page_document(
    page: Page,
    *,
    source: str,
    deployment: Deployment,
    access_rules: tuple[AccessRule, ...],
    user_name: UserName,
) -> Document:
    """Convert a page."""
    sections = [_section(piece, page, deployment) for piece in pieces(read_storage(page.storage, user_name))]
    sections += [_comment(comment, page, user_name) for comment in page.comments]
    sections += [_attachment(attachment, page) for attachment in page.attachments]
    return Document(
        source=source,
        id=page.id,
        external_id=page.id,
        kind=page.kind,
        title=page.title,
        url=page.url,
        place=page.place,
        sections=tuple(section for section in sections if section.text.strip()),
        access_rules=access_rules,
        author=page.author,
        created=page.created,
        updated=page.updated,
        labels=page.labels,
    )


def page_url(site_url: str, deployment: Deployment, *, space: str, page_id: str, title: str) -> str:
    """Where a person reads a page. It is found by its id: an old title in it still leads there."""
    if deployment is Deployment.DATACENTER:
        return f"{site_url}/pages/viewpage.action?pageId={page_id}"
    return f"{site_url}/spaces/{quote(space)}/pages/{page_id}/{quote_plus(title)}"


def blogpost_url(site_url: str, *, space: str, page_id: str, title: str, created: datetime | None) -> str:
    """Where a person reads a blog post on Cloud."""
    day = f"{created:%Y/%m/%d}" if created else "1970/01/01"
    return f"{site_url}/spaces/{quote(space)}/blog/{day}/{page_id}/{quote_plus(title)}"


def heading_anchor(deployment: Deployment, *, title: str, heading: str, repeat: int) -> str:
    """The fragment of a heading, as Confluence makes it: the second of the same text ends in ``.1``."""
    if deployment is Deployment.CLOUD:
        name = heading.replace(" ", "-")
    else:
        name = "".join(title.split()) + "-" + "".join(heading.split())
    return quote(name + (f".{repeat}" if repeat else ""), safe="-._~!*'(),:@/?")


def _section(piece: Piece, page: Page, deployment: Deployment) -> Section:
    url = page.url
    if piece.heading_path:
        anchor = heading_anchor(
            deployment, title=page.title, heading=piece.heading_path[-1], repeat=piece.repeat
        )
        url = f"{url}#{anchor}"
    return Section(
        kind=piece.kind, text=piece.text, url=url, heading_path=piece.heading_path, language=piece.language
    )


def _comment(comment: Comment, page: Page, user_name: UserName) -> Section:
    joint = "&" if "?" in page.url else "?"
    return Section(
        kind=SectionKind.COMMENT,
        text=to_markdown(read_storage(comment.storage, user_name)),
        url=f"{page.url}{joint}focusedCommentId={comment.id}#comment-{comment.id}",
        author=comment.author,
        created=comment.created,
    )


def _attachment(attachment: AttachedText, page: Page) -> Section:
    joint = "&" if "?" in page.url else "?"
    preview = quote(f"/{page.id}/{attachment.id.removeprefix('att')}/{attachment.filename}", safe="")
    return Section(
        kind=SectionKind.ATTACHMENT,
        text=attachment.text,
        url=f"{page.url}{joint}preview={preview}",
        heading_path=(attachment.filename,),
        author=attachment.author,
        created=attachment.created,
    )
