"""The site through the client library that real connectors use, in its transport mode."""

from __future__ import annotations

import asyncio

import pytest
import requests
from atlassian.rest_client import AtlassianRestAPI

EMAIL, TOKEN = "bot@harbour.example", "s3cret"


def client(url, **auth):
    return AtlassianRestAPI(
        url, **auth, advanced_mode=True, retry_with_header=False, backoff_and_retry=False, timeout=5
    )


def read_cloud(url):
    jira = client(url, username=EMAIL, password=TOKEN)
    wiki = client(url + "/wiki", username=EMAIL, password=TOKEN)
    issues, token = [], None
    while True:
        params = {"jql": "project = ENG order by key asc", "fields": "summary", "maxResults": 3}
        page = jira.request(
            "GET", "rest/api/3/search/jql", params=params | ({"nextPageToken": token} if token else {})
        )
        data = page.json()
        issues += [issue["key"] for issue in data["issues"]]
        token = data.get("nextPageToken")
        if data["isLast"]:
            break
    fetched = jira.request("POST", "rest/api/3/issue/bulkfetch", data={"issueIdsOrKeys": issues}).json()
    pages = wiki.request("GET", "api/v2/pages", params={"body-format": "storage", "limit": 250}).json()
    return issues, len(fetched["issues"]), [page["id"] for page in pages["results"]]


def read_data_center(url):
    jira, wiki = client(url + "/jira", token=TOKEN), client(url + "/confluence", token=TOKEN)
    found = jira.request("GET", "rest/api/2/search", params={"jql": "project = HR"}).json()
    content = wiki.request("GET", "rest/api/content", params={"spaceKey": "OPS", "expand": "version"}).json()
    return [issue["key"] for issue in found["issues"]], [page["id"] for page in content["results"]]


async def test_the_library_reads_cloud_to_the_end(serve):
    server = await serve("cloud")
    issues, fetched, pages = await asyncio.to_thread(read_cloud, server.url)
    assert issues == [f"ENG-{n}" for n in range(1, 9)]
    assert fetched == 8
    assert pages == ["501", "502", "503", "504", "505"]


async def test_the_library_reads_data_center_under_its_context_paths(serve):
    server = await serve("datacenter")
    assert await asyncio.to_thread(read_data_center, server.url) == (["HR-1"], ["505"])


async def test_the_library_sees_a_wrong_token_as_401_and_a_cut_connection_as_an_error(serve):
    server = await serve("cloud")
    wrong = client(server.url, username=EMAIL, password="wrong")
    answer = await asyncio.to_thread(wrong.request, "GET", "rest/api/3/myself")
    assert answer.status_code == 401
    await server.admin("POST", "/faults", {"path": "myself", "reset": True})
    right = client(server.url, username=EMAIL, password=TOKEN)
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(right.request, "GET", "rest/api/3/myself")
