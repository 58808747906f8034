"""Text that one document takes in from another: whoever may not read the other one does not see it there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.documents import AccessRule, Document, Membership, Section, SectionKind, Unreadable
from indexer.audience import Audience
from indexer.passes import Pass
from indexer.search import search

Make = Callable[..., Document]
OPEN = AccessRule(name="open", principals=frozenset({"anyone"}))
FEW = AccessRule(name="page:2", principals=frozenset({"group:few"}))


def in_full(excerpt: str) -> str:
    """What the page says whose excerpt this is; of two texts that are the same a search would find one."""
    return f"{excerpt} And why."


class Wiki:
    """A wiki of two pages, of which the first takes in the second's excerpt, as its source renders it now."""

    def __init__(self, index: Any, source: Any, make: Make) -> None:
        self.index, self.source, self.make = index, source, make
        self.handle = "ENG:Rules"
        source.people = [Membership(email="few@example.com", principals=frozenset({"group:few"}))]

    def write(self, text: str | None, *rules: AccessRule, edited: str = "") -> None:
        """Write the second page (None: it is gone), and with it what the first one shows."""
        sections = [Section(kind=SectionKind.SECTION, text="The handbook.", url="https://x/1")]
        if text is not None:
            sections.append(
                Section(
                    kind=SectionKind.SECTION,
                    text=text,
                    url="https://x/2",
                    access_rules=rules,
                    included_id="2",
                )
            )
        # As in a source: the version of a page knows nothing of what it takes in.
        host = self.make(1, sections=tuple(sections), includes=("ENG:Rules",), parts=frozenset({"page:1:1"}))
        self.source.put(host)
        if text is None:
            self.source.held.pop("2", None)
        else:
            page = self.make(2, in_full(text), access_rules=rules, handle=self.handle)
            (self.source.edit if edited == "now" else self.source.put)(page)

    def shown(self, *emails: str) -> list[str]:
        """What these people find of the handbook and the rules."""
        return self.index.finds("handbook rule", *emails)


def wiki(index: Any, source: Any, document: Make) -> Wiki:
    """The wiki, written and read."""
    made = Wiki(index, source, document)
    made.write("Rule one.", OPEN)
    index.refresh(source)
    assert made.shown("any@example.com") == ["Rule one.", in_full("Rule one."), "The handbook."]
    return made


def test_an_edit_of_the_included_page_is_seen_in_the_other(index: Any, source: Any, document: Make) -> None:
    """Although the other one has not changed."""
    pages = wiki(index, source, document)
    pages.write("Rule two.", OPEN, edited="now")

    index.refresh(source, Pass.CHANGES)

    assert pages.shown("any@example.com") == ["Rule two.", in_full("Rule two."), "The handbook."]


def test_a_restriction_hides_the_included_text_at_once(index: Any, source: Any, document: Make) -> None:
    """By the permission pass, even while the page that shows it cannot be read."""
    pages = wiki(index, source, document)
    pages.write("Rule one.", FEW)
    host = source.held["1"]
    source.unreadable["1"] = _unreadable()

    index.refresh(source, Pass.PERMISSIONS)

    assert pages.shown("any@example.com") == ["The handbook."]
    assert pages.shown("few@example.com") == ["Rule one.", in_full("Rule one."), "The handbook."]
    assert host.access_rules == (OPEN,)


def test_a_restriction_that_comes_with_an_edit_hides_it_in_that_refresh(
    index: Any, source: Any, document: Make
) -> None:
    """And lifted again, it is shown again, with the vectors that it had."""
    pages = wiki(index, source, document)
    pages.write("Rule one.", FEW, edited="now")
    index.refresh(source, Pass.CHANGES)
    assert pages.shown("any@example.com") == ["The handbook."]

    pages.write("Rule one.", OPEN, edited="now")
    report = index.refresh(source, Pass.CHANGES)
    assert pages.shown("any@example.com") == ["Rule one.", in_full("Rule one."), "The handbook."]
    assert report.embedded == 0


