"""What stays closed while a site changes, lags or answers in part: nobody sees more than the site shows them."""

from __future__ import annotations

from typing import Any

from connectors.documents import Listed


def listed(running: Any) -> dict[str, Any]:
    """The rules that the listing tells, by id."""
    return {each.id: each.access_rules for each in running.jira().listing()}


def search_path(running: Any) -> str:
    """Where searches are answered."""
    return "/search/jql" if running.deployment == "cloud" else "api/2/search"


def test_a_level_that_cannot_be_understood_closes_its_ticket(running: Any) -> None:
    """It does not fall back to whoever browses the project."""
    project = {"id": "10", "key": "OPS", "name": "Operations"}
    row = {"id": "1003", "key": "OPS-3", "fields": {"project": project, "security": "board"}}
    row["fields"]["issuerestriction"] = "some"
    answer = {"issues": [row], "total": 1, "isLast": True}
    running.fault(path=search_path(running), status=200, times=1, body=answer)
    rules = listed(running)
    assert rules["1003"] == ()
    assert [rule.name for rule in rules["1001"]] == ["project:10"]


def test_where_neither_search_nor_field_tells_of_levels_the_known_rules_stay(running: Any) -> None:
    """A listing that knows of no level must not say that there is none."""
    project = {"id": "10", "key": "OPS", "name": "Operations"}
    row = {"id": "1003", "key": "OPS-3", "fields": {"project": project}}
    levels = {"errorMessages": ["Field 'level' does not exist or you do not have permission to view it."]}
    running.fault(path=search_path(running), status=400, times=1, body=levels)
    answer = {"issues": [row], "total": 1, "isLast": True}
    running.fault(path=search_path(running), status=200, times=1, body=answer)
    assert list(running.jira().listing()) == [Listed(id="1003")]
