"""Faults, the rate limit and the log of requests."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest


async def raw(server, path, method="GET", **more):
    url, headers = server.url + path, server.headers
    async with server.session.request(method, url, headers=headers, **more) as response:
        return response, await response.read()


async def test_an_answer_can_be_cut_in_the_middle_of_its_json(serve):
    server = await serve("cloud")
    _, whole = await raw(server, "/rest/api/3/issue/ENG-1")
    await server.admin("POST", "/faults", {"path": "/issue/", "truncate": True})
    await server.admin("POST", "/faults", {"path": "/issue/", "truncate": 10})
    response, half = await raw(server, "/rest/api/3/issue/ENG-1")
    assert (response.status, half) == (200, whole[: len(whole) // 2])
    assert response.content_length == len(half)
    assert (await raw(server, "/rest/api/3/issue/ENG-1"))[1] == whole[:10]
    assert (await raw(server, "/rest/api/3/issue/ENG-1"))[1] == whole


async def test_faults_wait_for_their_turn_and_follow_each_other(serve):
    server = await serve("cloud")
    await server.admin("POST", "/faults", {"path": "myself", "status": 503, "after": 2})
    await server.admin("POST", "/faults", {"path": "myself", "status": 500, "after": 2, "times": 2})
    statuses = [(await server.get("/rest/api/3/myself"))[0] for _ in range(2)]
    for _ in range(3):
        response, _ = await raw(server, "/rest/api/3/myself")
        statuses.append(response.status)
    assert statuses == [200, 200, 503, 500, 500]
    assert (await server.get("/rest/api/3/myself"))[0] == 200


async def test_an_answer_may_never_come(serve):
    server = await serve("cloud")
    await server.admin("POST", "/faults", {"path": "myself", "timeout": True})
    with pytest.raises((asyncio.TimeoutError, aiohttp.ServerTimeoutError)):
        await raw(server, "/rest/api/3/myself", timeout=aiohttp.ClientTimeout(total=0.2))
    assert (await server.get("/rest/api/3/myself"))[0] == 200


async def test_the_rate_limit_refuses_and_tells_when_to_come_back(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/rate-limit", {"per_second": 5, "burst": 3})
    responses = [(await raw(server, "/rest/api/3/myself"))[0] for _ in range(5)]
    assert [each.status for each in responses] == [200, 200, 200, 429, 429]
    assert responses[-1].headers["Retry-After"] == "1"
    assert responses[-1].headers["X-RateLimit-Remaining"] == "0"
    assert responses[-1].headers["RateLimit-Reason"] == "jira-burst-based"
    assert server.site.traffic.refused == 2
    await asyncio.sleep(0.25)  # a fifth of a second gives one more
    assert (await raw(server, "/rest/api/3/myself"))[0].status == 200
    await server.admin("PUT", "/rate-limit", {})
    for _ in range(5):
        assert (await raw(server, "/rest/api/3/myself"))[0].status == 200
    assert (await server.admin("PUT", "/rate-limit", {"per_second": 0}))[0] == 400


async def test_the_log_tells_what_was_asked_for_and_keeps_no_values_of_bodies(serve):
    server = await serve("cloud")
    await server.get("/rest/api/3/myself")
    assert (await server.admin("GET", "/log"))[1] == []
    await server.admin("PUT", "/log", {"on": True})
    await server.get("/wiki/api/v2/pages", sort="id", limit=2)
    await server.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": ["ENG-1"], "fields": ["summary"]})
    await server.get("/rest/api/3/issue/NOPE-1")
    assert (await server.admin("GET", "/log"))[1] == [
        {
            "method": "GET",
            "route": "/wiki/api/v2/pages",
            "path": "/wiki/api/v2/pages",
            "query": [["limit", "2"], ["sort", "id"]],
            "body": [],
            "status": 200,
        },
        {
            "method": "POST",
            "route": "/rest/api/{version}/issue/bulkfetch",
            "path": "/rest/api/3/issue/bulkfetch",
            "query": [],
            "body": ["fields", "issueIdsOrKeys"],
            "status": 200,
        },
        {
            "method": "GET",
            "route": "/rest/api/{version}/issue/{issue}",
            "path": "/rest/api/3/issue/NOPE-1",
            "query": [],
            "body": [],
            "status": 404,
        },
    ]
    await server.admin("DELETE", "/log")
    await server.admin("PUT", "/log", {"on": False})
    await server.get("/rest/api/3/myself")
    assert (await server.admin("GET", "/log"))[1] == []
