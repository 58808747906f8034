"""Streamed messages: start, append, stop (https://docs.slack.dev/reference/methods/chat.startStream)."""

from __future__ import annotations

import time
from typing import Any

from sandbox.slack.blocks import MAX_MARKDOWN, check_blocks
from sandbox.slack.errors import SlackError
from sandbox.slack.models import Json, Message, Stream

TASK_STATES = ("pending", "in_progress", "complete", "error")


def new_stream(*, display: str | None) -> Stream:
    """An open stream without parts; `display` is timeline (the default) or plan."""
    if display not in (None, "timeline", "plan", "dense"):
        raise SlackError("invalid_arguments")
    return Stream(started=time.monotonic(), display=display or "timeline")


def require_open(message: Message, *, lifetime: float) -> Stream:
    """The message's open stream. Raises message_not_in_streaming_state once stopped or `lifetime` seconds
    old.
    """
    stream = message.stream
    if stream and stream.open and time.monotonic() - stream.started > lifetime:
        stream.open = False
    if stream is None or not stream.open:
        raise SlackError("message_not_in_streaming_state")
    return stream


def append(stream: Stream, *, markdown_text: str | None, chunks: list[Any] | None) -> None:
    """Add text or chunks. Raises msg_too_long, invalid_chunks; nothing is added when one chunk is bad."""
    if markdown_text and chunks:
        raise SlackError("markdown_text_conflict")
    if markdown_text:
        chunks = [{"type": "markdown_text", "text": markdown_text}]
    for chunk in chunks or []:
        _check_chunk(chunk)
    if len(text_of(stream)) + sum(len(chunk.get("text", "")) for chunk in chunks or []) > MAX_MARKDOWN:
        raise SlackError("msg_too_long")
    for chunk in chunks or []:
        _apply(stream, chunk)


def text_of(stream: Stream) -> str:
    """The Markdown text streamed so far."""
    return "".join(part["text"] for part in stream.parts if part["type"] == "markdown")


def to_blocks(stream: Stream) -> list[Json]:
    """The parts as blocks: markdown, task_card (gathered in one plan for the plan display), and the app's
    own.
    """
    tasks = [part for part in stream.parts if part["type"] == "task_card"]
    blocks: list[Json] = []
    if tasks and stream.display == "plan":
        blocks.append({"type": "plan", "title": stream.title or "", "tasks": tasks})
    elif stream.title:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": stream.title}]})
    hidden = tasks if stream.display == "plan" else []
    return blocks + [dict(part) for part in stream.parts if part not in hidden]


def _check_chunk(chunk: Any) -> None:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        if len(chunk["text"]) > MAX_MARKDOWN:
            raise SlackError("msg_too_long")
    elif kind == "blocks":
        chunk["blocks"] = check_blocks(chunk.get("blocks"))
    elif kind == "task_update":
        if not chunk.get("id") or not chunk.get("title") or chunk.get("status") not in TASK_STATES:
            raise SlackError("invalid_chunks")
    elif kind != "plan_update" or not chunk.get("title"):
        raise SlackError("invalid_chunks")


def _apply(stream: Stream, chunk: Json) -> None:
    parts = stream.parts
    if chunk["type"] == "markdown_text":
        if parts and parts[-1]["type"] == "markdown":
            parts[-1]["text"] += chunk["text"]
        elif chunk["text"]:
            parts.append({"type": "markdown", "text": chunk["text"]})
    elif chunk["type"] == "blocks":
        parts.extend(chunk["blocks"])
    elif chunk["type"] == "plan_update":
        stream.title = chunk["title"]
    else:
        _update_task(stream, chunk)


def _update_task(stream: Stream, chunk: Json) -> None:
    """A task with a known id changes in place; details and output of later chunks are added to it."""
    task = next((part for part in stream.parts if part.get("task_id") == chunk["id"]), None)
    if task is None:
        task = {"type": "task_card", "task_id": chunk["id"]}
        stream.parts.append(task)
    task.update(title=chunk["title"], status=chunk["status"])
    for key in ("details", "output"):
        if chunk.get(key):
            task[key] = _rich_text(chunk[key])
    if chunk.get("sources"):
        task["sources"] = [*task.get("sources", []), *chunk["sources"]]


def _rich_text(text: str | Json) -> Json:
    if isinstance(text, dict):
        return text
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}
