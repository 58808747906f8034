"""An issue's JSON to a Document: description, solution, every comment with its own link. No network in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.atlassian import Deployment, Json
from connectors.documents import AccessRule, Document, DocumentKind, Listed, Section, SectionKind
from connectors.jira_comments import is_public
from connectors.jira_fields import CustomField, field_text
from connectors.jira_solutions import Remark, ending, linked_changes, solving_remark
from connectors.markup.adf import adf_to_markdown
from connectors.markup.wiki import wiki_to_markdown
from connectors.times import parse_time

#: What a search must ask for; the comments of an issue are all in ``fields.comment.comments``.
FIELDS = (
    *("summary", "description", "environment", "status", "resolution", "resolutiondate", "issuetype"),
    *("priority", "project", "labels", "components", "versions", "fixVersions", "security", "comment"),
    *("reporter", "creator", "assignee", "created", "updated"),
    *("attachment", "issuelinks", "parent", "subtasks", "issuerestriction"),
)
_COMMENT_TAB = "&page=com.atlassian.jira.plugin.system.issuetabpanels:comment-tabpanel"
_PEOPLE = ("reporter", "creator", "assignee")
#: Links to changes that a solution names at most, beside those in its comment.
_MOST_CHANGES = 4

#: The rules of a comment beside its ticket's; None: it is left out.
CommentRules = Callable[[Json], tuple[AccessRule, ...] | None]


def _public_only(comment: Json) -> tuple[AccessRule, ...] | None:
    return () if is_public(comment) else None


def issue_part(updated: datetime | None) -> str | None:
    """The version of an issue: milliseconds, the same in whatever time zone the account is."""
    return f"issue:{round(updated.timestamp() * 1000)}" if updated else None


def issue_url(site_url: str, key: str) -> str:
    """Where people open a ticket."""
    return f"{site_url}/browse/{key}"


def issue_document(
    issue: Json,
    *,
    source: str,
    site_url: str,
    deployment: Deployment,
    access_rules: tuple[AccessRule, ...],
    custom: Sequence[CustomField] = (),
    comment_rules: CommentRules = _public_only,
    attachments: tuple[Listed, ...] = (),
) -> Document:
    """Convert an issue of REST v2 (wiki markup) or v3 (ADF).

    Args:
        custom: the fields to read beside :data:`FIELDS`.
        comment_rules: who reads a comment beside the ticket's readers; as it stands, what is for some is left out.
    """
    fields = issue["fields"]
    url = issue_url(site_url, issue["key"])
    ruled = [(comment, comment_rules(comment)) for comment in _comments(fields)]
    comments = [(comment, rules) for comment, rules in ruled if rules is not None]
    names = _names(fields, [comment for comment, _ in comments])
    updated = parse_time(fields.get("updated"))
    part = issue_part(updated)
    public = [comment for comment, _ in comments if is_public(comment)]
    solution, solving = next(_solution(fields, public, names, url, deployment), (None, None))
    sections = [
        Section(kind=SectionKind.DESCRIPTION, text=_description(fields, names, custom), url=url),
        *_custom_sections(fields, names, custom, url),
        *([solution] if solution else ()),
        # The comment that is the solution stands there alone: the same text twice would crowd others out.
        *(
            _comment_section(comment, rules, names, url, deployment)
            for comment, rules in comments
            if comment is not solving
        ),
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
        author=display_name(fields.get("reporter") or fields.get("creator")),
        created=parse_time(fields.get("created")),
        updated=updated,
        status=" · ".join(filter(None, (_named(fields.get("status")), _named(fields.get("resolution")))))
        or None,
        labels=tuple(fields.get("labels") or ()),
        parts=frozenset({part} if part else ()),
        attachments=attachments,
    )


def _description(fields: Json, names: dict[str, str], custom: Sequence[CustomField]) -> str:
    """The description, the environment, and in one line what else the ticket says about itself."""
    environment = _text(fields.get("environment"), names)
    parts = [
        _text(fields.get("description"), names),
        f"**Environment:** {environment}" if environment else "",
        " · ".join([*_facts(fields), *_custom_facts(fields, names, custom)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(fields: Json) -> Iterator[str]:
    """The ticket's other fields, in words that people search for."""
    for label, name in (("Type", "issuetype"), ("Priority", "priority"), ("Status", "status")):
        if _named(fields.get(name)):
            yield f"{label}: {_named(fields.get(name))}"
    lists = (("Components", "components"), ("Affects", "versions"), ("Fixed in", "fixVersions"))
    for label, name in lists:
        values = [_named(value) for value in fields.get(name) or ()]
        if any(values):
            yield f"{label}: {', '.join(filter(None, values))}"
    if fields.get("labels"):
        yield f"Labels: {', '.join(fields['labels'])}"
    yield from _relations(fields)


