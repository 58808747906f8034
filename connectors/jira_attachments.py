"""Files on tickets: which can be read, and each as a document of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from hashlib import sha256

from connectors.atlassian import Json
from connectors.documents import AccessRule, Document, DocumentKind, Listed, Section, SectionKind, Unreadable
from connectors.errors import (
    AuthenticationError,
    ExtractionError,
    NotFoundError,
    ServerFaultError,
    UnexpectedAnswerError,
)
from connectors.extraction import ExtractedPart, can_extract, extract
from connectors.extraction.formats import format_of
from connectors.jira_api import JiraApi
from connectors.jira_comments import restricted_comments
from connectors.jira_issues import display_name, issue_url
from connectors.times import parse_time

#: A file is uploaded while a comment is being written, and belongs to it.
_WRITING = timedelta(minutes=10)


def attachments_of(issue: Json) -> list[Json]:
    """The files that are read: of a known type, not too large, and not part of a comment for some only."""
    fields = issue["fields"]
    hidden = restricted_comments((fields.get("comment") or {}).get("comments") or ())
    return [
        attachment
        for attachment in fields.get("attachment") or ()
        if can_extract(str(attachment.get("filename")), _media_type(attachment), attachment.get("size"))
        and not any(_belongs_to(attachment, comment) for comment in hidden)
    ]


def listed_attachments(issue: Json) -> tuple[Listed, ...]:
    """Their contents never change: another content is another attachment."""
    return tuple(
        Listed(id=f"{issue['id']}/{attachment['id']}", parts=_parts(issue, attachment))
        for attachment in attachments_of(issue)
    )


def ids_by_ticket(ids: Iterable[str]) -> dict[str, list[str]]:
    """Attachment ids by the ids of their tickets, from ``<ticket>/<attachment>``."""
    found: dict[str, list[str]] = {}
    for each in ids:
        ticket, _, attachment = each.partition("/")
        if ticket.isascii() and ticket.isdecimal() and attachment:
            found.setdefault(ticket, []).append(attachment)
    return found


class AttachmentReader:
    """Downloads files and makes documents of them."""

    def __init__(self, api: JiraApi, *, source: str, site_url: str) -> None:
        self._api = api
        self._source = source
        self._site_url = site_url

    def read(
        self, issue: Json, wanted: Sequence[str], rules: tuple[AccessRule, ...]
    ) -> Iterator[Document | Unreadable]:
        """The wanted attachments of an issue, as far as it has them; one that cannot be read is named."""
        for attachment in attachments_of(issue):
            if str(attachment["id"]) not in wanted:
                continue
            try:
                parts = self._extracted(attachment)
            except NotFoundError:
                continue
            except ExtractionError as exc:
                yield self._unreadable(issue, attachment, str(exc))
            except (ServerFaultError, UnexpectedAnswerError) as exc:
                yield self._unreadable(issue, attachment, str(exc))
            except AuthenticationError as exc:
                self._api.myself()  # an account that is refused everywhere says nothing about this file
                yield self._unreadable(issue, attachment, str(exc))
            else:
                yield self._document(issue, attachment, parts, rules)

    def _extracted(self, attachment: Json) -> list[ExtractedPart]:
        filename, media_type = str(attachment["filename"]), _media_type(attachment)
        known = format_of(filename, media_type)
        limit = known.max_bytes if known else 0
        content = self._api.client.download(
            self._api.attachment_path(attachment), limit, size=attachment.get("size")
        )
        if content is None:
            raise ExtractionError("The file is larger than the site said, and than what is read.")
        return extract(content, filename=filename, media_type=media_type)

    def _unreadable(self, issue: Json, attachment: Json, reason: str) -> Unreadable:
        return Unreadable(
            id=f"{issue['id']}/{attachment['id']}",
            external_id=str(issue["key"]),
            reason=f"{attachment.get('filename')}: {reason}",
        )

    def _document(
        self, issue: Json, attachment: Json, parts: list[ExtractedPart], rules: tuple[AccessRule, ...]
    ) -> Document:
        """Its address is the ticket's: that one works on every deployment, and shows the file beside its story."""
        fields, created = issue["fields"], parse_time(attachment.get("created"))
        url = issue_url(self._site_url, issue["key"])
        return Document(
            source=self._source,
            id=f"{issue['id']}/{attachment['id']}",
            external_id=issue["key"],
            kind=DocumentKind.ATTACHMENT,
            title=str(attachment["filename"]),
            url=url,
            place=(fields.get("project") or {}).get("name") or issue["key"].rpartition("-")[0],
            sections=tuple(_section(part, url) for part in parts),
            access_rules=rules,
            author=display_name(attachment.get("author")),
            created=created,
            updated=created,
            path=(fields.get("summary") or issue["key"],),
            parts=_parts(issue, attachment),
            parent_id=str(issue["id"]),
        )


def _section(part: ExtractedPart, url: str) -> Section:
    return Section(
        kind=SectionKind.ATTACHMENT,
        text=part.text,
        url=url,
        heading_path=part.heading_path,
        language=part.language,
    )


def _belongs_to(attachment: Json, comment: Json) -> bool:
    """Whether a file may have come with a comment: named in it, or put there by its author while writing."""
    if str(attachment.get("filename")) in json.dumps(comment.get("body"), ensure_ascii=False):
        return True
    written, attached = parse_time(comment.get("created")), parse_time(attachment.get("created"))
    if written is None or attached is None or not written - _WRITING <= attached <= written + _WRITING:
        return False
    return _identity(attachment.get("author")) == _identity(comment.get("author"))


def _identity(person: Json | None) -> object:
    return (person.get("accountId") or person.get("key") or person.get("name")) if person else None


def _media_type(attachment: Json) -> str:
    return str(attachment.get("mimeType") or "")


def _parts(issue: Json, attachment: Json) -> frozenset[str]:
    """The file, and what its document shows of the ticket: a ticket that is renamed or moved reads it again."""
    fields = issue["fields"]
    shown = json.dumps([issue["key"], fields.get("summary"), (fields.get("project") or {}).get("name")])
    return frozenset({f"attachment:{attachment['id']}", f"of:{sha256(shown.encode()).hexdigest()[:8]}"})
