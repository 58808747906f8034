"""Jira: who may see projects and issues: the beans of permission schemes, project roles and security levels.

A project without roles of its own shows its readers as real sites mix them: `anyone` and the first principal hold
the browse permission themselves, the others are actors of the project role "Members", which holds it too.
"""

from __future__ import annotations

from sandbox.atlassian.jira_beans import security_bean, user_bean
from sandbox.atlassian.wire import Context, Json
from sandbox.site_access import ANYONE, PLAIN_KINDS
from sandbox.site_account import Sight
from sandbox.site_records import Project

MEMBERS, ADMINISTRATORS = "Members", "Administrators"
HOLDER_TYPES = {"lead": "projectLead", "reporter": "reporter", "assignee": "assignee", "anyone": "anyone"}
SECURITY_SCHEME_ID = 10000
FIRST_PERMISSION_SCHEME = 10000


def seen_projects(context: Context) -> list[Project]:
    """The projects that the account sees."""
    sight = Sight(context.site)
    return [project for project in sorted_projects(context) if sight.project(project.key)]


def sorted_projects(context: Context) -> list[Project]:
    """All projects, by key."""
    return sorted(context.site.projects.values(), key=lambda project: project.key)


def scheme_id_of(context: Context, project: Project) -> int:
    """The id of the project's own permission scheme."""
    return FIRST_PERMISSION_SCHEME + sorted_projects(context).index(project)


def _shared_out(context: Context, project: Project) -> tuple[list[str], list[str]]:
    """The principals that hold the permission themselves, and those that hold it through the role."""
    principals = context.site.project_permissions.get(project.key, ANYONE)
    plain = all(principal.partition(":")[0] in PLAIN_KINDS for principal in principals)
    if not plain or project.key in context.site.project_roles:
        return list(principals), []
    named = [principal for principal in principals if principal != "anyone"]
    return [*(p for p in principals if p == "anyone"), *named[:1]], named[1:]


def scheme_bean(context: Context, project: Project, expand: set[str]) -> Json:
    """A permission scheme; with its grants where something is expanded."""
    scheme_id = scheme_id_of(context, project)
    bean: Json = {
        "expand": "permissions,user,group,projectRole,field,all",
        "id": scheme_id,
        "self": _scheme_url(context, scheme_id),
        "name": f"{project.key} permission scheme",
        "description": f"Who may do what in {project.name}.",
    }
    if expand:
        bean["permissions"] = grant_beans(context, project, expand)
    return bean


def _scheme_url(context: Context, scheme_id: int) -> str:
    return f"{context.jira_api_url}/rest/api/{_version(context)}/permissionscheme/{scheme_id}"


def _version(context: Context) -> str:
    return "3" if context.is_cloud else "2"


def grant_beans(context: Context, project: Project, expand: set[str]) -> list[Json]:
    """Who holds which permission in a project."""
    direct, through_role = _shared_out(context, project)
    scheme_id = scheme_id_of(context, project)
    holders = [("BROWSE_PROJECTS", holder_bean(context, principal, expand)) for principal in direct]
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


def actors_of(context: Context, project: Project, role: str) -> list[str]:
    """The principals that have a role in a project."""
    own = list(context.site.project_roles.get(project.key, {}).get(role, ()))
    return [*own, *_shared_out(context, project)[1]] if role == MEMBERS else own


def _role_holder(context: Context, name: str, expand: set[str]) -> Json:
    role = context.site.role_id(name)
    holder: Json = {"type": "projectRole", "parameter": role, "expand": "projectRole"}
    if context.is_cloud:
        holder["value"] = role
    if expand & {"projectRole", "all"}:
        holder["projectRole"] = role_bean(context, name)
    return holder


def holder_bean(context: Context, principal: str, expand: set[str]) -> Json:
    """Who holds a permission or is in a security level."""
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


def role_url(context: Context, project: Project, role: str) -> str:
    """Where the actors of a role in a project are."""
    return f"{context.jira_api_url}/rest/api/{_version(context)}/project/{project.id}/role/{role}"


def role_bean(context: Context, name: str) -> Json:
    """A project role, which is the same in all projects."""
    role = context.site.role_id(name)
    url = f"{context.jira_api_url}/rest/api/{_version(context)}/role/{role}"
    return {
        "self": url,
        "id": int(role),
        "name": name,
        "description": f"The project's {name.lower()}.",
    }


def actor_bean(context: Context, number: int, principal: str) -> Json | None:
    """A user or group with a role; None for somebody who does not exist."""
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


def security_scheme_bean(context: Context) -> Json:
    """The one security scheme, with its levels."""
    return {
        "self": f"{context.jira_api_url}/rest/api/{_version(context)}/issuesecurityschemes/{SECURITY_SCHEME_ID}",
        "id": SECURITY_SCHEME_ID,
        "name": "Issue security",
        "description": "The levels that limit who sees single issues.",
        "levels": [security_bean(context, level) for level in context.site.security_levels.values()],
    }
