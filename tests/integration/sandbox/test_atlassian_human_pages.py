from __future__ import annotations

from html import escape

import pytest
from yarl import URL


@pytest.mark.parametrize(
    ("deployment", "path", "anchor"),
    [
        ("cloud", "/wiki/spaces/DOC/pages/501/Page+1", "First-steps"),
        ("cloud", "/wiki/pages/viewpage.action?pageId=501", "First-steps"),
        ("datacenter", "/confluence/display/DOC/Page+1", "Page1-Firststeps"),
        ("datacenter", "/confluence/pages/viewpage.action?pageId=501", "Page1-Firststeps"),
    ],
)
async def test_a_page_opens_under_each_of_its_addresses_with_confluences_anchors(
    serve, deployment, path, anchor
):
    server = await serve(deployment)
    status, html = await server.page(path)
    assert status == 200
    assert f'<h2 id="{anchor}">First steps</h2>' in html
    assert 'id="comment-7001"' in html
    assert "plan.txt" in html


async def test_a_forbidden_page_looks_like_a_missing_one(serve):
    server = await serve("cloud")
    path = "/wiki/spaces/DOC/pages/502/Page+2"
    status, forbidden = await server.page(path, viewer="acc-bo")
    _, missing = await server.page("/wiki/spaces/DOC/pages/999/x", viewer="acc-bo")
    assert status == 404
    assert forbidden == missing
    assert "Page 2" not in forbidden
    assert (await server.page(path, viewer="ada@harbour.example"))[0] == 200
    assert (await server.page(path, viewer="ada%40harbour.example"))[
        0
    ] == 200  # as browsers' scripts write it
    assert (await server.page(path, viewer="stranger"))[0] == 404
    assert (await server.page(path))[0] == 200


async def test_a_breadcrumb_names_no_page_that_the_viewer_may_not_read(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/spaces/DOC/permissions", ["anyone"])
    _, html = await server.page("/wiki/spaces/DOC", viewer="acc-bo")
    assert "Page 1" in html
    assert "Page 2" not in html


@pytest.mark.parametrize(("deployment", "root"), [("cloud", ""), ("datacenter", "/jira")])
async def test_a_ticket_shows_its_fields_and_the_focused_comment(serve, deployment, root):
    server = await serve(deployment)
    status, html = await server.page(f"{root}/browse/ENG-8?focusedCommentId=90003")
    assert status == 200
    assert "<h2>Cause</h2>" in html
    assert "<strong>pump</strong>" in html
    assert '<section class="comment focused" id="comment-90003">' in html
    assert html.count("scrollIntoView") == 1
    assert (await server.page(f"{root}/browse/ENG-2", viewer="acc-bo"))[0] == 404
    assert (await server.page(f"{root}/browse/ENG-2", viewer="acc-ada"))[0] == 200


async def test_a_download_needs_the_pages_permission(serve):
    server = await serve("datacenter")
    path = "/confluence/download/attachments/501/plan.txt"
    assert await server.page(path, viewer="acc-bo") == (200, "the plan")
    await server.admin("PUT", "/spaces/DOC/permissions", ["group:guests"])
    assert (await server.page(path, viewer="acc-bo"))[0] == 404


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
@pytest.mark.parametrize("title", ["A/B & C?", "Straße 100% + <b>", '#1: what "now"'])
async def test_the_web_address_in_the_api_opens_the_page_whatever_its_title(serve, deployment, title):
    server = await serve(deployment)
    root = "/wiki" if deployment == "cloud" else "/confluence"
    await server.admin("PUT", "/pages/504", {"title": title})
    _, content = await server.get(root + "/rest/api/content/504")
    status, html = await server.page(URL(root + content["_links"]["webui"], encoded=True))
    assert status == 200
    assert f"<h1>{escape(title)}</h1>" in html
