"""Tickets and the files on them, read in batches; one that cannot be read does not keep the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from connectors.atlassian import Json
from connectors.documents import Document, Unreadable
from connectors.errors import BrokenAnswerError, NotFoundError, ServerFaultError
from connectors.jira_access import JiraAccess, project_id
from connectors.jira_api import JiraApi, Unfetched
from connectors.jira_attachments import AttachmentReader, listed_attachments
from connectors.jira_comments import CommentReaders
from connectors.jira_fields import CustomField
from connectors.jira_issues import FIELDS, issue_document

log = structlog.get_logger(__name__)

#: An issue may be edited twice at what its site tells as one moment, and be read between the two. Clocks differ.
_UNSETTLED = timedelta(seconds=5)

Found = list[Document | Unreadable]


class TicketReader:
    """Reads issues of one site."""

    def __init__(
        self,
        api: JiraApi,
        access: JiraAccess,
        comments: CommentReaders,
        *,
        source: str,
        site_url: str,
        custom: tuple[CustomField, ...],
    ) -> None:
        self._api = api
        self._access = access
        self._comments = comments
        self._source = source
        self._site_url = site_url
        self._custom = custom
        self._files = AttachmentReader(api, source=source, site_url=site_url)

    def tickets(self, ids: Sequence[str], in_scope: Callable[[str], bool]) -> Iterator[Document | Unreadable]:
        """The tickets with these ids, of projects in scope."""
        fields = (*FIELDS, *(field.id for field in self._custom))
        settled = datetime.now(UTC) - _UNSETTLED
        for issue in self._api.issues_by_id(ids, fields):
            own = [issue.id if isinstance(issue, Unfetched) else str(issue["id"])]
            yield from self._read(issue, own, in_scope, partial(self._ticket, settled=settled))

    def files(
        self, wanted: Mapping[str, list[str]], in_scope: Callable[[str], bool]
    ) -> Iterator[Document | Unreadable]:
        """The attachments, by the ids of their tickets."""
        for issue in self._api.issues_by_id(wanted, FIELDS):
            ticket = issue.id if isinstance(issue, Unfetched) else str(issue["id"])
            names = wanted.get(ticket, [])
            own = [f"{ticket}/{name}" for name in names]
            yield from self._read(issue, own, in_scope, partial(self._attached, names=names))

    def _attached(self, issue: Json, names: Sequence[str]) -> Found:
        return list(self._files.read(issue, names, self._access.rules(issue)))

    def _ticket(self, issue: Json, settled: datetime) -> Found:
        document = issue_document(
            issue,
            source=self._source,
            site_url=self._site_url,
            deployment=self._api.client.site.deployment,
            access_rules=self._access.rules_now(issue),
            custom=self._custom,
            comment_rules=lambda comment: self._comments.rules(issue, comment),
            attachments=listed_attachments(issue),
        )
        if document.updated is not None and document.updated > settled:
            # Without a version it is read again with the next changes.
            document = replace(document, parts=frozenset())
        return [document]

    def _read(
        self,
        issue: Json | Unfetched,
        ids: Sequence[str],
        in_scope: Callable[[str], bool],
        make: Callable[[Json], Found],
    ) -> Found:
        """What is made of an issue; where it cannot be, the ids with the reason."""
        if isinstance(issue, Unfetched):
            return _unreadable(ids, issue.id, issue.reason)
        key = str(issue.get("key"))
        try:
            if not in_scope(project_id(issue)):
                return []
            self._comments.complete(issue)
            return make(issue)
        except NotFoundError as exc:
            gone = self._api.issue(str(issue["id"]), ("project",)) is None  # deleted while it was read
            return [] if gone else _unreadable(ids, key, str(exc))
        except (ServerFaultError, BrokenAnswerError) as exc:
            return _unreadable(ids, key, str(exc))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            # A field in a shape that no version of the API documents: this ticket is lost, the rest is not.
            log.warning("jira.issue_unreadable", issue=str(issue.get("id")), error=type(exc).__name__)
            reason = f"Jira gave {key} in a form that could not be read ({type(exc).__name__})."
            return _unreadable(ids, key, reason)


def _unreadable(ids: Sequence[str], key: str, reason: str) -> Found:
    return [Unreadable(id=each, external_id=key, reason=reason) for each in ids]
