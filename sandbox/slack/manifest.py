"""Reads a Slack app manifest (https://docs.slack.dev/reference/app-manifest) into the few things a
workspace needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack.errors import ManifestError


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    """A command such as ``/ask``; ``url`` is where HTTP mode posts it."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """An entry of a message's menu (``kind`` "message") or of the workspace ("global")."""

    name: str
    kind: str
    callback_id: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class AppManifest:
    """The app that lives in the workspace. ``scopes`` empty: no scope is checked."""

    name: str
    description: str
    bot_name: str
    commands: tuple[SlashCommand, ...]
    shortcuts: tuple[Shortcut, ...]
    bot_events: frozenset[str]
    scopes: frozenset[str]
    suggested_prompts: tuple[Mapping[str, str], ...]
    home_tab: bool
    socket_mode: bool
    events_url: str | None
    interactivity_url: str | None


def parse_manifest(manifest: Mapping[str, Any]) -> AppManifest:
    """Turn the manifest's mapping (as YAML or JSON gives it) into an `AppManifest`.

    Raises `ManifestError` when the display name is absent.
    """
    features = manifest.get("features") or {}
    settings = manifest.get("settings") or {}
    display = manifest.get("display_information") or {}
    name = display.get("name") or manifest.get("display_name")
    if not name:
        raise ManifestError("The Slack manifest has no display_information.name; add the app's name.")
    subscriptions = settings.get("event_subscriptions") or {}
    agent = features.get("agent_view") or features.get("assistant_view") or {}
    scopes = ((manifest.get("oauth_config") or {}).get("scopes") or {}).get("bot") or ()
    return AppManifest(
        name=name,
        description=display.get("description") or "",
        bot_name=(features.get("bot_user") or {}).get("display_name") or name,
        commands=tuple(_command(entry) for entry in features.get("slash_commands") or ()),
        shortcuts=tuple(_shortcut(entry) for entry in features.get("shortcuts") or ()),
        bot_events=frozenset(subscriptions.get("bot_events") or ()),
        scopes=frozenset(scopes),
        suggested_prompts=tuple(dict(prompt) for prompt in agent.get("suggested_prompts") or ()),
        home_tab=bool((features.get("app_home") or {}).get("home_tab_enabled")),
        socket_mode=bool(settings.get("socket_mode_enabled")),
        events_url=subscriptions.get("request_url"),
        interactivity_url=(settings.get("interactivity") or {}).get("request_url"),
    )


def _command(entry: Mapping[str, Any]) -> SlashCommand:
    return SlashCommand(
        command=entry["command"],
        description=entry.get("description") or "",
        usage_hint=entry.get("usage_hint") or "",
        should_escape=bool(entry.get("should_escape")),
        url=entry.get("url"),
    )


def _shortcut(entry: Mapping[str, Any]) -> Shortcut:
    return Shortcut(
        name=entry["name"],
        kind=entry.get("type") or "message",
        callback_id=entry["callback_id"],
        description=entry.get("description") or "",
    )
