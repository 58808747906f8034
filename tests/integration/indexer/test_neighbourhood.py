"""What stands around a hit: order, budget, no repetition, and nothing that a reader of the hit may not read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import AccessRule, Document, DocumentKind, Membership, Section, SectionKind
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.neighbourhood import REACH, widen
from indexer.people import store_people
from indexer.rules import RuleStore
from indexer.search import Hit
from indexer.store import store_document

OPEN = AccessRule(name="open", principals=frozenset({"anyone"}))
AGENTS = AccessRule(name="agents", principals=frozenset({"group:agents"}))
STAFF = Audience.of(["ada@example.com"])
AGENT = Audience.of(["bo@example.com"])
COUNT = Embedder().count_tokens
STEP = "Step {0} is to open drawer {0}, to look at what is in it and to write down what you have found there."


def stored(pool: ConnectionPool, *sections: Section, kind: DocumentKind = DocumentKind.PAGE) -> list[Hit]:
    """A document of these sections, and each of its chunks as a hit."""
    document = Document(
        source="wiki",
        id="1",
        external_id="OPS-1",
        kind=kind,
        title="Drawers",
        url="https://x/1",
        place="Ops",
        sections=sections,
        access_rules=(OPEN,),
        updated=datetime(2026, 1, 2, tzinfo=UTC),
    )
    with pool.connection() as connection:
        store_document(connection, document, rules=RuleStore("wiki"), embedder=Embedder())
        store_people(
            connection,
            "wiki",
            [Membership(email="bo@example.com", principals=frozenset({"group:agents"}))],
        )
        rows = connection.execute(
            "select id, document_id, kind, heading, text, url from chunks order by position"
        ).fetchall()
    return [
        Hit(
            chunk_id=chunk_id,
            document_id=document_id,
            source="wiki",
            external_id="OPS-1",
            title="Drawers",
            url=url,
            document_url="https://x/1",
            kind=chunk_kind,
            document_kind=kind,
            place="Ops",
            heading=heading,
            text=text,
            author=None,
            updated=None,
            created=None,
            status=None,
        )
        for chunk_id, document_id, chunk_kind, heading, text, url in rows
    ]


def wide(pool: ConnectionPool, *hits: Hit, audience: Audience = STAFF, room: int = 4000) -> list[str]:
    """The texts of the hits, widened."""
    return [each.text for each in widen(pool, hits, audience=audience, room=room, count=COUNT)]


def prose(first: int = 0, steps: int = 120, **values: str) -> Section:
    """A long procedure."""
    text = " ".join(STEP.format(number) for number in range(first, first + steps))
    return Section(kind=SectionKind.SECTION, text=text, url="https://x/1#a", **values)


def numbers(text: str) -> list[int]:
    """The numbers of the steps, in the order of the text."""
    return [int(part.split(" ", 1)[0]) for part in text.split("Step ")[1:]]


def test_a_hit_is_read_with_what_stands_before_and_after_it_without_the_overlap(pool: ConnectionPool) -> None:
    """Every step once, in order."""
    hits = stored(pool, prose())

    [text] = wide(pool, hits[4])

    assert set(numbers(hits[4].text)) < set(numbers(text))
    assert all(after == before + 1 for before, after in pairwise(numbers(text)))
    assert numbers(text)[0] == min(numbers(hits[4 - REACH].text))
    assert numbers(text)[-1] == max(numbers(hits[4 + REACH].text))


def test_what_a_text_is_made_of_is_told(pool: ConnectionPool) -> None:
    """Whoever remembers it can forget it when one of these goes."""
    hits = stored(pool, prose())

    [each] = widen(pool, hits[4:5], audience=STAFF, room=4000, count=COUNT)
    [narrow] = widen(pool, hits[4:5], audience=STAFF, room=0, count=COUNT)

    assert each.chunk_ids == {hit.chunk_id for hit in hits[4 - REACH : 4 + REACH + 1]}
    assert narrow.chunk_ids == {hits[4].chunk_id}


@pytest.mark.parametrize("room", [0, 400, 1000])
def test_all_texts_together_keep_to_the_room(pool: ConnectionPool, room: int) -> None:
    """The hits' own texts are given whatever it is."""
    hits = stored(pool, prose())
    own = COUNT(hits[2].text) + COUNT(hits[7].text)

    texts = wide(pool, hits[2], hits[7], room=room)

    assert sum(map(COUNT, texts)) <= max(room, own)
    assert all(hit.text in text for hit, text in zip((hits[2], hits[7]), texts, strict=True) if room == 0)
    assert (sum(map(COUNT, texts)) > own) is (room >= 1000)


