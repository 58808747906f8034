"""Changes to a site as people make them: edits count up versions and times, deleted pages go to the trash."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.errors import ChangeError
from sandbox.site_access import ancestors
from sandbox.site_loading import issue_row
from sandbox.site_people import Group
from sandbox.site_records import IssueRow, PageComment, PageRow, Principals, Project, Space, pack
from sandbox.site_state import Site
from sandbox.site_times import jira_time, now_ms

AUTHOR = "service-account"


def create_page(site: Site, data: dict[str, Any]) -> PageRow:
    """A new page from `space`, `title`, `storage` and, optionally, `parent_id`, `labels`, `author`, `type`."""
    space, title = _text(data, "space"), _text(data, "title")
    if space not in site.spaces:
        site.spaces[space] = Space(id=str(98304 + 4 * len(site.spaces)), key=space, name=space)
    now = now_ms()
    page = PageRow(
        id=str(_next_number([*site.pages, *_comment_ids(site)])),
        kind=str(data.get("type", "page")),
        space=space,
        title=title,
        parent_id=_parent(site, data.get("parent_id")),
        version=1,
        created=now,
        updated=now,
        author=str(data.get("author", AUTHOR)),
        labels=tuple(data.get("labels", ())),
        packed=pack(_text(data, "storage").encode()),
        position=len(site.pages),
    )
    site.directory.author(page.author)
    site.pages[page.id] = page
    site.revision += 1
    return page


def update_page(site: Site, page: PageRow, data: dict[str, Any]) -> None:
    """Change title or storage (a new version); move or label the page (no new version, as in Confluence)."""
    if "parent_id" in data:
        parent_id = _parent(site, data["parent_id"])
        chain = [*ancestors(site.pages, site.pages[parent_id]), site.pages[parent_id]] if parent_id else []
        if any(each.id == page.id for each in chain):
            raise ChangeError("A page cannot be moved below itself: choose another parent.")
        page.parent_id = parent_id
    if "labels" in data:
        page.labels = tuple(data["labels"])
    if "title" in data or "storage" in data:
        page.title = str(data.get("title", page.title))
        if "storage" in data:
            page.packed = pack(str(data["storage"]).encode())
        page.version += 1
        page.updated = now_ms()
    site.revision += 1


def delete_page(site: Site, page: PageRow, *, purge: bool) -> None:
    """Put the page into the trash, or remove it for good; its children move up to its parent."""
    for child in site.children_of(page.id):
        child.parent_id = page.parent_id
    page.status = "trashed"
    if purge:
        del site.pages[page.id]
        site.page_restrictions.pop(page.id, None)
    site.revision += 1


def add_page_comment(site: Site, page: PageRow, data: dict[str, Any]) -> PageComment:
    comment = PageComment(
        id=str(_next_number([*site.pages, *_comment_ids(site)])),
        author=str(data.get("author", AUTHOR)),
        created=now_ms(),
        storage=str(data.get("storage") or data.get("body") or ""),
    )
    site.directory.author(comment.author)
    page.comments.append(comment)
    site.revision += 1
    return comment


def create_issue(site: Site, data: dict[str, Any]) -> IssueRow:
    """A new issue from `project` and `fields`."""
    key = _text(data, "project").upper()
    project = site.projects.get(key)
    if project is None:
        ids = [each.id for each in site.projects.values()]
        project = Project(id=str(_next_number(ids)), key=key, name=key)
        site.projects[key] = project
    numbers = [issue.number for issue in site.issues.values() if issue.project == key]
    now = jira_time(now_ms())
    person = _person(site, AUTHOR)
    fields: dict[str, Any] = {
        "summary": "",
        "description": None,
        "issuetype": {"id": "3", "name": "Task", "subtask": False},
        "status": _status("To Do"),
        "project": {"id": project.id, "key": key, "name": project.name},
        "creator": person,
        "reporter": person,
        "labels": [],
        "components": [],
        "issuelinks": [],
        "created": now,
        "updated": now,
        "comment": {"comments": [], "maxResults": 0, "total": 0, "startAt": 0},
    }
    _merge(site, fields, data.get("fields", {}))
    number = max(numbers, default=0) + 1
    issue = issue_row({"id": str(_next_number(site.issues)), "key": f"{key}-{number}", "fields": fields})
    site.add_issue(issue)
    site.revision += 1
    return issue


def update_issue(site: Site, issue: IssueRow, fields: dict[str, Any]) -> None:
    """Replace fields; people may be given by login, e-mail or id, and named values by name."""
    document = issue.document()
    _merge(site, document["fields"], fields)
    _store(site, issue, document)


def delete_issue(site: Site, issue: IssueRow) -> None:
    del site.issues[issue.id]
    del site.issue_ids[issue.key]
    site.revision += 1


def add_issue_comment(site: Site, issue: IssueRow, data: dict[str, Any]) -> str:
    """Add a comment and return its id."""
    document, now = issue.document(), jira_time(now_ms())
    person = _person(site, str(data.get("author", AUTHOR)))
    comments = document["fields"].setdefault("comment", {}).setdefault("comments", [])
    comment_id = str(10**9 + site.revision)
    comment = {"id": comment_id, "author": person, "updateAuthor": person, "body": _text(data, "body")}
    comments.append({**comment, "created": now, "updated": now})
    _store(site, issue, document)
    return comment_id


def set_security(site: Site, issue: IssueRow, principals: Principals) -> None:
    """Show the issue to these principals alone; without any principal, to all who see the project."""
    issue.security = site.security_level(principals) if principals else None
    site.revision += 1


def set_restriction(site: Site, page: PageRow, principals: Principals) -> None:
    """Restrict the page to these principals; without any, lift its own restriction."""
    if principals:
        site.page_restrictions[page.id] = principals
    else:
        site.page_restrictions.pop(page.id, None)
    site.revision += 1


def set_members(site: Site, name: str, references: list[str]) -> None:
    """Replace a group's members, given by id, e-mail or login."""
    members = []
    for reference in references:
        user = site.directory.find(reference)
        if user is None:
            raise ChangeError(f"There is no user {reference}: name one by id, e-mail or login.")
        members.append(user.id)
    site.directory.put_group(Group(name=name, member_ids=frozenset(members)))
    site.revision += 1


