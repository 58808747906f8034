from __future__ import annotations

import json

import pytest

EMAIL = "bot@harbour.example"


async def all_by_token(server, jql, **more):
    issues, params = [], {"jql": jql, **more}
    while True:
        status, data = await server.get("/rest/api/3/search/jql", **params)
        assert status == 200, data
        issues += data["issues"]
        if data["isLast"]:
            assert "nextPageToken" not in data
            return issues
        params["nextPageToken"] = data["nextPageToken"]


async def test_cloud_search_pages_to_the_end_in_the_asked_order(serve):
    server = await serve("cloud")
    issues = await all_by_token(server, "project = ENG order by updated desc", fields="key", maxResults=3)
    assert [issue["key"] for issue in issues] == [f"ENG-{n}" for n in range(8, 0, -1)]


async def test_cloud_search_gives_ids_alone_unless_fields_are_asked_for(serve):
    server = await serve("cloud")
    _, data = await server.get("/rest/api/3/search/jql", jql="key = ENG-1")
    assert data["issues"] == [{"id": "20001"}]
    _, data = await server.post("/rest/api/3/search/jql", {"jql": "key = ENG-1", "fields": ["summary"]})
    assert data["issues"][0]["fields"] == {"summary": "Ticket 1"}


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("", "Unbounded"),
        ("order by updated", "Unbounded"),
        ("colour = red", "does not exist"),
        ("project = NOPE", "does not exist"),
        ("updated >= 'soon'", "Date value"),
        ("project = ENG and", "ends too early"),
        ("assignee = currentUser()", "not supported"),
    ],
)
async def test_queries_that_cloud_refuses_are_answered_400_with_a_reason(serve, jql, words):
    server = await serve("cloud")
    status, data = await server.get("/rest/api/3/search/jql", jql=jql)
    assert status == 400
    assert words in data["errorMessages"][0]


async def test_a_page_token_of_another_query_is_refused(serve):
    server = await serve("cloud")
    _, data = await server.get("/rest/api/3/search/jql", jql="project = ENG", maxResults=2)
    status, _ = await server.get(
        "/rest/api/3/search/jql", jql="project = HR", nextPageToken=data["nextPageToken"]
    )
    assert status == 400


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ('updated >= "2024-03-07 09:00" and project = ENG', {"ENG-7", "ENG-8"}),
        ('updated > "2024-03-07 09:00" and project = ENG', {"ENG-8"}),
        ("updated >= 1709802000000 and project = ENG", {"ENG-7", "ENG-8"}),
        ("key in (ENG-1, ENG-2) or project = HR", {"ENG-1", "ENG-2", "HR-1"}),
        ("not project = ENG", {"HR-1"}),
        ("project in (ENG, HR) and (key = ENG-4 or id = 20501)", {"ENG-4", "HR-1"}),
        ('text ~ "pump stuck" and summary ~ "Ticket 5"', {"ENG-5"}),
        ("status = Open and labels = pump and key != HR-1 and key = ENG-6", {"ENG-6"}),
        ("assignee is empty and project = HR", {"HR-1"}),
        ("reporter = ada@harbour.example and project = HR", {"HR-1"}),
    ],
)
async def test_jql_finds_what_it_says(serve, jql, keys):
    server = await serve("cloud")
    issues = await all_by_token(server, jql, fields="key")
    assert {issue["key"] for issue in issues} == keys


async def test_cloud_shows_adf_and_account_ids_and_v2_shows_wiki_markup(serve):
    server = await serve("cloud")
    _, three = await server.get("/rest/api/3/issue/ENG-1")
    _, two = await server.get("/rest/api/2/issue/ENG-1")
    assert three["fields"]["description"]["content"][0]["type"] == "heading"
    mention = three["fields"]["description"]["content"][1]["content"][3]
    assert mention == {"type": "mention", "attrs": {"id": "acc-ada", "text": "@Ada Reed"}}
    assert two["fields"]["description"].startswith("h2. Cause")
    reporter = three["fields"]["reporter"]
    assert reporter["accountId"] == "acc-ada"
    assert not {"name", "key"} & set(reporter)


async def test_an_issue_on_cloud_holds_the_newest_hundred_comments_and_the_rest_is_paged(serve):
    server = await serve("cloud")
    _, issue = await server.get("/rest/api/3/issue/ENG-8", fields="comment")
    field = issue["fields"]["comment"]
    assert (field["total"], len(field["comments"]), field["comments"][-1]["id"]) == (130, 100, "90129")
    found: list[str] = []
    while True:
        _, page = await server.get("/rest/api/3/issue/ENG-8/comment", startAt=len(found), maxResults=1000)
        assert len(page["comments"]) <= 100
        found += [comment["id"] for comment in page["comments"]]
        if len(found) >= page["total"]:
            break
    assert found == [str(90000 + n) for n in range(130)]


