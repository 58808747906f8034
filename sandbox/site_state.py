"""A company's Jira and Confluence in memory; `sandbox.atlassian` serves it, `sandbox.site_changes` changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sandbox.site_identity import Identity
from sandbox.site_people import AccountView, Directory, User
from sandbox.site_records import (
    Attachment,
    IssueRow,
    PageComment,
    PageRow,
    Principals,
    Project,
    SecurityLevel,
    Space,
)
from sandbox.site_times import now_ms
from sandbox.site_traffic import Traffic

T = TypeVar("T")
FIRST_ROLES = {"Administrators": "10002", "Members": "10101"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that happened on the site, for those who listen; named like the webhook that tells of it.

    What an event is about is set, everything else is None; `was` holds what a changelog needs of the state before.
    """

    event: str
    page: PageRow | None = None
    issue: IssueRow | None = None
    comment: Any = None
    attachment: Any = None
    space: str | None = None
    labels: tuple[str, ...] = ()
    was: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class SearchIndex:
    """What searches know yet: a real site's index follows its data by some seconds (`delay_ms`, here 0 at first).

    Until then something new is not found at all, and something changed is found under its old time, for which the
    time of its creation stands here.
    """

    delay_ms: int = 0
    clock: Callable[[], int] = now_ms
    behind: dict[str, tuple[bool, int]] = field(default_factory=dict)

    def note(self, change: Change) -> None:
        thing = change.issue or change.comment or change.attachment or change.page
        if self.delay_ms and thing is not None:
            self.behind.setdefault(
                str(thing.id), (change.event.endswith("created"), self.clock() + self.delay_ms)
            )

    @property
    def is_behind(self) -> bool:
        """Whether there is anything that searches do not know yet."""
        now = self.clock()
        for number in [number for number, (_, until) in self.behind.items() if until <= now]:
            del self.behind[number]
        return bool(self.behind)

    def time_of(self, thing_id: str, created: int, updated: int) -> int | None:
        """When searches think it was updated last; None for what they do not know."""
        is_new, _ = self.behind.get(thing_id, (None, 0))
        if is_new is None:
            return updated
        return None if is_new else created


