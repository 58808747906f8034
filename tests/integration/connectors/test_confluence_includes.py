"""Pages that take in the text of others, and what of it belongs to whom."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.documents import Document, Section, Unreadable
from connectors.errors import UnexpectedAnswerError
from sandbox import site_changes


def macro(kind: str, title: str, *, space: str = "", **parameters: str) -> str:
    """A macro that takes in a page by its title."""
    key = f' ri:space-key="{space}"' if space else ""
    target = f'<ac:parameter ac:name=""><ac:link><ri:page{key} ri:content-title="{title}"/></ac:link></ac:parameter>'
    others = "".join(
        f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items()
    )
    return f'<ac:structured-macro ac:name="{kind}">{target}{others}</ac:structured-macro>'


def excerpt(text: str, name: str = "") -> str:
    """An excerpt macro."""
    named = f'<ac:parameter ac:name="name">{name}</ac:parameter>' if name else ""
    return (
        f'<ac:structured-macro ac:name="excerpt">{named}<ac:rich-text-body><p>{text}</p>'
        "</ac:rich-text-body></ac:structured-macro>"
    )


def page(running: Any, storage: str, title: str = "Digest", space: str = "ENG") -> str:
    """A new page and its id."""
    found = site_changes.create_page(running.site, {"space": space, "title": title, "storage": storage})
    return str(found.id)


def read(connector: Any, number: str) -> Document:
    """One document."""
    [document] = connector.documents([number])
    assert isinstance(document, Document)
    return document


def included(document: Document) -> list[Section]:
    """What is taken in."""
    return [section for section in document.sections if section.included_id]


def test_an_included_page_keeps_its_own_rules_and_links(running: Any) -> None:
    """Its text stands under its title, for those who may read it where it stands."""
    number = page(running, f"<p>Own words.</p>{macro('include', 'Fog signal secrets')}")
    connector = running.confluence()
    document, secret = read(connector, number), read(connector, "103")
    [section] = included(document)
    assert (section.text, section.included_id) == ("The horn code.", "103")
    assert section.heading_path == ("Fog signal secrets",)
    assert section.url == secret.url
    assert section.access_rules == secret.access_rules
    assert [rule.name for rule in section.access_rules] == [
        f"space:{running.site.spaces['ENG'].id}",
        "page:101",
        "page:103",
    ]
    assert [rule.name for rule in document.access_rules] == [f"space:{running.site.spaces['ENG'].id}"]
    assert document.includes == ("ENG:fog signal secrets",) == (secret.handle,)
    assert not document.sections[0].access_rules
    assert "horn" not in "".join(s.text for s in document.sections if not s.included_id)


def test_an_included_heading_leads_to_its_own_page(running: Any) -> None:
    """The path starts with the included page's title."""
    document = read(running.confluence(), page(running, macro("include", "Lamp room")))
    paths = [section.heading_path for section in included(document)]
    assert paths == [("Lamp room", "Daily round"), ("Lamp room", "Daily round")]
    assert included(document)[1].url == read(running.confluence(), "101").sections[1].url


def test_a_page_of_another_space_is_found_by_its_key(running: Any) -> None:
    """And not one of the same title in the page's own space; nor one in a space that is not read."""
    page(running, "<p>Wages.</p>", title="Pay", space="HR")
    number = page(running, macro("include", "Pay", space="HR"))
    wrong = page(running, macro("include", "Pay"), title="Other")
    everything = running.confluence()
    assert [section.text for section in included(read(everything, number))] == ["Wages."]
    assert included(read(everything, wrong)) == []
    narrow = read(running.confluence(spaces=("ENG",)), number)
    assert (included(narrow), narrow.includes) == ([], ("HR:pay",))


def test_only_the_excerpt_is_taken_in(running: Any) -> None:
    """The first, or the one that is named; nothing where there is none."""
    page(
        running, f"<p>Before.</p>{excerpt('The gist.')}{excerpt('Costs.', 'cost')}<p>After.</p>", title="Plan"
    )
    page(running, "<p>All of it.</p>", title="No excerpt")
    connector = running.confluence()
    first = read(connector, page(running, macro("excerpt-include", "Plan"), title="A"))
    named = read(connector, page(running, macro("excerpt-include", "Plan", name="cost"), title="B"))
    none = read(connector, page(running, macro("excerpt-include", "No excerpt"), title="C"))
    assert [section.text for section in included(first)] == ["The gist."]
    assert [section.text for section in included(named)] == ["Costs."]
    assert (included(none), none.includes) == ([], ("ENG:no excerpt",))


def test_what_is_included_goes_one_level_deep_and_in_no_circle(running: Any) -> None:
    """The text of the second level is in the first level's own document."""
    page(running, f"<p>One.</p>{macro('include', 'Two')}", title="One")
    page(running, f"<p>Two.</p>{macro('include', 'One')}{macro('include', 'Two')}", title="Two")
    number = page(running, macro("include", "One"))
    connector = running.confluence()
    texts = [section.text for section in included(read(connector, number))]
    assert [text for text in texts if "Two." in text] == []
    assert any("One." in text for text in texts)
    two = read(
        connector,
        next(listed.id for listed in connector.listing() if read(connector, listed.id).title == "Two"),
    )
    assert {section.included_id for section in included(two)} != {two.id}
    assert two.includes == ("ENG:one", "ENG:two")


