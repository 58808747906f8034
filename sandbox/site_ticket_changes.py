"""Changes to tickets as people make them: each one, comments and files included, counts as an update of the ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sandbox.errors import ChangeError
from sandbox.site_records import IssueRow, Principals, Project
from sandbox.site_rows import issue_row
from sandbox.site_state import Change, Site
from sandbox.site_times import jira_time, now_ms
from sandbox.site_wiki_changes import AUTHOR, content_of, next_number, text_of

Json = dict[str, Any]


def create_issue(site: Site, data: Json) -> IssueRow:
    """A new issue from `project` and `fields`."""
    key = text_of(data, "project").upper()
    project = site.projects.get(key)
    if project is None:
        project = Project(id=str(next_number(each.id for each in site.projects.values())), key=key, name=key)
        site.projects[key] = project
    now, person = jira_time(now_ms()), _person(site, AUTHOR)
    fields: Json = {
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
        "attachment": [],
        "created": now,
        "updated": now,
        "comment": {"comments": [], "maxResults": 0, "total": 0, "startAt": 0},
    }
    _merge(site, fields, data.get("fields", {}))
    new = {"id": str(next_number(site.issues)), "key": _next_key(site, key), "fields": fields}
    issue = issue_row(new)
    site.add_issue(issue)
    site.changed(Change(event="issue_created", issue=issue))
    return issue


def update_issue(site: Site, issue: IssueRow, fields: Json) -> None:
    """Replace fields; people may be given by login, e-mail or id, and named values by name."""
    document = issue.document()
    before = dict(document["fields"])
    _merge(site, document["fields"], fields)
    changed = {name: before.get(name) for name in fields if document["fields"].get(name) != before.get(name)}
    _store(site, issue, document, Change(event="issue_updated", was=changed))


def move_issue(site: Site, issue: IssueRow, key: str) -> IssueRow:
    """Move an issue to another project: it gets a new key and keeps its id, and its old key still leads to it."""
    project = site.projects.get(key)
    if project is None or key == issue.project:
        raise ChangeError(f"The issue cannot be moved to {key}: name another project that exists.")
    document = issue.document()
    document["fields"]["project"] = {"id": project.id, "key": key, "name": project.name}
    document["key"] = _next_key(site, key)
    return _store(
        site, issue, document, Change(event="issue_updated", was={"project": issue.project, "Key": issue.key})
    )


def delete_issue(site: Site, issue: IssueRow) -> None:
    del site.issues[issue.id]
    for key in [key for key, number in site.issue_ids.items() if number == issue.id]:
        del site.issue_ids[key]
    site.changed(Change(event="issue_deleted", issue=issue))


def add_issue_comment(site: Site, issue: IssueRow, data: Json) -> str:
    """Add a comment from `body` and, optionally, `author`, `visibility`, `jsdPublic`; return its id."""
    document, now = issue.document(), jira_time(now_ms())
    person = _person(site, str(data.get("author", AUTHOR)))
    comments = document["fields"].setdefault("comment", {}).setdefault("comments", [])
    comment = {
        "id": str(10**9 + site.revision),
        "author": person,
        "updateAuthor": person,
        "body": text_of(data, "body"),
        **_limits(site, data),
        "created": now,
        "updated": now,
    }
    comments.append(comment)
    _store(site, issue, document, Change(event="comment_created", comment=comment))
    return str(comment["id"])


def update_issue_comment(site: Site, issue: IssueRow, comment_id: str, data: Json) -> None:
    """Change a comment's `body`, `visibility` (null: shown to all again) or `jsdPublic`."""
    document = issue.document()
    comment = _comment_of(document, comment_id)
    if "body" in data:
        comment["body"] = text_of(data, "body")
    comment.update(_limits(site, data))
    if data.get("visibility", "") is None:
        comment.pop("visibility", None)
    comment["updated"] = jira_time(now_ms())
    _store(site, issue, document, Change(event="comment_updated", comment=comment))


def delete_issue_comment(site: Site, issue: IssueRow, comment_id: str) -> None:
    document = issue.document()
    comment = _comment_of(document, comment_id)
    document["fields"]["comment"]["comments"].remove(comment)
    _store(site, issue, document, Change(event="comment_deleted", comment=comment))


