"""Jira: projects, and who may see them: permission schemes, project roles and issue security levels.

A project without roles of its own shows its readers as real sites mix them: `anyone` and the first principal hold
the browse permission themselves, the others are actors of the project role "Members", which holds it too.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.jira_beans import project_bean, security_bean, user_bean
from sandbox.atlassian.wire import Context, Json, RestError, context_of, jira_page, many, reply
from sandbox.site_access import ANYONE, PLAIN_KINDS
from sandbox.site_account import Sight
from sandbox.site_records import Project

MEMBERS, ADMINISTRATORS = "Members", "Administrators"
HOLDER_TYPES = {"lead": "projectLead", "reporter": "reporter", "assignee": "assignee", "anyone": "anyone"}
SECURITY_SCHEME_ID = 10000
FIRST_PERMISSION_SCHEME = 10000


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
    return reply([project_bean(context, project) for project in _seen_projects(context)])


async def search_projects(request: web.Request) -> web.Response:
    context = context_of(request)
    keys, ids = {key.upper() for key in many(request, "keys")}, set(many(request, "id"))
    words = request.query.get("query", "").lower()
    found = [
        project
        for project in _seen_projects(context)
        if (not keys or project.key in keys)
        and (not ids or project.id in ids)
        and (words in project.key.lower() or words in project.name.lower())
    ]
    return reply(jira_page(context, request, found, lambda project: project_bean(context, project)))


async def get_project(request: web.Request) -> web.Response:
    context, project = context_of(request), project_of(request)
    roles = {name: _role_url(context, project, role) for name, role in context.site.role_ids.items()}
    lead = user_bean(
        context, context.site.directory.find(context.site.project_leads.get(project.key)) or context.account
    )
    return reply({**project_bean(context, project), "description": "", "lead": lead, "roles": roles})


async def get_project_scheme(request: web.Request) -> web.Response:
    return reply(_scheme(context_of(request), project_of(request), _expand(request)))


async def get_scheme(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply(_scheme(context, _project_of_scheme(request), _expand(request)))


async def list_scheme_permissions(request: web.Request) -> web.Response:
    context = context_of(request)
    grants = _grants(context, _project_of_scheme(request), _expand(request))
    return reply({"permissions": grants, "expand": "user,group,projectRole,field,all"})


async def list_roles(request: web.Request) -> web.Response:
    context, project = context_of(request), project_of(request)
    return reply({name: _role_url(context, project, role) for name, role in context.site.role_ids.items()})


async def list_all_roles(request: web.Request) -> web.Response:
    context = context_of(request)
    return reply([_role_bean(context, name) for name in context.site.role_ids])


async def get_role(request: web.Request) -> web.Response:
    context, project, role = context_of(request), project_of(request), request.match_info["role"]
    name = next((name for name, number in context.site.role_ids.items() if number == role), None)
    if name is None:
        raise RestError(404, f"Can not find a project role with id: {role}")
    principals = _actors_of(context, project, name)
    actors = [_actor(context, number, principal) for number, principal in enumerate(principals, 10300)]
    bean = _role_bean(context, name) | {"self": _role_url(context, project, role)}
    return reply({**bean, "actors": [actor for actor in actors if actor]})


async def list_security_schemes(request: web.Request) -> web.Response:
    bean = _security_scheme(context_of(request))
    return reply({"issueSecuritySchemes": [{k: v for k, v in bean.items() if k != "levels"}]})


async def get_security_scheme(request: web.Request) -> web.Response:
    if "project" in request.match_info:
        project_of(request)
    elif request.match_info["scheme"] != str(SECURITY_SCHEME_ID):
        raise RestError(404, "The issue security scheme does not exist.")
    return reply(_security_scheme(context_of(request)))


async def list_project_levels(request: web.Request) -> web.Response:
    context = context_of(request)
    project_of(request)
    return reply({"levels": _security_scheme(context)["levels"]})


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
            "holder": _holder(context, member[2], expand),
            "managed": False,
        }

    return reply(jira_page(context, request, members, show))


def project_of(request: web.Request) -> Project:
    name = request.match_info["project"]
    project = context_of(request).site.find_project(name)
    if project is None or not Sight(context_of(request).site).project(project.key):
        raise RestError(404, f"No project could be found with key '{name}'.")
    return project


def _seen_projects(context: Context) -> list[Project]:
    sight = Sight(context.site)
    return [project for project in _projects(context) if sight.project(project.key)]


def _projects(context: Context) -> list[Project]:
    return sorted(context.site.projects.values(), key=lambda project: project.key)


def _scheme_id(context: Context, project: Project) -> int:
    return FIRST_PERMISSION_SCHEME + _projects(context).index(project)


def _project_of_scheme(request: web.Request) -> Project:
    context = context_of(request)
    for project in _projects(context):
        if str(_scheme_id(context, project)) == request.match_info["scheme"]:
            return project
    raise RestError(404, "The permission scheme does not exist.")


def _expand(request: web.Request) -> set[str]:
    return set(many(request, "expand"))


def _shared_out(context: Context, project: Project) -> tuple[list[str], list[str]]:
    """The principals that hold the permission themselves, and those that hold it through the role."""
    principals = context.site.project_permissions.get(project.key, ANYONE)
    plain = all(principal.partition(":")[0] in PLAIN_KINDS for principal in principals)
    if not plain or project.key in context.site.project_roles:
        return list(principals), []
    named = [principal for principal in principals if principal != "anyone"]
    return [*(p for p in principals if p == "anyone"), *named[:1]], named[1:]


def _scheme(context: Context, project: Project, expand: set[str]) -> Json:
    scheme_id = _scheme_id(context, project)
    bean: Json = {
        "expand": "permissions,user,group,projectRole,field,all",
        "id": scheme_id,
        "self": _scheme_url(context, scheme_id),
        "name": f"{project.key} permission scheme",
        "description": f"Who may do what in {project.name}.",
    }
    if expand:
        bean["permissions"] = _grants(context, project, expand)
    return bean


def _scheme_url(context: Context, scheme_id: int) -> str:
    return f"{context.jira_api_url}/rest/api/{_version(context)}/permissionscheme/{scheme_id}"


def _version(context: Context) -> str:
    return "3" if context.is_cloud else "2"


def _grants(context: Context, project: Project, expand: set[str]) -> list[Json]:
    direct, through_role = _shared_out(context, project)
    scheme_id = _scheme_id(context, project)
    holders = [("BROWSE_PROJECTS", _holder(context, principal, expand)) for principal in direct]
    if through_role:
        holders.append(("BROWSE_PROJECTS", _role_holder(context, MEMBERS, expand)))
    holders.append(("ADMINISTER_PROJECTS", _role_holder(context, ADMINISTRATORS, expand)))
    first = scheme_id * 100
    return [
        {
            "id": number,
            "self": f"{_scheme_url(context, scheme_id)}/permission/{number}",
            "holder": holder,
            "permission": permission,
        }
        for number, (permission, holder) in enumerate(holders, first)
    ]


def _actors_of(context: Context, project: Project, role: str) -> list[str]:
    own = list(context.site.project_roles.get(project.key, {}).get(role, ()))
    return [*own, *_shared_out(context, project)[1]] if role == MEMBERS else own


def _role_holder(context: Context, name: str, expand: set[str]) -> Json:
    role = context.site.role_id(name)
    holder: Json = {"type": "projectRole", "parameter": role, "expand": "projectRole"}
    if context.is_cloud:
        holder["value"] = role
    if expand & {"projectRole", "all"}:
        holder["projectRole"] = _role_bean(context, name)
    return holder


def _holder(context: Context, principal: str, expand: set[str]) -> Json:
    kind, _, name = principal.partition(":")
    if kind in HOLDER_TYPES:
        return {"type": HOLDER_TYPES[kind]}
    if kind == "applicationRole":
        return {"type": kind, "parameter": name} if name else {"type": kind}
    if kind == "role":
        return _role_holder(context, name, expand)
    if kind == "group":
        return _group_holder(context, name, expand)
    user = context.site.directory.find(name)
    parameter = user.login if user and not context.is_cloud else name
    holder: Json = {"type": "user", "parameter": parameter, "expand": "user"}
    if context.is_cloud:
        holder["value"] = name
    if user and expand & {"user", "all"}:
        holder["user"] = user_bean(context, user)
    return holder


def _group_holder(context: Context, name: str, expand: set[str]) -> Json:
    holder: Json = {"type": "group", "parameter": name, "expand": "group"}
    group = context.site.directory.group(name)
    if context.is_cloud and group:
        holder["value"] = group.id
    if expand & {"group", "all"}:
        bean: Json = {
            "name": name,
            "self": f"{context.jira_api_url}/rest/api/{_version(context)}/group?groupname={name}",
        }
        if context.is_cloud and group:
            bean["groupId"] = group.id
        holder["group"] = bean
    return holder


def _role_url(context: Context, project: Project, role: str) -> str:
    return f"{context.jira_api_url}/rest/api/{_version(context)}/project/{project.id}/role/{role}"


def _role_bean(context: Context, name: str) -> Json:
    role = context.site.role_id(name)
    url = f"{context.jira_api_url}/rest/api/{_version(context)}/role/{role}"
    return {
        "self": url,
        "id": int(role),
        "name": name,
        "description": f"The project's {name.lower()}.",
    }


def _actor(context: Context, number: int, principal: str) -> Json | None:
    kind, _, name = principal.partition(":")
    if kind == "group":
        group = context.site.directory.group(name)
        bean: Json = {"id": number, "displayName": name, "type": "atlassian-group-role-actor", "name": name}
        bean["actorGroup"] = {"name": name, "displayName": name}
        if context.is_cloud and group:
            bean["actorGroup"]["groupId"] = group.id
        return bean
    user = context.site.directory.find(name)
    if user is None:
        return None
    bean = {"id": number, "displayName": user.name, "type": "atlassian-user-role-actor"}
    if context.is_cloud:
        return {**bean, "actorUser": {"accountId": user.id}}
    return {**bean, "name": user.login, "actorUser": {"name": user.login, "key": user.login}}


def _security_scheme(context: Context) -> Json:
    return {
        "self": f"{context.jira_api_url}/rest/api/{_version(context)}/issuesecurityschemes/{SECURITY_SCHEME_ID}",
        "id": SECURITY_SCHEME_ID,
        "name": "Issue security",
        "description": "The levels that limit who sees single issues.",
        "levels": [security_bean(context, level) for level in context.site.security_levels.values()],
    }
