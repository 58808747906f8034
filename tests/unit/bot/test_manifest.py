"""The manifest asks for what the code uses, and for no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

BOT = Path(__file__).parents[3] / "bot"

#: The scopes of each Web API method (https://docs.slack.dev/reference/methods).
SCOPES = {
    "apps_connections_open": set(),
    "auth_test": set(),
    "chat_delete": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_info": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations_members": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations_replies": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations_open": {"im:write"},
    "users_info": {"users:read", "users:read.email"},
    "users_list": {"users:read", "users:read.email"},
    "views_publish": set(),
}
#: The scopes of each event, and of the features.
EVENTS = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
}
FEATURES = {"commands", "assistant:write"}


@pytest.fixture
def manifest() -> dict[str, Any]:
    """The manifest as Slack reads it."""
    loaded: dict[str, Any] = yaml.safe_load((BOT / "manifest.yaml").read_text("utf-8"))
    return loaded


def called_methods() -> set[str]:
    """The Web API methods that the bot calls."""
    sources = "\n".join(path.read_text("utf-8") for path in BOT.rglob("*.py"))
    return set(
        re.findall(r"(?:client|clients\.\w+)\.((?:apps|auth|chat|conversations|users|views)_\w+)\(", sources)
    )


def test_the_scopes_are_those_of_the_methods_events_and_features(manifest: dict[str, Any]) -> None:
    """A scope too many is a risk, one too few a failure."""
    assert called_methods() == set(SCOPES)
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert set(events) == set(EVENTS)
    needed = set().union(*SCOPES.values(), *EVENTS.values(), FEATURES)
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed


def test_the_command_and_the_home_tab_are_declared(manifest: dict[str, Any]) -> None:
    """New apps can only have the agent view; Socket Mode needs no public address."""
    features = manifest["features"]
    assert [command["command"] for command in features["slash_commands"]] == ["/lore"]
    assert features["app_home"]["home_tab_enabled"]
    assert not features["app_home"]["messages_tab_read_only_enabled"]
    assert "agent_view" in features
    assert "assistant_view" not in features
    assert manifest["settings"]["socket_mode_enabled"]


def test_slack_takes_the_lengths(manifest: dict[str, Any]) -> None:
    """https://docs.slack.dev/reference/app-manifest"""
    display = manifest["display_information"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 174 <= len(display["long_description"]) <= 4_000
    assert len(manifest["features"]["agent_view"]["agent_description"]) <= 300
