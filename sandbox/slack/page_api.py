"""``/_page/*``: what the web page asks for and does, always in the name of the person who was chosen
there.
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from sandbox.slack.errors import SlackError
from sandbox.slack.json_http import Answer, body_of, json_handler, required
from sandbox.slack.models import Change, Channel, Json, Message, User
from sandbox.slack.runtime import SlackSandbox
from sandbox.slack.text import encode_typed_text
from sandbox.slack.view_state import state_of

HEARTBEAT_SECONDS = 20


def add_page_api(app: web.Application, sandbox: SlackSandbox) -> None:
    """Serve the page's endpoints and its live feed (server-sent events)."""
    api = PageApi(sandbox)
    routes: list[tuple[str, str, Answer]] = [
        ("GET", "boot", api.boot),
        ("GET", "conversations", api.conversations),
        ("GET", "messages", api.messages),
        ("GET", "views", api.views),
        ("POST", "messages", api.post_message),
        ("POST", "messages/edit", api.edit_message),
        ("POST", "messages/delete", api.delete_message),
        ("POST", "commands", api.run_command),
        ("POST", "actions", api.use_element),
        ("POST", "views/submit", api.submit_view),
        ("POST", "views/close", api.close_view),
        ("POST", "shortcuts", api.run_shortcut),
        ("POST", "reactions", api.toggle_reaction),
        ("POST", "home", api.open_home),
        ("POST", "direct", api.open_direct),
        ("POST", "join", api.join),
        ("POST", "stop", api.stop_session),
    ]
    for verb, path, answer in routes:
        app.router.add_route(verb, f"/_page/{path}", json_handler(answer))
    app.router.add_get("/_page/feed", api.feed)


