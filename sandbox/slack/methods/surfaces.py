"""views.*, assistant.threads.*, agents.sessions.*:
modals, the Home tab, and what an agent shows about itself.
"""

from __future__ import annotations

from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call, Handler
from sandbox.slack.models import Json, View


def open_view(call: Call) -> Json:
    """views.open."""
    return _view(call, call.sandbox.views.open(_trigger(call), call.structure("view")))


def push_view(call: Call) -> Json:
    """views.push."""
    return _view(call, call.sandbox.views.push(_trigger(call), call.structure("view")))


def update_view(call: Call) -> Json:
    """views.update, by view_id or external_id."""
    view = call.sandbox.views.find(call.optional("view_id") or call.text("external_id"))
    updated = call.sandbox.views.update(view, call.structure("view"), expected_hash=call.optional("hash"))
    return _view(call, updated)


def publish_view(call: Call) -> Json:
    """views.publish."""
    views = call.sandbox.views
    published = views.publish(
        call.text("user_id"), call.structure("view"), expected_hash=call.optional("hash")
    )
    return _view(call, published)


def set_status(call: Call) -> Json:
    """assistant.threads.setStatus."""
    channel = call.joined_channel("channel_id")
    status = str(call.args.get("status") or "")
    call.sandbox.agents.set_status(channel.id, call.text("thread_ts"), status, call.names("loading_messages"))
    return {}


def set_title(call: Call) -> Json:
    """assistant.threads.setTitle."""
    channel = call.joined_channel("channel_id")
    call.sandbox.agents.set_title(channel.id, call.text("thread_ts"), call.text("title"))
    return {}


def set_prompts(call: Call) -> Json:
    """assistant.threads.setSuggestedPrompts; without thread_ts for the whole conversation."""
    channel = call.joined_channel("channel_id")
    prompts = call.structure("prompts") or []
    call.sandbox.agents.set_prompts(channel.id, call.optional("thread_ts"), prompts, call.optional("title"))
    return {}


def set_session(call: Call) -> Json:
    """agents.sessions.setStatus."""
    channel = call.joined_channel("channel_id")
    thread_ts, status = call.text("thread_ts"), call.text("status")
    call.sandbox.agents.set_session(channel.id, thread_ts, status)
    if call.optional("title"):
        call.sandbox.agents.set_title(channel.id, thread_ts, call.text("title"))
    return {"session": {"channel_id": channel.id, "thread_ts": thread_ts, "status": status}}


def _trigger(call: Call) -> str:
    trigger = call.optional("trigger_id") or call.optional("interactivity_pointer")
    if trigger is None:
        raise SlackError("invalid_arguments")
    return trigger


def _view(call: Call, view: View) -> Json:
    return {"view": call.sandbox.views.to_json(view)}


METHODS: dict[str, Handler] = {
    "views.open": open_view,
    "views.push": push_view,
    "views.update": update_view,
    "views.publish": publish_view,
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setTitle": set_title,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "agents.sessions.setStatus": set_session,
}
