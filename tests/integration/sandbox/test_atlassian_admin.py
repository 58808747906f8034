from __future__ import annotations

import time

import aiohttp
import pytest


async def test_an_edited_page_gets_a_new_version_and_is_found_by_its_new_time(serve):
    server = await serve("cloud")
    start = time.time() * 1000 - 1
    status, page = await server.admin(
        "PUT", "/pages/504", {"title": "Renamed", "storage": "<p>New words</p>"}
    )
    assert (status, page["version"], page["title"]) == (200, 4, "Renamed")
    assert server.site.pages["504"].updated >= start
    _, shown = await server.get("/wiki/api/v2/pages/504", **{"body-format": "storage"})
    assert (shown["version"]["number"], shown["body"]["storage"]["value"]) == (4, "<p>New words</p>")
    _, found = await server.get("/wiki/rest/api/content/search", cql='text ~ "new words"')
    assert [each["id"] for each in found["results"]] == ["504"]


async def test_labels_and_moves_make_no_new_version(serve):
    server = await serve("cloud")
    _, page = await server.admin("PUT", "/pages/504", {"labels": ["a", "b"], "parent_id": "501"})
    assert (page["version"], page["parent_id"], page["labels"]) == (3, "501", ["a", "b"])
    status, error = await server.admin("PUT", "/pages/501", {"parent_id": "503"})
    assert status == 400
    assert "below itself" in error["error"]


async def test_a_deleted_page_is_in_the_trash_until_it_is_purged(serve):
    server = await serve("cloud")
    await server.admin("DELETE", "/pages/502")
    _, listed = await server.get("/wiki/api/v2/pages")
    assert "502" not in [page["id"] for page in listed["results"]]
    _, trashed = await server.get("/wiki/api/v2/pages", status="trashed")
    assert [page["id"] for page in trashed["results"]] == ["502"]
    assert (await server.get("/wiki/api/v2/pages/502"))[0] == 404
    assert (await server.get("/wiki/rest/api/content/502"))[0] == 404
    assert (await server.get("/wiki/rest/api/content/502", status="trashed"))[0] == 200
    _, child = await server.get("/wiki/api/v2/pages/503")
    assert child["parentId"] == "501"
    await server.admin("DELETE", "/pages/502?purge=1")
    _, trashed = await server.get("/wiki/api/v2/pages", status="trashed")
    assert trashed["results"] == []
    assert (await server.admin("GET", "/pages/502"))[0] == 404


async def test_new_pages_and_comments_are_served(serve):
    server = await serve("datacenter")
    _, page = await server.admin("POST", "/pages", {"space": "DOC", "title": "Fresh", "storage": "<p>x</p>"})
    _, comment = await server.admin(
        "POST", f"/pages/{page['id']}/comments", {"author": "bo", "storage": "<p>y</p>"}
    )
    path = f"/confluence/rest/api/content/{page['id']}"
    assert (await server.get(path))[1]["title"] == "Fresh"
    _, comments = await server.get(path + "/child/comment")
    assert [each["id"] for each in comments["results"]] == [comment["id"]]
    status, error = await server.admin("POST", "/pages", {"space": "DOC", "title": "No text"})
    assert status == 400
    assert "storage" in error["error"]


async def test_issues_can_be_made_changed_commented_and_deleted(serve):
    server = await serve("cloud")
    _, made = await server.admin("POST", "/issues", {"project": "ENG", "fields": {"summary": "Leak"}})
    assert made["key"] == "ENG-9"
    await server.admin(
        "PUT", "/issues/ENG-9", {"fields": {"status": "Done", "assignee": "bo@harbour.example"}}
    )
    _, comment = await server.admin(
        "POST", "/issues/ENG-9/comments", {"author": "ada", "body": "Fixed *now*"}
    )
    _, issue = await server.get("/rest/api/3/issue/ENG-9")
    assert issue["id"] == made["id"]
    assert issue["fields"]["status"]["statusCategory"]["key"] == "done"
    assert issue["fields"]["assignee"]["accountId"] == "acc-bo"
    assert [each["id"] for each in issue["fields"]["comment"]["comments"]] == [comment["id"]]
    _, found = await server.get("/rest/api/3/search/jql", jql="updated >= -5m", fields="key")
    assert [each["key"] for each in found["issues"]] == ["ENG-9"]
    await server.admin("DELETE", "/issues/ENG-9")
    assert (await server.get("/rest/api/3/issue/ENG-9"))[0] == 404


