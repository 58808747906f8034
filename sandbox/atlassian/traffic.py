"""In front of every handler: requests are counted, logged, limited, and answered with the faults that wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from sandbox.atlassian.wire import context_of, error_reply
from sandbox.site_traffic import Fault, Traffic

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CLOSING: web.AppKey[asyncio.Event] = web.AppKey("closing", asyncio.Event)
LOOK_EVERY_SECONDS = 0.02
NO_ANSWER = 499
"""The status in the log of a request that was never answered."""


@web.middleware
async def watch_traffic(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request under its route template; answer with a fault where one is waiting."""
    traffic = context_of(request).site.traffic
    traffic.counts[f"{request.method} {_route(request)}"] += 1
    fault = traffic.take_fault(request.method, str(request.rel_url))
    try:
        response = await _answer(request, handler, traffic, fault)
    except web.HTTPException as exc:
        await _log(request, traffic, exc.status)
        raise
    await _log(request, traffic, response.status)
    return response


async def _log(request: web.Request, traffic: Traffic, status: int) -> None:
    if traffic.log_on:
        traffic.log.append(
            {
                "method": request.method,
                "route": _route(request),
                "path": request.path,
                "query": sorted([name, value] for name, value in request.query.items()),
                "body": await _body_names(request),
                "status": status,
            }
        )


async def stop_waiting(app: web.Application) -> None:
    """Let requests go that a fault keeps waiting, so that the server can be stopped."""
    app[CLOSING].set()


async def _answer(
    request: web.Request, handler: Handler, traffic: Traffic, fault: Fault | None
) -> web.StreamResponse:
    if fault is None:
        return _refusal(request, traffic) or await handler(request)
    await asyncio.sleep(fault.delay_seconds)
    if fault.timeout:
        await _until_the_client_is_gone(request)
    if (fault.reset or fault.timeout) and request.transport is not None:
        request.transport.abort()
    if fault.reset or fault.timeout:
        return web.Response(status=NO_ANSWER)
    response = _faulty(fault) if fault.status else await handler(request)
    return _cut(response, fault.truncate) if fault.truncate else response


def _refusal(request: web.Request, traffic: Traffic) -> web.Response | None:
    wait = traffic.bucket.take() if traffic.bucket else 0
    if not wait or traffic.bucket is None:
        return None
    traffic.refused += 1
    refusal = error_reply(context_of(request), request.path, 429, "Rate limit exceeded.")
    refusal.headers.update(traffic.bucket.headers(wait))
    return refusal


def _faulty(fault: Fault) -> web.Response:
    headers = {"Content-Type": "application/json", **fault.headers}
    return web.Response(status=fault.status, headers=headers, body=fault.body.encode())


def _cut(response: web.StreamResponse, size: int) -> web.StreamResponse:
    """The beginning of an answer, complete as far as HTTP is concerned."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    kept = response.body[: len(response.body) // 2 if size < 0 else size]
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return web.Response(status=response.status, headers=headers, body=kept)


async def _until_the_client_is_gone(request: web.Request) -> None:
    closing = request.app[CLOSING]
    while request.transport is not None and not request.transport.is_closing() and not closing.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await closing.wait()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "(unknown)"


async def _body_names(request: web.Request) -> list[str]:
    """The names of the fields of a JSON body; the values are nobody's business."""
    try:
        data = json.loads(await request.read() or b"{}")
    except ValueError:
        return []
    return sorted(data) if isinstance(data, dict) else []
