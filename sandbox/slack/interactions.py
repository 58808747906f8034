"""What a person does to the app: commands, buttons, menus, modals, shortcuts, the Home tab, the stop
button.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.blocks import interactive_elements
from sandbox.slack.delivery import Delivery, NotAcknowledgedError
from sandbox.slack.errors import SlackError
from sandbox.slack.events import EventRouter
from sandbox.slack.models import Channel, Json, Message, User, View
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.text import encode_typed_text
from sandbox.slack.views import ViewStore
from sandbox.slack.workspace import Workspace

TEAM_DOMAIN = "sandbox"


class Interactions:
    """Builds the payloads, delivers them, and carries out what the acknowledgements ask for."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        views: ViewStore,
        delivery: Delivery,
        router: EventRouter,
        response_urls: ResponseUrls,
    ) -> None:
        self._workspace = workspace
        self._views = views
        self._delivery = delivery
        self._router = router
        self._response_urls = response_urls

    async def run_command(self, *, user: User, channel: Channel, command: str, text: str) -> Json:
        """Send a slash command; returns ``{"acknowledged", "error"?, "message"?}``.

        Raises unknown_command.
        """
        known = next((each for each in self._workspace.manifest.commands if each.command == command), None)
        if known is None:
            raise SlackError("unknown_command")
        payload = {
            "token": "sandbox-verification-token",
            "team_id": self._workspace.team_id,
            "team_domain": TEAM_DOMAIN,
            "channel_id": channel.id,
            "channel_name": "directmessage" if channel.is_im else channel.name,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": encode_typed_text(self._workspace, text) if known.should_escape else text,
            "api_app_id": self._workspace.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_urls.new(user=user, channel=channel),
            "trigger_id": self._views.new_trigger(user.id),
        }
        try:
            body = await self._delivery.ask("slash_commands", payload)
        except NotAcknowledgedError as failure:
            error = "operation_timeout" if "timeout" in failure.reason else "dispatch_failed"
            return {"acknowledged": False, "error": error, "message": None}
        message = None
        if body.get("text") or body.get("blocks"):
            message = self._response_urls.respond(body, user=user, channel=channel)
        return {"acknowledged": True, "message": self._workspace.to_json(message) if message else None}

    async def use_element(
        self,
        *,
        user: User,
        action_id: str,
        value: Any = None,
        block_id: str | None = None,
        message: Message | None = None,
        view: View | None = None,
        state: Json | None = None,
    ) -> Json:
        """Use the element with this action_id in a message or a view: click, choose, tick or rate.

        `value` is an option's value or a list of them, a text, or the side of feedback buttons (positive,
        negative).
        Raises `SlackError` action_not_found.
        """
        blocks = (message.blocks if message else view.content.get("blocks") if view else None) or []
        for block, element in interactive_elements(blocks):
            if element["action_id"] == action_id and block_id in (None, block["block_id"]):
                action = self._action(block, element, value)
                break
        else:
            raise SlackError("action_not_found")
        payload = self._interaction("block_actions", user, trigger=True) | {"actions": [action]}
        if view:
            view.state = state or view.state
            payload |= {
                "view": self._views.to_json(view),
                "container": {"type": "view", "view_id": view.id},
                "state": {"values": view.state},
            }
        elif message:
            payload |= self._message_context(user, message) | {"state": {"values": state or {}}}
        return await self._ask(payload)

    async def submit_view(self, *, user: User, view: View, state: Json) -> Json:
        """Submit a modal; returns ``{"acknowledged", "errors"?}`` and opens, changes or closes what the
        app says.
        """
        view.state = state
        payload = self._interaction("view_submission", user, trigger=True)
        payload |= {"view": self._views.to_json(view), "response_urls": []}
        try:
            body = await self._delivery.ask("interactive", payload)
        except NotAcknowledgedError:
            return {"acknowledged": False}
        action = body.get("response_action")
        if action == "errors":
            return {"acknowledged": True, "errors": body.get("errors") or {}}
        if action == "update":
            self._views.update(view, body.get("view"))
        elif action == "push":
            self._views.push_for(user.id, body.get("view"))
        else:
            self._views.close(user.id, everything=action == "clear")
        return {"acknowledged": True}

    async def close_view(self, *, user: User, everything: bool = False) -> Json:
        """Close the topmost modal (or all); the app hears of those with notify_on_close."""
        result: Json = {"acknowledged": True}
        for view in self._views.close(user.id, everything=everything):
            if view.content.get("notify_on_close"):
                payload = self._interaction("view_closed", user)
                payload |= {"view": self._views.to_json(view), "is_cleared": everything}
                result = await self._ask(payload)
        return result

    async def run_shortcut(self, *, user: User, callback_id: str, message: Message | None) -> Json:
        """Use a shortcut: with a message the one of its menu, without one a global one.

        Raises unknown_shortcut.
        """
        kind = "message" if message else "global"
        shortcuts = ((each.kind, each.callback_id) for each in self._workspace.manifest.shortcuts)
        if (kind, callback_id) not in shortcuts:
            raise SlackError("unknown_shortcut")
        payload = self._interaction("message_action" if message else "shortcut", user, trigger=True)
        payload |= {"callback_id": callback_id, "action_ts": self._workspace.next_ts()}
        if message:
            payload |= self._message_context(user, message) | {"message_ts": message.ts}
        return await self._ask(payload)

    def open_home(self, *, user: User, tab: str) -> Channel:
        """The person looks at the app's Home or Messages tab; returns the conversation with the app."""
        channel = self._workspace.open_direct([user.id, self._workspace.bot.id])
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": channel.id,
            "tab": tab,
            "event_ts": self._workspace.next_ts(),
        }
        if tab == "home" and user.id in self._views.homes:
            event["view"] = self._views.to_json(self._views.homes[user.id])
        self._router.emit(event, channel=channel)
        return channel

    def stop_session(self, *, user: User, channel: Channel, thread_ts: str) -> None:
        """The person presses the stop button of a thread."""
        streaming = [
            message.ts
            for message in self._workspace.thread(channel.id, thread_ts)
            if message.stream and message.stream.open
        ]
        event = {
            "type": "agent_session_stopped",
            "user": user.id,
            "channel": channel.id,
            "thread_ts": thread_ts,
            "streaming_message_ts": streaming,
            "event_ts": self._workspace.next_ts(),
        }
        self._router.emit(event, channel=channel)

    async def _ask(self, payload: Json) -> Json:
        try:
            await self._delivery.ask("interactive", payload)
        except NotAcknowledgedError as failure:
            return {"acknowledged": False, "error": failure.reason}
        return {"acknowledged": True}

    def _interaction(self, kind: str, user: User, *, trigger: bool = False) -> Json:
        team = self._workspace.team_id
        payload: Json = {
            "type": kind,
            "team": {"id": team, "domain": TEAM_DOMAIN},
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": team},
            "api_app_id": self._workspace.app_id,
            "token": "sandbox-verification-token",
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if trigger:
            payload["trigger_id"] = self._views.new_trigger(user.id)
        return payload

    def _message_context(self, user: User, message: Message) -> Json:
        channel = self._workspace.channels[message.channel]
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.only_for is not None,
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        context: Json = {
            "container": container,
            "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
            "response_url": self._response_urls.new(user=user, channel=channel, original=message),
        }
        if message.only_for is None:  # Slack leaves ephemeral messages out of the payload
            context["message"] = self._workspace.to_json(message)
        return context

    def _action(self, block: Json, element: Json, value: Any) -> Json:
        kind = element["type"]
        action: Json = {
            "type": kind,
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "action_ts": self._workspace.next_ts(),
        }
        if kind == "feedback_buttons":
            sides = (element["positive_button"], element["negative_button"])
            chosen = sides[1] if value in ("negative", sides[1].get("value")) else sides[0]
            action |= {"text": chosen["text"], "value": chosen.get("value")}
        elif kind in ("button", "icon_button"):
            action |= {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        elif kind == "checkboxes" or kind.startswith("multi_"):
            wanted = value if isinstance(value, list) else [value]
            action["selected_options"] = [
                each for each in element.get("options") or () if each["value"] in wanted
            ]
        elif element.get("options"):
            options = (each for each in element["options"] if each["value"] == value)
            action["selected_option"] = next(options, None)
        else:
            action["value"] = value
        return action
