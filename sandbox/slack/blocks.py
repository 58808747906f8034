"""Checks Block Kit payloads against Slack's limits (https://docs.slack.dev/reference/block-kit/blocks)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.models import Json

MAX_BLOCKS_IN_MESSAGE = 50
MAX_BLOCKS_IN_VIEW = 100
MAX_TEXT_OF_ALL_BLOCKS = 13_200  # measured by others on the live service; not documented
MAX_MARKDOWN = 12_000

MESSAGE_BLOCKS = frozenset(
    {"section", "divider", "header", "context", "actions", "image", "markdown", "rich_text", "table", "call"}
    | {"context_actions", "input", "video", "file", "task_card", "plan", "alert", "card", "carousel"}
)


def check_blocks(blocks: Any, *, limit: int = MAX_BLOCKS_IN_MESSAGE) -> list[Json]:
    """Return the blocks when Slack would take them.

    Raises `SlackError` invalid_blocks_format, invalid_blocks (with one line per fault in
    ``response_metadata.messages``) or msg_blocks_too_long.
    """
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    faults = list(find_faults(blocks, limit=limit))
    if faults:
        lines = [f"[ERROR] {fault} [json-pointer:{path}]" for path, fault in faults]
        raise SlackError(
            "invalid_blocks", errors=[line[8:] for line in lines], response_metadata={"messages": lines}
        )
    if sum(len(text) for text in _all_texts(blocks)) > MAX_TEXT_OF_ALL_BLOCKS:
        raise SlackError("msg_blocks_too_long")
    return assign_ids(blocks)


def assign_ids(blocks: Sequence[Json]) -> list[Json]:
    """A copy in which every block and every element that can be used has an id, as Slack gives them."""
    named = []
    for given in blocks:
        block = {**given, "block_id": given.get("block_id") or secrets.token_urlsafe(4)}
        if block.get("type") in ("actions", "context_actions"):
            block["elements"] = [_named(element) for element in block["elements"]]
        for key in ("accessory", "element"):
            if isinstance(block.get(key), dict):
                block[key] = _named(block[key])
        named.append(block)
    return named


def interactive_elements(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield (block, element) for everything in the blocks that a person can use."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block.get("type") in ("actions", "context_actions"):
            candidates += block["elements"]
        yield from ((block, element) for element in candidates if element and element.get("action_id"))


def _named(element: Json) -> Json:
    return {**element, "action_id": element.get("action_id") or secrets.token_urlsafe(4)}


def find_faults(blocks: Sequence[Json], *, limit: int) -> Iterator[tuple[str, str]]:
    """Yield (json pointer, fault) for everything Slack would refuse."""
    if len(blocks) > limit:
        yield "/blocks", f"no more than {limit} items allowed [was {len(blocks)}]"
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        path = f"/blocks/{index}"
        kind = block.get("type")
        if kind not in MESSAGE_BLOCKS:
            yield path, f"unsupported type: {kind}"
            continue
        block_id = block.get("block_id")
        if block_id in seen:
            yield path, f"duplicate block_id: {block_id}"
        if block_id:
            seen.add(block_id)
        check = _CHECKS.get(kind)
        if check:
            yield from check(block, path)


def _section(block: Json, path: str) -> Iterator[tuple[str, str]]:
    text, fields = block.get("text"), block.get("fields") or []
    if not text and not fields:
        yield path, "missing required field: text or fields"
    if text:
        yield from _text(text, f"{path}/text", 3000)
    if len(fields) > 10:
        yield f"{path}/fields", "no more than 10 items allowed"
    for index, entry in enumerate(fields):
        yield from _text(entry, f"{path}/fields/{index}", 2000)
    if block.get("accessory"):
        yield from _element(block["accessory"], f"{path}/accessory")


def _header(block: Json, path: str) -> Iterator[tuple[str, str]]:
    text = block.get("text") or {}
    if text.get("type") != "plain_text":
        yield f"{path}/text", "must be plain_text"
    yield from _text(text, f"{path}/text", 150)


def _context(block: Json, path: str) -> Iterator[tuple[str, str]]:
    elements = block.get("elements") or []
    yield from _count(elements, f"{path}/elements", 10)
    for index, element in enumerate(elements):
        if element.get("type") in ("mrkdwn", "plain_text"):
            yield from _text(element, f"{path}/elements/{index}", 2000)
        elif element.get("type") != "image":
            yield f"{path}/elements/{index}", f"unsupported type: {element.get('type')}"


def _actions(block: Json, path: str) -> Iterator[tuple[str, str]]:
    limit = 5 if block["type"] == "context_actions" else 25
    elements = block.get("elements") or []
    yield from _count(elements, f"{path}/elements", limit)
    action_ids = [element.get("action_id") for element in elements if element.get("action_id")]
    if len(set(action_ids)) < len(action_ids):
        yield f"{path}/elements", "`action_id` already exists in this block"
    for index, element in enumerate(elements):
        yield from _element(element, f"{path}/elements/{index}")


def _markdown(block: Json, path: str) -> Iterator[tuple[str, str]]:
    text = block.get("text")
    if not isinstance(text, str) or not text:
        yield f"{path}/text", "missing required field: text"
    elif len(text) > MAX_MARKDOWN:
        yield f"{path}/text", f"must be less than {MAX_MARKDOWN + 1} characters"


def _table(block: Json, path: str) -> Iterator[tuple[str, str]]:
    rows = block.get("rows") or []
    yield from _count(rows, f"{path}/rows", 100)
    for index, row in enumerate(rows):
        if len(row) > 20:
            yield f"{path}/rows/{index}", "no more than 20 items allowed"


def _input(block: Json, path: str) -> Iterator[tuple[str, str]]:
    yield from _text(block.get("label") or {}, f"{path}/label", 2000)
    if not block.get("element"):
        yield path, "missing required field: element"


def _image(block: Json, path: str) -> Iterator[tuple[str, str]]:
    if not block.get("alt_text"):
        yield path, "missing required field: alt_text"


def _count(elements: Sequence[Any], path: str, limit: int) -> Iterator[tuple[str, str]]:
    if not elements:
        yield path, "no fewer than 1 items allowed"
    if len(elements) > limit:
        yield path, f"no more than {limit} items allowed [was {len(elements)}]"


def _text(text: Json, path: str, limit: int) -> Iterator[tuple[str, str]]:
    if not isinstance(text, dict) or text.get("type") not in ("mrkdwn", "plain_text"):
        yield path, "must be a text object of type mrkdwn or plain_text"
    elif not text.get("text"):
        yield f"{path}/text", "must be more than 0 characters"
    elif len(text["text"]) > limit:
        yield f"{path}/text", f"must be less than {limit + 1} characters"


def _element(element: Json, path: str) -> Iterator[tuple[str, str]]:
    limits = {"value": 2000, "action_id": 255, "url": 3000}
    for key, limit in limits.items():
        if len(str(element.get(key) or "")) > limit:
            yield f"{path}/{key}", f"must be less than {limit + 1} characters"
    if element.get("type") == "button":
        yield from _text(element.get("text") or {}, f"{path}/text", 75)
    if element.get("type") == "feedback_buttons":
        for side in ("positive_button", "negative_button"):
            yield from _text((element.get(side) or {}).get("text") or {}, f"{path}/{side}/text", 75)
    if len(element.get("options") or ()) > (5 if element.get("type") == "overflow" else 100):
        yield f"{path}/options", "too many options"


def _all_texts(value: Any) -> Iterator[str]:
    """Every text of a payload that a person would read."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _all_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all_texts(inner)


_CHECKS = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "context_actions": _actions,
    "markdown": _markdown,
    "table": _table,
    "input": _input,
    "image": _image,
}
