"""What people do rarely to a wiki: threads that lose their head, moves into other spaces, spaces with new names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectors.documents import Document, Section, SectionKind, Unreadable
from sandbox import site_changes


def read(connector: Any, ids: Iterable[str]) -> dict[str, Document]:
    """These documents by id; every one must be readable."""
    found = list(connector.documents(list(ids)))
    assert not [each for each in found if isinstance(each, Unreadable)]
    return {each.id: each for each in found}


def comments(document: Document) -> list[str]:
    """The texts of the comments of a page in their order."""
    return [section.text for section in _comments(document)]


def _comments(document: Document) -> list[Section]:
    return [section for section in document.sections if section.kind is SectionKind.COMMENT]


def in_step(connector: Any) -> dict[str, Document]:
    """All documents; what the listing tells of each is what its document tells."""
    listed = {each.id: each for each in connector.listing()}
    documents = read(connector, listed)
    for number, each in listed.items():
        found = documents[number]
        assert (each.parts, each.access_rules) == (found.parts, found.access_rules)
    return documents


def parts(connector: Any) -> dict[str, Any]:
    """The versions of all pages."""
    return {each.id: each.parts for each in connector.listing()}


def differing(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """What a sweep reads again."""
    return {number for number in before if before[number] != after.get(number)}


def rule_names(document: Document | Section) -> list[str]:
    """The rules of a page, or of a text in it."""
    return [rule.name for rule in document.access_rules]


def test_replies_outlive_the_comment_that_they_reply_to(running: Any) -> None:
    """Their place changes without a version of theirs; the missing comment tells."""
    site, page, connector = running.site, running.site.pages["102"], running.confluence()
    reply = site_changes.add_page_comment(site, page, {"storage": "<p>Where?</p>", "parent_id": "900"})
    site_changes.add_page_comment(site, page, {"storage": "<p>Shelf two.</p>", "parent_id": reply.id})
    before = parts(connector)
    site_changes.delete_page_comment(site, page, "900")
    assert differing(before, parts(connector)) == {"102"}
    assert comments(in_step(connector)["102"]) == ["Where?", "Shelf two."]
    site_changes.delete_page_comment(site, page, reply.id)
    assert comments(in_step(connector)["102"]) == ["Shelf two."]


def test_a_reply_to_a_resolved_discussion_is_read(running: Any) -> None:
    """It is a change of the page, and stands below what was resolved; reopening is told by the parts."""
    site, page, connector = running.site, running.site.pages["100"], running.confluence()
    inline = {"storage": "<p>Who is we?</p>", "inline": {"originalSelection": "How we keep"}}
    root = site_changes.add_page_comment(site, page, inline)
    site_changes.update_page_comment(site, page, root.id, {"resolved": True})
    since = datetime.now(UTC)
    reply = site_changes.add_page_comment(
        site, page, {"storage": "<p>The crew.</p>", "parent_id": root.id, "author": "bo.kim"}
    )
    told = {(change.id, change.part) for change in connector.changes(since)}
    assert ("100", f"comment:{reply.id}:1") in told
    found = in_step(connector)["100"]
    assert comments(found) == ["On “How we keep” (resolved): Who is we?", "The crew."]
    assert {f"comment:{root.id}:1:resolved", f"comment:{reply.id}:1"} < found.parts
    before = parts(connector)
    site_changes.update_page_comment(site, page, root.id, {"resolved": False})
    assert differing(before, parts(connector)) == {"100"}


def test_files_of_a_blog_post_are_read_as_those_of_a_page(running: Any) -> None:
    """With the post's rules and place; a removed one is gone."""
    site, connector, since = running.site, running.confluence(), datetime.now(UTC)
    post = site.pages["104"]
    file = site_changes.add_attachment(
        site, post, {"title": "menu.txt", "text": "Soup.", "media_type": "text/plain"}
    )
    assert {change.id for change in connector.changes(since)} == {"104"}
    found = in_step(connector)["104"]
    [listed] = found.attachments
    document = read(connector, [listed.id])[listed.id]
    assert (listed.id, document.parent_id) == (f"104/{file.id}", "104")
    assert (document.sections[0].text, document.parts) == ("Soup.", listed.parts)
    assert document.access_rules == found.access_rules
    assert document.path == ("Spring opening",)
    assert document.url.startswith(found.url)
    site_changes.delete_attachment(site, post, file.id)
    assert read(connector, [listed.id]) == {}
    assert in_step(connector)["104"].attachments == ()


