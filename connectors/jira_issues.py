"""An issue's JSON to a Document: description, solution, every comment with its own link. No network in here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from connectors.atlassian import Deployment, Json
from connectors.documents import AccessRule, Document, DocumentKind, Section, SectionKind
from connectors.markup.adf import adf_to_markdown
from connectors.markup.wiki import wiki_to_markdown
from connectors.times import parse_time

#: What a search must ask for; the comments of an issue are all in ``fields.comment.comments``.
FIELDS = (
    *(
        "summary",
        "description",
        "environment",
        "status",
        "resolution",
        "resolutiondate",
        "issuetype",
        "priority",
    ),
    *(
        "project",
        "labels",
        "components",
        "versions",
        "fixVersions",
        "security",
        "comment",
    ),
    *("reporter", "creator", "assignee", "created", "updated"),
)
_COMMENT_TAB = "&page=com.atlassian.jira.plugin.system.issuetabpanels:comment-tabpanel"
_PEOPLE = ("reporter", "creator", "assignee")


def issue_document(
    issue: Json, *, source: str, site_url: str, deployment: Deployment, access_rules: tuple[AccessRule, ...]
) -> Document:
    """Convert an issue of REST v2 (wiki markup) or v3 (ADF). Comments that only some may read are left out."""
    fields = issue["fields"]
    url = f"{site_url}/browse/{issue['key']}"
    names = _names(fields)
    comments = [comment for comment in _comments(fields) if is_public(comment)]
    sections = [
        Section(kind=SectionKind.DESCRIPTION, text=_description(fields, names), url=url),
        *_solution(fields, comments, names, url, deployment),
        *(_comment_section(comment, names, _comment_url(url, comment, deployment)) for comment in comments),
    ]
    return Document(
        source=source,
        id=str(issue["id"]),
        external_id=issue["key"],
        kind=DocumentKind.TICKET,
        title=fields.get("summary") or issue["key"],
        url=url,
        place=(fields.get("project") or {}).get("name") or issue["key"].rpartition("-")[0],
        sections=tuple(section for section in sections if section.text.strip()),
        access_rules=access_rules,
        author=_display_name(fields.get("reporter") or fields.get("creator")),
        created=parse_time(fields.get("created")),
        updated=parse_time(fields.get("updated")),
        status=" · ".join(filter(None, (_named(fields.get("status")), _named(fields.get("resolution")))))
        or None,
        labels=tuple(fields.get("labels") or ()),
    )


def is_public(comment: Json) -> bool:
    """Whether everybody who sees the issue sees the comment: no role or group alone, no internal note."""
    return not comment.get("visibility") and comment.get("jsdPublic") is not False


def _description(fields: Json, names: dict[str, str]) -> str:
    """The description, the environment, and in one line what else the ticket says about itself."""
    environment = _text(fields.get("environment"), names)
    parts = [
        _text(fields.get("description"), names),
        f"**Environment:** {environment}" if environment else "",
        " · ".join(_facts(fields)),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(fields: Json) -> Iterator[str]:
    """The ticket's other fields, in words that people search for.

    Not its links, parent and sub-tasks: who may read this ticket may not be allowed to know of those.
    """
    for label, name in (("Type", "issuetype"), ("Priority", "priority")):
        if _named(fields.get(name)):
            yield f"{label}: {_named(fields.get(name))}"
    lists = (("Components", "components"), ("Affects", "versions"), ("Fixed in", "fixVersions"))
    for label, name in lists:
        values = [_named(value) for value in fields.get(name) or ()]
        if any(values):
            yield f"{label}: {', '.join(filter(None, values))}"
    if fields.get("labels"):
        yield f"Labels: {', '.join(fields['labels'])}"


def _solution(
    fields: Json, comments: Sequence[Json], names: dict[str, str], url: str, deployment: Deployment
) -> Iterator[Section]:
    """How a resolved ticket ended, with the comment that most likely says why: the assignee's last one before."""
    resolution = _named(fields.get("resolution"))
    if not resolution:
        return
    resolved = parse_time(fields.get("resolutiondate"))
    versions = [name for name in map(_named, fields.get("fixVersions") or ()) if name]
    line = f"Resolution: {resolution}"
    line += f", fixed in {', '.join(versions)}" if versions else ""
    line += f", resolved {resolved:%Y-%m-%d}" if resolved else ""
    comment = _fixing_comment(fields, comments, resolved)
    if comment is None:
        yield Section(kind=SectionKind.SOLUTION, text=line + ".", url=url, created=resolved)
        return
    author = _display_name(comment.get("author"))
    quoted = _text(comment.get("body"), names)
    yield Section(
        kind=SectionKind.SOLUTION,
        text=f"{line}. {author} wrote:\n\n{quoted}",
        url=_comment_url(url, comment, deployment),
        author=author,
        created=parse_time(comment.get("created")),
    )


def _fixing_comment(fields: Json, comments: Sequence[Json], resolved: datetime | None) -> Json | None:
    assignee = _identity(fields.get("assignee"))
    if not assignee or resolved is None:
        return None
    written = [
        comment
        for comment in comments
        if _identity(comment.get("author")) == assignee
        and comment.get("body")
        and (created := parse_time(comment.get("created"))) is not None
        and created <= resolved
    ]
    return written[-1] if written else None


def _comment_section(comment: Json, names: dict[str, str], url: str) -> Section:
    return Section(
        kind=SectionKind.COMMENT,
        text=_text(comment.get("body"), names),
        url=url,
        author=_display_name(comment.get("author")),
        created=parse_time(comment.get("created")),
    )


def _comment_url(url: str, comment: Json, deployment: Deployment) -> str:
    """Data Center shows the comment only where the tab of comments is named."""
    focused = f"{url}?focusedCommentId={comment['id']}"
    return (
        f"{focused}{_COMMENT_TAB}#comment-{comment['id']}" if deployment is Deployment.DATACENTER else focused
    )


def _comments(fields: Json) -> list[Json]:
    comments: list[Json] = (fields.get("comment") or {}).get("comments") or []
    return comments


def _text(body: Any, names: dict[str, str]) -> str:
    if isinstance(body, str):
        return wiki_to_markdown(body, names.get)
    return adf_to_markdown(body) if body else ""


def _names(fields: Json) -> dict[str, str]:
    """What mentions call the people of this ticket -> their names."""
    people = [fields.get(role) for role in _PEOPLE] + [comment.get("author") for comment in _comments(fields)]
    names: dict[str, str] = {}
    for person in people:
        name = _display_name(person)
        if person and name:
            names |= {str(person[key]): name for key in ("name", "key", "accountId") if person.get(key)}
    return names


def _identity(person: Json | None) -> str | None:
    return (person.get("accountId") or person.get("key") or person.get("name")) if person else None


def _display_name(person: Json | None) -> str | None:
    return (person.get("displayName") or person.get("name")) if person else None


def _named(value: Json | None) -> str | None:
    return value.get("name") if isinstance(value, dict) else None