def add_issue_attachment(site: Site, issue: IssueRow, data: Json) -> str:
    """Attach a file from `filename` and `text` or `base64`; return the attachment's id."""
    document, content = issue.document(), content_of(data)
    known = (number for each in site.issues.values() for number in each.attachment_ids)
    number = str(max(next_number(known), site.last_content_id + 1))
    entry = {
        "id": number,
        "filename": text_of(data, "filename"),
        "author": _person(site, str(data.get("author", AUTHOR))),
        "created": jira_time(now_ms()),
        "size": len(content),
        "mimeType": str(data.get("mimeType", "application/octet-stream")),
    }
    site.last_content_id = int(number)
    document["fields"].setdefault("attachment", []).append(entry)
    site.issue_files[number] = content
    _store(site, issue, document, Change(event="attachment_created", attachment=entry))
    return number


def delete_issue_attachment(site: Site, issue: IssueRow, attachment_id: str) -> None:
    document = issue.document()
    entries = document["fields"].get("attachment") or []
    entry = next((each for each in entries if str(each["id"]) == attachment_id), None)
    if entry is None:
        raise ChangeError(f"There is no attachment {attachment_id} on {issue.key}: name one that exists.")
    entries.remove(entry)
    site.issue_files.pop(attachment_id, None)
    _store(site, issue, document, Change(event="attachment_deleted", attachment=entry))


def set_security(site: Site, issue: IssueRow, principals: Principals) -> None:
    """Show the issue to these principals alone; without any principal, to all who see the project."""
    level = site.security_level(principals) if principals else None
    was = {"security": issue.security.name if issue.security else None}
    issue.security = level
    _store(site, issue, issue.document(), Change(event="issue_updated", was=was))


def _store(site: Site, issue: IssueRow, document: Json, change: Change) -> IssueRow:
    document["fields"]["updated"] = jira_time(now_ms())
    row = replace(issue_row(document), security=issue.security)
    site.add_issue(row)
    site.changed(replace(change, issue=row))
    return row


def _next_key(site: Site, project: str) -> str:
    """Numbers are not given twice, also when their issue has moved away."""
    prefix = project + "-"
    numbers = (int(key[len(prefix) :]) for key in site.issue_ids if key.startswith(prefix))
    return f"{prefix}{max(numbers, default=0) + 1}"


def _comment_of(document: Json, comment_id: str) -> Json:
    comments: list[Json] = (document["fields"].get("comment") or {}).get("comments", [])
    for comment in comments:
        if comment["id"] == comment_id:
            return comment
    raise ChangeError(f"There is no comment {comment_id} on {document['key']}: name one that exists.")


def _limits(site: Site, data: Json) -> Json:
    """The fields that limit who sees a comment, with the ids that go with the names."""
    limits: Json = {"jsdPublic": bool(data["jsdPublic"])} if "jsdPublic" in data else {}
    visibility = data.get("visibility")
    if not visibility:
        return limits
    if not isinstance(visibility, dict) or visibility.get("type") not in ("role", "group"):
        raise ChangeError("A visibility is {'type': 'role' or 'group', 'value': '<name>'}.")
    name = text_of(visibility, "value")
    if visibility["type"] == "role":
        identifier = site.role_id(name)
    else:
        group = site.directory.group(name)
        identifier = group.id if group else name
    return {**limits, "visibility": {"type": visibility["type"], "value": name, "identifier": identifier}}


def _merge(site: Site, fields: Json, changes: Json) -> None:
    for name, value in changes.items():
        if name in ("assignee", "reporter", "creator") and isinstance(value, str):
            fields[name] = _person(site, value)
        elif name == "status" and isinstance(value, str):
            fields[name] = _status(value)
        elif name in ("priority", "resolution", "issuetype") and isinstance(value, str):
            fields[name] = {"id": value.lower().replace(" ", "-"), "name": value}
        elif name not in ("project", "comment", "attachment"):
            fields[name] = value


def _status(name: str) -> Json:
    done = name.lower() in ("done", "closed", "resolved")
    key, title = ("done", "Done") if done else ("new", "To Do")
    category = {"id": 3 if done else 2, "key": key, "name": title}
    return {"id": name.lower().replace(" ", "-"), "name": name, "statusCategory": category}


def _person(site: Site, reference: str) -> Json:
    user = site.directory.find(reference) or site.directory.author(reference)
    return {
        "name": user.login,
        "key": user.login,
        "displayName": user.name,
        "emailAddress": user.email,
        "active": user.active,
    }