def test_a_page_below_a_restricted_page_of_another_space_has_its_rules(running: Any) -> None:
    """And so have the pages below it, and the files; the old space's rule is theirs no more."""
    site, connector = running.site, running.confluence()
    site.space_permissions["HR"] = ("group:board",)
    shut = site_changes.create_page(site, {"space": "HR", "title": "Pay", "storage": "<p>Much.</p>"})
    site_changes.set_restriction(site, shut, ("user:acc-1",))
    before, old = parts(connector), read(connector, ["102/att1"])["102/att1"]
    site_changes.update_page(site, site.pages["102"], {"parent_id": shut.id})
    assert differing(before, parts(connector)) == {"102", "103"}
    found = in_step(connector)
    above = [f"space:{site.spaces['HR'].id}", f"page:{shut.id}"]
    assert rule_names(found["102"]) == above
    assert rule_names(found["103"]) == [*above, "page:103"]
    file = read(connector, ["102/att1"])["102/att1"]
    assert rule_names(file) == above
    assert file.parts != old.parts
    assert [rule.principals for rule in found["102"].access_rules][1] is not None
    site_changes.update_page(site, site.pages["102"], {"parent_id": None, "space": "ENG"})
    assert rule_names(in_step(connector)["103"]) == [f"space:{site.spaces['ENG'].id}", "page:103"]


def test_a_page_tells_what_is_above_it(running: Any) -> None:
    """By id, the top first, from the search and by id alike: closing one of these closes the page."""
    site, connector = running.site, running.confluence()
    assert [read(connector, [each])[each].ancestors for each in ("100", "103")] == [(), ("100", "101", "102")]
    running.fault(path="content/search.*103", status=200, times=1, body={"results": [], "_links": {}})
    assert read(running.confluence(), ["103"])["103"].ancestors == ("100", "101", "102")
    site_changes.update_page(site, site.pages["103"], {"parent_id": "100"})
    assert read(connector, ["103"])["103"].ancestors == ("100",)


def test_a_personal_space_is_a_space_like_others(running: Any) -> None:
    """Its pages link to it, are taken in by its key, and are read when all spaces are."""
    site = running.site
    site.space_permissions["~ann.lee"] = ("user:acc-1",)
    own = site_changes.create_page(
        site, {"space": "~ann.lee", "title": "Notes", "storage": "<p>Own notes.</p>"}
    )
    macro = (
        '<ac:structured-macro ac:name="include"><ac:parameter ac:name="">'
        '<ri:page ri:space-key="~ann.lee" ri:content-title="Notes"/></ac:parameter></ac:structured-macro>'
    )
    site_changes.update_page(site, site.pages["100"], {"storage": macro})
    connector = running.confluence()
    found, name = in_step(connector), f"space:{site.spaces['~ann.lee'].id}"
    assert (found[own.id].handle, rule_names(found[own.id])) == ("~ann.lee:notes", [name])
    if running.deployment == "cloud":
        assert f"/spaces/~ann.lee/pages/{own.id}/" in found[own.id].url
    [section] = [each for each in found["100"].sections if each.included_id == own.id]
    assert (section.text, rule_names(section)) == ("Own notes.", [name])
    readers = connector.rule(name).principals
    assert len(readers) == 1
    assert own.id not in {each.id for each in running.confluence(spaces=("ENG",)).listing()}


def test_a_space_with_a_new_name_is_read_again(running: Any) -> None:
    """The name is part of every page's place, and nothing else tells of it."""
    site, connector = running.site, running.confluence()
    other = site_changes.create_page(site, {"space": "HR", "title": "Pay", "storage": "<p>Much.</p>"})
    before, old = parts(connector), read(connector, ["102/att1"])["102/att1"]
    site.spaces["ENG"] = replace(site.spaces["ENG"], name="Keepers")
    site.changed()
    assert differing(before, parts(connector)) == before.keys() - {other.id}
    assert {each.place for number, each in in_step(connector).items() if number != other.id} == {"Keepers"}
    file = read(connector, ["102/att1"])["102/att1"]
    assert (old.place, file.place) == ("Engineering", "Keepers")
    assert file.parts != old.parts
