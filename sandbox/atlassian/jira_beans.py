"""How Jira's REST API writes users, projects and issues, for either deployment and API version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from sandbox.atlassian.wiki_adf import wiki_to_adf
from sandbox.atlassian.wire import Context, Json
from sandbox.site_account import Sight
from sandbox.site_people import User
from sandbox.site_records import IssueRow, Project, SecurityLevel

COMMENTS_ON_CLOUD_ISSUE = 100
"""Cloud puts at most this many comments into an issue, the newest; `total` tells how many there are."""

PEOPLE_FIELDS = ("assignee", "reporter", "creator")
WIKI_FIELDS = ("description", "environment")


def user_bean(context: Context, user: User) -> Json:
    """A person as Jira's API gives them."""
    api = f"{context.jira_api_url}/rest/api"
    avatar = f"{context.jira_url}/avatar.png"
    shared: Json = {
        "displayName": user.name,
        "active": user.active,
        "timeZone": user.time_zone,
        "emailAddress": user.email,
        "avatarUrls": dict.fromkeys(("16x16", "24x24", "32x32", "48x48"), avatar),
    }
    if context.is_cloud:
        own = {"accountId": user.id, "accountType": "atlassian"}
        if user.email_hidden:
            del shared["emailAddress"]
        return {"self": f"{api}/3/user?accountId={user.id}", **shared, **own}
    return {"self": f"{api}/2/user?username={user.login}", "name": user.login, "key": user.login, **shared}


def stored_user_bean(context: Context, stored: Json | None) -> Json | None:
    """A user as stored in an issue, under the name that the deployment gives this person."""
    if not stored:
        return None
    user = context.site.directory.find(stored.get("name")) if stored.get("name") else None
    if user is not None:
        return user_bean(context, user)
    if context.is_cloud:
        return {key: value for key, value in stored.items() if key not in ("name", "key")}
    return stored


def project_bean(context: Context, project: Project) -> Json:
    api = f"{context.jira_api_url}/rest/api/{'3' if context.is_cloud else '2'}"
    bean: Json = {
        "self": f"{api}/project/{project.id}",
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "projectTypeKey": "software",
    }
    if context.is_cloud:
        bean |= {"simplified": False, "style": "classic", "isPrivate": False}
    return bean


def security_bean(context: Context, level: SecurityLevel) -> Json:
    version = "3" if context.is_cloud else "2"
    return {
        "self": f"{context.jira_api_url}/rest/api/{version}/securitylevel/{level.id}",
        "id": level.id,
        "name": level.name,
        "description": f"Shown to: {level.name}.",
    }


def issue_bean(context: Context, issue: IssueRow, *, version: str, fields: Iterable[str] | None) -> Json:
    """An issue with the chosen fields.

    Args:
        version: `3` shows texts as ADF, `2` as wiki markup.
        fields: names, `*all`, `*navigable` or `-name`; None stands for all.
    """
    bean: Json = {
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": issue.id,
        "self": f"{context.jira_api_url}/rest/api/{version}/issue/{issue.id}",
        "key": issue.key,
    }
    chosen = list(fields) if fields is not None else ["*all"]
    if chosen and not set(chosen) <= {"id", "key"}:
        bean["fields"] = _chosen(_fields(context, issue, version), chosen)
    return bean


def comment_bean(context: Context, issue: IssueRow, comment: Json, version: str) -> Json:
    """A comment; a body or an author that the stored comment lacks is missing here as well."""
    bean = dict(comment)
    bean["self"] = f"{context.jira_api_url}/rest/api/{version}/issue/{issue.id}/comment/{comment['id']}"
    for name in ("author", "updateAuthor"):
        if name in bean:
            bean[name] = stored_user_bean(context, bean[name])
    if "body" in bean:
        bean["body"] = text_value(context, bean["body"], version)
    visibility, public = bean.pop("visibility", None), bean.pop("jsdPublic", True)
    if visibility is not None:
        bean["visibility"] = visibility_bean(context, visibility)
    if context.is_cloud:
        bean["jsdPublic"] = public
    return bean


def visibility_bean(context: Context, stored: Json) -> Json:
    """To whom a comment is shown; only Cloud tells the id of the role or group."""
    bean = {"type": stored["type"], "value": stored["value"]}
    if not context.is_cloud:
        return bean
    group = context.site.directory.group(stored["value"])
    known = context.site.role_id(stored["value"]) if stored["type"] == "role" else group and group.id
    return {**bean, "identifier": known or stored["value"]}


def text_value(context: Context, markup: str | None, version: str) -> Any:
    """Stored wiki markup as this version of the API shows it."""
    if version != "3" or markup is None:
        return markup

    def resolve(reference: str) -> tuple[str, str]:
        user = context.site.directory.find(reference)
        return (user.id, user.name) if user else (reference, reference)

    return wiki_to_adf(markup, resolve)


def stored_comments(document: Json) -> list[Json]:
    comments: list[Json] = (document["fields"].get("comment") or {}).get("comments", [])
    return comments


def seen_comments(context: Context, issue: IssueRow, document: Json) -> list[Json]:
    """The stored comments of an issue that the account sees."""
    sight = Sight(context.site)
    return [comment for comment in stored_comments(document) if sight.comment(issue, comment)]


def _fields(context: Context, issue: IssueRow, version: str) -> Json:
    document = issue.document()
    fields: Json = document["fields"]
    for name in PEOPLE_FIELDS:
        if name in fields:
            fields[name] = stored_user_bean(context, fields[name])
    for name in WIKI_FIELDS:
        if name in fields:
            fields[name] = text_value(context, fields[name], version)
    fields["project"] = project_bean(context, context.site.projects[issue.project])
    fields["security"] = security_bean(context, issue.security) if issue.security else None
    fields["attachment"] = [
        attachment_bean(context, entry, version) for entry in fields.get("attachment") or []
    ]
    comments = seen_comments(context, issue, document)
    shown = comments[-COMMENTS_ON_CLOUD_ISSUE:] if context.is_cloud else comments
    fields["comment"] = {
        "comments": [comment_bean(context, issue, comment, version) for comment in shown],
        "self": f"{context.jira_api_url}/rest/api/{version}/issue/{issue.id}/comment",
        "maxResults": len(shown),
        "total": len(comments),
        "startAt": 0,
    }
    return fields


def attachment_bean(context: Context, entry: Json, version: str) -> Json:
    """An attachment as an issue holds it; `content` is where its bytes are."""
    number, name = str(entry["id"]), str(entry.get("filename"))
    bean = {key: value for key, value in entry.items() if key != "thumbnail"}
    bean["self"] = f"{context.jira_api_url}/rest/api/{version}/attachment/{number}"
    if context.is_cloud:
        bean["content"] = f"{context.jira_api_url}/rest/api/{version}/attachment/content/{number}"
    else:
        bean["content"] = f"{context.jira_url}/secure/attachment/{number}/{quote(name)}"
    if "author" in bean:
        bean["author"] = stored_user_bean(context, bean["author"])
    return bean


def _chosen(fields: Json, names: list[str]) -> Json:
    excluded = {name[1:] for name in names if name.startswith("-")}
    included = [name for name in names if not name.startswith("-")]
    everything = not included or "*all" in included or "*navigable" in included
    return {
        name: value
        for name, value in fields.items()
        if name not in excluded and (everything or name in included)
    }
