"""A small site in which every kind of thing that the APIs show occurs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def write_company(folder: Path) -> Path:
    """Write the site folder: pages in a tree with all that hangs on them, tickets with levels, people, grants."""
    _write_lines(folder / "confluence" / "ENG.jsonl", PAGES)
    _write_lines(folder / "jira" / "OPS.jsonl", ISSUES)
    files = folder / "confluence" / "attachments" / "102"
    files.mkdir(parents=True)
    (files / "steps.md").write_text("Call the harbour master before noon.")
    (files / "photo.png").write_bytes(b"\x89PNG")
    stored = folder / "jira" / "attachments"
    stored.mkdir(parents=True)
    (stored / "7001").write_text("The lamp went out at dusk.")
    (folder / "site.json").write_text(json.dumps(SETTINGS))
    return folder


def _write_lines(path: Path, rows: list[Json]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)))


def _user(number: int, login: str, *groups: str, active: bool = True) -> Json:
    person = {"id": f"acc-{number}", "login": login, "name": login.title(), "email": f"{login}@acme.example"}
    return {**person, "groups": list(groups), "active": active}


def _page(number: int, title: str, storage: str, parent: int | None = None, **extra: Any) -> Json:
    dates = {"created": f"2024-01-{number - 90:02}T08:00:00.000Z", "updated": "2024-02-01T08:00:00.000Z"}
    place = {"id": str(number), "space": "ENG", "title": title, "parent_id": str(parent) if parent else None}
    return {**place, **dates, "version": 2, "author": "ann", "labels": ["lamp"], "storage": storage, **extra}


def _attachment(name: str, title: str, media_type: str) -> Json:
    made = {"author": "bo", "created": "2024-01-21T09:00:00.000Z"}
    return {"id": name, "title": title, "media_type": media_type, **made}


def _person(login: str) -> Json:
    return {"name": login, "key": login, "displayName": login.title(), "active": True}


def _comment(number: int, body: str, **extra: Any) -> Json:
    made = {"author": _person("bo"), "updateAuthor": _person("bo"), "created": "2024-03-05T10:00:00.000+0000"}
    return {"id": str(number), "body": body, "updated": "2024-03-05T10:00:00.000+0000", **made, **extra}


def _issue(number: int, summary: str, comments: list[Json], **fields: Any) -> Json:
    basic: Json = {
        "summary": summary,
        "project": {"id": "10", "key": "OPS", "name": "Operations"},
        "issuetype": {"id": "1", "name": "Bug", "subtask": False},
        "status": {"id": "6", "name": "Done", "statusCategory": {"id": 3, "key": "done", "name": "Done"}},
        "priority": {"id": "3", "name": "Major"},
        "reporter": _person("ann"),
        "creator": _person("ann"),
        "assignee": _person("bo"),
        "created": f"2024-03-0{number}T08:00:00.000+0000",
        "updated": "2024-03-20T08:00:00.000+0000",
        "labels": ["lamp"],
        "components": [{"id": "1", "name": "Lens"}],
        "comment": {"comments": comments, "total": len(comments), "maxResults": len(comments), "startAt": 0},
    }
    return {"id": str(1000 + number), "key": f"OPS-{number}", "fields": {**basic, **fields}}


SETTINGS: Json = {
    "users": [
        _user(1, "ann", "staff", "keepers"),
        _user(2, "bo", "staff"),
        _user(3, "cy", "staff", "board"),
        _user(4, "di", active=False),
    ],
    "groups": ["staff", "keepers", "board"],
    "space_permissions": {"ENG": ["group:staff", "user:acc-4"], "PUB": ["anyone"]},
    "page_restrictions": {"101": ["group:keepers", "user:acc-1", "user:acc-2", "user:acc-3"]},
    "page_update_restrictions": {"101": ["user:acc-1"]},
    "project_permissions": {
        "OPS": [
            "group:staff",
            "user:acc-4",
            "group:board",
            "role:Developers",
            "reporter",
            "lead",
            "applicationRole",
            "applicationRole:jira-software",
        ]
    },
    "project_roles": {"OPS": {"Developers": ["group:keepers", "user:acc-2"]}},
    "project_leads": {"OPS": "acc-1"},
    "application_roles": {"jira-software": ["group:staff"]},
    "issue_security": {"OPS-2": ["role:Developers", "lead"], "OPS-3": ["group:board", "user:acc-2"]},
    "spaces": {"ENG": "Engineering", "PUB": "Public"},
}

PAGES = [
    _page(100, "Lighthouse handbook", "<p>How we keep the light.</p>"),
    _page(101, "Lamp room", "<h2>Daily round</h2><p>Trim the wick.</p>", 100),
    _page(
        102,
        "Lens care & oil",
        '<p>Ask <ac:link><ri:user ri:account-id="acc-2"/></ac:link> for oil.</p>'
        '<p><ac:link><ri:user ri:userkey="2c9ffc00unknown"/></ac:link></p>'
        '<ac:structured-macro ac:name="include"><ac:parameter ac:name=""><ac:link>'
        '<ri:page ri:space-key="ENG" ri:content-title="Lamp room"/></ac:link></ac:parameter>'
        "</ac:structured-macro>",
        101,
        comments=[
            {
                "id": "900",
                "author": "bo",
                "created": "2024-01-20T09:00:00.000Z",
                "storage": "<p>Soft cloth.</p>",
            },
            {
                "id": "901",
                "author": "ann",
                "created": "2024-01-20T10:00:00.000Z",
                "updated": "2024-01-20T11:00:00.000Z",
                "version": 2,
                "parent_id": "900",
                "storage": "<p>A dry one.</p>",
            },
            {
                "id": "902",
                "author": "cy",
                "created": "2024-01-20T10:00:00.000Z",
                "storage": "<p>Which oil?</p>",
                "inline": {"originalSelection": "oil"},
                "resolved": True,
            },
            {
                "id": "903",
                "author": "ann",
                "created": "2024-01-20T11:00:00.000Z",
                "parent_id": "902",
                "storage": "<p>Linseed.</p>",
            },
        ],
        attachments=[
            _attachment("att1", "steps.md", "text/markdown"),
            _attachment("att3", "photo.png", "image/png"),
        ],
    ),
    _page(104, "Spring opening", "<p>Visitors are welcome.</p>", type="blogpost"),
    _page(106, "Old lamp", "<p>Out of use.</p>", status="archived"),
    _page(105, "Opening hours", "<p>From nine to five.</p>", space="PUB"),
]

ISSUES = [
    _issue(
        1,
        "Lamp flickers at dusk",
        [
            _comment(1, "The contact was loose; [~ann], I soldered it."),
            _comment(2, "The invoice.", visibility={"type": "role", "value": "Developers"}),
            _comment(3, "The board decides.", visibility={"type": "group", "value": "board"}),
            _comment(4, "An angry customer.", jsdPublic=False),
        ],
        description="The lamp flickers.\n\n{code:sh}\nmeter --volts\n{code}",
        resolution={"id": "1", "name": "Fixed"},
        resolutiondate="2024-03-08T10:00:00.000+0000",
        fixVersions=[{"id": "7", "name": "1.2"}],
        attachment=[
            {
                "id": "7001",
                "filename": "log.txt",
                "author": _person("bo"),
                "created": "2024-03-04T10:00:00.000+0000",
                "size": 26,
                "mimeType": "text/plain",
            }
        ],
    ),
    _issue(2, "Many opinions", [_comment(100 + n, f"Opinion number {n}.") for n in range(130)]),
    _issue(3, "Insurance case", [], description="Only for the board."),
]
