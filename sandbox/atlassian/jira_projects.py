"""Jira: projects, and who may see them: permission schemes, project roles and issue security levels."""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.jira_beans import project_bean, security_bean, user_bean
from sandbox.atlassian.jira_holders import (
    SECURITY_SCHEME_ID,
    actor_bean,
    actors_of,
    grant_beans,
    holder_bean,
    role_bean,
    role_url,
    scheme_bean,
    scheme_id_of,
    security_scheme_bean,
    seen_projects,
    sorted_projects,
)
from sandbox.atlassian.wire import Context, Json, RestError, context_of, jira_page, many, reply
from sandbox.site_account import Sight
from sandbox.site_records import Project


def jira_project_routes(context: Context) -> list[web.RouteDef]:
    """The routes for projects, roles, permission schemes and security levels."""
    api = context.jira_root + "/rest/api/{version:2|3|latest}"
    project = api + "/project/{project}"
    routes = [
        web.get(api + "/project", list_projects),
        web.get(project + "/permissionscheme", get_project_scheme),
        web.get(project + "/role", list_roles),
        web.get(project + "/role/{role}", get_role),
        web.get(project + "/issuesecuritylevelscheme", get_security_scheme),
        web.get(project + "/securitylevel", list_project_levels),
        web.get(api + "/permissionscheme/{scheme}", get_scheme),
        web.get(api + "/permissionscheme/{scheme}/permission", list_scheme_permissions),
        web.get(api + "/role", list_all_roles),
        web.get(api + "/issuesecurityschemes", list_security_schemes),
        web.get(api + "/securitylevel/{level}", get_level),
    ]
    if context.is_cloud:
        routes.append(web.get(api + "/project/search", search_projects))
        routes.append(web.get(api + "/issuesecurityschemes/level/member", list_level_members))
        routes.append(web.get(api + "/issuesecurityschemes/level", list_levels))
    return [
        *routes,
        web.get(project, get_project),
        web.get(api + "/issuesecurityschemes/{scheme}", get_security_scheme),
    ]


async def list_projects(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply([project_bean(context, project) for project in seen_projects(context)])


async def search_projects(request: web.Request) -> web.Response:
    context = context_of(request)
    keys, ids = {key.upper() for key in many(request, "keys")}, set(many(request, "id"))
    words = request.query.get("query", "").lower()
    found = [
        project
        for project in seen_projects(context)
        if (not keys or project.key in keys)
        and (not ids or project.id in ids)
        and (words in project.key.lower() or words in project.name.lower())
    ]
    return reply(jira_page(context, request, found, lambda project: project_bean(context, project)))


async def get_project(request: web.Request) -> web.Response:
    context, project = context_of(request), project_of(request)
    roles = {name: role_url(context, project, role) for name, role in context.site.role_ids.items()}
    lead = user_bean(
        context, context.site.directory.find(context.site.project_leads.get(project.key)) or context.account
    )
    return reply({**project_bean(context, project), "description": "", "lead": lead, "roles": roles})


async def get_project_scheme(request: web.Request) -> web.Response:
    return reply(scheme_bean(context_of(request), project_of(request), _expand(request)))


async def get_scheme(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply(scheme_bean(context, _project_of_scheme(request), _expand(request)))


async def list_scheme_permissions(request: web.Request) -> web.Response:
    context = context_of(request)
    grants = grant_beans(context, _project_of_scheme(request), _expand(request))
    return reply({"permissions": grants, "expand": "user,group,projectRole,field,all"})


async def list_roles(request: web.Request) -> web.Response:
    context, project = context_of(request), project_of(request)
    return reply({name: role_url(context, project, role) for name, role in context.site.role_ids.items()})


async def list_all_roles(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply([role_bean(context, name) for name in context.site.role_ids])


async def get_role(request: web.Request) -> web.Response:
    context, project, role = context_of(request), project_of(request), request.match_info["role"]
    name = next((name for name, number in context.site.role_ids.items() if number == role), None)
    if name is None:
        raise RestError(404, f"Can not find a project role with id: {role}")
    principals = actors_of(context, project, name)
    actors = [actor_bean(context, number, principal) for number, principal in enumerate(principals, 10300)]
    bean = role_bean(context, name) | {"self": role_url(context, project, role)}
    return reply({**bean, "actors": [actor for actor in actors if actor]})


async def list_security_schemes(request: web.Request) -> web.Response:
    bean = security_scheme_bean(context_of(request))
    return reply({"issueSecuritySchemes": [{k: v for k, v in bean.items() if k != "levels"}]})


async def get_security_scheme(request: web.Request) -> web.Response:
    if "project" in request.match_info:
        project_of(request)
    elif request.match_info["scheme"] != str(SECURITY_SCHEME_ID):
        raise RestError(404, "The issue security scheme does not exist.")
    return reply(security_scheme_bean(context_of(request)))


async def list_project_levels(request: web.Request) -> web.Response:
    context = context_of(request)
    project_of(request)
    return reply({"levels": security_scheme_bean(context)["levels"]})


async def get_level(request: web.Request) -> web.Response:
    context = context_of(request)
    level = context.site.security_levels.get(request.match_info["level"])
    if level is None:
        raise RestError(404, "The security level does not exist.")
    return reply(security_bean(context, level))


async def list_levels(request: web.Request) -> web.Response:
    context = context_of(request)
    levels = list(context.site.security_levels.values())
    return reply(jira_page(context, request, levels, lambda level: security_bean(context, level)))


async def list_level_members(request: web.Request) -> web.Response:
    """Who is in a security level."""
    context = context_of(request)
    wanted, expand = set(many(request, "levelId")), _expand(request)
    if not set(many(request, "schemeId")) <= {str(SECURITY_SCHEME_ID)}:
        raise RestError(404, "The issue security scheme does not exist.")
    members = [
        (f"{level.id}{index:02d}", level.id, principal)
        for level in context.site.security_levels.values()
        if not wanted or level.id in wanted
        for index, principal in enumerate(level.principals)
    ]

    def show(member: tuple[str, str, str]) -> Json:
        return {
            "id": member[0],
            "issueSecurityLevelId": member[1],
            "issueSecuritySchemeId": str(SECURITY_SCHEME_ID),
            "holder": holder_bean(context, member[2], expand),
            "managed": False,
        }

    return reply(jira_page(context, request, members, show))


def project_of(request: web.Request) -> Project:
    name = request.match_info["project"]
    project = context_of(request).site.find_project(name)
    if project is None or not Sight(context_of(request).site).project(project.key):
        raise RestError(404, f"No project could be found with key '{name}'.")
    return project


def _project_of_scheme(request: web.Request) -> Project:
    context = context_of(request)
    for project in sorted_projects(context):
        if str(scheme_id_of(context, project)) == request.match_info["scheme"]:
            return project
    raise RestError(404, "The permission scheme does not exist.")


def _expand(request: web.Request) -> set[str]:
    return set(many(request, "expand"))
