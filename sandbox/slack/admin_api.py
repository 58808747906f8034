"""``/_admin/slack/*``: a script or a test acts as a person, waits for the app, and plans failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault
from sandbox.slack.json_http import Answer, body_of, json_handler, required
from sandbox.slack.models import Channel, Json, Message, User
from sandbox.slack.runtime import SlackSandbox
from sandbox.slack.text import encode_typed_text
from sandbox.slack.view_state import state_of

MAX_WAIT = 120.0


def add_admin_api(app: web.Application, sandbox: SlackSandbox) -> None:
    """Serve the admin API."""
    api = AdminApi(sandbox)
    routes: list[tuple[str, str, Answer]] = [
        ("POST", "messages", api.post_message),
        ("GET", "messages", api.list_messages),
        ("POST", "messages/edit", api.edit_message),
        ("POST", "messages/delete", api.delete_message),
        ("GET", "wait", api.wait),
        ("POST", "commands", api.run_command),
        ("POST", "actions", api.use_element),
        ("POST", "shortcuts", api.run_shortcut),
        ("POST", "reactions", api.react),
        ("GET", "views", api.list_views),
        ("POST", "views/submit", api.submit_view),
        ("POST", "views/close", api.close_view),
        ("POST", "home", api.open_home),
        ("POST", "stop", api.stop_session),
        ("GET", "agent", api.agent_state),
        ("POST", "channels/{id}/members", api.add_members),
        ("DELETE", "channels/{id}/members/{user}", api.remove_member),
        ("POST", "redeliver", api.redeliver),
        ("GET", "events", api.list_events),
        ("POST", "events_url", api.set_events_url),
        ("POST", "disconnect", api.disconnect),
        ("GET", "connections", api.connections),
        ("POST", "faults", api.add_fault),
        ("DELETE", "faults", api.clear_faults),
        ("GET", "requests", api.requests),
    ]
    for verb, path, answer in routes:
        app.router.add_route(verb, f"/_admin/slack/{path}", json_handler(answer))


class AdminApi:
    """The handlers; people and channels are named by id, name or (people) e-mail, ``app`` is the DM with
    the app.
    """

    def __init__(self, sandbox: SlackSandbox) -> None:
        self._sandbox = sandbox
        self._workspace = sandbox.workspace

    async def post_message(self, request: web.Request) -> Json:
        """A person writes: ``{user, channel, text, thread_ts?}`` -> ``{channel, ts}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        self._workspace.require_member(channel, user.id)
        text = encode_typed_text(self._workspace, required(body, "text"))
        message = self._workspace.post(channel=channel, user=user, text=text, thread_ts=body.get("thread_ts"))
        return {"channel": channel.id, "ts": message.ts}

    async def edit_message(self, request: web.Request) -> Json:
        """A person edits an own message: ``{user, channel, ts, text}``."""
        body = await body_of(request)
        message = self._own_message(body)
        text = encode_typed_text(self._workspace, required(body, "text"))
        self._workspace.edit(message, editor=message.user, text=text)
        return {}

    async def delete_message(self, request: web.Request) -> Json:
        """A person deletes an own message: ``{user, channel, ts}``."""
        self._workspace.delete(self._own_message(await body_of(request)))
        return {}

    async def list_messages(self, request: web.Request) -> Json:
        """``?channel=&thread_ts=&user=`` -> ``{messages}``, oldest first, with the user's ephemeral ones."""
        return {"messages": self._seen(request.query, self._all)}

    async def wait(self, request: web.Request) -> Json:
        """Wait until the app has finished `count` messages after `after_ts`, one of them with `contains`
        in it.

        A message that is still being streamed does not count. Raises `SlackError` timeout (status 400).
        """
        query = request.query
        count, contains = int(query.get("count", 1)), query.get("contains", "")

        def enough() -> bool:
            found = self._seen(query, self._from_app)
            return len(found) >= count and any(contains in str(each) for each in found)

        try:
            await self._until(enough, timeout=float(query.get("timeout", 10)))
        except TimeoutError as exc:
            raise SlackError("timeout", messages=self._seen(query, self._from_app)) from exc
        return {"messages": self._seen(query, self._from_app)}

    async def run_command(self, request: web.Request) -> Json:
        """``{user, channel, command, text}`` -> ``{channel, after_ts, acknowledged, error?, message}``.

        `message` is what the acknowledgement showed; later answers: wait with ``user`` and ``after_ts``.
        """
        body = await body_of(request)
        user, channel = self._place(body)
        after_ts = self._workspace.next_ts()
        result = await self._sandbox.interactions.run_command(
            user=user, channel=channel, command=required(body, "command"), text=body.get("text") or ""
        )
        return {"channel": channel.id, "after_ts": after_ts, **result}

    async def use_element(self, request: web.Request) -> Json:
        """``{user, channel, message_ts, action_id, value?}``, or ``{user, view_id, action_id, …}``."""
        body = await body_of(request)
        user = self._workspace.find_user(required(body, "user"))
        message = view = None
        after_ts = self._workspace.next_ts()
        if body.get("view_id"):
            view = self._sandbox.views.find(body["view_id"])
        else:
            message = self._workspace.any_message(self._place(body)[1].id, required(body, "message_ts"))
        result = await self._sandbox.interactions.use_element(
            user=user,
            action_id=required(body, "action_id"),
            value=body.get("value"),
            block_id=body.get("block_id"),
            message=message,
            view=view,
        )
        return {"after_ts": after_ts, **result}

    async def run_shortcut(self, request: web.Request) -> Json:
        """``{user, callback_id, channel?, message_ts?}``."""
        body = await body_of(request)
        user = self._workspace.find_user(required(body, "user"))
        message = None
        if body.get("message_ts"):
            message = self._workspace.message(self._place(body)[1].id, body["message_ts"])
        return await self._sandbox.interactions.run_shortcut(
            user=user, callback_id=required(body, "callback_id"), message=message
        )

    async def react(self, request: web.Request) -> Json:
        """``{user, channel, ts, name}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        message = self._workspace.message(channel.id, required(body, "ts"))
        self._workspace.react(message, user=user, name=required(body, "name"))
        return {}

    async def list_views(self, request: web.Request) -> Json:
        """``?user=&timeout=`` -> ``{views, home}``: the open modals, the topmost last, and the Home tab.

        With `timeout` it waits that many seconds for a modal. Raises `SlackError` timeout.
        """
        user = self._workspace.find_user(request.query.get("user", ""))
        views = self._sandbox.views
        if request.query.get("timeout"):
            try:
                await self._until(lambda: bool(views.stack(user.id)), timeout=float(request.query["timeout"]))
            except TimeoutError as exc:
                raise SlackError("timeout") from exc
        home = views.homes.get(user.id)
        shown = [views.to_json(view) for view in views.stack(user.id)]
        return {"views": shown, "home": views.to_json(home) if home else None}

    async def submit_view(self, request: web.Request) -> Json:
        """``{user, view_id?, values: {block_id or action_id: value}}`` -> ``{acknowledged, errors?}``."""
        body = await body_of(request)
        user = self._workspace.find_user(required(body, "user"))
        stack = self._sandbox.views.stack(user.id)
        view = next((each for each in reversed(stack) if body.get("view_id") in (None, each.id)), None)
        if view is None:
            raise SlackError("not_found")
        state = state_of(view.content["blocks"], body.get("values") or {})
        return await self._sandbox.interactions.submit_view(user=user, view=view, state=state)

    async def close_view(self, request: web.Request) -> Json:
        """``{user, everything?}``."""
        body = await body_of(request)
        user = self._workspace.find_user(required(body, "user"))
        return await self._sandbox.interactions.close_view(user=user, everything=bool(body.get("everything")))

    async def open_home(self, request: web.Request) -> Json:
        """``{user, tab: home|messages}`` -> ``{channel}``."""
        body = await body_of(request)
        user = self._workspace.find_user(required(body, "user"))
        channel = self._sandbox.interactions.open_home(user=user, tab=body.get("tab") or "home")
        return {"channel": channel.id}

    async def stop_session(self, request: web.Request) -> Json:
        """``{user, channel, thread_ts}``."""
        body = await body_of(request)
        user, channel = self._place(body)
        self._sandbox.interactions.stop_session(
            user=user, channel=channel, thread_ts=required(body, "thread_ts")
        )
        return {}

    async def agent_state(self, request: web.Request) -> Json:
        """``?channel=&thread_ts=&user=`` -> ``{status, title, session, prompts}`` of a thread."""
        channel = self._channel_of(request.query)
        thread_ts, agents = request.query.get("thread_ts"), self._sandbox.agents
        key = (channel.id, thread_ts or "")
        return {
            "status": agents.statuses.get(key),
            "title": agents.titles.get(key),
            "session": agents.sessions.get(key),
            "prompts": agents.prompts.get((channel.id, thread_ts)),
        }

    async def add_members(self, request: web.Request) -> Json:
        """``{users: […], inviter?}``."""
        channel = self._workspace.find_channel(request.match_info["id"], seen_by=self._workspace.bot.id)
        body = await body_of(request)
        inviter = self._workspace.find_user(body["inviter"]).id if body.get("inviter") else None
        for reference in body.get("users") or [required(body, "user")]:
            self._workspace.join(channel, self._workspace.find_user(reference), inviter=inviter)
        return {"members": list(channel.members)}

    async def remove_member(self, request: web.Request) -> Json:
        """The user leaves the channel; ``app`` is the app."""
        channel = self._workspace.find_channel(request.match_info["id"], seen_by=self._workspace.bot.id)
        reference = request.match_info["user"]
        user = self._workspace.bot if reference == "app" else self._workspace.find_user(reference)
        self._workspace.leave(channel, user)
        return {"members": list(channel.members)}

    async def redeliver(self, request: web.Request) -> Json:
        """``{event_id?}``: deliver that event, or the last one, once more."""
        payload = self._sandbox.delivery.redeliver((await body_of(request)).get("event_id"))
        if payload is None:
            raise SlackError("event_not_found")
        return {"event_id": payload["event_id"]}

    async def list_events(self, request: web.Request) -> Json:
        """The last events sent to the app, oldest first."""
        return {"events": list(self._sandbox.delivery.events)}

    async def set_events_url(self, request: web.Request) -> Json:
        """``{url}``: where HTTP mode posts, for apps whose port is known only once they run."""
        self._sandbox.http.events_url = required(await body_of(request), "url")
        return {}

    async def disconnect(self, request: web.Request) -> Json:
        """``{reason}``: warning, refresh_requested (the default) or link_disabled, on every socket."""
        reason = (await body_of(request)).get("reason") or "refresh_requested"
        return {"sockets": await self._sandbox.socket_mode.disconnect(reason)}

    async def connections(self, request: web.Request) -> Json:
        """How many Socket Mode connections are open."""
        return {"connections": self._sandbox.socket_mode.connections}

    async def add_fault(self, request: web.Request) -> Json:
        """``{method, status?, headers?, body?, times?, delay?}``: the next calls of the method fail so."""
        body = await body_of(request)
        try:
            self._sandbox.faults.add(Fault(**body))
        except TypeError as exc:
            raise SlackError("invalid_arguments") from exc
        return {}

    async def clear_faults(self, request: web.Request) -> Json:
        """Forget the planned faults."""
        self._sandbox.faults.clear()
        return {}

    async def requests(self, request: web.Request) -> Json:
        """``?method=`` -> ``{counts, calls}``: calls of the Web API since the start."""
        method = request.query.get("method")
        calls = [
            {"method": name, "args": args}
            for name, args in self._sandbox.calls.calls
            if method in (None, name)
        ]
        return {"counts": dict(self._sandbox.calls.counts), "calls": calls}

    async def _until(self, check: Callable[[], bool], *, timeout: float) -> None:  # noqa: ASYNC109
        """Return once `check` holds, looking again after every change. Raises `TimeoutError`."""
        changed = asyncio.Event()
        stop_listening = self._workspace.listen(lambda change: changed.set())
        try:
            async with asyncio.timeout(min(timeout, MAX_WAIT)):
                while not check():
                    changed.clear()
                    await changed.wait()
        finally:
            stop_listening()

    def _place(self, body: Json) -> tuple[User, Channel]:
        user = self._workspace.find_user(required(body, "user"))
        return user, self._workspace.find_channel(required(body, "channel"), seen_by=user.id)

    def _own_message(self, body: Json) -> Message:
        user, channel = self._place(body)
        message = self._workspace.message(channel.id, required(body, "ts"))
        if message.user != user.id:
            raise SlackError("cant_update_message")
        return message

    def _channel_of(self, query: Any) -> Channel:
        user = self._workspace.find_user(query["user"]).id if query.get("user") else self._workspace.bot.id
        return self._workspace.find_channel(query.get("channel", ""), seen_by=user)

    def _seen(self, query: Any, wanted: Callable[[Message], bool]) -> list[Json]:
        """The messages of a channel or thread that `wanted` takes, with the user's ephemeral ones."""
        channel, thread_ts, after = (
            self._channel_of(query),
            query.get("thread_ts"),
            query.get("after_ts") or "0",
        )
        messages = list(self._workspace.messages[channel.id].values())
        if query.get("user"):
            user = self._workspace.find_user(query["user"]).id
            messages += [
                each for each in self._workspace.ephemerals[channel.id].values() if each.only_for == user
            ]
        return [
            self._workspace.to_json(each)
            for each in sorted(messages, key=lambda message: message.ts)
            if thread_ts in (None, each.thread_ts, each.ts) and float(each.ts) > float(after) and wanted(each)
        ]

    def _from_app(self, message: Message) -> bool:
        return message.user == self._workspace.bot.id and not (message.stream and message.stream.open)

    def _all(self, message: Message) -> bool:
        return True
