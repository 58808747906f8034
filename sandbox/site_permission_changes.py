"""Changes to who may read what, and to people and groups; none of them touches a version or a time of a document."""

from __future__ import annotations

from typing import Any

from sandbox.errors import ChangeError
from sandbox.site_account import read_view
from sandbox.site_people import Group, User
from sandbox.site_records import Principals
from sandbox.site_rows import time_zone
from sandbox.site_state import Change, Site

CHANGEABLE = {"email": str, "name": str, "active": bool, "time_zone": str, "email_hidden": bool}


def set_space_permissions(site: Site, key: str, principals: Principals) -> None:
    site.space_permissions[key] = principals
    site.changed(Change(event="space_permissions_updated", space=key))


def set_project_permissions(site: Site, key: str, principals: Principals) -> None:
    for principal in principals:
        kind, _, name = principal.partition(":")
        if kind == "role":
            site.role_id(name)
    site.project_permissions[key] = principals
    site.changed()


def set_project_role(site: Site, key: str, role: str, actors: Principals) -> None:
    """Replace the users and groups that hold a role in a project; the role is made when there is none yet."""
    site.role_id(role)
    site.project_roles.setdefault(key, {})[role] = actors
    site.changed()


def set_project_lead(site: Site, key: str, reference: str) -> None:
    site.project_leads[key] = _user(site, reference).id
    site.changed()


def set_members(site: Site, name: str, references: list[str]) -> None:
    """Replace a group's members, given by id, e-mail or login."""
    members = frozenset(_user(site, reference).id for reference in references)
    site.directory.put_group(Group(name=name, member_ids=members))
    site.changed()


def delete_group(site: Site, name: str) -> None:
    if site.directory.groups.pop(name, None) is None:
        raise ChangeError(f"There is no group {name}: name one that exists.")
    site.changed()


def put_user(site: Site, reference: str, data: dict[str, Any]) -> User:
    """Change `email`, `name`, `active`, `time_zone`, `email_hidden` of a person, or enter a new one under that id."""
    for name, value in data.items():
        if name not in CHANGEABLE or not isinstance(value, CHANGEABLE[name]):
            raise ChangeError(f"A user's {name} cannot be set so: the fields are {', '.join(CHANGEABLE)}.")
    if "time_zone" in data:
        time_zone({"login": reference, **data})
    user = site.directory.find(reference)
    if user is None:
        login = reference.partition(":")[2] or reference
        name, email = data.get("name", login), data.get("email", "")
        user = site.directory.add_user(User(id=reference, login=login, name=name, email=email))
    changed = site.directory.update_user(user, **data)
    site.changed()
    return changed


def set_account(site: Site, data: dict[str, Any]) -> None:
    """What API clients see of the site: `{"sees": "everything" or "as:<user>", "hides": [...]}`."""
    site.account = read_view(site, data)
    site.changed()


def _user(site: Site, reference: str) -> User:
    user = site.directory.find(reference)
    if user is None:
        raise ChangeError(f"There is no user {reference}: name one by id, e-mail or login.")
    return user
