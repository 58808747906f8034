"""Comments, replies, attachments, the archive and moves of pages, changed through the admin API."""

from __future__ import annotations

from base64 import b64encode

import pytest

INLINE = {"originalSelection": "turns left", "markerRef": "m-1"}
EXPAND = "extensions.inlineProperties,extensions.resolution,ancestors,container,version,body.storage"


async def comment(server, page="501", **data):
    return (await server.admin("POST", f"/pages/{page}/comments", {"storage": "<p>c</p>", **data}))[1]["id"]


async def test_inline_comments_tell_their_anchor_and_resolution_on_v1(serve):
    server = await serve("datacenter")
    number = await comment(server, inline=INLINE)
    reply = await comment(server, parent_id=number)
    path = f"/confluence/rest/api/content/{number}"
    _, bean = await server.get(path, expand=EXPAND)
    assert bean["extensions"]["location"] == "inline"
    assert bean["extensions"]["inlineProperties"] == INLINE
    assert bean["extensions"]["resolution"]["status"] == "open"
    assert bean["container"]["id"] == "501"
    await server.admin("PUT", f"/pages/501/comments/{number}", {"resolved": True})
    _, bean = await server.get(path, expand=EXPAND)
    assert (bean["extensions"]["resolution"]["status"], bean["version"]["number"]) == ("resolved", 1)
    _, bean = await server.get(f"/confluence/rest/api/content/{reply}", expand=EXPAND)
    assert [each["id"] for each in bean["ancestors"]] == [number]
    assert (bean["extensions"]["location"], bean["container"]["id"]) == ("inline", "501")


async def test_comments_of_a_page_are_its_discussions_and_with_depth_all_the_replies_too(serve):
    server = await serve("datacenter")
    number = await comment(server, inline=INLINE)
    reply = await comment(server, parent_id=number)
    path = "/confluence/rest/api/content/{}/child/comment"

    async def ids(of, **params):
        _, data = await server.get(path.format(of), **params)
        return [each["id"] for each in data["results"]]

    assert await ids("501") == ["7001", number]
    assert await ids("501", depth="all") == ["7001", number, reply]
    assert await ids("501", location="footer") == ["7001"]
    assert await ids(number) == [reply]
    assert await ids("501", location="resolved") == []
    await server.admin("PUT", f"/pages/501/comments/{number}", {"resolved": True})
    assert await ids("501", location="resolved", depth="all") == [number, reply]
    assert await ids("501", location="inline") == []
    _, page = await server.get("/confluence/rest/api/content/501", expand="children.comment.version")
    assert [each["version"]["number"] for each in page["children"]["comment"]["results"]] == [1, 1]


async def test_cloud_v2_gives_inline_comments_footer_comments_and_replies_apart(serve):
    server = await serve("cloud")
    number = await comment(server, inline=INLINE)
    reply = await comment(server, parent_id=number, storage="<p>so it does</p>")
    root = "/wiki/api/v2"
    _, inline = await server.get(f"{root}/pages/501/inline-comments")
    assert [each["id"] for each in inline["results"]] == [number]
    properties = {"inlineMarkerRef": "m-1", "inlineOriginalSelection": "turns left"}
    assert inline["results"][0]["properties"] == properties
    assert inline["results"][0]["resolutionStatus"] == "open"
    _, resolved = await server.get(f"{root}/pages/501/inline-comments", **{"resolution-status": "resolved"})
    assert resolved["results"] == []
    _, footer = await server.get(f"{root}/pages/501/footer-comments")
    assert [each["id"] for each in footer["results"]] == ["7001"]
    _, replies = await server.get(f"{root}/inline-comments/{number}/children", **{"body-format": "storage"})
    assert [(each["id"], each["parentCommentId"]) for each in replies["results"]] == [(reply, number)]
    assert replies["results"][0]["body"]["storage"]["value"] == "<p>so it does</p>"
    assert (await server.get(f"{root}/footer-comments/{number}"))[0] == 404
    _, everywhere = await server.get(f"{root}/inline-comments")
    assert [each["id"] for each in everywhere["results"]] == [number, reply]


async def test_an_edited_comment_is_a_new_version_that_cql_finds(serve):
    server = await serve("cloud")
    _, edited = await server.admin("PUT", "/pages/501/comments/7001", {"storage": "<p>Thank you</p>"})
    assert (edited["version"], edited["storage"]) == (2, "<p>Thank you</p>")
    _, found = await server.get(
        "/wiki/rest/api/content/search", cql='lastmodified >= "-5m"', expand="version"
    )
    assert [(each["id"], each["version"]["number"]) for each in found["results"]] == [("7001", 2)]


