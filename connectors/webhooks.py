"""Webhooks of Jira and of Confluence Data Center: a hint which documents to read again, never content.

What a webhook says is not indexed: it names documents, which are then read by their ids like all others. A hint
that is lost costs nothing but time, and one that comes twice costs a read.

Sources: https://developer.atlassian.com/cloud/jira/platform/webhooks/,
https://developer.atlassian.com/server/jira/platform/webhooks/,
https://confluence.atlassian.com/doc/managing-webhooks-1021225606.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from connectors.errors import ConnectorError

#: Header with ``sha256=<hex>``, the HMAC of the raw body under the webhook's secret.
SIGNATURE_HEADER = "X-Hub-Signature"

#: Events after which other people may read something, which no document's date tells.
_PERMISSION_EVENTS = ("permission", "user_", "group_", "project_", "space_", "moved", "restored", "security")


class Product(StrEnum):
    """Who sends webhooks."""

    CONFLUENCE = "confluence"
    JIRA = "jira"


class ForgedHintError(ConnectorError):
    """A webhook without a valid signature."""


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What a webhook asks to be looked at."""

    #: Documents to read by id.
    ids: tuple[str, ...] = ()
    #: Something changed that the webhook does not name: ask the source for its changes.
    changes: bool = False
    #: Other people may read something now.
    permissions: bool = False


def read_hint(body: bytes, *, signature: str | None, secret: str, product: Product) -> Hint:
    """What a webhook hints at.

    Args:
        body: raw, as it was signed.
        signature: the value of ``X-Hub-Signature``.

    Raises:
        ForgedHintError: the signature is missing or wrong, or what is signed is no webhook.
    """
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if signature is None or not hmac.compare_digest(expected.encode(), signature.strip().encode()):
        raise ForgedHintError("The webhook's signature is wrong: give both sides the same secret.")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ForgedHintError("The webhook is not JSON: check what sends it.") from exc
    if not isinstance(event, dict):
        raise ForgedHintError("The webhook is not a JSON object: check what sends it.")
    name = str(event.get("webhookEvent") or event.get("event") or event.get("eventType") or "")
    found = _issue_ids(event) if product is Product.JIRA else _page_ids(event)
    ids = tuple(dict.fromkeys(found))
    return Hint(
        ids=ids,
        changes=not ids,
        permissions=any(part in name for part in _PERMISSION_EVENTS),
    )


def _issue_ids(event: dict[str, Any]) -> Iterator[str]:
    """Of the issue, and of both ends of a link."""
    yield from _id(event.get("issue"))
    link = event.get("issueLink")
    if isinstance(link, dict):
        for end in ("sourceIssueId", "destinationIssueId"):
            yield from _number(link.get(end))


def _page_ids(event: dict[str, Any]) -> Iterator[str]:
    """Of the page or blog post, or of what a comment, an attachment or a label hangs on."""
    for kind in ("page", "blog", "blogpost", "content", "attachedTo", "labeled"):
        yield from _page_id(event.get(kind))
    attachments = event.get("attachments")
    things = attachments if isinstance(attachments, list) else []
    for thing in [event.get("comment"), event.get("attachment"), *things]:
        if isinstance(thing, dict):
            for holder in ("parent", "container", "page", "blog", "attachedTo", "content"):
                yield from _page_id(thing.get(holder))


def _page_id(thing: object) -> Iterator[str]:
    """A comment's parent may be another comment, whose id is no page's."""
    if isinstance(thing, dict):
        kind = thing.get("contentType") or thing.get("type") or "page"
        if kind in {"page", "blog", "blogpost", "blog_post"}:
            yield from _id(thing)


def _id(thing: object) -> Iterator[str]:
    if isinstance(thing, dict):
        yield from _number(thing.get("id"))


def _number(value: object) -> Iterator[str]:
    """Ids are whole numbers, as numbers or as text; what is none is ignored."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text.isascii() and text.isdecimal():
        yield text
