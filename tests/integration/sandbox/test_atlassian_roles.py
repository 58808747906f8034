"""Project roles, reporters and leads; limits of comments; what the clients' account is made not to see."""

from __future__ import annotations

import json

import pytest

from sandbox.atlassian import confluence_beans
from sandbox.errors import SiteError
from sandbox.site import load_site


async def may(server, user, **what):
    query = "&".join(f"{name}={value}" for name, value in what.items())
    status, data = await server.admin("GET", f"/may-read?user={user}&{query}")
    assert status == 200, data
    return data["may_read"]


async def test_roles_reporters_assignees_and_leads_may_be_readers(serve):
    server = await serve("cloud")
    for principals in (["role:Developers"], ["reporter"], ["assignee"], ["lead"], ["applicationRole"]):
        await server.admin("PUT", "/projects/HR/permissions", principals)
        await server.admin("PUT", "/projects/HR/roles/Developers", ["group:guests"])
        await server.admin("PUT", "/projects/HR/lead", {"user": "bo"})
        await server.admin("PUT", "/issues/HR-1", {"fields": {"assignee": "bo"}})
        readers = {
            user for user in ("ada", "bo", "cy", "dee") if await may(server, f"acc-{user}", issue="HR-1")
        }
        expected = {"role:Developers": {"cy"}, "reporter": {"ada"}, "applicationRole": {"ada", "bo", "cy"}}
        assert readers == expected.get(principals[0], {"bo"}), principals
    assert not await may(server, "stranger@x.example", issue="HR-1")


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_the_permission_scheme_shows_the_holders_as_they_are(serve, deployment):
    server = await serve(deployment)
    api = "/rest/api/2" if deployment == "cloud" else "/jira/rest/api/2"
    await server.admin("PUT", "/projects/HR/roles/Developers", ["group:ops", "user:acc-cy"])
    principals = ["role:Developers", "reporter", "lead", "group:staff", "applicationRole"]
    await server.admin("PUT", "/projects/HR/permissions", principals)
    _, scheme = await server.get(f"{api}/project/HR/permissionscheme", expand="all")
    holders = [each["holder"] for each in scheme["permissions"] if each["permission"] == "BROWSE_PROJECTS"]
    types = [holder["type"] for holder in holders]
    assert types == ["projectRole", "reporter", "projectLead", "group", "applicationRole"]
    _, role = await server.get(f"{api}/project/HR/role/{holders[0]['parameter']}")
    assert (role["name"], len(role["actors"])) == ("Developers", 2)
    _, elsewhere = await server.get(f"{api}/project/ENG/role/{holders[0]['parameter']}")
    assert elsewhere["actors"] == []
    _, users = await server.get(f"{api}/user/viewissue/search", issueKey="HR-1", username=".", query=".")
    assert {user["emailAddress"].partition("@")[0] for user in users} == {"ada", "bo", "cy"}