class PageApi:
    """The handlers; every body and query names the ``user`` by id."""

    def __init__(self, sandbox: SlackSandbox) -> None:
        self._sandbox = sandbox
        self._workspace = sandbox.workspace

    async def boot(self, request: web.Request) -> Json:
        """What never changes: the team, the app, the people."""
        manifest, workspace = self._workspace.manifest, self._workspace
        commands = [
            {"command": each.command, "description": each.description, "usage_hint": each.usage_hint}
            for each in manifest.commands
        ]
        return {
            "team": workspace.name,
            "app": {
                "name": workspace.bot.real_name,
                "description": manifest.description,
                "user": workspace.bot.id,
                "home": manifest.home_tab,
                "commands": commands,
                "shortcuts": [
                    {"name": each.name, "kind": each.kind, "callback_id": each.callback_id}
                    for each in manifest.shortcuts
                ],
                "prompts": list(manifest.suggested_prompts),
            },
            "people": [
                {
                    "id": user.id,
                    "name": user.real_name,
                    "login": user.name,
                    "email": user.email,
                    "is_bot": user.is_bot,
                    "guest": user.is_restricted or user.is_stranger,
                }
                for user in workspace.users.values()
            ],
        }

    async def conversations(self, request: web.Request) -> Json:
        """The person's channels and direct conversations, and the public channels to join."""
        user = self._user(dict(request.query))
        self._workspace.open_direct([user.id, self._workspace.bot.id])
        visible = [
            self._conversation(channel, user)
            for channel in self._workspace.channels.values()
            if user.id in channel.members or channel.channel_type == "channel"
        ]
        return {"conversations": visible}

    async def messages(self, request: web.Request) -> Json:
        """``?user=&channel=&thread_ts=``: a channel or a thread, with the agent's state in it."""
        user, channel = self._place(dict(request.query))
        thread_ts, agents = request.query.get("thread_ts"), self._sandbox.agents
        workspace = self._workspace
        shown = workspace.thread(channel.id, thread_ts) if thread_ts else workspace.top_level(channel.id)
        shown = shown + [
            each
            for each in self._workspace.ephemerals[channel.id].values()
            if each.only_for == user.id and each.thread_ts == thread_ts
        ]
        key = (channel.id, thread_ts or "")
        return {
            "messages": [self._shown(each) for each in sorted(shown, key=lambda message: message.ts)],
            "status": agents.statuses.get(key),
            "statuses": {
                ts: status for (place, ts), status in agents.statuses.items() if place == channel.id
            },
            "title": agents.titles.get(key),
            "session": agents.sessions.get(key),
            "prompts": agents.prompts.get((channel.id, thread_ts)),
        }

    async def views(self, request: web.Request) -> Json:
        """``?user=``: the topmost modal and the Home tab."""
        user, views = self._user(dict(request.query)), self._sandbox.views
        stack, home = views.stack(user.id), views.homes.get(user.id)
        return {
            "modal": views.to_json(stack[-1]) if stack else None,
            "depth": len(stack),
            "home": views.to_json(home) if home else None,
        }

    async def post_message(self, request: web.Request) -> Json:
        """``{user, channel, text, thread_ts?}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        self._workspace.require_member(channel, user.id)
        text = encode_typed_text(self._workspace, required(body, "text"))
        message = self._workspace.post(channel=channel, user=user, text=text, thread_ts=body.get("thread_ts"))
        return {"ts": message.ts}

    async def edit_message(self, request: web.Request) -> Json:
        """``{user, channel, ts, text}``."""
        body = await body_of(request)
        message = self._own_message(body)
        text = encode_typed_text(self._workspace, required(body, "text"))
        self._workspace.edit(message, editor=message.user, text=text)
        return {}

    async def delete_message(self, request: web.Request) -> Json:
        """``{user, channel, ts}``: an own message, or dismiss an ephemeral one."""
        body = await body_of(request)
        user, channel = self._place(body)
        message = self._workspace.any_message(channel.id, required(body, "ts"))
        if user.id not in (message.user, message.only_for):
            raise SlackError("cant_delete_message")
        self._workspace.delete(message)
        return {}

    async def run_command(self, request: web.Request) -> Json:
        """``{user, channel, command, text}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        return await self._sandbox.interactions.run_command(
            user=user, channel=channel, command=required(body, "command"), text=body.get("text") or ""
        )

    async def use_element(self, request: web.Request) -> Json:
        """``{user, action_id, block_id, value, channel+message_ts | view_id, values}``."""
        body = await body_of(request)
        user = self._user(body)
        message = view = None
        if body.get("view_id"):
            view = self._sandbox.views.find(body["view_id"])
        else:
            message = self._workspace.any_message(self._place(body)[1].id, required(body, "message_ts"))
        blocks = (view.content["blocks"] if view else message.blocks if message else None) or []
        return await self._sandbox.interactions.use_element(
            user=user,
            action_id=required(body, "action_id"),
            block_id=body.get("block_id"),
            value=body.get("value"),
            message=message,
            view=view,
            state=state_of(blocks, body.get("values") or {}),
        )

    async def submit_view(self, request: web.Request) -> Json:
        """``{user, view_id, values}``."""
        body = await body_of(request)
        view = self._sandbox.views.find(required(body, "view_id"))
        state = state_of(view.content["blocks"], body.get("values") or {})
        return await self._sandbox.interactions.submit_view(user=self._user(body), view=view, state=state)

    async def close_view(self, request: web.Request) -> Json:
        """``{user}``."""
        return await self._sandbox.interactions.close_view(user=self._user(await body_of(request)))

    async def run_shortcut(self, request: web.Request) -> Json:
        """``{user, callback_id, channel?, message_ts?}``."""
        body = await body_of(request)
        message = None
        if body.get("message_ts"):
            message = self._workspace.message(self._place(body)[1].id, body["message_ts"])
        return await self._sandbox.interactions.run_shortcut(
            user=self._user(body), callback_id=required(body, "callback_id"), message=message
        )

    async def toggle_reaction(self, request: web.Request) -> Json:
        """``{user, channel, ts, name}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        message, name = self._workspace.message(channel.id, required(body, "ts")), required(body, "name")
        change = (
            self._workspace.unreact if user.id in message.reactions.get(name, ()) else self._workspace.react
        )
        change(message, user=user, name=name)
        return {}

    async def open_home(self, request: web.Request) -> Json:
        """``{user, tab}``."""
        body = await body_of(request)
        channel = self._sandbox.interactions.open_home(user=self._user(body), tab=required(body, "tab"))
        return {"channel": channel.id}

    async def open_direct(self, request: web.Request) -> Json:
        """``{user, with}``."""
        body = await body_of(request)
        return {"channel": self._workspace.open_direct([self._user(body).id, required(body, "with")]).id}

    async def join(self, request: web.Request) -> Json:
        """``{user, channel}``."""
        user, channel = self._place(await body_of(request))
        self._workspace.join(channel, user)
        return {}

    async def stop_session(self, request: web.Request) -> Json:
        """``{user, channel, thread_ts}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        self._sandbox.interactions.stop_session(
            user=user, channel=channel, thread_ts=required(body, "thread_ts")
        )
        return {}

    async def feed(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: every change that the person may see."""
        user = self._workspace.users.get(request.query.get("user", ""))
        if user is None:
            raise web.HTTPBadRequest(text="The person is unknown; name one with ?user=<id>.")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        changes: asyncio.Queue[Change] = asyncio.Queue()
        stop_listening = self._workspace.listen(changes.put_nowait)
        try:
            await response.write(b": hello\n\n")
            while True:
                try:
                    change = await asyncio.wait_for(changes.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if self._may_see(user, change):
                    await response.write(f"data: {json.dumps(self._change(change))}\n\n".encode())
        except ConnectionResetError:
            return response
        finally:
            stop_listening()

    def _may_see(self, user: User, change: Change) -> bool:
        if change.only_for:
            return change.only_for == user.id
        return change.channel is None or user.id in self._workspace.channels[change.channel].members

    def _change(self, change: Change) -> Json:
        body: Json = {"kind": change.kind, "channel": change.channel, **change.body}
        body.pop("previous", None)
        if change.message:
            body["message"] = self._shown(change.message)
            parent_ts = change.message.thread_ts
            if parent_ts and parent_ts in self._workspace.messages[change.message.channel]:
                body["parent"] = self._shown(self._workspace.message(change.message.channel, parent_ts))
        return body

    def _shown(self, message: Message) -> Json:
        return {
            **self._workspace.to_json(message),
            "channel": message.channel,
            "broadcast": message.broadcast,
        }

    def _conversation(self, channel: Channel, user: User) -> Json:
        others = [each for each in channel.members if each != user.id]
        messages = self._workspace.messages[channel.id]
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.channel_type,
            "private": channel.is_private,
            "shared": channel.is_ext_shared,
            "topic": channel.topic,
            "member": user.id in channel.members,
            "count": len(channel.members),
            "people": others if channel.is_im or channel.is_mpim else [],
            "last_ts": next(reversed(messages), None),
        }

    def _user(self, values: Json) -> User:
        return self._workspace.user(required(values, "user"))

    def _place(self, values: Json) -> tuple[User, Channel]:
        user = self._user(values)
        return user, self._workspace.channel(required(values, "channel"), seen_by=user.id)

    def _own_message(self, body: Json) -> Message:
        user, channel = self._place(body)
        message = self._workspace.message(channel.id, required(body, "ts"))
        if message.user != user.id:
            raise SlackError("cant_update_message")
        return message