async def test_permissions_can_be_changed_in_every_way(serve):
    server = await serve("cloud")

    async def may(user: str, what: str) -> bool:
        return (await server.admin("GET", f"/may-read?user={user}&{what}"))[1]["may_read"]

    assert await may("acc-bo", "page=504")
    await server.admin("PUT", "/spaces/DOC/permissions", ["group:ops"])
    assert not await may("acc-bo", "page=504")
    await server.admin("PUT", "/groups/ops/members", ["bo@harbour.example"])
    assert await may("acc-bo", "page=504")
    await server.admin("PUT", "/pages/504/restrictions", ["user:acc-ada"])
    assert not await may("acc-bo", "page=504")
    await server.admin("PUT", "/pages/504/restrictions", [])
    assert await may("acc-bo", "page=504")
    assert await may("acc-cy", "issue=ENG-1")
    await server.admin("PUT", "/issues/ENG-1/security", ["group:ops"])
    assert not await may("acc-cy", "issue=ENG-1")
    await server.admin("PUT", "/projects/HR/permissions", ["anyone"])
    assert await may("acc-cy", "issue=HR-1")
    status, error = await server.admin("PUT", "/projects/HR/permissions", ["everybody"])
    assert status == 400
    assert "principal" in error["error"]


async def test_faults_are_served_as_often_as_asked_and_then_the_site_again(serve):
    server = await serve("cloud")
    fault = {
        "path": "/api/v2/pages",
        "status": 429,
        "headers": {"Retry-After": "3"},
        "body": {"no": 1},
        "times": 2,
    }
    await server.admin("POST", "/faults", fault)
    for _ in range(2):
        async with server.session.get(server.url + "/wiki/api/v2/pages", headers=server.headers) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3")
            assert await response.json() == {"no": 1}
    assert (await server.get("/wiki/api/v2/pages"))[0] == 200
    html = {
        "path": "myself",
        "status": 200,
        "headers": {"Content-Type": "text/html"},
        "body": "<p>Sign in</p>",
    }
    await server.admin("POST", "/faults", html)
    async with server.session.get(server.url + "/rest/api/3/myself", headers=server.headers) as response:
        assert (response.content_type, await response.text()) == ("text/html", "<p>Sign in</p>")


async def test_a_fault_can_cut_the_connection_or_slow_it_down_and_be_taken_back(serve):
    server = await serve("cloud")
    await server.admin("POST", "/faults", {"path": "permissions", "method": "post", "reset": True})
    with pytest.raises(aiohttp.ClientError):  # a POST: the client sends a GET again by itself
        await server.post("/rest/api/3/permissions/check", {})
    await server.admin("POST", "/faults", {"path": "myself", "delay_seconds": 0.2})
    start = time.monotonic()
    assert (await server.get("/rest/api/3/myself"))[0] == 200
    assert time.monotonic() - start >= 0.2
    await server.admin("POST", "/faults", {"path": ".", "status": 500})
    await server.admin("DELETE", "/faults")
    assert (await server.get("/rest/api/3/myself"))[0] == 200
    assert (await server.admin("POST", "/faults", {"path": "("}))[0] == 400


async def test_requests_are_counted_by_route(serve):
    server = await serve("cloud")
    for key in ("ENG-1", "ENG-2"):
        await server.get(f"/rest/api/3/issue/{key}")
    _, counts = await server.admin("GET", "/requests")
    assert counts == {"GET /rest/api/{version}/issue/{issue}": 2}
    await server.admin("DELETE", "/requests")
    assert (await server.admin("GET", "/requests"))[1] == {}
