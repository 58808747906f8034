"""A company's Jira and Confluence in memory; `sandbox.atlassian` serves it, `sandbox.site_changes` changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandbox.site_people import Directory, User
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
from sandbox.site_traffic import Traffic


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
    traffic: Traffic = field(default_factory=Traffic)
    revision: int = 0

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
        return found or next((s for s in self.spaces.values() if s.id == id_or_key), None)

    def find_attachment(self, attachment_id: str) -> tuple[PageRow, Attachment] | None:
        for page in self.pages.values():
            for attachment in page.attachments:
                if attachment.id == attachment_id:
                    return page, attachment
        return None

    def find_page_comment(self, comment_id: str) -> tuple[PageRow, PageComment] | None:
        for page in self.pages.values():
            for comment in page.comments:
                if comment.id == comment_id:
                    return page, comment
        return None

    def find_page_by_title(self, space: str, title: str) -> PageRow | None:
        return next((p for p in self.pages.values() if p.space == space and p.title == title), None)

    def children_of(self, page_id: str) -> list[PageRow]:
        return [page for page in self.pages.values() if page.parent_id == page_id]

    def attachment_file(self, page: PageRow, attachment: Attachment) -> Path:
        """Where the bytes of a page's attachment lie; the file may be missing."""
        return (self.confluence_folder or self.folder) / "attachments" / page.id / Path(attachment.title).name

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

    def service_account(self, email: str) -> User:
        """The site admin as whom API clients sign in; entered into the directory at first use."""
        found = self.directory.find(email)
        return found or self.directory.author("service-account", name="Service account", email=email)

    def _principal_name(self, principal: str) -> str:
        kind, _, name = principal.partition(":")
        user = self.directory.find(name) if kind == "user" else None
        return user.name if user else (name or kind).replace("-", " ").capitalize()
