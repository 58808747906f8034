"""What people do to a site: one random edit after another, through the same functions as the sandbox's admin API."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from sandbox import site_permission_changes as permissions
from sandbox import site_ticket_changes as tickets
from sandbox import site_wiki_changes as wiki
from sandbox.errors import ChangeError
from sandbox.site import Site
from sandbox.site_records import IssueRow, PageRow

SPACES, PROJECTS, GROUPS = ("ENG", "OPS"), ("KIT", "OAR"), ("staff", "crew", "board")
WORDS = "harbour lamp wick oil lens keeper tide storm signal rope anchor buoy chart log".split()

Edit = Callable[[Site, random.Random], None]


def edit(site: Site, choose: random.Random) -> str:
    """One random change; returns its name. A change that this site does not allow is none."""
    change = choose.choice(EDITS)
    try:
        change(site, choose)
    except (ChangeError, IndexError):
        return f"{change.__name__} (refused)"
    return change.__name__


def settle(site: Site, choose: random.Random) -> None:
    """What there is before the first read: a dozen pages, a dozen tickets, and what people did to them."""
    for create in (*[create_page] * 12, *[create_issue] * 12):
        create(site, choose)
    for _ in range(30):
        edit(site, choose)


def words(choose: random.Random, count: int = 6) -> str:
    return " ".join(choose.choices(WORDS, k=count))


def storage(site: Site, choose: random.Random) -> str:
    """A body; some take in another page's text, some mention people."""
    parts = [f"<p>{words(choose)}</p>", f"<h2>{words(choose, 2)}</h2><p>{words(choose, 12)}</p>"]
    titles = sorted({page.title for page in site.pages.values()})
    if titles and choose.random() < 0.25:
        space = f' ri:space-key="{choose.choice(SPACES)}"' if choose.random() < 0.7 else ""
        title = choose.choice([*titles, "A page that comes later"])
        parts.append(
            f'<ac:structured-macro ac:name="include"><ac:parameter ac:name=""><ac:link><ri:page{space} '
            f'ri:content-title="{title}"/></ac:link></ac:parameter></ac:structured-macro>'
        )
    if choose.random() < 0.2:
        parts.append('<p>Ask <ac:link><ri:user ri:account-id="acc-2"/></ac:link>.</p>')
    return "".join(parts)


def readers(choose: random.Random) -> tuple[str, ...]:
    return tuple(
        choose.sample(
            [*(f"group:{group}" for group in GROUPS), "user:acc-1", "user:acc-4"], choose.randint(1, 2)
        )
    )


def _page(site: Site, choose: random.Random, *statuses: str) -> PageRow:
    return choose.choice([page for page in site.pages.values() if page.status in (statuses or ("current",))])


def _issue(site: Site, choose: random.Random) -> IssueRow:
    return choose.choice(list(site.issues.values()))


def create_page(site: Site, choose: random.Random) -> None:
    space = choose.choice(SPACES)
    pages = [page for page in site.pages.values() if page.kind == "page" and page.status == "current"]
    parents = [page.id for page in pages if page.space == space]
    title = "A page that comes later" if choose.random() < 0.1 else f"{words(choose, 3)} {len(site.pages)}"
    page: dict[str, Any] = {"space": space, "title": title, "storage": storage(site, choose)}
    if parents and choose.random() < 0.7:
        page["parent_id"] = choose.choice(parents)
    wiki.create_page(site, page | {"labels": choose.sample(WORDS, 1)})


def write_blog_post(site: Site, choose: random.Random) -> None:
    post = {"space": choose.choice(SPACES), "title": f"News {len(site.pages)}", "type": "blogpost"}
    wiki.create_page(site, post | {"storage": storage(site, choose)})


def edit_page(site: Site, choose: random.Random) -> None:
    wiki.update_page(site, _page(site, choose), {"storage": storage(site, choose)})


def rename_page(site: Site, choose: random.Random) -> None:
    wiki.update_page(site, _page(site, choose), {"title": f"{words(choose, 2)} {choose.randint(0, 999)}"})


def move_page(site: Site, choose: random.Random) -> None:
    # A blog post has no place in the tree.
    pages = [page for page in site.pages.values() if page.kind == "page" and page.status == "current"]
    page, parent = choose.choice(pages), choose.choice(pages)
    wiki.update_page(site, page, {"space": parent.space, "parent_id": parent.id})


def label_page(site: Site, choose: random.Random) -> None:
    wiki.update_page(site, _page(site, choose), {"labels": choose.sample(WORDS, choose.randint(0, 2))})


def delete_page(site: Site, choose: random.Random) -> None:
    wiki.delete_page(site, _page(site, choose), purge=choose.random() < 0.4)


def archive_page(site: Site, choose: random.Random) -> None:
    wiki.set_page_status(site, _page(site, choose), "archived")


def bring_page_back(site: Site, choose: random.Random) -> None:
    wiki.set_page_status(site, _page(site, choose, "archived", "trashed"), "current")


def restrict_page(site: Site, choose: random.Random) -> None:
    wiki.set_restriction(site, _page(site, choose), readers(choose))


def open_page(site: Site, choose: random.Random) -> None:
    wiki.set_restriction(site, _page(site, choose), ())