def _relations(fields: Json) -> Iterator[str]:
    """Other tickets by key alone: who may read this ticket may not be allowed to read what those are about."""
    links = list(filter(None, map(_link, fields.get("issuelinks") or ())))
    if links:
        yield f"Links: {', '.join(links)}"
    parent = fields.get("parent")
    if isinstance(parent, dict) and parent.get("key"):
        yield f"Parent: {parent['key']}"
    subtasks = [str(task["key"]) for task in fields.get("subtasks") or () if task.get("key")]
    if subtasks:
        yield f"Sub-tasks: {', '.join(subtasks)}"


def _link(link: Json) -> str | None:
    for direction in ("outward", "inward"):
        other = link.get(f"{direction}Issue")
        if isinstance(other, dict) and other.get("key"):
            return f"{(link.get('type') or {}).get(direction) or 'relates to'} {other['key']}"
    return None


def _custom_facts(fields: Json, names: dict[str, str], custom: Sequence[CustomField]) -> Iterator[str]:
    for field in custom:
        text = field_text(fields.get(field.id), names, is_markup=field.is_markup)
        if text and "\n" not in text:
            yield f"{field.label}: {text}"


def _custom_sections(
    fields: Json, names: dict[str, str], custom: Sequence[CustomField], url: str
) -> Iterator[Section]:
    """Fields of more than one line, each under its name."""
    for field in custom:
        text = field_text(fields.get(field.id), names, is_markup=field.is_markup)
        if "\n" in text:
            yield Section(kind=SectionKind.SECTION, text=text, url=url, heading_path=(field.label,))


def _solution(
    fields: Json, comments: Sequence[Json], names: dict[str, str], url: str, deployment: Deployment
) -> Iterator[tuple[Section, Json | None]]:
    """How a resolved ticket ended, with the comment that most likely says how or why, and that comment."""
    resolution = _named(fields.get("resolution"))
    if not resolution:
        return
    resolved = parse_time(fields.get("resolutiondate"))
    remarks = [_remark(comment, names) for comment in comments]
    remark = solving_remark(
        remarks, resolution=resolution, resolved=resolved, assignee=_identity(fields.get("assignee"))
    )
    line = ending(
        resolution,
        resolved=resolved,
        versions=[name for name in map(_named, fields.get("fixVersions") or ()) if name],
        duplicates=list(filter(None, map(_original, fields.get("issuelinks") or ()))),
    )
    changes = [
        link
        for link in linked_changes(each.text for each in remarks)
        if not remark or link not in remark.text
    ]
    if changes:
        line += f" Changes: {' '.join(changes[:_MOST_CHANGES])}"
    if remark is None:
        yield Section(kind=SectionKind.SOLUTION, text=line, url=url, created=resolved), None
        return
    author = display_name(remark.comment.get("author"))
    section = Section(
        kind=SectionKind.SOLUTION,
        text=f"{line} {author or 'Somebody'} wrote:\n\n{remark.text}",
        url=_comment_url(url, remark.comment, deployment),
        author=author,
        created=remark.created,
    )
    yield section, remark.comment


def _remark(comment: Json, names: dict[str, str]) -> Remark:
    return Remark(
        comment=comment,
        text=_text(comment.get("body"), names),
        author=_identity(comment.get("author")),
        created=parse_time(comment.get("created")),
    )


def _original(link: Json) -> str | None:
    """The key of the ticket that this one repeats."""
    other = link.get("outwardIssue")
    says = str((link.get("type") or {}).get("outward") or "").lower()
    return (
        str(other["key"]) if isinstance(other, dict) and other.get("key") and "duplicates" in says else None
    )


def _comment_section(
    comment: Json,
    rules: tuple[AccessRule, ...],
    names: dict[str, str],
    url: str,
    deployment: Deployment,
) -> Section:
    return Section(
        kind=SectionKind.COMMENT,
        text=_text(comment.get("body"), names),
        url=_comment_url(url, comment, deployment),
        author=display_name(comment.get("author")),
        created=parse_time(comment.get("created")),
        access_rules=rules,
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


def _text(body: Any, names: Mapping[str, str]) -> str:
    if isinstance(body, str):
        return wiki_to_markdown(body, names.get)
    return adf_to_markdown(body) if body else ""


def _names(fields: Json, comments: Sequence[Json]) -> dict[str, str]:
    """What mentions call the people of this ticket -> their names."""
    people = [fields.get(role) for role in _PEOPLE] + [comment.get("author") for comment in comments]
    names: dict[str, str] = {}
    for person in people:
        name = display_name(person)
        if person and name:
            names |= {str(person[key]): name for key in ("name", "key", "accountId") if person.get(key)}
    return names


def _identity(person: Json | None) -> str | None:
    return (person.get("accountId") or person.get("key") or person.get("name")) if person else None


def display_name(person: Json | None) -> str | None:
    """What a person is called."""
    return (person.get("displayName") or person.get("name")) if person else None


def _named(value: Json | None) -> str | None:
    return value.get("name") if isinstance(value, dict) else None
