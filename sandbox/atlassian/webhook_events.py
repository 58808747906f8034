"""How Jira and Confluence Data Center write their webhooks' events; one change may be several events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.atlassian.jira_beans import attachment_bean, comment_bean, issue_bean, user_bean
from sandbox.atlassian.wire import Context, Json
from sandbox.site_records import PageRow
from sandbox.site_state import Change
from sandbox.site_times import now_ms

Events = Iterator[tuple[str, Json]]
SMALL_ISSUE = ("summary", "issuetype", "project", "status", "priority", "assignee")


def jira_events(context: Context, change: Change) -> Events:
    """Comments and attachments have events of their own beside the update of their issue, as in Jira.

    An attachment's event does not name the issue.
    """
    issue = change.issue
    if issue is None:
        return
    base: Json = {"timestamp": now_ms()}
    whole = issue_bean(context, issue, version="2", fields=None)
    by = {"user": user_bean(context, context.account), "issue": whole}
    if change.event.startswith("issue_"):
        name = f"jira:{change.event}"
        yield (
            name,
            {**base, "webhookEvent": name, "issue_event_type_name": change.event, **by, **_log(change)},
        )
    elif change.comment is not None:
        small = issue_bean(context, issue, version="2", fields=SMALL_ISSUE)
        comment = comment_bean(context, issue, change.comment, "2")
        yield change.event, {**base, "webhookEvent": change.event, "comment": comment, "issue": small}
        yield "jira:issue_updated", {**base, "webhookEvent": "jira:issue_updated", **by, "comment": comment}
    elif change.attachment is not None:
        attachment = attachment_bean(context, change.attachment, "2")
        yield change.event, {**base, "webhookEvent": change.event, "attachment": attachment}
        yield "jira:issue_updated", {**base, "webhookEvent": "jira:issue_updated", **by, **_log(change)}


def confluence_events(context: Context, change: Change) -> Events:
    """Blog posts have events named after them; labels, comments and files name what they are on."""
    base: Json = {"timestamp": now_ms(), "userKey": context.account.user_key}
    if change.space is not None:
        space = context.site.spaces[change.space]
        yield change.event, {**base, "event": change.event, "space": {"key": space.key, "name": space.name}}
    elif change.page is not None:
        yield from _page_events(context, change, change.page, base)


def _page_events(context: Context, change: Change, page: PageRow, base: Json) -> Events:
    on, event = _page(context, page), change.event
    if change.comment is not None:
        comment: Json = {"id": int(change.comment.id), "parent": on}
        if change.comment.parent_id:
            comment["inReplyTo"] = {"id": int(change.comment.parent_id)}
        yield event, {**base, "event": event, "comment": comment}
    elif change.attachment is not None:
        file = {"id": change.attachment.id, "fileName": change.attachment.title}
        file |= {"fileSize": change.attachment.size, "version": change.attachment.version}
        yield event, {**base, "event": event, "attachments": [file], "attachedTo": on}
    elif event.startswith("label_"):
        for label in change.labels:
            yield event, {**base, "event": event, "label": {"name": label, "prefix": "global"}, "labeled": on}
    elif event == "content_permissions_updated":
        yield event, {**base, "event": event, "content": on}
    else:
        kind = "blog" if page.kind == "blogpost" else "page"
        name = event.replace("page_", f"{kind}_")
        yield name, {**base, "event": name, kind: on}


def _page(context: Context, page: PageRow) -> Json:
    return {
        "id": int(page.id),
        "title": page.title,
        "spaceKey": page.space,
        "contentType": page.kind,
        "version": page.version,
        "creationDate": page.created,
        "modificationDate": page.updated,
        "creatorKey": context.site.directory.author(page.author).user_key,
        "self": f"{context.confluence_url}/pages/viewpage.action?pageId={page.id}",
    }


def _log(change: Change) -> Json:
    """The changelog: what each changed field was and is."""
    if change.attachment is not None:
        gone = change.event.endswith("deleted")
        number, name = str(change.attachment["id"]), change.attachment["filename"]
        item = _item("Attachment", number if gone else None, name if gone else None)
        item |= {"to": None if gone else number, "toString": None if gone else name}
        return {"changelog": {"id": str(now_ms()), "items": [item]}}
    if not change.was or change.issue is None:
        return {}
    fields = change.issue.document()["fields"]
    now: Json = {"Key": change.issue.key, "project": change.issue.project, "security": None}
    if change.issue.security is not None:
        now["security"] = change.issue.security.name
    items = []
    for name, before in change.was.items():
        after = now[name] if name in now else fields.get(name)
        items.append({**_item(name, _id(before), _text(before)), "to": _id(after), "toString": _text(after)})
    return {"changelog": {"id": str(now_ms()), "items": items}}


def _item(name: str, before: Any, before_text: Any) -> Json:
    return {"field": name, "fieldtype": "jira", "fieldId": name, "from": before, "fromString": before_text}


def _id(value: Any) -> Any:
    return value.get("id") or value.get("name") if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return str(value.get("displayName") or value.get("name") or value.get("value"))
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
