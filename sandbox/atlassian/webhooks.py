"""Webhooks: every change of the site is told to the addresses that are registered, signed, from a thread of its own.

Deliveries happen in order, at least once; one that fails is tried once more under the same identifier.
https://developer.atlassian.com/server/jira/platform/webhooks/, https://developer.atlassian.com/cloud/jira/platform/webhooks/
and https://confluence.atlassian.com/doc/managing-webhooks-1021225606.html
"""

from __future__ import annotations

import hmac
import json
import threading
from dataclasses import dataclass
from hashlib import sha256
from queue import Queue
from time import sleep
from typing import Any
from uuid import uuid4

import requests

from sandbox.atlassian.webhook_events import confluence_events, jira_events
from sandbox.errors import ChangeError
from sandbox.site_state import Change, Site

TIMEOUT_SECONDS = 5
RETRY_AFTER_SECONDS = 0.1


@dataclass(kw_only=True)
class Webhook:
    """Where the events of one product, as one deployment writes them, are sent."""

    id: str
    url: str
    secret: str
    product: str
    deployment: str
    twice: bool = False
    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    hook: Webhook
    event: str
    body: bytes
    identifier: str


class WebhookSender:
    """Listens to the site and sends its events to the registered webhooks."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.hooks: dict[str, Webhook] = {}
        self._queue: Queue[Delivery] = Queue()
        self._thread: threading.Thread | None = None

    def register(self, data: dict[str, Any]) -> Webhook:
        """From `url`, `secret`, `product` (`jira` or `confluence`), `deployment`, and `twice` to send duplicates.

        Raises:
            ChangeError: it is not a webhook that a real site could have.
        """
        product, deployment = str(data.get("product", "jira")), str(data.get("deployment", "cloud"))
        if product not in ("jira", "confluence") or deployment not in self._site.served:
            raise ChangeError("Give a product, jira or confluence, and a deployment that is being served.")
        if (product, deployment) == ("confluence", "cloud"):
            raise ChangeError("Confluence Cloud has no webhooks that a client could register.")
        if not str(data.get("url", "")).startswith("http"):
            raise ChangeError("The field 'url' is missing: give the address that takes the events.")
        hook = Webhook(
            id=str(uuid4()),
            url=str(data["url"]),
            secret=str(data.get("secret", "")),
            product=product,
            deployment=deployment,
            twice=bool(data.get("twice", False)),
        )
        self.hooks[hook.id] = hook
        if self._thread is None:
            self._site.listeners.append(self.hear)
            self._thread = threading.Thread(target=self._send_all, name="sandbox-webhooks", daemon=True)
            self._thread.start()
        return hook

    def hear(self, change: Change) -> None:
        """Write down what is to be sent; by the time it is sent the thing may be gone."""
        for hook in list(self.hooks.values()):
            context = self._site.served[hook.deployment]
            events = jira_events if hook.product == "jira" else confluence_events
            for event, payload in events(context, change):
                body = json.dumps(payload, ensure_ascii=False).encode()
                delivery = Delivery(hook=hook, event=event, body=body, identifier=str(uuid4()))
                for _ in range(2 if hook.twice else 1):
                    self._queue.put(delivery)

    def flush(self) -> None:
        """Wait until everything that has been heard has been sent."""
        self._queue.join()

    def _send_all(self) -> None:
        while True:
            delivery = self._queue.get()
            if not _send(delivery, retry=0):
                sleep(RETRY_AFTER_SECONDS)
                delivered = _send(delivery, retry=1)
                delivery.hook.failed += not delivered
                delivery.hook.delivered += delivered
            else:
                delivery.hook.delivered += 1
            self._queue.task_done()


def sign(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature` for a raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def _send(delivery: Delivery, *, retry: int) -> bool:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Atlassian HttpClient sandbox",
        "X-Atlassian-Webhook-Identifier": delivery.identifier,
        "X-Event-Key": delivery.event,
    }
    if delivery.hook.secret:
        headers["X-Hub-Signature"] = sign(delivery.hook.secret, delivery.body)
    if retry:
        headers["X-Atlassian-Webhook-Retry"] = str(retry)
    try:
        response = requests.post(
            delivery.hook.url, data=delivery.body, headers=headers, timeout=TIMEOUT_SECONDS
        )
    except requests.RequestException:
        return False
    return response.ok
