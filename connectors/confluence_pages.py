"""A page's parts to a Document: sections with deep links, included pages, comments. No network here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, quote_plus

from connectors.atlassian import Deployment
from connectors.documents import AccessRule, Document, DocumentKind, Listed, Section, SectionKind
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
    #: The words of the page that an inline comment is about.
    marked: str | None = None
    resolved: bool = False


@dataclass(frozen=True, kw_only=True)
class IncludedPage:
    """A page, or the excerpt of one, whose text another page takes in."""

    id: str
    title: str
    url: str
    storage: str
    access_rules: tuple[AccessRule, ...]


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
    #: Titles of the pages above.
    path: tuple[str, ...] = ()
    #: Their ids, and those of folders.
    ancestors: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    attachments: tuple[Listed, ...] = ()
    included: tuple[IncludedPage, ...] = ()
    #: Handles of all that the body includes, found or not.
    includes: tuple[str, ...] = ()
    parts: frozenset[str] = frozenset()

    @property
    def handle(self) -> str:
        """By which other pages take this one in."""
        return handle_of(self.space, self.title)


def handle_of(space: str, title: str) -> str:
    """``ENG:lens care``: titles are unique in a space, whatever their case and the width of their blanks."""
    return f"{space}:{' '.join(title.split()).casefold()}"


def page_document(
    page: Page,
    *,
    source: str,
    deployment: Deployment,
    access_rules: tuple[AccessRule, ...],
    user_name: UserName,
) -> Document:
    """Convert a page: its own text, then what it includes, then its comments."""
    sections = [_section(piece, page, deployment) for piece in pieces(read_storage(page.storage, user_name))]
    for included in page.included:
        sections += _included(included, deployment, user_name)
    sections += [_comment(comment, page, user_name) for comment in page.comments]
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
        path=page.path,
        ancestors=page.ancestors,
        parts=page.parts,
        attachments=page.attachments,
        handle=page.handle,
        includes=page.includes,
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


def attachment_url(page_url: str, *, page_id: str, attachment_id: str, filename: str) -> str:
    """Where a person looks at a file on its page."""
    preview = quote(f"/{page_id}/{attachment_id.removeprefix('att')}/{filename}", safe="")
    return f"{page_url}{_joint(page_url)}preview={preview}"


def _section(piece: Piece, page: Page | IncludedPage, deployment: Deployment) -> Section:
    url = page.url
    if piece.heading_path:
        anchor = heading_anchor(
            deployment, title=page.title, heading=piece.heading_path[-1], repeat=piece.repeat
        )
        url = f"{url}#{anchor}"
    return Section(
        kind=piece.kind, text=piece.text, url=url, heading_path=piece.heading_path, language=piece.language
    )


def _included(included: IncludedPage, deployment: Deployment, user_name: UserName) -> list[Section]:
    """Under the included page's title, with links to where it stands, for its own readers."""
    sections = [
        _section(piece, included, deployment) for piece in pieces(read_storage(included.storage, user_name))
    ]
    return [
        replace(
            section,
            heading_path=(included.title, *section.heading_path),
            access_rules=included.access_rules,
            included_id=included.id,
        )
        for section in sections
    ]


def _comment(comment: Comment, page: Page, user_name: UserName) -> Section:
    text = to_markdown(read_storage(comment.storage, user_name))
    about = f"On “{' '.join(comment.marked.split())}”" if comment.marked else ""
    lead = f"{about} (resolved): " if comment.resolved else f"{about}: "
    return Section(
        kind=SectionKind.COMMENT,
        text=lead.lstrip() + text if text.strip() and (about or comment.resolved) else text,
        url=f"{page.url}{_joint(page.url)}focusedCommentId={comment.id}#comment-{comment.id}",
        author=comment.author,
        created=comment.created,
    )


def _joint(url: str) -> str:
    return "&" if "?" in url else "?"