def test_a_deleted_page_is_gone_from_the_other(index: Any, source: Any, document: Make) -> None:
    """The other one is read again."""
    pages = wiki(index, source, document)
    pages.write(None)

    index.refresh(source, Pass.SWEEP)

    assert pages.shown("any@example.com") == ["The handbook."]
    assert index.rows("select count(*) from chunks where included_id is not null") == [(0,)]
    assert index.listed() == []


def test_a_deleted_page_is_hidden_in_the_other_although_that_cannot_be_read(
    index: Any, source: Any, document: Make
) -> None:
    """Until then nobody satisfies its rules."""
    pages = wiki(index, source, document)
    pages.write(None)
    source.unreadable["1"] = _unreadable()

    index.refresh(source, Pass.SWEEP)

    assert pages.shown("any@example.com") == pages.shown("few@example.com") == ["The handbook."]


def test_a_page_that_appears_or_is_renamed_is_looked_for_by_its_name(
    index: Any, source: Any, document: Make
) -> None:
    """A dead include comes alive, and one whose page got another name goes dead."""
    pages = Wiki(index, source, document)
    pages.write(None)
    index.refresh(source)
    assert pages.shown("any@example.com") == ["The handbook."]

    pages.write("Rule one.", OPEN, edited="now")
    index.refresh(source, Pass.CHANGES)
    assert pages.shown("any@example.com") == ["Rule one.", in_full("Rule one."), "The handbook."]

    pages.write(None)
    source.edit(document(2, in_full("Rule one."), handle="ENG:Laws"))
    source.batches.clear()
    index.refresh(source, Pass.CHANGES)
    assert source.read == ["1", "2"]
    assert pages.shown("any@example.com") == [in_full("Rule one."), "The handbook."]


def test_a_hit_demands_the_rules_of_both(index: Any, source: Any, document: Make) -> None:
    """A conversation that remembers the text is closed to whoever satisfies only one of them."""
    pages = Wiki(index, source, document)
    pages.write("Rule one.", FEW)
    index.refresh(source)
    found = search(index.pool, index.embedder, "rule one", audience=Audience.operator(), limit=9).hits
    rules = dict(index.rows("select name, id from access_rules"))

    demanded = {hit.external_id: set(hit.rule_ids) for hit in found if "Rule one." in hit.text}

    assert demanded == {"1": {rules["open"], rules["page:2"]}, "2": {rules["page:2"]}}


def test_a_hit_that_nobody_may_read_demands_what_nobody_satisfies(
    index: Any, source: Any, document: Make
) -> None:
    """The operator sees it; no conversation hands it on."""
    source.put(document(1, "Secret.", access_rules=()))
    index.refresh(source)

    (hit,) = search(index.pool, index.embedder, "secret", audience=Audience.operator(), limit=9).hits

    assert list(hit.rule_ids) == [0]


def test_included_text_whose_readers_are_not_known_is_for_nobody(
    index: Any, source: Any, document: Make
) -> None:
    """As a document without rules."""
    pages = Wiki(index, source, document)
    pages.write("Rule one.")

    index.refresh(source)

    assert pages.shown("any@example.com") == ["The handbook."]


def test_text_for_some_is_never_in_one_chunk_with_text_for_all(
    index: Any, source: Any, document: Make
) -> None:
    """Comments of a role stand between comments for everybody, under one heading."""
    role = AccessRule(name="role:admins", principals=frozenset({"group:few"}))
    comments = tuple(
        Section(kind=SectionKind.COMMENT, text=f"Remark {n}.", url=f"https://x/1#{n}", access_rules=each)
        for n, each in enumerate([(), (role,), ()])
    )
    source.people = [Membership(email="few@example.com", principals=frozenset({"group:few"}))]
    source.put(document(1, sections=comments))
    index.refresh(source)

    assert index.finds("remark", "any@example.com") == ["Somebody: Remark 0.", "Somebody: Remark 2."]
    assert len(index.finds("remark", "few@example.com")) == 3


def _unreadable() -> Unreadable:
    return Unreadable(id="1", external_id="1", reason="1 is not valid XML.")
