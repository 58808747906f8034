"""Reads a site folder into a Site, line by line, so that the whole text is never in memory at once.

The folder: `jira/<PROJECT>.jsonl[.gz]` (Jira REST v2 issues), `confluence/<SPACE>.jsonl[.gz]` (pages, with
optional `comments`, `attachments` and `type`) and, optionally, `site.json` (people, groups, permissions, names of
`spaces`). Without `site.json` everything is open to everyone. Attachments' bytes lie in
`confluence/attachments/<page id>/<title>` and `jira/attachments/<attachment id>`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.errors import SiteError
from sandbox.site_access import is_principal
from sandbox.site_people import Group, User
from sandbox.site_records import Principals, Project, Space, pack
from sandbox.site_rows import issue_row, page_row, time_zone
from sandbox.site_state import Site

POINTER_FILE_BYTES = 4096
"""A checkout may store a symbolic link as a small file that holds the path; no larger file is taken for one."""


def load_site(folder: Path) -> Site:
    """Read a site folder.

    Raises:
        SiteError: the folder or a file in it cannot be used; the text says what to mend.
    """
    if not folder.is_dir():
        raise SiteError(f"There is no site folder {folder}: name a folder that holds jira/ or confluence/.")
    jira, confluence = _subfolder(folder, "jira"), _subfolder(folder, "confluence")
    if jira is None and confluence is None:
        raise SiteError(f"{folder} holds neither a jira nor a confluence folder: one of them is needed.")
    settings = _read_settings(folder / "site.json")
    site = Site(folder=folder, jira_folder=jira, confluence_folder=confluence, has_settings=bool(settings))
    _fill(folder / "site.json", site, settings)
    for path in _files(jira):
        _load_issues(site, path)
    for path in _files(confluence):
        _load_pages(site, path)
    _apply_security(site, settings)
    _name_spaces(site, settings)
    return site


def _subfolder(folder: Path, name: str) -> Path | None:
    path = folder / name
    if path.is_file() and path.stat().st_size <= POINTER_FILE_BYTES:
        path = folder / path.read_text("utf-8").strip()
        if not path.is_dir():
            raise SiteError(
                f"{folder / name} points to {path}, where there is no folder: correct the path in it."
            )
    return path if path.is_dir() else None


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith((".jsonl", ".jsonl.gz")))


def _records(path: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """The place (for messages), the bytes and the content of every line."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
        try:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield f"{path.name} line {number}", line.strip(), json.loads(line)
        except (json.JSONDecodeError, UnicodeDecodeError) as exc:
            raise SiteError(f"{path} line {number} is not JSON: mend or remove that line.") from exc
        except (OSError, EOFError) as exc:
            raise SiteError(f"{path} cannot be read to its end: fetch or compress it again.") from exc


def _read_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as exc:
        raise SiteError(f"{path} is not readable JSON: mend it.") from exc
    if not isinstance(settings, dict):
        raise SiteError(f"{path} must be one JSON object.")
    return settings


def _fill(path: Path, site: Site, settings: dict[str, Any]) -> None:
    try:
        members: dict[str, set[str]] = {name: set() for name in settings.get("groups", [])}
        for entry in settings.get("users", []):
            site.directory.add_user(
                User(
                    id=entry["id"],
                    login=entry["login"],
                    name=entry["name"],
                    email=entry["email"],
                    active=entry.get("active", True),
                    email_hidden=entry.get("email_hidden", False),
                    time_zone=time_zone(entry),
                )
            )
            for name in entry.get("groups", []):
                members.setdefault(name, set()).add(entry["id"])
        for name, ids in members.items():
            site.directory.put_group(Group(name=name, member_ids=frozenset(ids)))
        site.space_permissions.update(_rules(settings, "space_permissions"))
        site.page_restrictions.update(_rules(settings, "page_restrictions"))
        site.update_restrictions.update(_rules(settings, "page_update_restrictions"))
        site.project_permissions.update(_rules(settings, "project_permissions", jira=True))
        site.application_roles.update(_rules(settings, "application_roles"))
        site.project_leads.update(settings.get("project_leads", {}))
        for project, roles in settings.get("project_roles", {}).items():
            site.project_roles[project] = _rules({project: roles}, project)
            for role in roles:
                site.role_id(role)
    except (KeyError, TypeError, AttributeError) as exc:
        raise SiteError(
            f"{path} does not have the layout of a site ({exc!r}): compare it with a working one."
        ) from exc


def _rules(settings: dict[str, Any], name: str, *, jira: bool = False) -> dict[str, Principals]:
    rules: dict[str, Principals] = {}
    for key, principals in settings.get(name, {}).items():
        rules[key] = tuple(principals)
        for principal in principals:
            if not is_principal(principal, jira=jira):
                raise SiteError(
                    f"site.json {name} of {key} names {principal!r}: write anyone, group:<name> or user:<id>."
                )
    return rules


def _load_issues(site: Site, path: Path) -> None:
    for place, line, issue in _records(path):
        try:
            site.add_issue(issue_row(issue, pack(line)))
            project = issue["fields"]["project"]
            site.projects.setdefault(
                project["key"],
                Project(id=str(project["id"]), key=project["key"], name=project.get("name", project["key"])),
            )
            _note_people(site, issue["fields"])
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise SiteError(f"{place} is not a Jira issue as REST v2 returns it ({exc!r}): mend it.") from exc


def _note_people(site: Site, fields: dict[str, Any]) -> None:
    """Enter whoever appears in an issue; without a site.json they are the site's users."""
    listed = not site.has_settings
    people = [fields.get("creator"), fields.get("reporter"), fields.get("assignee")]
    for comment in (fields.get("comment") or {}).get("comments", []):
        people += [comment.get("author"), comment.get("updateAuthor")]
    for person in people:
        if person and person.get("name"):
            site.directory.author(
                person["name"],
                name=person.get("displayName", ""),
                email=person.get("emailAddress", ""),
                active=person.get("active", True),
                listed=listed,
            )


def _load_pages(site: Site, path: Path) -> None:
    for place, _, page in _records(path):
        try:
            row = page_row(site, page)
            site.directory.author(row.author)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise SiteError(f"{place} is not a page of a site folder ({exc!r}): mend it.") from exc
        if row.id in site.pages:
            raise SiteError(f"{place} has the id {row.id} of another page: ids must be unique.")
        site.pages[row.id] = row


def _apply_security(site: Site, settings: dict[str, Any]) -> None:
    for key, principals in sorted(_rules(settings, "issue_security", jira=True).items()):
        issue = site.find_issue(key)
        if issue is not None:
            issue.security = site.security_level(principals)


def _name_spaces(site: Site, settings: dict[str, Any]) -> None:
    names = settings.get("spaces", {})
    keys = sorted({page.space for page in site.pages.values()} | set(site.space_permissions))
    for index, key in enumerate(keys):
        site.spaces[key] = Space(id=str(98304 + 4 * index), key=key, name=str(names.get(key, key)))
