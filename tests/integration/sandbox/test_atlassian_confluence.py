from __future__ import annotations

import pytest


async def all_by_cursor(server, path, **params):
    """Follow `_links.next` and check that the Link header says the same."""
    results, url = [], server.url + path
    while url:
        async with server.session.get(url, headers=server.headers, params=params) as response:
            data = await response.json()
            assert response.status == 200, data
            following = data["_links"].get("next")
            assert ("next" in response.links) is (following is not None)
        results += data["results"]
        url, params = (server.url + following if following else None), {}
    return results


async def test_cloud_lists_the_pages_of_a_space_to_the_end(serve):
    server = await serve("cloud")
    spaces = await all_by_cursor(server, "/wiki/api/v2/spaces", limit=1)
    assert [space["key"] for space in spaces] == ["DOC", "OPS"]
    pages = await all_by_cursor(
        server, "/wiki/api/v2/pages", **{"space-id": spaces[0]["id"], "body-format": "storage", "limit": 1}
    )
    assert [page["id"] for page in pages] == ["501", "502", "503", "504"]
    assert pages[1]["parentId"] == "501"
    assert pages[0]["body"]["storage"]["value"].startswith("<h2>")
    assert pages[0]["version"]["number"] == 3


async def test_cloud_page_details_come_from_their_own_resources(serve):
    server = await serve("cloud")
    _, ancestors = await server.get("/wiki/api/v2/pages/503/ancestors")
    assert [each["id"] for each in ancestors["results"]] == ["501", "502"]
    _, labels = await server.get("/wiki/api/v2/pages/501/labels")
    assert [label["name"] for label in labels["results"]] == ["guide"]
    _, comments = await server.get("/wiki/api/v2/pages/501/footer-comments", **{"body-format": "storage"})
    assert comments["results"][0]["body"]["storage"]["value"] == "<p>Thanks</p>"
    _, inline = await server.get("/wiki/api/v2/pages/501/inline-comments")
    assert inline["results"] == []
    _, attachments = await server.get("/wiki/api/v2/pages/501/attachments")
    assert attachments["results"][0]["fileSize"] == 8
    _, posts = await server.get("/wiki/api/v2/blogposts")
    assert [post["id"] for post in posts["results"]] == ["506"]
    async with server.session.get(
        server.url + "/wiki" + attachments["results"][0]["downloadLink"], headers=server.headers
    ) as response:
        assert await response.read() == b"the plan"


CQL = [
    ('type in (page, blogpost) and lastmodified >= "2024-02-05 10:30"', {"505", "506"}),
    ('type = page and lastmodified < "2024-02-02 10:30"', {"501"}),
    ("type = page and space = OPS", {"505"}),
    ("id in (501, 503)", {"501", "503"}),
    ("ancestor = 501 and type = page", {"502", "503"}),
    ('title ~ "page 4"', {"504"}),
    ('text ~ "valve turns" and type = page and not space = DOC', {"505"}),
    ("type in (comment, attachment)", {"7001", "att9001"}),
    ("label = guide and (id = 501 or id = 502)", {"501", "502"}),
]


@pytest.mark.parametrize(("cql", "ids"), CQL)
async def test_cql_finds_what_it_says_on_both_deployments_and_pages_to_the_end(serve, cql, ids):
    for deployment, root in (("cloud", "/wiki"), ("datacenter", "/confluence")):
        server = await serve(deployment)
        for resource in ("search", "content/search"):
            found, url, params = [], f"{server.url}{root}/rest/api/{resource}", {"cql": cql, "limit": 1}
            while url:
                async with server.session.get(url, headers=server.headers, params=params) as response:
                    data = await response.json()
                assert response.status == 200, data
                found += [result.get("content", result)["id"] for result in data["results"]]
                following = data["_links"].get("next")
                url, params = (data["_links"]["base"] + following if following else None), {}
            assert sorted(found) == sorted(ids), resource


@pytest.mark.parametrize("cql", ["", "colour = red", "type = nothing", "space = NOPE", "type ="])
async def test_cql_that_makes_no_sense_is_answered_400(serve, cql):
    server = await serve("cloud")
    status, data = await server.get("/wiki/rest/api/search", cql=cql)
    assert status == 400
    assert data["statusCode"] == 400


async def test_content_expands_as_asked(serve):
    server = await serve("datacenter")
    expand = (
        "body.storage,version,space,ancestors,metadata.labels,history,container,"
        "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
    )
    status, page = await server.get("/confluence/rest/api/content/503", expand=expand)
    assert status == 200
    assert page["body"]["storage"]["value"].startswith("<h2>")
    assert page["space"]["key"] == "DOC"
    assert [each["id"] for each in page["ancestors"]] == ["501", "502"]
    assert page["metadata"]["labels"]["results"][0]["name"] == "guide"
    readers = page["restrictions"]["read"]["restrictions"]
    assert [user["username"] for user in readers["user"]["results"]] == ["bo", "ada"]
    _, bare = await server.get("/confluence/rest/api/content/503")
    assert not {"body", "space", "ancestors", "restrictions"} & set(bare)


async def test_data_center_lists_content_by_offset_with_the_context_path_apart(serve):
    server = await serve("datacenter")
    _, first = await server.get("/confluence/rest/api/content", spaceKey="DOC", limit=3)
    assert first["_links"]["context"] == "/confluence"
    assert first["_links"]["next"].startswith("/rest/api/content?")
    async with server.session.get(
        first["_links"]["base"] + first["_links"]["next"], headers=server.headers
    ) as response:
        second = await response.json()
    ids = [page["id"] for page in first["results"] + second["results"]]
    assert ids == ["501", "502", "503", "504"]
    assert "next" not in second["_links"]
    _, spaces = await server.get("/confluence/rest/api/space")
    assert [space["key"] for space in spaces["results"]] == ["DOC", "OPS"]
    _, comments = await server.get("/confluence/rest/api/content/501/child/comment", expand="body.storage")
    assert comments["results"][0]["body"]["storage"]["value"] == "<p>Thanks</p>"
    _, files = await server.get("/confluence/rest/api/content/501/child/attachment")
    async with server.session.get(
        files["_links"]["base"] + files["results"][0]["_links"]["download"], headers=server.headers
    ) as response:
        assert await response.read() == b"the plan"


async def test_v1_spaces_are_gone_on_cloud_and_limits_are_capped(serve):
    server = await serve("cloud")
    status, _ = await server.get("/wiki/rest/api/space")
    assert status == 410
    _, data = await server.get("/wiki/rest/api/search", cql="type = page", limit=1000)
    assert data["limit"] == 100
    _, data = await server.get(
        "/wiki/rest/api/content/search", cql="type = page", limit=99, expand="body.storage"
    )
    assert data["limit"] == 50


async def test_missing_content_is_404_in_the_shape_of_each_version(serve):
    server = await serve("cloud")
    status, one = await server.get("/wiki/rest/api/content/999")
    assert (status, one["statusCode"]) == (404, 404)
    status, two = await server.get("/wiki/api/v2/pages/999")
    assert (status, two["errors"][0]["status"]) == (404, 404)