def test_no_chunk_is_given_twice(pool: ConnectionPool) -> None:
    """Hits that are neighbours share what is around them."""
    hits = stored(pool, prose())

    first, second = wide(pool, hits[3], hits[4])

    repeated = set(numbers(first)) & set(numbers(second))
    assert repeated <= set(numbers(hits[3].text)) & set(numbers(hits[4].text)) | {
        number
        for before, after in pairwise(hits)
        for number in {*numbers(before.text)} & {*numbers(after.text)}
    }


def comments(*rules: Sequence[AccessRule]) -> list[Section]:
    """Long comments, each for these readers beside the ticket's."""
    return [
        Section(
            kind=SectionKind.COMMENT,
            text=f"Comment {number}. " + " ".join(STEP.format(number * 100 + each) for each in range(8)),
            url=f"https://x/1?c={number}",
            author=f"P{number}",
            created=datetime(2026, 1, number + 1, tzinfo=UTC),
            access_rules=tuple(of),
        )
        for number, of in enumerate(rules)
    ]


def test_the_text_ends_where_a_neighbour_is_for_some_alone(pool: ConnectionPool) -> None:
    """Not for the staff, and not for an agent either: the answer is remembered by the rules of its hit."""
    hits = stored(pool, *comments((), (AGENTS,), ()), kind=DocumentKind.TICKET)
    open_hit = next(hit for hit in hits if "Comment 0." in hit.text)
    closed_hit = next(hit for hit in hits if "Comment 1." in hit.text)

    for audience in (STAFF, AGENT, Audience.operator()):
        [text] = wide(pool, open_hit, audience=audience)
        assert "P1," not in text
        assert "P2," not in text
    [whole] = wide(pool, closed_hit, audience=AGENT)
    assert ["P0, 2026-01-01: " in whole, "P1, 2026-01-02: " in whole, "P2, 2026-01-03: " in whole] == [
        True
    ] * 3


def test_a_hit_that_may_no_longer_be_read_is_not_widened(pool: ConnectionPool) -> None:
    """Nor one that is gone; the text that was found is all there is."""
    hits = stored(pool, *comments((AGENTS,), (AGENTS,)), kind=DocumentKind.TICKET)

    [text] = wide(pool, hits[0], audience=STAFF)
    with pool.connection() as connection:
        connection.execute("delete from documents")
    [gone] = wide(pool, hits[0], audience=AGENT)

    assert text == gone == hits[0].text


def test_a_table_goes_on_without_its_header(pool: ConnectionPool) -> None:
    """The header stands once, on top."""
    rows = "\n".join(f"| limit {number} | {number} parcels an hour at most |" for number in range(80))
    table = Section(
        kind=SectionKind.TABLE, text=f"| Limit | Value |\n| --- | --- |\n{rows}", url="https://x/1#t"
    )
    hits = stored(pool, table)

    [text] = wide(pool, hits[1])

    assert len(hits) > 2
    assert text.count("| Limit | Value |") == 1
    assert "\n\n" not in text
    assert f"{table.text}\n".startswith(text + "\n")


def test_what_stands_under_another_heading_is_under_its_heading(pool: ConnectionPool) -> None:
    """So that the reader knows what it is about."""
    hits = stored(pool, prose(0, 8, heading_path=("Open",)), prose(100, 8, heading_path=("Close",)))  # type: ignore[arg-type]

    [text] = wide(pool, hits[0])

    assert "\n\n**Close**\nStep 100 is" in text
