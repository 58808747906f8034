"""Confluence: users, groups and, on Data Center, the permissions of a space (Confluence 9.1 and newer)."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.confluence_beans import group_bean, listing, user_bean
from sandbox.atlassian.confluence_v1 import paged
from sandbox.atlassian.wire import Context, Json, RestError, context_of, many, reply
from sandbox.site_access import ANYONE
from sandbox.site_account import Sight
from sandbox.site_people import Group, User
from sandbox.site_times import confluence_time, now_ms

CAP = 200


def confluence_people_routes(context: Context) -> list[web.RouteDef]:
    """The routes for users, groups and their members."""
    api = context.confluence_root + "/rest/api"
    routes = [
        web.get(api + "/user", get_user),
        web.get(api + "/user/current", get_current_user),
        web.get(api + "/user/memberof", list_groups_of_user),
        web.get(api + "/group", list_groups),
    ]
    if context.is_cloud:
        return [
            *routes,
            web.get(api + "/user/bulk", list_users),
            web.get(api + "/group/by-id", get_group),
            web.get(api + "/group/picker", pick_groups),
            web.get(api + "/group/{group}/membersByGroupId", list_members),
            web.get(api + "/search/user", search_users),
        ]
    return [
        *routes,
        web.get(api + "/user/list", list_all_users),
        web.get(api + "/group/{group}", get_group),
        web.get(api + "/group/{group}/member", list_members),
        web.get(api + "/space/{space}/permissions", list_space_permissions),
        web.get(api + "/permissions/anonymous", list_anonymous_permissions),
        web.get(context.confluence_root + "/rest/mobile/1.0/profile/{user}", get_profile),
    ]


async def get_user(request: web.Request) -> web.Response:
    return reply(user_bean(context_of(request), _user_of(request)))


async def get_profile(request: web.Request) -> web.Response:
    """Data Center's profile for mobile clients: the only resource that tells an e-mail address."""
    user = context_of(request).site.directory.find(request.match_info["user"])
    if user is None:
        raise RestError(404, f"No user found: {request.match_info['user']}")
    bean = {"userName": user.login, "fullName": user.name, "email": user.email, "anonymous": False}
    return reply({**bean, "url": f"/display/~{user.login}", "unknownUser": False})


async def get_current_user(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply(user_bean(context, context.account))


async def list_groups_of_user(request: web.Request) -> web.Response:
    context = context_of(request)
    groups = context.site.directory.groups_of(_user_of(request))
    return _groups(request, groups)


async def list_groups(request: web.Request) -> web.Response:
    return _groups(request, list(context_of(request).site.directory.groups.values()))


async def pick_groups(request: web.Request) -> web.Response:
    words = request.query.get("query", "").lower()
    groups = context_of(request).site.directory.groups.values()
    return _groups(request, [group for group in groups if words in group.name.lower()])


async def get_group(request: web.Request) -> web.Response:
    return reply(group_bean(context_of(request), _group_of(request)))


async def list_members(request: web.Request) -> web.Response:
    context = context_of(request)
    members = [user for user in context.site.directory.members_of(_group_of(request)) if user.active]
    return _users(request, members)


async def list_all_users(request: web.Request) -> web.Response:
    return _users(request, context_of(request).site.directory.users())


async def list_users(request: web.Request) -> web.Response:
    context = context_of(request)
    found = [context.site.directory.find(account_id) for account_id in many(request, "accountId")]
    beans = [user_bean(context, user) for user in found if user]
    links = {"base": context.confluence_url, "context": context.confluence_path}
    return reply({**listing(beans), "_links": links})


async def search_users(request: web.Request) -> web.Response:
    """Cloud's user search: CQL of the form `user.fullname ~ "text"` or `user = "account id"`."""
    context = context_of(request)
    words = request.query.get("cql", "").partition("~" if "~" in request.query.get("cql", "") else "=")[2]
    text = words.strip().strip("\"'").lower()
    users = context.site.directory.users()
    found = [
        user
        for user in users
        if text in user.name.lower() or (text and text in (user.cloud_email.lower(), user.id))
    ]

    def show(user: User) -> Json:
        return {
            "user": user_bean(context, user),
            "title": user.name,
            "excerpt": "",
            "url": f"/people/{user.id}",
            "breadcrumbs": [],
            "entityType": "user",
            "iconCssClass": "",
            "lastModified": confluence_time(now_ms()),
        }

    extra = {"totalSize": len(found), "cqlQuery": request.query.get("cql", ""), "searchDuration": 1}
    return paged(request, found, show, cap=CAP, extra=extra)


async def list_space_permissions(request: web.Request) -> web.Response:
    """What each user, group and anonymous visitor may do in the space."""
    context = context_of(request)
    space = context.site.spaces.get(request.match_info["space"])
    if space is None or not Sight(context.site).space(space.key):
        raise RestError(404, f"No space with key : {request.match_info['space']}")
    grants: list[tuple[Json, str, str]] = [(_user_subject(context.account), "administer", "space")]
    for principal in context.site.space_permissions.get(space.key, ANYONE):
        subject = _subject(context, principal)
        if subject is None:
            continue
        grants.append((subject, "read", "space"))
        if subject["type"] == "group":
            grants.append((subject, "create", "page"))
    return reply(
        [
            {
                "operation": {"targetType": target, "operationKey": operation},
                "subject": subject,
                "spaceKey": space.key,
                "spaceId": int(space.id),
            }
            for subject, operation, target in grants
        ]
    )


async def list_anonymous_permissions(request: web.Request) -> web.Response:
    """What visitors who are not signed in may do on the site: use it, so that open spaces are open to them."""
    operation = {"targetType": "application", "operationKey": "use"}
    return reply([{"operation": operation, "subject": _subject(context_of(request), "anyone")}])


def _subject(context: Context, principal: str) -> Json | None:
    kind, _, name = principal.partition(":")
    if kind == "anyone":
        return {"type": "anonymous", "displayName": "Anonymous"}
    if kind == "group":
        return {"type": "group", "name": name, "displayName": name}
    user = context.site.directory.find(name)
    return _user_subject(user) if user else None


def _user_subject(user: User) -> Json:
    names = {"username": user.login, "userKey": user.user_key, "displayName": user.name}
    return {"type": "known", **names}


def _user_of(request: web.Request) -> User:
    context = context_of(request)
    names = ("accountId",) if context.is_cloud else ("username", "key")
    given = next((request.query[name] for name in names if name in request.query), None)
    if given is None:
        raise RestError(400, f"The query parameter '{names[0]}' is required.")
    user = context.site.directory.find(given)
    if user is None:
        raise RestError(404, f"No user found with {names[0]}: {given}")
    return user


def _group_of(request: web.Request) -> Group:
    given = request.match_info.get("group") or request.query.get("id")
    group = context_of(request).site.directory.group(given)
    if group is None:
        raise RestError(404, f"No group found: {given}")
    return group


def _groups(request: web.Request, groups: list[Group]) -> web.Response:
    context = context_of(request)
    return paged(
        request,
        groups,
        lambda group: group_bean(context, group),
        cap=CAP,
        extra={"totalSize": len(groups)} if context.is_cloud else None,
    )


def _users(request: web.Request, users: list[User]) -> web.Response:
    context = context_of(request)
    return paged(
        request,
        users,
        lambda user: user_bean(context, user),
        cap=CAP,
        extra={"totalSize": len(users)} if context.is_cloud else None,
    )
