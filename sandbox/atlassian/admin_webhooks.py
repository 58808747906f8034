"""The admin API for webhooks."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.atlassian.admin_wire import NotHereError, Table, an_object
from sandbox.atlassian.webhooks import WebhookSender
from sandbox.site_state import Site


def webhook_table(site: Site) -> Table:
    """The routes for webhooks."""
    admin = _WebhookAdmin(site)
    return [
        ("POST", "/webhooks", admin.post_webhook),
        ("GET", "/webhooks", admin.get_webhooks),
        ("DELETE", "/webhooks/{webhook}", admin.delete_webhook),
        ("POST", "/webhooks/flush", admin.flush),
    ]


class _WebhookAdmin:
    def __init__(self, site: Site) -> None:
        self._sender = WebhookSender(site)

    async def post_webhook(self, request: web.Request) -> Any:
        return {"id": self._sender.register(await an_object(request)).id}

    async def get_webhooks(self, _: web.Request) -> Any:
        """With how many deliveries have arrived and how many have failed; secrets stay here."""
        hooks = [asdict(hook) for hook in self._sender.hooks.values()]
        return [{name: value for name, value in hook.items() if name != "secret"} for hook in hooks]

    async def delete_webhook(self, request: web.Request) -> Any:
        if self._sender.hooks.pop(request.match_info["webhook"], None) is None:
            raise NotHereError("There is no such webhook.")
        return {}

    async def flush(self, _: web.Request) -> Any:
        """Answers when everything has been sent that has happened so far."""
        await asyncio.to_thread(self._sender.flush)
        return await self.get_webhooks(_)
