"""Tokens with scopes, OAuth with rotating refresh tokens, and the gateway that takes them."""

from __future__ import annotations

from base64 import b64encode

import pytest

EMAIL, SCOPED = "bot@harbour.example", "scoped-token"
CLIENT = {"secret": "hush", "scopes": ["read:jira-work"]}


def basic(token, email=EMAIL):
    return {"Authorization": "Basic " + b64encode(f"{email}:{token}".encode()).decode()}


async def call(server, path, headers, method="GET", **more):
    url = path if path.startswith("http") else server.url + path
    async with server.session.request(method, url, headers=headers, **more) as response:
        return response.status, await response.json()


async def gateway(server, product):
    _, tenant = await call(server, "/_edge/tenant_info", {})
    return f"/ex/{product}/{tenant['cloudId']}"


async def refresh(server, token, **more):
    given = {
        "grant_type": "refresh_token",
        "client_id": "app",
        "client_secret": "hush",
        "refresh_token": token,
    }
    return await call(server, "/oauth/token", {}, method="POST", json={**given, **more})


async def test_a_token_with_scopes_is_good_at_the_gateway_alone_and_for_its_scopes_alone(serve):
    server = await serve("cloud")
    jira, wiki = await gateway(server, "jira"), await gateway(server, "confluence") + "/wiki"
    await server.admin(
        "PUT", f"/auth/tokens/{SCOPED}", {"scopes": ["read:jira-work", "read:page:confluence"]}
    )
    assert (await call(server, "/rest/api/3/issue/ENG-1", basic(SCOPED)))[0] == 401
    status, issue = await call(server, f"{jira}/rest/api/3/issue/ENG-1", basic(SCOPED))
    assert (status, issue["key"]) == (200, "ENG-1")
    assert issue["self"].startswith(server.url + jira)
    status, page = await call(server, f"{wiki}/api/v2/pages/501", basic(SCOPED))
    assert (status, page["_links"]["base"]) == (200, f"{server.url}/wiki")
    mismatch = (401, {"code": 401, "message": "Unauthorized; scope does not match"})
    assert await call(server, f"{wiki}/api/v2/spaces", basic(SCOPED)) == mismatch
    assert await call(server, f"{wiki}/rest/api/search?cql=type=page", basic(SCOPED)) == mismatch
    assert await call(server, f"{jira}/rest/api/3/group/member?groupname=ops", basic(SCOPED)) == mismatch
    for wrong in (basic("s3cret"), basic(SCOPED, "else@x.example"), {}):
        status, error = await call(server, f"{jira}/rest/api/3/issue/ENG-1", wrong)
        assert (status, error["message"]) == (401, "Unauthorized")
    await server.admin("DELETE", f"/auth/tokens/{SCOPED}")
    assert (await call(server, f"{jira}/rest/api/3/issue/ENG-1", basic(SCOPED)))[0] == 401
    assert (await server.admin("DELETE", f"/auth/tokens/{SCOPED}"))[0] == 404


async def test_listings_through_the_gateway_link_to_paths_of_the_tenant(serve):
    server = await serve("cloud")
    wiki = await gateway(server, "confluence") + "/wiki"
    scopes = ["read:page:confluence", "search:confluence"]
    await server.admin("PUT", f"/auth/tokens/{SCOPED}", {"scopes": scopes})
    _, two = await call(server, f"{wiki}/api/v2/pages?limit=2", basic(SCOPED))
    assert two["_links"]["next"].startswith("/wiki/api/v2/pages?")
    _, one = await call(server, f"{wiki}/rest/api/content/search?cql=type=page&limit=2", basic(SCOPED))
    assert one["_links"]["next"].startswith("/rest/api/content/search?")


async def test_attachments_can_be_downloaded_through_the_gateway(serve):
    server = await serve("cloud")
    jira = await gateway(server, "jira")
    await server.admin("PUT", f"/auth/tokens/{SCOPED}", {"scopes": ["read:jira-work"]})
    await server.admin("POST", "/issues/ENG-1/attachments", {"filename": "f", "text": "bytes"})
    _, issue = await call(server, f"{jira}/rest/api/3/issue/ENG-1", basic(SCOPED))
    content = issue["fields"]["attachment"][0]["content"]
    assert content.startswith(server.url + jira)
    async with server.session.get(content, headers=basic(SCOPED)) as response:
        assert await response.read() == b"bytes"


