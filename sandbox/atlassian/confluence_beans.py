"""How Confluence's v1 REST API (Cloud and Data Center) writes users, groups, spaces and content, with `expand`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.atlassian.content import (
    Content,
    comment_content,
    download_path,
    page_content,
    replies,
    root_comments,
    web_path,
)
from sandbox.atlassian.expand import NOTHING, Expand
from sandbox.atlassian.storage_html import storage_to_html
from sandbox.atlassian.wire import Context, Json
from sandbox.site_access import ancestors
from sandbox.site_people import Group, User
from sandbox.site_records import PageComment, Space
from sandbox.site_times import confluence_time, readable_time

RESTRICTIONS_IN_CONTENT = 200
"""So many users and groups of a restriction are written where content is expanded with it; the rest is cut off."""

COMMENTS_IN_CONTENT = 25
EXPANDABLE = ("space", "version", "history", "ancestors", "body", "metadata", "container", "restrictions")


def user_bean(context: Context, user: User) -> Json:
    """A person as Confluence's v1 API gives them."""
    picture = {"path": "/avatar.png", "width": 48, "height": 48, "isDefault": True}
    bean: Json = {"type": "known", "displayName": user.name, "profilePicture": picture}
    api = f"{context.confluence_url}/rest/api/user"
    if context.is_cloud:
        own = {
            "accountId": user.id,
            "accountType": "atlassian",
            "email": user.cloud_email,
            "publicName": user.name,
            "timeZone": user.time_zone,
            "isExternalCollaborator": False,
        }
        expandable = {"operations": "", "personalSpace": "", "details": ""}
        return {**bean, **own, "_expandable": expandable, "_links": {"self": f"{api}?accountId={user.id}"}}
    own = {"username": user.login, "userKey": user.user_key}
    return {**bean, **own, "_expandable": {"status": ""}, "_links": {"self": f"{api}?key={user.user_key}"}}


def group_bean(context: Context, group: Group) -> Json:
    api = f"{context.confluence_url}/rest/api/group"
    if context.is_cloud:
        return {
            "type": "group",
            "name": group.name,
            "id": group.id,
            "_links": {"self": f"{api}/by-id?id={group.id}"},
        }
    return {"type": "group", "name": group.name, "_links": {"self": f"{api}/{group.name}"}}


def author_bean(context: Context, login: str) -> Json:
    return user_bean(context, context.site.directory.author(login))


def space_bean(context: Context, space: Space) -> Json:
    """A space as Confluence's v1 API gives it."""
    return {
        "id": int(space.id),
        "key": space.key,
        "name": space.name,
        "type": "global",
        "status": "current",
        "_expandable": {"description": "", "homepage": "", "permissions": "", "metadata": ""},
        "_links": {
            "webui": f"/spaces/{space.key}" if context.is_cloud else f"/display/{space.key}",
            "self": f"{context.confluence_url}/rest/api/space/{space.key}",
        },
    }


def content_bean(context: Context, content: Content, expand: Expand) -> Json:
    """A page, blog post, comment or attachment with what `expand` asks for."""
    bean = _base(context, content, expand)
    builders: dict[str, Callable[[], Any]] = {
        "space": lambda: space_bean(context, context.site.spaces[content.page.space]),
        "version": lambda: _version(context, content),
        "history": lambda: _history(context, content, expand),
        "ancestors": lambda: _ancestors(context, content),
        "body": lambda: _body(context, content, expand),
        "metadata": lambda: _metadata(context, content, expand),
        "container": lambda: _container(context, content),
        "restrictions": lambda: _restrictions(context, content, expand),
    }
    for name in EXPANDABLE:
        if expand.has(name):
            bean[name] = builders[name]()
        else:
            bean["_expandable"][name] = ""
    for path, comments in (("children.comment", _children), ("descendants.comment", _descendants)):
        if expand.has(path):
            shown = [comment_content(content.page, each) for each in comments(content)[:COMMENTS_IN_CONTENT]]
            beans = [content_bean(context, comment, expand.below(path)) for comment in shown]
            kind = "child" if path.startswith("children") else "descendant"
            links = {"self": f"{context.confluence_url}/rest/api/content/{content.id}/{kind}/comment"}
            found = {**listing(beans), "limit": COMMENTS_IN_CONTENT, "_links": links}
            bean[path.partition(".")[0]] = {"comment": found}
    return bean


def _children(content: Content) -> list[PageComment]:
    if content.attachment is not None:
        return []
    return replies(content.page, content.id) if content.comment else root_comments(content.page)


def _descendants(content: Content) -> list[PageComment]:
    return [] if content.comment or content.attachment else content.page.comments


def listing(results: list[Json], *, start: int = 0, limit: int | None = None) -> Json:
    """A v1 listing; without a limit everything is in it."""
    shown = results[start : start + limit] if limit is not None else results
    return {
        "results": shown,
        "start": start,
        "limit": limit if limit is not None else max(len(results), 25),
        "size": len(shown),
    }