def _store(site: Site, issue: IssueRow, document: dict[str, Any]) -> None:
    document["fields"]["updated"] = jira_time(now_ms())
    changed = issue_row(document)
    site.issues[issue.id] = replace(changed, security=issue.security)
    site.revision += 1


def _merge(site: Site, fields: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name in ("assignee", "reporter", "creator") and isinstance(value, str):
            fields[name] = _person(site, value)
        elif name == "status" and isinstance(value, str):
            fields[name] = _status(value)
        elif name in ("priority", "resolution", "issuetype") and isinstance(value, str):
            fields[name] = {"id": value.lower().replace(" ", "-"), "name": value}
        elif name not in ("project", "comment"):
            fields[name] = value


def _status(name: str) -> dict[str, Any]:
    done = name.lower() in ("done", "closed", "resolved")
    key, title = ("done", "Done") if done else ("new", "To Do")
    category = {"id": 3 if done else 2, "key": key, "name": title}
    return {"id": name.lower().replace(" ", "-"), "name": name, "statusCategory": category}


def _person(site: Site, reference: str) -> dict[str, Any]:
    user = site.directory.find(reference) or site.directory.author(reference)
    return {
        "name": user.login,
        "key": user.login,
        "displayName": user.name,
        "emailAddress": user.email,
        "active": user.active,
    }


def _parent(site: Site, parent_id: Any) -> str | None:
    if parent_id in (None, ""):
        return None
    if str(parent_id) not in site.pages:
        raise ChangeError(f"There is no page {parent_id} to be the parent: name one that exists.")
    return str(parent_id)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise ChangeError(f"The field '{name}' is missing: give it as text.")
    return value


def _comment_ids(site: Site) -> list[str]:
    return [comment.id for page in site.pages.values() for comment in page.comments]


def _next_number(ids: Any) -> int:
    """The number after the highest of those ids that are numbers."""
    return max((int(each) for each in ids if str(each).isdecimal()), default=10000) + 1