async def test_refresh_tokens_rotate_and_a_spent_one_takes_the_whole_consent_with_it(serve):
    server = await serve("cloud")
    _, first = await server.admin("PUT", "/auth/clients/app", CLIENT)
    status, second = await refresh(server, first["refresh_token"])
    assert (status, second["token_type"], second["expires_in"]) == (200, "Bearer", 3600)
    assert second["refresh_token"] != first["refresh_token"]
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    path = await gateway(server, "jira") + "/rest/api/3/issue/ENG-1"
    assert (await call(server, path, headers))[0] == 200
    _, (site,) = await call(server, "/oauth/token/accessible-resources", headers)
    assert (site["url"], site["scopes"]) == (server.url, ["offline_access", "read:jira-work"])
    assert path.startswith(f"/ex/jira/{site['id']}/")
    status, error = await refresh(server, first["refresh_token"])
    assert (status, error["error"]) == (403, "invalid_grant")
    assert (await refresh(server, second["refresh_token"]))[0] == 403
    assert (await call(server, path, headers))[0] == 401


async def test_a_refresh_token_may_be_used_again_for_a_while_where_the_app_allows_it(serve):
    server = await serve("cloud")
    _, first = await server.admin("PUT", "/auth/clients/app", {**CLIENT, "reuse_seconds": 600})
    for _ in range(2):
        assert (await refresh(server, first["refresh_token"]))[0] == 200


async def test_access_tokens_expire_and_are_refused_elsewhere(serve):
    server = await serve("cloud")
    _, tokens = await server.admin("PUT", "/auth/clients/app", CLIENT)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    path = await gateway(server, "jira") + "/rest/api/3/issue/ENG-1"
    assert (await call(server, path, headers))[0] == 200
    assert (await call(server, "/rest/api/3/issue/ENG-1", headers))[0] == 401
    await server.admin("DELETE", "/auth/access-tokens")
    assert (await call(server, path, headers))[0] == 401
    assert (await refresh(server, tokens["refresh_token"]))[0] == 200
    _, short = await server.admin("PUT", "/auth/clients/app", {**CLIENT, "access_seconds": 0})
    assert (await call(server, path, {"Authorization": f"Bearer {short['access_token']}"}))[0] == 401


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"client_id": "other"}, 401, "access_denied"),
        ({"refresh_token": "nonsense"}, 403, "invalid_grant"),
        ({"grant_type": "password"}, 403, "unsupported_grant_type"),
    ],
)
async def test_the_token_endpoint_refuses_with_the_words_of_oauth(serve, change, status, error):
    server = await serve("cloud")
    _, tokens = await server.admin("PUT", "/auth/clients/app", CLIENT)
    answer = await refresh(server, tokens["refresh_token"], **change)
    assert (answer[0], answer[1]["error"]) == (status, error)


async def test_a_form_is_taken_as_well_and_a_consent_can_be_taken_back(serve):
    server = await serve("cloud")
    _, tokens = await server.admin("PUT", "/auth/clients/app", CLIENT)
    form = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "hush"}
    form["refresh_token"] = tokens["refresh_token"]
    status, second = await call(server, "/oauth/token", {}, method="POST", data=form)
    assert status == 200
    await server.admin("DELETE", "/auth/refresh-tokens")
    assert (await refresh(server, second["refresh_token"]))[0] == 403
    assert (await server.admin("PUT", "/auth/clients/app", {"scopes": []}))[0] == 400


async def test_data_center_shows_its_login_page_instead_of_a_file_without_credentials(serve):
    server = await serve("datacenter")
    _, made = await server.admin("POST", "/issues/ENG-1/attachments", {"filename": "f", "text": "bytes"})
    url = f"{server.url}/jira/secure/attachment/{made['id']}/f"
    async with server.session.get(url) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert b"bytes" not in await response.read()
    await server.admin("PUT", "/issues/ENG-1/security", ["group:ops"])
    for viewer, status in (("acc-ada", 200), ("acc-cy", 404)):
        async with server.session.get(url, headers={"Cookie": f"sandbox_user={viewer}"}) as response:
            assert response.status == status
    page_file = server.url + "/confluence/download/attachments/501/plan.txt"
    async with server.session.get(page_file, headers=basic("wrong")) as response:
        assert response.status == 401
    await server.admin("PUT", "/account", {"hides": ["page:501"]})
    async with server.session.get(page_file, headers=server.headers) as response:
        assert response.status == 404
    assert (await call(server, "/ex/jira/x/rest/api/3/myself", server.headers))[0] == 404