def restriction_bean(
    context: Context, page_id: str, operation: str, *, start: int = 0, limit: int | None = None
) -> Json:
    """A page of the users and of the groups that a restriction admits; a page without one has none."""
    site, limit = context.site, RESTRICTIONS_IN_CONTENT if limit is None else limit
    rules = site.page_restrictions if operation == "read" else site.update_restrictions
    principals, directory = rules.get(page_id, ()), site.directory
    users, groups = [], []
    for principal in principals:
        kind, _, name = principal.partition(":")
        user, group = directory.find(name), directory.group(name)
        if kind == "user" and user:
            users.append(user_bean(context, user))
        elif kind == "group" and group:
            groups.append(group_bean(context, group))
    api = f"{context.confluence_url}/rest/api/content/{page_id}"
    return {
        "operation": operation,
        "restrictions": {
            "user": listing(users, start=start, limit=limit),
            "group": listing(groups, start=start, limit=limit),
        },
        "_expandable": {"content": f"/rest/api/content/{page_id}"},
        "_links": {"self": f"{api}/restriction/byOperation/{operation}"},
    }


def _base(context: Context, content: Content, expand: Expand = NOTHING) -> Json:
    links = {
        "self": f"{context.confluence_url}/rest/api/content/{content.id}",
        "webui": web_path(context, content),
    }
    bean: Json = {
        "id": content.id,
        "type": content.kind,
        "status": content.page.status,
        "title": content.title,
    }
    if content.attachment is not None:
        links["download"] = download_path(context, content)
        bean["metadata"] = {"mediaType": content.attachment.media_type}
        bean["extensions"] = {
            "mediaType": content.attachment.media_type,
            "fileSize": content.attachment.size,
            "comment": "",
        }
    elif content.comment is not None:
        bean["extensions"] = _comment_extensions(context, content, expand)
    else:
        bean["extensions"] = {"position": content.page.position}
    return {**bean, "_expandable": {"children": "", "descendants": "", "operations": ""}, "_links": links}


def _version(context: Context, content: Content) -> Json:
    return {
        "by": author_bean(context, content.author),
        "when": confluence_time(content.updated),
        "friendlyWhen": readable_time(content.updated),
        "message": "",
        "number": content.version,
        "minorEdit": False,
        "_expandable": {"content": f"/rest/api/content/{content.id}"},
        "_links": {
            "self": f"{context.confluence_url}/rest/api/content/{content.id}/version/{content.version}"
        },
    }


def _history(context: Context, content: Content, expand: Expand) -> Json:
    bean: Json = {
        "latest": True,
        "createdBy": author_bean(context, content.author),
        "createdDate": confluence_time(content.created),
        "_expandable": {"previousVersion": "", "contributors": "", "nextVersion": ""},
        "_links": {"self": f"{context.confluence_url}/rest/api/content/{content.id}/history"},
    }
    if expand.has("history.lastUpdated"):
        bean["lastUpdated"] = _version(context, content)
    return bean


def _comment_extensions(context: Context, content: Content, expand: Expand) -> Json:
    """Where a comment stands; what an inline comment is about, and whether the discussion is closed."""
    comment = content.comment
    extensions: Json = {"location": content.location}
    unexpanded: Json = {}
    if comment is not None and comment.inline is not None:
        if expand.has("extensions.inlineProperties"):
            anchor = comment.inline
            extensions |= {
                "inlineProperties": {"originalSelection": anchor.selection, "markerRef": anchor.marker_ref}
            }
        else:
            unexpanded["inlineProperties"] = ""
    if comment is not None and expand.has("extensions.resolution"):
        extensions |= {"resolution": {"status": "resolved" if comment.resolved else "open"}}
    else:
        unexpanded["resolution"] = ""
    return {**extensions, "_expandable": unexpanded}


def _ancestors(context: Context, content: Content) -> list[Json]:
    if content.comment is not None:
        return [_base(context, comment_content(content.page, each)) for each in content.ancestor_comments]
    if content.kind != "page":
        return []
    return [_base(context, page_content(page)) for page in ancestors(context.site.pages, content.page)]


def _body(context: Context, content: Content, expand: Expand) -> Json:
    body: Json = {"_expandable": {}}
    for name in ("storage", "view", "export_view"):
        if not expand.has(f"body.{name}"):
            body["_expandable"][name] = ""
            continue
        value = (
            content.storage if name == "storage" else storage_to_html(context, content.page, content.storage)
        )
        body[name] = {"value": value, "representation": name, "embeddedContent": [], "_expandable": {}}
    return body


def _metadata(context: Context, content: Content, expand: Expand) -> Json:
    metadata: Json = {"_expandable": {"currentuser": "", "properties": ""}}
    if content.attachment is not None:
        metadata["mediaType"] = content.attachment.media_type
    if expand.has("metadata.labels"):
        labels = content.page.labels if content.kind in ("page", "blogpost") else ()
        metadata["labels"] = label_listing(labels)
    return metadata


def label_listing(labels: Iterable[str]) -> Json:
    return listing(
        [{"prefix": "global", "name": name, "id": label_id(name), "label": name} for name in labels]
    )


def label_id(name: str) -> str:
    """A stable number for a label."""
    return str(sum(byte * 31**place for place, byte in enumerate(name.encode())) % 10**12)


def _container(context: Context, content: Content) -> Json:
    if content.kind in ("page", "blogpost"):
        return space_bean(context, context.site.spaces[content.page.space])
    return _base(context, page_content(content.page))


def _restrictions(context: Context, content: Content, expand: Expand) -> Json:
    bean: Json = {"_expandable": {}}
    for operation in ("read", "update"):
        if expand.has(f"restrictions.{operation}"):
            bean[operation] = restriction_bean(context, content.id, operation)
        else:
            bean["_expandable"][operation] = ""
    return bean
