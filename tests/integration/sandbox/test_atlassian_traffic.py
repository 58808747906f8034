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


async def found(server):
    if server.deployment == "cloud":
        _, data = await server.get("/rest/api/3/search/jql", jql="updated >= -5m", fields="key")
    else:
        _, data = await server.get("/jira/rest/api/2/search", jql="updated >= -5m", fields="key")
    wiki = "/wiki" if server.deployment == "cloud" else "/confluence"
    _, content = await server.get(f"{wiki}/rest/api/content/search", cql='lastmodified >= "-5m"')
    return {each["key"] for each in data["issues"]} | {each["id"] for each in content["results"]}


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_searches_may_know_of_changes_later_than_reads_by_id(serve, deployment):
    server = await serve(deployment)
    now = [10**13]
    server.site.search_index.clock = lambda: now[0]
    await server.admin("PUT", "/search-index", {"delay_seconds": 30})
    await server.admin("PUT", "/issues/ENG-1", {"fields": {"summary": "new"}})
    _, issue = await server.admin("POST", "/issues", {"project": "ENG", "fields": {}})
    await server.admin("PUT", "/pages/504", {"title": "new"})
    _, comment = await server.admin("POST", "/pages/504/comments", {"storage": "x"})
    assert await found(server) == set()
    api = "/rest/api/2" if deployment == "cloud" else "/jira/rest/api/2"
    _, read = await server.get(f"{api}/issue/ENG-1", fields="summary")
    assert read["fields"]["summary"] == "new"
    if deployment == "cloud":
        given = {"jql": "updated >= -5m", "fields": ["key"], "reconcileIssues": [int(issue["id"])]}
        _, data = await server.post("/rest/api/3/search/jql", given)
        assert [each["key"] for each in data["issues"]] == [issue["key"]]
    now[0] += 30_000
    assert await found(server) == {"ENG-1", issue["key"], "504", comment["id"]}
    assert (await server.admin("PUT", "/search-index", {"delay_seconds": "x"}))[0] == 400