@dataclass(kw_only=True)
class Site:
    """Everything on the site. `revision` grows with every change, so that cached results can be dropped."""

    folder: Path
    jira_folder: Path | None = None
    confluence_folder: Path | None = None
    has_settings: bool = False
    directory: Directory = field(default_factory=Directory)
    projects: dict[str, Project] = field(default_factory=dict)
    spaces: dict[str, Space] = field(default_factory=dict)
    issues: dict[str, IssueRow] = field(default_factory=dict)
    issue_ids: dict[str, str] = field(default_factory=dict)
    pages: dict[str, PageRow] = field(default_factory=dict)
    security_levels: dict[str, SecurityLevel] = field(default_factory=dict)
    space_permissions: dict[str, Principals] = field(default_factory=dict)
    project_permissions: dict[str, Principals] = field(default_factory=dict)
    page_restrictions: dict[str, Principals] = field(default_factory=dict)
    update_restrictions: dict[str, Principals] = field(default_factory=dict)
    project_roles: dict[str, dict[str, Principals]] = field(default_factory=dict)
    project_leads: dict[str, str] = field(default_factory=dict)
    application_roles: dict[str, Principals] = field(default_factory=dict)
    role_ids: dict[str, str] = field(default_factory=lambda: dict(FIRST_ROLES))
    issue_files: dict[str, bytes] = field(default_factory=dict)
    served: dict[str, Any] = field(default_factory=dict)
    """The contexts of the applications that serve the site, by deployment."""
    identity: Identity = field(default_factory=Identity)
    traffic: Traffic = field(default_factory=Traffic)
    search_index: SearchIndex = field(default_factory=SearchIndex)
    account: AccountView = field(default_factory=AccountView)
    revision: int = 0
    last_content_id: int = 0
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    _memo: tuple[int, dict[object, Any]] = field(default_factory=lambda: (-1, {}))

    def changed(self, *changes: Change) -> None:
        """Note that the site has changed, and tell the listeners how."""
        self.revision += 1
        for change in changes:
            self.search_index.note(change)
            for listener in self.listeners:
                listener(change)

    def remembered(self, key: object, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once until the site changes."""
        revision, memo = self._memo
        if revision != self.revision:
            self._memo = revision, memo = self.revision, {}
        if key not in memo:  # into the memo that was begun with: another thread may change the site meanwhile
            memo[key] = compute()
        result: T = memo[key]
        return result

    def add_issue(self, issue: IssueRow) -> None:
        self.issues[issue.id] = issue
        self.issue_ids[issue.key] = issue.id

    def find_issue(self, id_or_key: str) -> IssueRow | None:
        return self.issues.get(self.issue_ids.get(id_or_key.upper(), id_or_key))

    def find_project(self, id_or_key: str) -> Project | None:
        found = self.projects.get(id_or_key.upper())
        return found or next((p for p in self.projects.values() if p.id == id_or_key), None)

    def find_space(self, id_or_key: str) -> Space | None:
        found = self.spaces.get(id_or_key)
        return found or next((s for s in list(self.spaces.values()) if s.id == id_or_key), None)

    def find_attachment(self, attachment_id: str) -> tuple[PageRow, Attachment] | None:
        def index() -> dict[str, tuple[PageRow, Attachment]]:
            return {each.id: (page, each) for page in list(self.pages.values()) for each in page.attachments}

        return self.remembered("attachments", index).get(attachment_id)

    def find_page_comment(self, comment_id: str) -> tuple[PageRow, PageComment] | None:
        def index() -> dict[str, tuple[PageRow, PageComment]]:
            return {each.id: (page, each) for page in list(self.pages.values()) for each in page.comments}

        return self.remembered("comments", index).get(comment_id)

    def find_page_by_title(self, space: str, title: str) -> PageRow | None:
        return next((p for p in list(self.pages.values()) if p.space == space and p.title == title), None)

    def children_of(self, page_id: str) -> list[PageRow]:
        return [page for page in list(self.pages.values()) if page.parent_id == page_id]

    def descendants_of(self, page_id: str) -> list[PageRow]:
        found = self.children_of(page_id)
        for page in found:  # grows while it is read: children of children are appended
            found += [child for child in self.children_of(page.id) if child not in found]
        return found

    def attachment_file(self, page: PageRow, attachment: Attachment) -> Path:
        """Where the bytes of a page's attachment lie; the file may be missing."""
        return (self.confluence_folder or self.folder) / "attachments" / page.id / Path(attachment.title).name

    def attachment_bytes(self, page: PageRow, attachment: Attachment) -> bytes | None:
        """The bytes of a page's attachment, or None where the site has none."""
        if attachment.content is not None:
            return attachment.content
        file = self.attachment_file(page, attachment)
        return file.read_bytes() if file.is_file() else None

    def security_level(self, principals: Principals) -> SecurityLevel:
        """The level that shows an issue to these principals; it is made when there is none yet."""
        principals = tuple(sorted(set(principals)))
        for level in self.security_levels.values():
            if level.principals == principals:
                return level
        name = " or ".join(self._principal_name(principal) for principal in principals) or "Nobody"
        level = SecurityLevel(id=str(10100 + len(self.security_levels)), name=name, principals=principals)
        self.security_levels[level.id] = level
        return level

    def role_id(self, name: str) -> str:
        """The id of a project role; roles are the same in all projects, as in Jira."""
        return self.role_ids.setdefault(name, str(10200 + len(self.role_ids)))

    def find_issue_attachment(self, attachment_id: str) -> tuple[IssueRow, dict[str, Any]] | None:
        """The issue and the stored JSON of an attachment."""

        def index() -> dict[str, IssueRow]:
            return {number: issue for issue in list(self.issues.values()) for number in issue.attachment_ids}

        issue = self.remembered("issue attachments", index).get(attachment_id)
        if issue is None:
            return None
        entries = issue.document()["fields"]["attachment"]
        return issue, next(entry for entry in entries if str(entry["id"]) == attachment_id)

    def issue_attachment_bytes(self, issue: IssueRow, entry: dict[str, Any]) -> bytes | None:
        """The bytes of an attachment of an issue, or None where the site has none."""
        number = str(entry["id"])
        if number in self.issue_files:
            return self.issue_files[number]
        folder = (self.jira_folder or self.folder) / "attachments"
        names = (number, Path(str(entry.get("filename", number))).name)
        places = [folder / owner / name for owner in (issue.id, issue.key) for name in names]
        file = next((place for place in [*places, folder / number] if place.is_file()), None)
        return file.read_bytes() if file else None

    def service_account(self, email: str) -> User:
        """The site admin as whom API clients sign in; entered into the directory at first use."""
        found = self.directory.find(email)
        return found or self.directory.author("service-account", name="Service account", email=email)

    def _principal_name(self, principal: str) -> str:
        kind, _, name = principal.partition(":")
        user = self.directory.find(name) if kind == "user" else None
        return user.name if user else (name or kind).replace("-", " ").capitalize()