async def test_replies_of_a_removed_comment_move_up(serve):
    server = await serve("cloud")
    first = await comment(server, inline=INLINE)
    second = await comment(server, parent_id=first)
    await server.admin("DELETE", f"/pages/501/comments/{first}")
    _, bean = await server.get(f"/wiki/api/v2/inline-comments/{second}")
    assert "parentCommentId" not in bean
    assert (await server.get(f"/wiki/rest/api/content/{first}"))[0] == 404
    assert (await server.admin("DELETE", f"/pages/501/comments/{first}"))[0] == 400


async def download(server, link, root="/wiki"):
    async with server.session.get(server.url + root + link, headers=server.headers) as response:
        return response.status, await response.read()


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_attachments_are_added_replaced_renamed_and_removed_with_their_bytes(serve, deployment):
    server = await serve(deployment)
    root = "/wiki" if deployment == "cloud" else "/confluence"
    path = f"{root}/rest/api/content/504/child/attachment"
    big = b64encode(b"\x00\xff" * 2**20).decode()
    _, made = await server.admin(
        "POST", "/pages/504/attachments", {"title": "a b.bin", "base64": big, "media_type": "image/png"}
    )
    _, listed = await server.get(path, expand="version")
    bean = listed["results"][0]
    assert (bean["id"], bean["extensions"]["fileSize"], bean["version"]["number"]) == (made["id"], 2**21, 1)
    assert await download(server, bean["_links"]["download"], root) == (200, b"\x00\xff" * 2**20)
    await server.admin("POST", "/pages/504/attachments", {"title": "a b.bin", "text": "new"})
    _, listed = await server.get(path, expand="version")
    assert [each["version"]["number"] for each in listed["results"]] == [2]
    assert await download(server, listed["results"][0]["_links"]["download"], root) == (200, b"new")
    await server.admin("PUT", f"/pages/504/attachments/{made['id']}", {"title": "c.bin"})
    _, found = await server.get(
        f"{root}/rest/api/content/search", cql='type = attachment and title = "c.bin"'
    )
    assert [each["id"] for each in found["results"]] == [made["id"]]
    await server.admin("DELETE", f"/pages/504/attachments/{made['id']}")
    assert (await server.get(path))[1]["results"] == []
    assert (await server.admin("POST", "/pages/504/attachments", {"title": "x", "base64": "%"}))[0] == 400


async def test_a_file_from_the_folder_can_be_renamed_and_keeps_its_bytes(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/pages/501/attachments/att9001", {"title": "map.txt"})
    _, known = await server.admin("GET", "/pages/501/attachments/att9001")
    assert (known["title"], known["version"], known["base64"]) == (
        "map.txt",
        2,
        b64encode(b"the plan").decode(),
    )


async def test_archived_pages_are_listed_as_such_and_come_back(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/pages/504/status", {"status": "archived"})
    _, page = await server.get("/wiki/api/v2/pages/504")
    assert page["status"] == "archived"
    _, current = await server.get("/wiki/api/v2/pages", status="current")
    assert "504" not in [each["id"] for each in current["results"]]
    _, found = await server.get("/wiki/rest/api/content/search", cql="id = 504")
    assert found["results"] == []
    await server.admin("PUT", "/pages/504/status", {"status": "current"})
    _, found = await server.get("/wiki/rest/api/content/search", cql="id = 504")
    assert [each["id"] for each in found["results"]] == ["504"]
    assert (await server.admin("PUT", "/pages/504/status", {"status": "lost"}))[0] == 400


async def test_a_page_comes_back_from_the_trash(serve):
    server = await serve("datacenter")
    await server.admin("DELETE", "/pages/504")
    assert (await server.get("/confluence/rest/api/content/504"))[0] == 404
    await server.admin("PUT", "/pages/504/status", {"status": "current"})
    assert (await server.get("/confluence/rest/api/content/504"))[0] == 200


async def test_a_page_moves_to_another_space_with_its_descendants_and_without_a_new_version(serve):
    server = await serve("cloud")
    _, moved = await server.admin("PUT", "/pages/502", {"space": "OPS", "parent_id": "505"})
    assert (moved["space"], moved["version"]) == ("OPS", 3)
    _, child = await server.get("/wiki/rest/api/content/503", expand="space,ancestors")
    assert child["space"]["key"] == "OPS"
    assert [each["id"] for each in child["ancestors"]] == ["505", "502"]
    assert (await server.admin("PUT", "/pages/501", {"space": "DOC", "parent_id": "505"}))[0] == 400
    assert (await server.admin("PUT", "/pages/501", {"space": "NOPE"}))[0] == 400
