"""Jira: users, groups, permission checks and facts about the server."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.jira_beans import user_bean
from sandbox.atlassian.wire import (
    Context,
    Json,
    RestError,
    context_of,
    integer,
    jira_page,
    json_body,
    many,
    reply,
)
from sandbox.site_access import may_browse, may_read_issue
from sandbox.site_account import Sight
from sandbox.site_people import Group, User


def jira_people_routes(context: Context) -> list[web.RouteDef]:
    """The routes for the account, users, groups and their members."""
    api = context.jira_root + "/rest/api/{version:2|3|latest}"
    routes = [
        web.get(api + "/myself", get_myself),
        web.get(api + "/user", get_user),
        web.get(api + "/user/search", search_users),
        web.get(api + "/user/viewissue/search", search_viewers),
        web.get(api + "/group/member", list_members),
        web.get(api + "/groups/picker", pick_groups),
        web.get(api + "/mypermissions", get_my_permissions),
        web.get(api + "/applicationrole", list_application_roles),
        web.get(api + "/applicationrole/{role}", get_application_role),
    ]
    if context.is_cloud:
        routes += [
            web.get(api + "/users/search", list_users),
            web.get(api + "/users", list_users),
            web.get(api + "/user/groups", list_user_groups),
            web.get(api + "/group/bulk", list_groups),
            web.post(api + "/permissions/check", check_permissions),
        ]
    return routes


async def get_myself(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply({**user_bean(context, context.account), "locale": "en_US"})


async def get_user(request: web.Request) -> web.Response:
    """One person, with their groups where they are asked for."""
    context = context_of(request)
    names = ("accountId",) if context.is_cloud else ("username", "key")
    given = next((request.query[name] for name in names if name in request.query), None)
    if given is None:
        raise RestError(400, f"The query parameter '{names[0]}' is required.")
    user = context.site.directory.find(given)
    if user is None:
        raise RestError(404, f"The user with the name or key '{given}' does not exist")
    bean = user_bean(context, user)
    groups = [_group_bean(context, group) for group in context.site.directory.groups_of(user)]
    bean["groups"] = {"size": len(groups)}
    if "groups" in many(request, "expand"):
        bean["groups"]["items"] = groups
    return reply({**bean, "expand": "groups,applicationRoles"})


async def search_users(request: web.Request) -> web.Response:
    context = context_of(request)
    if context.is_cloud and "accountId" in request.query:
        found = [context.site.directory.find(request.query["accountId"])]
        return _user_list(context, request, [user for user in found if user])
    words = request.query.get("query" if context.is_cloud else "username")
    if words is None:
        raise RestError(400, "Specify the text to search users for.")
    matching = _matching(context, words)
    inactive = request.query.get("includeInactive") == "true"
    return _user_list(context, request, [user for user in matching if user.active or inactive])


async def search_viewers(request: web.Request) -> web.Response:
    """The users who may see an issue (security level included) or browse a project."""
    context, query = context_of(request), request.query
    words = query.get("query" if context.is_cloud else "username", "")
    users = _matching(context, words)
    if "issueKey" in query:
        issue = context.site.find_issue(query["issueKey"])
        if issue is None or not Sight(context.site).issue(issue):
            raise RestError(404, "Issue does not exist or you do not have permission to see it.")
        readers = [user for user in users if may_read_issue(context.site, user, issue)]
    elif project := context.site.find_project(query.get("projectKey", "")):
        readers = [user for user in users if may_browse(context.site, user, project.key)]
    else:
        raise RestError(400, "Give an issueKey, or the projectKey of a project.")
    return _user_list(context, request, readers)


async def list_users(request: web.Request) -> web.Response:
    context = context_of(request)
    return _user_list(context, request, context.site.directory.users())


async def list_user_groups(request: web.Request) -> web.Response:
    context = context_of(request)
    user = context.site.directory.find(request.query.get("accountId"))
    if user is None:
        raise RestError(404, "The user does not exist.")
    return reply([_group_bean(context, group) for group in context.site.directory.groups_of(user)])


async def list_members(request: web.Request) -> web.Response:
    context = context_of(request)
    given = request.query.get("groupId") or request.query.get("groupname")
    group = context.site.directory.group(given)
    if group is None:
        raise RestError(404, f"The group named '{given}' does not exist.")
    members = context.site.directory.members_of(group)
    if request.query.get("includeInactiveUsers") != "true":
        members = [user for user in members if user.active]
    return reply(jira_page(context, request, members, lambda user: user_bean(context, user)))


async def list_groups(request: web.Request) -> web.Response:
    context = context_of(request)
    names, ids = set(request.query.getall("groupName", [])), set(request.query.getall("groupId", []))
    found = [
        group
        for group in context.site.directory.groups.values()
        if not (names or ids) or group.name in names or group.id in ids
    ]
    return reply(jira_page(context, request, found, lambda group: {"name": group.name, "groupId": group.id}))


async def pick_groups(request: web.Request) -> web.Response:
    context = context_of(request)
    words, limit = request.query.get("query", "").lower(), integer(request, "maxResults", 20)
    found = [group for group in context.site.directory.groups.values() if words in group.name.lower()]
    groups: list[Json] = []
    for group in found[:limit]:
        bean: Json = {"name": group.name, "html": group.name, "labels": []}
        groups.append({**bean, "groupId": group.id} if context.is_cloud else bean)
    header = f"Showing {len(groups)} of {len(found)} matching groups"
    return reply({"header": header, "total": len(found), "groups": groups})


async def get_my_permissions(request: web.Request) -> web.Response:
    """The API's account is the site admin: it has every permission that is asked about."""
    context = context_of(request)
    keys = many(request, "permissions")
    if context.is_cloud and not keys:
        raise RestError(400, "The 'permissions' query parameter is required.")
    beans = {
        key: {
            "id": str(number),
            "key": key,
            "name": key.replace("_", " ").capitalize(),
            "type": "PROJECT",
            "description": "",
            "havePermission": True,
        }
        for number, key in enumerate(keys or ["BROWSE_PROJECTS", "ADMINISTER"], 1)
    }
    return reply({"permissions": beans})