async def test_security_levels_may_name_roles_and_the_reporter(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/projects/ENG/roles/Developers", ["user:acc-bo"])
    await server.admin("PUT", "/issues/ENG-4/security", ["role:Developers", "reporter"])
    readers = {user for user in ("ada", "bo", "cy") if await may(server, f"acc-{user}", issue="ENG-4")}
    assert readers == {"ada", "bo"}
    _, issue = await server.get("/rest/api/3/issue/ENG-4", fields="security")
    _, members = await server.get(
        "/rest/api/3/issuesecurityschemes/level/member", levelId=issue["fields"]["security"]["id"]
    )
    assert sorted(each["holder"]["type"] for each in members["values"]) == ["projectRole", "reporter"]


async def test_the_oracle_answers_for_comments_and_attachments_of_both_products(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/projects/ENG/roles/Developers", ["user:acc-cy"])
    limited = {"body": "x", "visibility": {"type": "role", "value": "Developers"}}
    _, comment = await server.admin("POST", "/issues/ENG-1/comments", limited)
    for where in ({}, {"issue": "ENG-1"}):
        assert await may(server, "acc-cy", comment=comment["id"], **where)
        assert not await may(server, "acc-bo", comment=comment["id"], **where)
    await server.admin("PUT", f"/issues/ENG-1/comments/{comment['id']}", {"visibility": None})
    assert await may(server, "acc-bo", comment=comment["id"])
    await server.admin("PUT", f"/issues/ENG-1/comments/{comment['id']}", {"jsdPublic": False})
    assert await may(server, "acc-bo", comment=comment["id"])
    await server.admin("PUT", "/projects/ENG/roles/Service Desk Team", ["group:ops"])
    assert not await may(server, "acc-bo", comment=comment["id"])
    _, file = await server.admin("POST", "/issues/ENG-2/attachments", {"filename": "f", "text": "x"})
    assert await may(server, "acc-ada", attachment=file["id"])
    assert not await may(server, "acc-cy", attachment=file["id"])
    assert await may(server, "acc-cy", comment="7001")
    assert await may(server, "acc-cy", attachment="att9001")
    await server.admin("PUT", "/pages/501/restrictions", ["group:ops"])
    assert not await may(server, "acc-cy", comment="7001")
    assert not await may(server, "acc-cy", attachment="att9001")
    assert (await server.admin("GET", "/may-read?user=acc-cy&comment=0"))[0] == 404


async def test_the_folder_may_say_roles_leads_and_application_roles(serve, site_folder):
    settings = json.loads((site_folder / "site.json").read_text())
    settings["project_roles"] = {"HR": {"Developers": ["group:guests"]}}
    settings["project_leads"] = {"HR": "acc-bo"}
    settings["application_roles"] = {"jira-software": ["group:staff"]}
    settings["project_permissions"]["HR"] = ["role:Developers", "lead"]
    settings["project_permissions"]["ENG"] = ["applicationRole:jira-software"]
    settings["issue_security"]["ENG-2"] = ["reporter"]
    settings["page_update_restrictions"] = {"504": ["group:ops"]}
    (site_folder / "site.json").write_text(json.dumps(settings))
    server = await serve("cloud")
    assert [await may(server, f"acc-{user}", issue="HR-1") for user in ("ada", "bo", "cy")] == [
        False,
        True,
        True,
    ]
    assert [await may(server, f"acc-{user}", issue="ENG-1") for user in ("bo", "cy")] == [True, False]
    assert not await may(server, "acc-bo", issue="ENG-2")
    assert await may(server, "acc-bo", page="504")
    _, roles = await server.get("/rest/api/3/applicationrole")
    assert [(role["key"], role["groups"]) for role in roles] == [("jira-software", ["staff"])]
    settings["space_permissions"]["DOC"] = ["role:Developers"]
    (site_folder / "site.json").write_text(json.dumps(settings))
    with pytest.raises(SiteError, match="space_permissions of DOC"):
        load_site(site_folder)


async def test_people_and_groups_change(serve):
    server = await serve("cloud")
    assert await may(server, "acc-bo", page="504")
    _, user = await server.admin("PUT", "/users/acc-bo", {"email": "bo@new.example"})
    assert user["email"] == "bo@new.example"
    _, found = await server.get("/rest/api/3/user/search", query="bo@new.example")
    assert [each["accountId"] for each in found] == ["acc-bo"]
    assert not await may(server, "bo@harbour.example", page="504")
    await server.admin("PUT", "/users/acc-bo", {"active": False})
    assert not await may(server, "acc-bo", page="504")
    await server.admin("PUT", "/users/acc-new", {"email": "new@new.example", "name": "New"})
    await server.admin("PUT", "/groups/staff/members", ["new@new.example"])
    assert await may(server, "new@new.example", page="504")
    await server.admin("DELETE", "/groups/staff")
    assert not await may(server, "new@new.example", page="504")
    assert (await server.admin("PUT", "/users/acc-bo", {"groups": []}))[0] == 400


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
async def test_what_the_account_may_not_see_is_not_listed_and_not_found(serve, deployment):
    server = await serve(deployment)
    wiki, jira = ("/wiki", "") if deployment == "cloud" else ("/confluence", "/jira")
    search = "/rest/api/3/search/jql" if deployment == "cloud" else "/jira/rest/api/2/search"

    async def pages():
        _, data = await server.get(f"{wiki}/rest/api/content/search", cql="type = page", limit=100)
        return {each["id"] for each in data["results"]}

    async def issues():
        _, data = await server.get(search, jql="created > 2000-01-01", fields="key", maxResults=100)
        return {each["key"] for each in data["issues"]}

    async def status(path):
        return (await server.get(path))[0]

    assert await pages() == {"501", "502", "503", "504", "505"}
    await server.admin("PUT", "/account", {"sees": "as:acc-cy"})
    assert await pages() == {"501", "504", "505"}
    assert await issues() == {f"ENG-{n}" for n in (1, 4, 5, 6, 7, 8)}
    assert await status(f"{wiki}/rest/api/content/502") == 404
    assert await status(f"{wiki}/rest/api/content/502/restriction/byOperation/read") == 404
    assert await status(f"{jira}/rest/api/2/issue/ENG-2") == 404
    assert await status(f"{jira}/rest/api/2/project/HR") == 404
    assert await status(f"{jira}/rest/api/2/issue/ENG-1") == 200
    hides = ["page:501", "space:OPS", "issue:ENG-1", "project:HR"]
    await server.admin("PUT", "/account", {"sees": "everything", "hides": hides})
    assert await pages() == {"504"}
    assert await issues() == {f"ENG-{n}" for n in range(2, 9)}
    spaces = "/wiki/api/v2/spaces" if deployment == "cloud" else "/confluence/rest/api/space"
    assert [each["key"] for each in (await server.get(spaces))[1]["results"]] == ["DOC"]
    await server.admin("PUT", "/account", {"sees": "everything"})
    assert len(await pages()) == 5
    assert (await server.admin("PUT", "/account", {"sees": "as:nobody"}))[0] == 400


async def test_long_restrictions_are_cut_where_they_are_expanded_and_paged_by_themselves(serve, monkeypatch):
    monkeypatch.setattr(confluence_beans, "RESTRICTIONS_IN_CONTENT", 2)
    server = await serve("cloud")
    people = ["user:acc-ada", "user:acc-bo", "user:acc-cy", "group:ops"]
    await server.admin("PUT", "/pages/504/restrictions", people)
    expand = "restrictions.read.restrictions.user,restrictions.read.restrictions.group"
    _, page = await server.get("/wiki/rest/api/content/504", expand=expand)
    users = page["restrictions"]["read"]["restrictions"]["user"]
    assert (users["size"], users["limit"], len(users["results"])) == (2, 2, 2)
    found, start = [], 0
    while True:
        path = "/wiki/rest/api/content/504/restriction/byOperation/read"
        _, data = await server.get(path, start=start, limit=2)
        users = data["restrictions"]["user"]["results"]
        found += [user["accountId"] for user in users]
        start += 2
        if len(users) < 2:
            break
    assert found == ["acc-ada", "acc-bo", "acc-cy"]


async def test_a_restriction_of_editing_limits_no_reader(serve):
    server = await serve("cloud")
    await server.admin("PUT", "/pages/504/restrictions?operation=update", ["group:ops"])
    assert await may(server, "acc-bo", page="504")
    _, both = await server.get("/wiki/rest/api/content/504/restriction/byOperation")
    assert both["read"]["restrictions"]["group"]["results"] == []
    assert [each["name"] for each in both["update"]["restrictions"]["group"]["results"]] == ["ops"]
    assert (await server.admin("PUT", "/pages/504/restrictions?operation=x", []))[0] == 400


async def test_a_hidden_address_is_neither_shown_nor_searched_on_cloud(serve):
    for deployment, api in (("cloud", "/rest/api/2"), ("datacenter", "/jira/rest/api/2")):
        server = await serve(deployment)
        await server.admin("PUT", "/users/acc-bo", {"email_hidden": True})
        _, members = await server.get(f"{api}/group/member", groupname="staff")
        shown = {user["displayName"]: user.get("emailAddress", "") for user in members["values"]}
        assert shown["Ada Reed"] == "ada@harbour.example"
        assert shown["Bo Reed"] == ("" if deployment == "cloud" else "bo@harbour.example")
        _, found = await server.get(f"{api}/user/search", query="bo@harbour", username="bo@harbour")
        assert len(found) == (0 if deployment == "cloud" else 1)
        _, users = await server.admin("GET", "/users")
        assert [(user["email"], user["groups"]) for user in users if user["login"] == "bo"] == [
            ("bo@harbour.example", ["staff"])
        ]


async def test_what_there_is_can_be_listed(serve):
    server = await serve("cloud")
    _, pages = await server.admin("GET", "/pages")
    assert sorted(page["id"] for page in pages) == [str(number) for number in range(501, 507)]
    _, issues = await server.admin("GET", "/issues")
    assert {"id": "20001", "key": "ENG-1"} in issues