def comment_on_page(site: Site, choose: random.Random) -> None:
    page = _page(site, choose)
    comment: dict[str, Any] = {"storage": f"<p>{words(choose)}</p>", "author": "ann.lee"}
    if page.comments and choose.random() < 0.4:
        comment["parent_id"] = choose.choice(page.comments).id
    elif choose.random() < 0.5:
        comment["inline"] = {"originalSelection": words(choose, 2)}
    wiki.add_page_comment(site, page, comment)


def edit_page_comment(site: Site, choose: random.Random) -> None:
    page = choose.choice([page for page in site.pages.values() if page.comments and page.status == "current"])
    change = {"resolved": True} if choose.random() < 0.3 else {"storage": f"<p>{words(choose)}</p>"}
    wiki.update_page_comment(site, page, choose.choice(page.comments).id, change)


def delete_page_comment(site: Site, choose: random.Random) -> None:
    page = choose.choice([page for page in site.pages.values() if page.comments and page.status == "current"])
    wiki.delete_page_comment(site, page, choose.choice(page.comments).id)


def attach_to_page(site: Site, choose: random.Random) -> None:
    name = f"{choose.choice(WORDS)}.txt"
    wiki.add_attachment(
        site, _page(site, choose), {"title": name, "text": words(choose), "media_type": "text/plain"}
    )


def remove_from_page(site: Site, choose: random.Random) -> None:
    page = choose.choice(
        [page for page in site.pages.values() if page.attachments and page.status == "current"]
    )
    wiki.delete_attachment(site, page, choose.choice(page.attachments).id)


def create_issue(site: Site, choose: random.Random) -> None:
    fields = {"summary": words(choose, 4), "description": f"h2. {words(choose, 2)}\n{words(choose, 10)}"}
    tickets.create_issue(site, {"project": choose.choice(PROJECTS), "fields": fields})


def edit_issue(site: Site, choose: random.Random) -> None:
    fields: Sequence[tuple[str, Any]] = (
        ("summary", words(choose, 4)),
        ("description", words(choose, 9)),
        ("status", choose.choice(["To Do", "Done"])),
        ("labels", choose.sample(WORDS, 2)),
    )
    tickets.update_issue(site, _issue(site, choose), dict([choose.choice(fields)]))


def move_issue(site: Site, choose: random.Random) -> None:
    issue = _issue(site, choose)
    tickets.move_issue(site, issue, next(key for key in PROJECTS if key != issue.project))


def delete_issue(site: Site, choose: random.Random) -> None:
    tickets.delete_issue(site, _issue(site, choose))


def comment_on_issue(site: Site, choose: random.Random) -> None:
    comment: dict[str, Any] = {"body": words(choose), "author": "ann.lee"}
    if choose.random() < 0.3:
        comment["visibility"] = {"type": "group", "value": choose.choice(GROUPS)}
    tickets.add_issue_comment(site, _issue(site, choose), comment)


def delete_issue_comment(site: Site, choose: random.Random) -> None:
    issue = _issue(site, choose)
    comments = issue.document()["fields"]["comment"]["comments"]
    tickets.delete_issue_comment(site, issue, str(choose.choice(comments)["id"]))


def attach_to_issue(site: Site, choose: random.Random) -> None:
    file = {"filename": f"{choose.choice(WORDS)}.log", "text": words(choose), "mimeType": "text/plain"}
    tickets.add_issue_attachment(site, _issue(site, choose), file)


def remove_from_issue(site: Site, choose: random.Random) -> None:
    issue = choose.choice([issue for issue in site.issues.values() if issue.attachment_ids])
    tickets.delete_issue_attachment(site, issue, choose.choice(sorted(issue.attachment_ids)))


def secure_issue(site: Site, choose: random.Random) -> None:
    tickets.set_security(site, _issue(site, choose), readers(choose) if choose.random() < 0.7 else ())


def permit_space(site: Site, choose: random.Random) -> None:
    permissions.set_space_permissions(site, choose.choice(SPACES), readers(choose))


def permit_project(site: Site, choose: random.Random) -> None:
    allowed = (*readers(choose), "role:Developers") if choose.random() < 0.5 else readers(choose)
    permissions.set_project_permissions(site, choose.choice(PROJECTS), allowed)


def fill_role(site: Site, choose: random.Random) -> None:
    permissions.set_project_role(site, choose.choice(PROJECTS), "Developers", readers(choose))


def regroup(site: Site, choose: random.Random) -> None:
    """All stay in the first group: who is in none has no account of the product, and is told by no list."""
    people = ["acc-1", "acc-2", "acc-3", "acc-4"]
    permissions.set_members(site, choose.choice(GROUPS[1:]), choose.sample(people, choose.randint(1, 3)))


EDITS: tuple[Edit, ...] = (
    *(create_page, write_blog_post, edit_page, edit_page, rename_page, move_page, label_page),
    *(delete_page, archive_page, bring_page_back, restrict_page, restrict_page, open_page),
    *(
        comment_on_page,
        comment_on_page,
        edit_page_comment,
        delete_page_comment,
        attach_to_page,
        remove_from_page,
    ),
    *(create_issue, edit_issue, edit_issue, move_issue, delete_issue, comment_on_issue, delete_issue_comment),
    *(attach_to_issue, remove_from_issue, secure_issue, permit_space, permit_project, fill_role, regroup),
)