async def list_application_roles(request: web.Request) -> web.Response:
    """The products that people have access to, with the groups whose members have it."""
    context = context_of(request)
    return reply([_application_role(context, key) for key in context.site.application_roles])


async def get_application_role(request: web.Request) -> web.Response:
    context, key = context_of(request), request.match_info["role"]
    if key not in context.site.application_roles:
        raise RestError(404, f"The application role '{key}' does not exist.")
    return reply(_application_role(context, key))


def _application_role(context: Context, key: str) -> Json:
    names = [principal.partition(":")[2] for principal in context.site.application_roles[key]]
    groups = [group for group in map(context.site.directory.group, names) if group]
    bean: Json = {"key": key, "name": key, "groups": [group.name for group in groups], "defined": True}
    if context.is_cloud:
        bean["groupDetails"] = [{"name": group.name, "groupId": group.id} for group in groups]
    return bean


async def check_permissions(request: web.Request) -> web.Response:
    """Which of the given issues and projects the user of `accountId` (default: the caller) may browse."""
    context, given = context_of(request), await json_body(request)
    site = context.site
    account_id = given.get("accountId")
    user = site.directory.find(account_id) if account_id else context.account
    if user is None:
        raise RestError(400, f"The account ID '{account_id}' does not exist.")
    everything = user.id == context.account.id
    granted = []
    for group in given.get("projectPermissions") or []:
        rows = [(number, site.find_issue(str(number))) for number in group.get("issues") or []]
        projects = [(number, site.find_project(str(number))) for number in group.get("projects") or []]
        for permission in group.get("permissions") or []:
            browse = permission == "BROWSE_PROJECTS"
            issues = [
                n for n, row in rows if row and (everything or (browse and may_read_issue(site, user, row)))
            ]
            visible = [
                n
                for n, project in projects
                if project and (everything or (browse and may_browse(context.site, user, project.key)))
            ]
            granted.append({"permission": permission, "issues": issues, "projects": visible})
    global_permissions = list(given.get("globalPermissions") or []) if everything else []
    return reply({"projectPermissions": granted, "globalPermissions": global_permissions})


def _matching(context: Context, words: str) -> list[User]:
    """The people whom a search text finds; a dot or nothing at all stands for everybody."""
    text = words.lower()
    return [
        user
        for user in context.site.directory.users()
        if text in (".", "") or any(text in name.lower() for name in _search_names(context, user))
    ]


def _search_names(context: Context, user: User) -> tuple[str, ...]:
    return (user.name, user.cloud_email) if context.is_cloud else (user.login, user.name, user.email)


def _user_list(context: Context, request: web.Request, users: list[User]) -> web.Response:
    start, limit = integer(request, "startAt", 0), min(integer(request, "maxResults", 50), 1000)
    return reply([user_bean(context, user) for user in users[start : start + limit]])


def _group_bean(context: Context, group: Group) -> Json:
    if context.is_cloud:
        url = f"{context.jira_api_url}/rest/api/3/group?groupId={group.id}"
        return {"name": group.name, "groupId": group.id, "self": url}
    return {"name": group.name, "self": f"{context.jira_api_url}/rest/api/2/group?groupname={group.name}"}
