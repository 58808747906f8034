"""auth.*, users.*, usergroups.*, bots.*, team.*, apps.*: who is who, and how the app connects."""

from __future__ import annotations

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call, Handler
from sandbox.slack.models import Json, User
from sandbox.slack.workspace import BOT_ID


def api_test(call: Call) -> Json:
    """api.test: echoes the arguments."""
    if call.optional("error"):
        raise SlackError(call.text("error"), args=call.args)
    return {"args": call.args}


def auth_test(call: Call) -> Json:
    """auth.test."""
    workspace = call.workspace
    return {
        "url": f"{call.sandbox.base_url}/",
        "team": workspace.name,
        "user": workspace.bot.name,
        "team_id": workspace.team_id,
        "user_id": workspace.bot.id,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def open_connection(call: Call) -> Json:
    """apps.connections.open: the address of a new Socket Mode connection."""
    if not call.workspace.manifest.socket_mode:
        raise SlackError("socket_mode_not_enabled")
    origin = "ws" + call.sandbox.base_url.removeprefix("http")
    return {
        "url": f"{origin}/link/?ticket={call.sandbox.socket_mode.new_ticket()}&app_id={call.workspace.app_id}"
    }


def user_info(call: Call) -> Json:
    """users.info."""
    return {"user": user_to_json(call, call.workspace.user(call.text("user")))}


def list_users(call: Call) -> Json:
    """users.list."""
    page, cursor = call.page(list(call.workspace.users.values()), default=1000)
    members = [user_to_json(call, user) for user in page]
    return {"members": members, "cache_ts": 0, "response_metadata": {"next_cursor": cursor}}


def lookup_by_email(call: Call) -> Json:
    """users.lookupByEmail."""
    wanted = call.text("email").lower()
    for user in call.workspace.users.values():
        if user.email and user.email.lower() == wanted:
            return {"user": user_to_json(call, user)}
    raise SlackError("users_not_found")


def profile(call: Call) -> Json:
    """users.profile.get."""
    user = call.workspace.user(call.optional("user") or call.workspace.bot.id)
    return {"profile": user_to_json(call, user)["profile"]}


def list_usergroups(call: Call) -> Json:
    """usergroups.list: the sandbox has none."""
    return {"usergroups": []}


def usergroup_users(call: Call) -> Json:
    """usergroups.users.list: always an unknown group."""
    call.text("usergroup")
    raise SlackError("no_such_subteam")


def bot_info(call: Call) -> Json:
    """bots.info."""
    if call.optional("bot") not in (None, BOT_ID):
        raise SlackError("bot_not_found")
    bot = call.workspace.bot
    return {
        "bot": {
            "id": BOT_ID,
            "deleted": False,
            "name": bot.real_name,
            "updated": 0,
            "app_id": call.workspace.app_id,
            "user_id": bot.id,
            "icons": {},
        }
    }


def team_info(call: Call) -> Json:
    """team.info."""
    workspace = call.workspace
    domains = {user.email.partition("@")[2] for user in workspace.users.values() if user.email}
    team = {
        "id": workspace.team_id,
        "name": workspace.name,
        "url": f"{call.sandbox.base_url}/",
        "domain": "sandbox",
        "email_domain": ",".join(sorted(domains)),
        "icon": {"image_default": True},
    }
    return {"team": team}


def user_to_json(call: Call, user: User) -> Json:
    """A user in the shape of users.info; the e-mail only with the scope for it."""
    scopes = call.workspace.manifest.scopes
    stranger_team = "T0STRANGER"
    profile_json: Json = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "title": user.title,
        "team": stranger_team if user.is_stranger else call.workspace.team_id,
    }
    if user.email and (not scopes or "users:read.email" in scopes):
        profile_json["email"] = user.email
    if user.is_bot:
        profile_json |= {"bot_id": user.bot_id, "api_app_id": user.app_id}
    return {
        "id": user.id,
        "team_id": stranger_team if user.is_stranger else call.workspace.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "profile": profile_json,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": False,
        "is_stranger": user.is_stranger,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 0,
    }


METHODS: dict[str, Handler] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "apps.connections.open": open_connection,
    "users.info": user_info,
    "users.list": list_users,
    "users.lookupByEmail": lookup_by_email,
    "users.profile.get": profile,
    "usergroups.list": list_usergroups,
    "usergroups.users.list": usergroup_users,
    "bots.info": bot_info,
    "team.info": team_info,
}
