"""The bundled sample company: a site folder and its judged questions hold together."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from html.entities import name2codepoint
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from sandbox.site_loading import load_site

COMPANY = Path(__file__).resolve().parents[3] / "sandbox" / "company"
NAMESPACES = {"ac": "urn:ac", "ri": "urn:ri"}
XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}


@dataclass(frozen=True, kw_only=True)
class Company:
    pages: dict[str, dict[str, Any]]
    issues: dict[str, dict[str, Any]]
    site: dict[str, Any]
    trees: dict[str, etree._Element]

    @property
    def logins(self) -> set[str]:
        return {user["login"] for user in self.site["users"]}


def read_lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (COMPANY / name).read_text("utf-8").splitlines()]


def read_table(name: str) -> list[list[str]]:
    """The rows of a tab-separated file without its header."""
    return [line.split("\t") for line in (COMPANY / name).read_text("utf-8").splitlines()[1:]]


def parse(storage: str) -> etree._Element:
    """Parse storage format strictly: entities become characters, ac: and ri: are declared around it."""
    resolved = re.sub(
        r"&(\w+);",
        lambda m: m[0] if m[1] in XML_ENTITIES else chr(name2codepoint[m[1]]),
        storage,
    )
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return etree.fromstring(f"<root {declared}>{resolved}</root>")


def attribute(element: etree._Element, name: str) -> str:
    prefix, _, local = name.partition(":")
    return str(element.get(f"{{{NAMESPACES[prefix]}}}{local}", ""))


@pytest.fixture(scope="module")
def company() -> Company:
    pages = [page for path in sorted(COMPANY.glob("confluence/*.jsonl")) for page in read_lines(str(path))]
    issues = [issue for path in sorted(COMPANY.glob("jira/*.jsonl")) for issue in read_lines(str(path))]
    assert len({page["id"] for page in pages}) == len(pages), "page ids repeat"
    assert len({issue["key"] for issue in issues}) == len(issues), "issue keys repeat"
    assert len({issue["id"] for issue in issues}) == len(issues), "issue ids repeat"
    return Company(
        pages={page["id"]: page for page in pages},
        issues={issue["key"]: issue for issue in issues},
        site=json.loads((COMPANY / "site.json").read_text("utf-8")),
        trees={page["id"]: parse(page["storage"]) for page in pages},
    )


def admitted(principals: list[str], user: dict[str, Any]) -> bool:
    own = {"anyone", f"user:{user['id']}", *(f"group:{name}" for name in user["groups"])}
    return user["active"] and not own.isdisjoint(principals)


def may_read(company: Company, email: str, document: str) -> bool:
    """Whether the person passes every rule of a page (space, ancestors, itself) or an issue (project, level)."""
    user = next(user for user in company.site["users"] if user["email"] == email)
    site = company.site
    if document in company.issues:
        rules = [site["project_permissions"][document.partition("-")[0]]]
        rules += [site["issue_security"][document]] if document in site["issue_security"] else []
        return all(admitted(rule, user) for rule in rules)
    page: dict[str, Any] | None = company.pages[document]
    rules = [site["space_permissions"][company.pages[document]["space"]]]
    while page is not None:
        rules += [site["page_restrictions"][page["id"]]] if page["id"] in site["page_restrictions"] else []
        page = company.pages.get(page["parent_id"] or "")
    return all(admitted(rule, user) for rule in rules)


def text_of(company: Company, document: str) -> str:
    """What a reader sees of a document: page with names of mentioned people and comments, or all fields of text."""
    if document in company.issues:
        fields = company.issues[document]["fields"]
        bodies = [comment["body"] for comment in fields["comment"]["comments"]]
        return "\n".join([fields["summary"], fields["description"] or "", *bodies])
    names = {user["id"]: user["name"] for user in company.site["users"]}
    page = company.pages[document]
    storage = "\n".join([page["storage"], *(comment["storage"] for comment in page.get("comments", []))])
    storage = re.sub(
        r'<ri:user ri:account-id="([^"]+)" />', lambda m: names[m[1]], storage.replace("<![CDATA[", "")
    )
    return html.unescape(re.sub(r"<[^>]+>", "", storage))


def people_of(issue: dict[str, Any]) -> set[str]:
    fields = issue["fields"]
    entries = [fields["creator"], fields["reporter"], fields["assignee"]]
    for comment in fields["comment"]["comments"]:
        entries += [comment["author"], comment["updateAuthor"]]
    return {entry["name"] for entry in entries if entry}


def test_the_company_has_the_promised_size(company: Company) -> None:
    assert len(company.pages) >= 42
    assert len(company.issues) >= 120
    assert {page["space"] for page in company.pages.values()} == {"ENG", "HB"}
    assert {key.partition("-")[0] for key in company.issues} == {"SHIP", "OPS"}
    assert 22 <= len(company.site["users"]) <= 30
    assert len(company.site["slack"]["users"]) >= 12
    assert sum(len(page.get("comments", [])) for page in company.pages.values()) >= 8
    assert sum(issue["fields"]["comment"]["total"] for issue in company.issues.values()) >= 200


def test_the_sandbox_loads_the_folder_whole(company: Company) -> None:
    site = load_site(COMPANY)
    assert set(site.pages) == set(company.pages)
    assert {issue.key for issue in site.issues.values()} == set(company.issues)
    assert {space.name for space in site.spaces.values()} == {"Engineering", "Company Handbook"}


def test_every_page_is_well_formed_and_long_enough_to_be_read(company: Company) -> None:
    for page in company.pages.values():
        words = len("".join(str(text) for text in company.trees[page["id"]].itertext()).split())
        assert 120 <= words <= 900, page["title"]
        for comment in page.get("comments", []):
            assert parse(comment["storage"]).findall("p")


def test_pages_use_the_macros_of_real_pages(company: Company) -> None:
    found = {
        attribute(macro, "ac:name")
        for tree in company.trees.values()
        for macro in tree.iter(f"{{{NAMESPACES['ac']}}}structured-macro")
    }
    wanted = (
        "code info note warning tip expand status excerpt include excerpt-include jira children toc anchor"
    )
    assert set(wanted.split()) <= found


def test_the_page_tree_has_three_levels_and_no_missing_parent(company: Company) -> None:
    depths = set()
    for page in company.pages.values():
        chain = [page]
        while chain[-1]["parent_id"] is not None:
            chain.append(company.pages[chain[-1]["parent_id"]])
            assert chain[-1]["space"] == page["space"]
            assert len(chain) < 10, f"the parents of {page['title']} run in a circle"
        depths.add(len(chain))
    assert depths >= {1, 2, 3}


def test_links_by_title_attachments_and_mentions_resolve(company: Company) -> None:
    titles = {page["title"] for page in company.pages.values()}
    people = {user["id"] for user in company.site["users"]}
    assert len(titles) == len(company.pages)
    for page_id, tree in company.trees.items():
        attached = {entry["title"] for entry in company.pages[page_id].get("attachments", [])}
        ri = f"{{{NAMESPACES['ri']}}}"
        assert {attribute(e, "ri:content-title") for e in tree.iter(f"{ri}page")} <= titles
        assert {attribute(e, "ri:account-id") for e in tree.iter(f"{ri}user")} <= people
        assert {attribute(e, "ri:filename") for e in tree.iter(f"{ri}attachment")} <= attached
        for parameter in tree.iter(f"{{{NAMESPACES['ac']}}}parameter"):
            if attribute(parameter, "ac:name") == "key":
                assert parameter.text in company.issues


def test_attachments_and_files_on_disk_are_the_same(company: Company) -> None:
    listed = {
        f"{page['id']}/{entry['title']}"
        for page in company.pages.values()
        for entry in page.get("attachments", [])
    }
    root = COMPANY / "confluence" / "attachments"
    assert listed == {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert len(listed) >= 6
    assert all((root / name).stat().st_size > 0 for name in listed)


def test_everybody_named_is_a_person_of_the_site(company: Company) -> None:
    for page in company.pages.values():
        entries = [page, *page.get("comments", []), *page.get("attachments", [])]
        assert {entry["author"] for entry in entries} <= company.logins
    for issue in company.issues.values():
        assert people_of(issue) <= company.logins, issue["key"]
        texts = " ".join(comment["body"] for comment in issue["fields"]["comment"]["comments"])
        assert set(re.findall(r"\[~([\w.]+)\]", texts)) <= company.logins


def test_people_can_read_the_tickets_that_they_wrote_in(company: Company) -> None:
    active = {user["login"]: user["email"] for user in company.site["users"] if user["active"]}
    for key, issue in company.issues.items():
        for login in people_of(issue) & set(active):
            assert may_read(company, active[login], key), (key, login)


def test_dates_are_in_order(company: Company) -> None:
    for page in company.pages.values():
        assert "2024-01" <= page["created"] <= page["updated"] < "2026-12", page["title"]
        assert all(page["created"] <= comment["created"] for comment in page.get("comments", []))
        assert all(page["created"] <= entry["created"] for entry in page.get("attachments", []))
    for key, issue in company.issues.items():
        fields = issue["fields"]
        comments = [comment["created"] for comment in fields["comment"]["comments"]]
        assert comments == sorted(comments), key
        assert all(fields["created"] <= moment <= fields["updated"] for moment in comments), key
        assert fields["created"] <= (fields["resolutiondate"] or fields["updated"]) <= fields["updated"], key


def test_resolutions_agree_with_the_status(company: Company) -> None:
    for key, issue in company.issues.items():
        done = issue["fields"]["status"]["statusCategory"]["key"] == "done"
        assert done == (issue["fields"]["resolution"] is not None), key
        assert done == (issue["fields"]["resolutiondate"] is not None), key


def test_issue_links_are_seen_from_both_ends(company: Company) -> None:
    ends: dict[str, list[str]] = {}
    for key, issue in company.issues.items():
        for link in issue["fields"]["issuelinks"]:
            other = link.get("outwardIssue") or link["inwardIssue"]
            ends.setdefault(link["id"], []).append(key)
            assert other["fields"]["summary"] == company.issues[other["key"]]["fields"]["summary"]
    assert ends
    assert all(len(set(keys)) == 2 for keys in ends.values())


def test_no_text_is_a_copy_of_another(company: Company) -> None:
    texts = [issue["fields"]["description"] for issue in company.issues.values()]
    texts += [c["body"] for i in company.issues.values() for c in i["fields"]["comment"]["comments"]]
    long_texts = [text for text in texts if text and len(text) > 40]
    assert len(set(long_texts)) == len(long_texts)


def test_rules_name_existing_documents_and_groups(company: Company) -> None:
    site = company.site
    assert set(site["page_restrictions"]) <= set(company.pages)
    assert len(site["page_restrictions"]) >= 4
    assert set(site["issue_security"]) <= set(company.issues)
    assert len(site["issue_security"]) >= 10
    known = {f"group:{name}" for name in site["groups"]} | {f"user:{user['id']}" for user in site["users"]}
    for name in ("space_permissions", "page_restrictions", "project_permissions", "issue_security"):
        assert all(set(principals) <= known for principals in site[name].values()), name
    assert all(set(user["groups"]) <= set(site["groups"]) for user in site["users"])


def test_slack_has_a_private_and_a_shared_channel_and_one_stranger(company: Company) -> None:
    slack = company.site["slack"]
    ids = {user["id"] for user in slack["users"]}
    assert all(set(channel["members"]) <= ids for channel in slack["channels"])
    assert len(slack["channels"]) == 5
    assert sum(channel.get("is_private", False) for channel in slack["channels"]) == 1
    assert sum(channel.get("is_ext_shared", False) for channel in slack["channels"]) == 1
    staff = {user["email"] for user in company.site["users"]}
    assert [user["name"] for user in slack["users"] if user["email"] not in staff] == ["petra.holm"]


def test_questions_are_judged_readable_and_their_answers_stand_in_the_documents(company: Company) -> None:
    judged: dict[str, list[str]] = {}
    for query, document, score in read_table("qrels/test.tsv"):
        assert score == "1"
        judged.setdefault(query, []).append(document)
    queries = read_lines("queries.jsonl")
    assert [query["_id"] for query in queries] == list(judged)
    assert len({query["text"] for query in queries}) == len(queries) == 60
    for entry in queries:
        documents = judged[entry["_id"]]
        assert all(may_read(company, entry["as"], document) for document in documents), entry
        texts = " ".join(text_of(company, document) for document in documents).casefold()
        assert entry["answer"].casefold() in texts, entry
    titles = {page["title"].casefold() for page in company.pages.values()}
    assert not titles & {query["text"].casefold() for query in queries}
    assert sum(len(documents) > 1 for documents in judged.values()) >= 20


def test_forbidden_documents_are_really_shut_for_the_named_person(company: Company) -> None:
    rows = read_table("forbidden.tsv")
    queries = {query["_id"] for query in read_lines("queries.jsonl")}
    assert len(rows) >= 12
    for query, email, document in rows:
        assert query in queries
        assert not may_read(company, email, document), (email, document)


def test_an_open_ticket_links_to_a_shut_one_that_a_question_asks_about(company: Company) -> None:
    """The title of a linked ticket is a leak that only such a pair finds."""
    linked = {
        (key, (link.get("outwardIssue") or link["inwardIssue"])["key"])
        for key, issue in company.issues.items()
        for link in issue["fields"]["issuelinks"]
    }
    shown = {
        (query, email, document)
        for query, email, document in read_table("forbidden.tsv")
        for key, other in linked
        if other == document in company.site["issue_security"] and may_read(company, email, key)
    }
    assert shown


def test_a_shut_out_person_finds_the_answer_nowhere_else(company: Company) -> None:
    queries = {query["_id"]: query for query in read_lines("queries.jsonl")}
    gold = [(query, document) for query, document, _ in read_table("qrels/test.tsv")]
    texts = {
        document: text_of(company, document).casefold() for document in [*company.pages, *company.issues]
    }
    checked = 0
    for query, email in {(query, email) for query, email, _ in read_table("forbidden.tsv")}:
        if any(may_read(company, email, document) for other, document in gold if other == query):
            continue
        answer = queries[query]["answer"].casefold()
        leaks = [d for d, text in texts.items() if answer in text and may_read(company, email, d)]
        assert not leaks, (query, email, leaks)
        checked += 1
    assert checked >= 12


def test_followups_expect_existing_documents_and_unanswerable_questions_are_ten(company: Company) -> None:
    followups = read_lines("followups.jsonl")
    assert len(followups) == 10
    for entry in followups:
        assert len(entry["turns"]) == 2
        assert entry["expect"] in company.issues or entry["expect"] in company.pages
    assert len({entry["text"] for entry in read_lines("unanswerable.jsonl")}) == 10
