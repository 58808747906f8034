"""chat.*: posting, changing, deleting, streaming (https://docs.slack.dev/reference/methods)."""

from __future__ import annotations

from sandbox.slack import streams
from sandbox.slack.blocks import MAX_BLOCKS_IN_VIEW, MAX_MARKDOWN, check_blocks, find_faults
from sandbox.slack.errors import SlackError
from sandbox.slack.methods.call import Call, Handler
from sandbox.slack.models import Json, Message

MAX_TEXT = 40_000  # longer texts are cut off
MAX_TEXT_OF_UPDATE = 4_000
MAX_ATTACHMENTS = 100


def post_message(call: Call) -> Json:
    """chat.postMessage."""
    channel = call.joined_channel()
    content = _content(call)
    _require_content(content)
    message = call.workspace.post(
        channel=channel,
        user=call.workspace.bot,
        thread_ts=call.optional("thread_ts"),
        username=call.optional("username"),
        metadata=call.structure("metadata"),
        subtype="bot_message" if call.optional("username") else None,
        broadcast=call.flag("reply_broadcast"),
        **content,
    )
    return {"channel": channel.id, "ts": message.ts, "message": call.workspace.to_json(message)}


def post_ephemeral(call: Call) -> Json:
    """chat.postEphemeral."""
    channel = call.joined_channel()
    user = call.workspace.users.get(call.text("user"))
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    content = _content(call)
    _require_content(content)
    message = call.workspace.post_ephemeral(
        channel=channel, to=user, thread_ts=call.optional("thread_ts"), **content
    )
    return {"message_ts": message.ts}


def update(call: Call) -> Json:
    """chat.update: fields that are not sent stay; a streamed message is replaced as a whole."""
    message = _own_message(call, error="cant_update_message")
    content = {key: value for key, value in _content(call).items() if value is not None}
    if len(call.optional("text") or "") > MAX_TEXT_OF_UPDATE:
        raise SlackError("msg_too_long")
    if not content:
        raise SlackError("no_text")
    if message.stream or "markdown_text" in call.args:
        content = {"blocks": None, **content}
    if call.structure("metadata"):
        content["metadata"] = call.structure("metadata")
    call.workspace.edit(message, editor=call.workspace.bot.id, stream=None, **content)
    wire = call.workspace.to_json(message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": wire}


def delete(call: Call) -> Json:
    """chat.delete."""
    message = _own_message(call, error="cant_delete_message")
    call.workspace.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    """chat.getPermalink: an address that opens the page at the message."""
    channel = call.channel()
    message = call.workspace.message(channel.id, call.text("message_ts"))
    link = f"{call.sandbox.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def start_stream(call: Call) -> Json:
    """chat.startStream: in a thread only; in channels the recipient must be named."""
    channel = call.joined_channel()
    thread_ts = call.text("thread_ts")
    if not channel.is_im and not (call.optional("recipient_user_id") and call.optional("recipient_team_id")):
        missing = "recipient_user_id" if call.optional("recipient_team_id") else "recipient_team_id"
        raise SlackError(f"missing_{missing}")
    stream = streams.new_stream(display=call.optional("task_display_mode"))
    streams.append(stream, markdown_text=call.optional("markdown_text"), chunks=call.structure("chunks"))
    message = call.workspace.post(
        channel=channel,
        user=call.workspace.bot,
        text=streams.text_of(stream),
        thread_ts=thread_ts,
        stream=stream,
        blocks=streams.to_blocks(stream),
    )
    return {"channel": channel.id, "ts": message.ts}


def append_stream(call: Call) -> Json:
    """chat.appendStream."""
    message = _own_message(call, error="message_not_owned_by_app")
    stream = streams.require_open(message, lifetime=call.workspace.timing.stream_lifetime)
    text, chunks = call.optional("markdown_text"), call.structure("chunks")
    if not text and not chunks:
        raise SlackError("no_text")
    streams.append(stream, markdown_text=text, chunks=chunks)
    message.text, message.blocks = streams.text_of(stream), streams.to_blocks(stream)
    call.workspace.touch(message)
    return {"channel": message.channel, "ts": message.ts}


def stop_stream(call: Call) -> Json:
    """chat.stopStream: the last text and chunks, and blocks that stand below the streamed ones."""
    message = _own_message(call, error="message_not_owned_by_app")
    stream = streams.require_open(message, lifetime=call.workspace.timing.stream_lifetime)
    final_blocks = check_blocks(call.structure("blocks") or [])
    previous = call.workspace.to_json(message)
    streams.append(stream, markdown_text=call.optional("markdown_text"), chunks=call.structure("chunks"))
    stream.open = False
    message.text, message.blocks = streams.text_of(stream), [*streams.to_blocks(stream), *final_blocks]
    message.metadata = call.structure("metadata") or message.metadata
    call.workspace.touch(message, previous=previous)
    if call.optional("session_status"):
        call.sandbox.agents.set_session(
            message.channel, message.thread_ts or message.ts, call.text("session_status")
        )
    return {"channel": message.channel, "ts": message.ts, "message": call.workspace.to_json(message)}


def validate_blocks(call: Call) -> Json:
    """blocks.validate: exactly one of blocks, message, view."""
    message, view = call.structure("message"), call.structure("view")
    if view:
        faults = list(find_faults(view.get("blocks") or [], limit=MAX_BLOCKS_IN_VIEW))
        if faults:
            lines = [f"[ERROR] {fault} [json-pointer:{path}]" for path, fault in faults]
            raise SlackError("invalid_blocks", response_metadata={"messages": lines})
    else:
        check_blocks((message or {}).get("blocks") if message else call.structure("blocks"))
    return {}


def _content(call: Call) -> Json:
    """text, blocks and attachments as sent. Raises for what Slack would refuse."""
    markdown, text = call.optional("markdown_text"), call.optional("text")
    blocks, attachments = call.structure("blocks"), call.structure("attachments")
    if markdown:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > MAX_MARKDOWN:
            raise SlackError("msg_too_long")
        text, blocks = markdown, [{"type": "markdown", "text": markdown}]
    if attachments and len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    return {
        "text": text[:MAX_TEXT] if text else None,
        "blocks": check_blocks(blocks) if blocks is not None else None,
        "attachments": attachments,
    }


def _require_content(content: Json) -> None:
    if not any(content.values()):
        raise SlackError("no_text")
    content["text"] = content["text"] or ""


def _own_message(call: Call, *, error: str) -> Message:
    channel = call.channel()
    message = call.workspace.message(channel.id, call.text("ts"))
    if message.user != call.workspace.bot.id:
        raise SlackError(error)
    return message


METHODS: dict[str, Handler] = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
    "chat.startStream": start_stream,
    "chat.appendStream": append_stream,
    "chat.stopStream": stop_stream,
    "blocks.validate": validate_blocks,
}
