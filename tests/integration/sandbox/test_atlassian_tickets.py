"""Attachments, comments with limits, moves and security levels of tickets, changed through the admin API."""

from __future__ import annotations

import pytest

FILE = {"filename": "a b.log", "text": "boom", "mimeType": "text/plain", "author": "bo"}


def base(server, version):
    return f"/rest/api/{version}" if server.deployment == "cloud" else f"/jira/rest/api/{version}"


async def attached(server, **data):
    return (await server.admin("POST", "/issues/ENG-1/attachments", {**FILE, **data}))[1]["id"]


async def follow(server, url, **more):
    async with server.session.get(url, **more) as response:
        return response.status, await response.read()


async def test_cloud_sends_downloads_on_to_an_address_that_needs_no_credentials(serve):
    server = await serve("cloud")
    number = await attached(server)
    _, issue = await server.get("/rest/api/3/issue/ENG-1", fields="attachment")
    (bean,) = issue["fields"]["attachment"]
    assert (bean["id"], bean["filename"], bean["size"], bean["mimeType"]) == (
        number,
        "a b.log",
        4,
        "text/plain",
    )
    assert bean["author"]["accountId"] == "acc-bo"
    assert bean["content"] == f"{server.url}/rest/api/3/attachment/content/{number}"
    async with server.session.get(bean["content"], headers=server.headers, allow_redirects=False) as response:
        assert response.status == 303
        place = response.headers["Location"]
    assert await follow(server, place) == (200, b"boom")
    assert (await follow(server, place.replace("token=", "token=0")))[0] == 403
    assert (await follow(server, bean["content"]))[0] == 401
    direct = bean["content"] + "?redirect=false"
    assert await follow(server, direct, headers=server.headers) == (200, b"boom")
    _, alone = await server.get(f"/rest/api/3/attachment/{number}")
    assert alone["id"] == int(number)


async def test_data_center_serves_files_at_their_secure_address(serve):
    server = await serve("datacenter")
    number = await attached(server)
    _, alone = await server.get(f"/jira/rest/api/2/attachment/{number}")
    assert alone["content"] == f"{server.url}/jira/secure/attachment/{number}/a%20b.log"
    assert await follow(server, alone["content"], headers=server.headers) == (200, b"boom")
    other = alone["content"].replace("a%20b", "c")
    assert (await follow(server, other, headers=server.headers))[0] == 404


async def test_files_come_from_the_folder_by_issue_and_name_and_are_404_where_there_are_none(
    serve, site_folder
):
    place = site_folder / "jira" / "attachments" / "ENG-1"
    place.mkdir(parents=True)
    server = await serve("cloud")
    number = await attached(server)
    server.site.issue_files.clear()
    path = f"{server.url}/rest/api/3/attachment/content/{number}"
    assert (await follow(server, path, headers=server.headers))[0] == 404
    (place / "a b.log").write_bytes(b"from the folder")
    assert await follow(server, path, headers=server.headers) == (200, b"from the folder")


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_every_change_of_a_ticket_counts_as_an_update(serve, deployment):
    server = await serve(deployment)
    times = [server.site.find_issue("ENG-1").updated]

    async def changes(method, path, data=None):
        before = server.site.find_issue("ENG-1").updated
        server.site.find_issue("ENG-1").updated = 0
        _, answer = await server.admin(method, f"/issues/ENG-1{path}", data)
        assert server.site.find_issue("ENG-1").updated >= before, path
        times.append(server.site.find_issue("ENG-1").updated)
        return answer

    number = (await changes("POST", "/comments", {"body": "one"}))["id"]
    await changes("PUT", f"/comments/{number}", {"body": "two"})
    await changes("DELETE", f"/comments/{number}")
    number = (await changes("POST", "/attachments", FILE))["id"]
    await changes("DELETE", f"/attachments/{number}")
    await changes("PUT", "/security", ["group:ops"])
    assert (await server.admin("DELETE", "/issues/ENG-1/comments/none"))[0] == 400
    assert (await server.get(base(server, 2) + f"/attachment/{number}"))[0] == 404


async def test_comments_tell_to_whom_they_are_shown(serve):
    for deployment in ("cloud", "datacenter"):
        server = await serve(deployment)
        limited = {"visibility": {"type": "role", "value": "Developers"}}
        await server.admin("POST", "/issues/ENG-1/comments", {"body": "hush", **limited})
        group = {"visibility": {"type": "group", "value": "ops"}, "jsdPublic": False}
        await server.admin("POST", "/issues/ENG-1/comments", {"body": "ops", **group})
        _, data = await server.get(base(server, 2) + "/issue/ENG-1/comment", expand="properties")
        first, second = data["comments"]
        assert (first["visibility"]["type"], first["visibility"]["value"]) == ("role", "Developers")
        internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
        assert (first["properties"], second["properties"]) == ([], internal)
        if deployment == "cloud":
            _, roles = await server.get(base(server, 2) + "/project/ENG/role")
            assert roles["Developers"].endswith(f"/role/{first['visibility']['identifier']}")
            assert second["visibility"]["identifier"] == server.site.directory.group("ops").id
            assert (first["jsdPublic"], second["jsdPublic"]) == (True, False)
        else:
            assert set(second["visibility"]) == {"type", "value"}
            assert "jsdPublic" not in second


async def test_a_moved_ticket_has_a_new_key_and_is_found_by_the_old_one(serve):
    server = await serve("cloud")
    _, moved = await server.admin("PUT", "/issues/ENG-1/project", {"project": "HR"})
    assert moved == {"id": "20001", "key": "HR-2"}
    _, issue = await server.get("/rest/api/3/issue/ENG-1", fields="project")
    assert (issue["key"], issue["fields"]["project"]["key"]) == ("HR-2", "HR")
    _, found = await server.get("/rest/api/3/search/jql", jql="key = ENG-1", fields="key")
    assert [each["key"] for each in found["issues"]] == ["HR-2"]
    async with server.session.get(server.url + "/browse/ENG-1", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/browse/HR-2")
    _, made = await server.admin("POST", "/issues", {"project": "ENG", "fields": {}})
    assert made["key"] == "ENG-9"
    assert (await server.admin("PUT", "/issues/HR-2/project", {"project": "NOPE"}))[0] == 400
    await server.admin("DELETE", "/issues/HR-2")
    assert (await server.get("/rest/api/3/issue/ENG-1"))[0] == 404


@pytest.mark.parametrize(
    "clause", ["level is not EMPTY", "security != empty", 'level in ("Ops", "Bo Reed or Ops")']
)
async def test_jql_finds_tickets_by_their_security_level(serve, clause):
    server = await serve("cloud")
    names = {level.name for level in server.site.security_levels.values()}
    assert names == {"Ops", "Ops or Bo Reed"}
    _, found = await server.get("/rest/api/3/search/jql", jql=f"project = ENG and {clause}", fields="key")
    keys = {each["key"] for each in found["issues"]}
    assert keys == ({"ENG-2"} if "in" in clause.split() else {"ENG-2", "ENG-3"})


async def test_ids_alone_come_in_large_pages_and_fields_in_small_ones(serve, site_folder):
    server = await serve("cloud")
    for _ in range(120):
        await server.admin("POST", "/issues", {"project": "HR", "fields": {"summary": "x"}})
    _, data = await server.get("/rest/api/3/search/jql", jql="project = HR", maxResults=5000)
    assert len(data["issues"]) == 121
    _, data = await server.get(
        "/rest/api/3/search/jql", jql="project = HR", maxResults=5000, fields="summary"
    )
    assert (len(data["issues"]), data["isLast"]) == (100, False)
