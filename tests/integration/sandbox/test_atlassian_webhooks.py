"""Webhooks, received on a real port."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer


class Receiver:
    """Takes webhooks; answers the next ones with the statuses that are waiting, then with 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @property
    def payloads(self) -> list[dict]:
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hook", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


async def register(server, receiver, product, **more):
    data = {"url": receiver.url, "secret": "s", "product": product, "deployment": server.deployment}
    return await server.admin("POST", "/webhooks", {**data, **more})


async def events(server, receiver, method, path, data=None):
    """The payloads that one change leads to."""
    receiver.received.clear()
    status, answer = await server.admin(method, path, data)
    assert status == 200, answer
    await server.admin("POST", "/webhooks/flush", {})
    return receiver.payloads


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_jira_tells_of_every_change_of_a_ticket(serve, receiver, deployment):
    server = await serve(deployment)
    await register(server, receiver, "jira")

    async def names(*change):
        payloads = await events(server, receiver, *change)
        return [payload["webhookEvent"] for payload in payloads]

    issue, updated = "/issues/ENG-9", "jira:issue_updated"
    assert await names("POST", "/issues", {"project": "ENG", "fields": {}}) == ["jira:issue_created"]
    (payload,) = await events(server, receiver, "PUT", issue, {"fields": {"summary": "Leak"}})
    assert (payload["issue"]["key"], payload["issue"]["fields"]["summary"]) == ("ENG-9", "Leak")
    (item,) = payload["changelog"]["items"]
    assert (item["field"], item["fromString"], item["toString"]) == ("summary", "", "Leak")
    assert await names("POST", f"{issue}/comments", {"body": "x"}) == ["comment_created", updated]
    comment = receiver.payloads[0]["comment"]["id"]
    assert receiver.payloads[0]["issue"]["key"] == "ENG-9"
    assert await names("PUT", f"{issue}/comments/{comment}", {"body": "y"}) == ["comment_updated", updated]
    assert await names("DELETE", f"{issue}/comments/{comment}") == ["comment_deleted", updated]
    file = {"filename": "f", "text": "x"}
    assert await names("POST", f"{issue}/attachments", file) == ["attachment_created", updated]
    number = receiver.payloads[0]["attachment"]["id"]
    assert "issue" not in receiver.payloads[0]
    assert await names("DELETE", f"{issue}/attachments/{number}") == ["attachment_deleted", updated]
    assert await names("PUT", f"{issue}/security", ["group:ops"]) == [updated]
    (payload,) = await events(server, receiver, "PUT", f"{issue}/project", {"project": "HR"})
    items = {item["field"]: (item["fromString"], item["toString"]) for item in payload["changelog"]["items"]}
    assert items == {"project": ("ENG", "HR"), "Key": ("ENG-9", "HR-2")}
    assert await names("DELETE", "/issues/HR-2") == ["jira:issue_deleted"]
    assert await names("PUT", "/pages/504", {"title": "x"}) == []


async def test_confluence_data_center_tells_of_every_change_of_a_page(serve, receiver):
    server = await serve("datacenter")
    await register(server, receiver, "confluence")

    async def names(*change):
        return [payload["event"] for payload in await events(server, receiver, *change)]

    page = {"space": "DOC", "title": "Fresh", "storage": "<p>x</p>"}
    assert await names("POST", "/pages", page) == ["page_created"]
    path = f"/pages/{receiver.payloads[0]['page']['id']}"
    assert await names("POST", "/pages", {**page, "title": "Post", "type": "blogpost"}) == ["blog_created"]
    assert receiver.payloads[0]["blog"]["spaceKey"] == "DOC"
    assert await names("PUT", path, {"storage": "<p>y</p>"}) == ["page_updated"]
    assert await names("PUT", path, {"parent_id": "501"}) == ["page_moved"]
    assert await names("PUT", path, {"labels": ["a", "b"]}) == ["label_added", "label_added"]
    assert await names("PUT", path, {"labels": ["b"]}) == ["label_removed"]
    assert await names("PUT", f"{path}/restrictions", ["group:ops"]) == ["content_permissions_updated"]
    assert await names("POST", f"{path}/comments", {"storage": "<p>c</p>"}) == ["comment_created"]
    comment = receiver.payloads[0]["comment"]
    assert comment["parent"]["title"] == "Fresh"
    assert await names("PUT", f"{path}/comments/{comment['id']}", {"storage": "d"}) == ["comment_updated"]
    assert await names("DELETE", f"{path}/comments/{comment['id']}") == ["comment_removed"]
    assert await names("POST", f"{path}/attachments", {"title": "f", "text": "x"}) == ["attachment_created"]
    assert receiver.payloads[0]["attachedTo"]["title"] == "Fresh"
    assert await names("PUT", f"{path}/attachments/f", {"text": "y"}) == ["attachment_updated"]
    assert await names("DELETE", f"{path}/attachments/f") == ["attachment_removed"]
    assert await names("DELETE", path) == ["page_trashed"]
    assert await names("PUT", f"{path}/status", {"status": "current"}) == ["page_restored"]
    assert await names("DELETE", f"{path}?purge=1") == ["page_trashed", "page_removed"]
    assert await names("PUT", "/spaces/DOC/permissions", ["anyone"]) == ["space_permissions_updated"]
    assert receiver.payloads[0]["space"]["key"] == "DOC"


async def test_deliveries_are_signed_tried_once_more_and_counted(serve, receiver):
    server = await serve("cloud")
    _, hook = await register(server, receiver, "jira")
    receiver.statuses = [500]
    await events(server, receiver, "PUT", "/issues/ENG-1", {"fields": {"summary": "ü"}})
    (first, body), (second, again) = receiver.received
    assert body == again
    signature = "sha256=" + hmac.new(b"s", body, sha256).hexdigest()
    assert first["X-Hub-Signature"] == second["X-Hub-Signature"] == signature
    assert first["X-Atlassian-Webhook-Identifier"] == second["X-Atlassian-Webhook-Identifier"]
    assert second["X-Atlassian-Webhook-Retry"] == "1"
    receiver.statuses = [500, 500]
    await events(server, receiver, "PUT", "/issues/ENG-1", {"fields": {"summary": "u"}})
    _, (state,) = await server.admin("GET", "/webhooks")
    assert (state["delivered"], state["failed"], "secret" in state) == (1, 1, False)
    await server.admin("DELETE", f"/webhooks/{hook['id']}")
    assert await events(server, receiver, "PUT", "/issues/ENG-1", {"fields": {"summary": "v"}}) == []
    assert (await server.admin("DELETE", "/webhooks/7"))[0] == 404


async def test_a_webhook_may_be_sent_twice_and_not_every_one_can_be_registered(serve, receiver):
    server = await serve("cloud")
    await register(server, receiver, "jira", twice=True)
    await events(server, receiver, "DELETE", "/issues/ENG-1")
    identifiers = {headers["X-Atlassian-Webhook-Identifier"] for headers, _ in receiver.received}
    assert (len(receiver.received), len(identifiers)) == (2, 1)
    assert (await register(server, receiver, "confluence"))[0] == 400
    assert (await register(server, receiver, "jira", deployment="datacenter"))[0] == 400
    assert (await register(server, receiver, "jira", url=""))[0] == 400