async def test_bulk_fetch_returns_what_exists_in_order_and_takes_nothing_missing_for_an_error(serve):
    server = await serve("cloud")
    status, data = await server.post(
        "/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": ["20002", "ENG-1", "ENG-99"], "fields": ["summary"]}
    )
    assert status == 200
    assert [issue["key"] for issue in data["issues"]] == ["ENG-1", "ENG-2"]
    assert data["issueErrors"] == []
    status, _ = await server.post("/rest/api/3/issue/bulkfetch", {"issueIdsOrKeys": ["ENG-1"] * 101})
    assert status == 400


async def test_data_center_pages_by_offset_and_keeps_wiki_markup_and_user_names(serve):
    server = await serve("datacenter")
    keys, total = [], 1
    while len(keys) < total:
        status, data = await server.get(
            "/jira/rest/api/2/search", jql="project = ENG order by key asc", startAt=len(keys), maxResults=3
        )
        assert status == 200
        total = data["total"]
        keys += [issue["key"] for issue in data["issues"]]
    assert keys == [f"ENG-{n}" for n in range(1, 9)]
    _, issue = await server.get("/jira/rest/api/2/issue/ENG-8", expand="renderedFields")
    assert issue["fields"]["description"].startswith("h2. Cause")
    assert issue["fields"]["reporter"]["name"] == "ada"
    assert "accountId" not in issue["fields"]["reporter"]
    assert len(issue["fields"]["comment"]["comments"]) == 130
    assert "<h2>Cause</h2>" in issue["renderedFields"]["description"]
    _, data = await server.get("/jira/rest/api/2/search", jql="")
    assert data["total"] == 9


async def test_data_center_leaves_out_what_is_gone_where_the_query_is_not_to_be_validated(serve):
    """`id in (...)` is wrong with an id that does not exist, unless `validateQuery=false`."""
    server = await serve("datacenter")
    jql = "id in (20001, 999999) and project in (ENG, NOPE)"
    status, data = await server.get("/jira/rest/api/2/search", jql=jql)
    assert status == 400
    status, data = await server.get("/jira/rest/api/2/search", jql=jql, validateQuery="false")
    assert (status, [issue["id"] for issue in data["issues"]]) == (200, ["20001"])


async def test_the_old_search_is_gone_on_cloud(serve):
    server = await serve("cloud")
    for version in "23":
        status, data = await server.get(f"/rest/api/{version}/search", jql="project = ENG")
        assert status == 410
        assert data["errorMessages"]


async def test_users_are_found_by_mail_and_groups_list_their_active_members(serve):
    server = await serve("cloud")
    _, users = await server.get("/rest/api/3/user/search", query="bo@harbour.example")
    assert [user["accountId"] for user in users] == ["acc-bo"]
    _, groups = await server.get("/rest/api/3/user/groups", accountId="acc-ada")
    assert [group["name"] for group in groups] == ["staff", "ops"]
    members, start = [], 0
    while True:
        _, page = await server.get("/rest/api/3/group/member", groupname="staff", startAt=start, maxResults=1)
        members += [user["accountId"] for user in page["values"]]
        start += 1
        if page["isLast"]:
            break
    assert members == ["acc-ada", "acc-bo"]
    status, _ = await server.get("/rest/api/3/group/member", groupname="nobody")
    assert status == 404


async def test_missing_things_are_404_in_jiras_shape(serve):
    server = await serve("cloud")
    for path in ("/rest/api/3/issue/ENG-99", "/rest/api/3/project/NOPE", "/rest/api/3/nothing"):
        status, data = await server.get(path)
        assert status == 404
        assert set(data) == {"errorMessages", "errors"}


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_wrong_or_missing_credentials_are_401(serve, deployment):
    server = await serve(deployment)
    jira, wiki = ("", "/wiki") if deployment == "cloud" else ("/jira", "/confluence")
    wrong = [{}, {"Authorization": "Bearer nope"}, {"Authorization": "Basic Ym90Ondyb25n"}]
    wrong += [{"Authorization": "Basic !"}, {"Authorization": "Digest x"}]
    for headers in wrong:
        for path in (f"{jira}/rest/api/2/myself", f"{wiki}/rest/api/user/current"):
            async with server.session.get(server.url + path, headers=headers) as response:
                assert response.status == 401
                assert "message" in await response.json()
    status, _ = await server.get(f"{jira}/rest/api/2/myself")
    assert status == 200


async def test_dates_in_queries_are_read_in_the_zone_of_the_accounts_profile(serve, site_folder):
    settings = json.loads((site_folder / "site.json").read_text())
    bot = {"id": "acc-bot", "login": "bot", "name": "Bot", "email": EMAIL, "time_zone": "America/New_York"}
    settings["users"].append(bot)
    (site_folder / "site.json").write_text(json.dumps(settings))
    server = await serve("cloud")
    _, myself = await server.get("/rest/api/3/myself")
    assert myself["timeZone"] == "America/New_York"
    # ENG-7 changed at 09:00 UTC, which is 04:00 there
    assert await keys_of(server, 'project = ENG and updated >= "2024-03-07 04:00"') == ["ENG-8", "ENG-7"]
    assert await keys_of(server, 'project = ENG and updated >= "2024-03-07 04:01"') == ["ENG-8"]


async def keys_of(server, jql):
    return [issue["key"] for issue in await all_by_token(server, jql + " order by key desc", fields="key")]