def test_titles_with_quotes_and_in_another_case_are_found(running: Any) -> None:
    """The title goes into a query."""
    page(running, "<p>Quoted.</p>", title='The "big" lamp \\ lens')
    number = page(running, macro("include", "the &quot;BIG&quot; lamp \\ lens"))
    document = read(running.confluence(), number)
    assert [section.text for section in included(document)] == ["Quoted."]
    assert document.includes == ('ENG:the "big" lamp \\ lens',)


def test_a_page_that_appears_in_another_case_is_the_one_that_is_waited_for(running: Any) -> None:
    """By its handle the index knows whom to read again."""
    number = page(running, macro("include", "Tide tables"))
    connector = running.confluence()
    waiting = read(connector, number)
    assert included(waiting) == []
    appeared = read(connector, page(running, "<p>High at six.</p>", title="TIDE Tables"))
    assert appeared.handle in waiting.includes
    assert [section.text for section in included(read(connector, number))] == ["High at six."]


def test_an_included_page_that_the_index_does_not_show_yet_is_taken_in(running: Any) -> None:
    """Nothing would have the page that takes it in read again when the index shows it."""
    number = page(running, macro("include", "Tide tables"))
    running.site.search_index.delay_ms = 3_600_000
    page(running, "<p>High at six.</p>", title="Tide tables")
    connector = running.confluence()
    assert [section.text for section in included(read(connector, number))] == ["High at six."]


def test_the_oldest_form_of_the_macro_takes_in_a_page_of_another_space(running: Any) -> None:
    """Plain text, with the space's key before a colon."""
    page(running, "<p>Wages.</p>", title="Pay", space="HR")
    body = '<ac:macro ac:name="include"><ac:default-parameter>HR:Pay</ac:default-parameter></ac:macro>'
    document = read(running.confluence(), page(running, body))
    assert [section.text for section in included(document)] == ["Wages."]
    assert document.includes == ("HR:pay",)


def test_the_text_is_as_new_as_the_page_that_it_is_of(running: Any) -> None:
    """Nothing is kept from one batch to the next."""
    number = page(running, macro("include", "Lighthouse handbook"))
    connector = running.confluence()
    assert [section.text for section in included(read(connector, number))] == ["How we keep the light."]
    site_changes.update_page(running.site, running.site.pages["100"], {"storage": "<p>New.</p>"})
    assert [section.text for section in included(read(connector, number))] == ["New."]
    site_changes.update_page(running.site, running.site.pages["100"], {"title": "Renamed"})
    renamed = read(connector, number)
    assert (included(renamed), renamed.includes) == ([], ("ENG:lighthouse handbook",))


def test_all_includes_of_a_batch_cost_two_searches(running: Any) -> None:
    """One by titles, one for the texts; and the spaces are asked for once."""
    ids = [
        page(running, macro("include", title), title=title + "!") for title in ("Lamp room", "Spring opening")
    ] * 2
    connector = running.confluence()
    list(connector.documents(["100", "101"]))
    counted = running.requests()
    assert len([s for d in connector.documents(ids) for s in included(d)]) == 3
    assert running.requests() - counted == 5
    counted = running.requests()
    list(connector.documents(ids))
    assert running.requests() - counted == 4


def test_an_included_page_that_cannot_be_read_makes_the_page_unreadable(running: Any) -> None:
    """It is read again later, whole; the others are not touched."""
    number = page(running, macro("include", "Fog signal secrets"))
    connector = running.confluence()
    running.fault(
        path=r"(search|content/103)\?.*(id\+in\+%28103|id\+in\+\(103|content/103)", status=500, times=40
    )
    running.fault(path=r"(content|pages)/103\?", status=500, times=40)
    found = {each.id: each for each in connector.documents([number, "100"])}
    assert isinstance(found["100"], Document)
    broken = found[number]
    assert isinstance(broken, Unreadable)
    assert "horn" not in broken.reason


def test_a_title_that_the_site_refuses_costs_no_other(running: Any) -> None:
    """It is asked for alone, and counts for a page that is not there."""
    body = macro("include", "Lamp room") + macro("include", "Spring opening")
    number = page(running, body)
    running.fault(path="Lamp(%20|\\+)room", status=400, times=9)
    document = read(running.confluence(), number)
    assert {section.included_id for section in included(document)} == {"104"}
    assert document.includes == ("ENG:lamp room", "ENG:spring opening")


SIGN_IN = {"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>Please sign in</html>"}
REDIRECT = {"status": 302, "headers": {"Location": "/login"}}


@pytest.mark.parametrize("fault", [SIGN_IN, REDIRECT])
@pytest.mark.parametrize("path", [r"content/search.*title", r"(pages|rest/api/content)\?.*title="])
def test_a_sign_in_page_is_no_answer_to_where_a_page_is(
    running: Any, fault: dict[str, Any], path: str
) -> None:
    """Or the page would be read without what it takes in, and nothing would have it read again."""
    number = page(running, "<p>Own.</p>" + macro("include", "Nowhere yet"))
    running.fault(path=path, times=1, **fault)
    with pytest.raises(UnexpectedAnswerError):
        read(running.confluence(), number)
    assert running.site.traffic.faults == []
