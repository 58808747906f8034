"""What is gone from a source: hidden at once, deleted unless so much is gone that it looks like a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.documents import Document, Listed
from connectors.errors import SourceUnavailableError
from indexer import status
from indexer.errors import SweepRefusedError
from indexer.passes import Pass
from indexer.reading_list import Priority, note

Make = Callable[..., Document]


def test_what_is_gone_from_the_listing_is_deleted_with_all_that_hung_on_it(
    index: Any, source: Any, document: Make
) -> None:
    """Chunks, postings and vectors go with the document, and nothing of it stays listed."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source)
    del source.held["1"]

    report = index.refresh(source, Pass.SWEEP)

    assert (report.documents, report.deleted, report.unchanged) == (1, 1, 1)
    for table in ("chunks", "embeddings"):
        assert index.rows(f"select count(*) from {table}") == [(1,)]
    assert index.rows(
        "select count(*) from postings p where not exists (select from chunks where id = p.chunk_id)"
    ) == [(0,)]
    assert index.listed() == []


def test_a_document_that_the_listing_passes_over_is_not_deleted(
    index: Any, source: Any, document: Make
) -> None:
    """Asked for by its id it is there."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source, mode="lazy")
    source.passed_over = {"2"}

    assert index.refresh(source, mode="lazy").deleted == 0
    source.held.pop("2")
    assert index.refresh(source, mode="lazy").deleted == 1


def test_a_hint_of_a_deletion_deletes_within_that_refresh(index: Any, source: Any, document: Make) -> None:
    """It does not wait for the next sweep."""
    source.put(document(1, "One."), document(2, "Two."))
    index.refresh(source, mode="lazy")
    del source.held["1"]
    with index.pool.connection() as connection:
        note(connection, "wiki", ["1"], priority=Priority.HINT)

    assert index.refresh(source, passes=(), mode="lazy").deleted == 1
    assert index.finds("one two") == ["Two."]


@pytest.mark.parametrize("full", [False, True])
def test_so_many_deletions_are_refused_but_nobody_sees_them_until_they_are_confirmed(
    index: Any, source: Any, document: Make, full: bool
) -> None:
    """An account that lost its rights looks like this; so does a space that was really deleted."""
    source.put(*(document(n, f"Text {n}.", place="ENG") for n in range(30)))
    source.put(*(document(n, f"Text {n}.", place="OPS") for n in range(100, 200)))
    index.refresh(source, mode="lazy")
    source.held = {id_: each for id_, each in source.held.items() if each.place == "OPS" or id_ == "1"}

    with pytest.raises(SweepRefusedError) as refused:
        index.refresh(source, mode="lazy", full=full)

    sentence = (
        "refusing to delete 97 % of ENG (29 of 30 documents); "
        "if that is right, run `lorebot index wiki --confirm`"
    )
    assert str(refused.value) == sentence
    assert index.rows("select count(*) from documents") == [(130,)]
    assert len(index.rows("select 1 from documents where rule_ids = '{}'")) == 29
    assert "Text 2." not in index.finds("text 2", "ada@example.com")
    (state,) = status.sources(index.pool)
    assert (state.last_error, state.refused, state.failed) == (sentence, [sentence], 0)

    assert index.refresh(source, mode="lazy", confirm=True).deleted == 29
    (state,) = status.sources(index.pool)
    assert (state.last_error, state.refused, state.documents, index.listed()) == (None, [], 101, [])


def test_a_place_that_is_gone_does_not_keep_others_from_being_cleaned_up(
    index: Any, source: Any, document: Make
) -> None:
    """Only the suspicious deletions wait."""
    source.put(*(document(n, f"Text {n}.", place="ENG") for n in range(30)))
    source.put(*(document(n, f"Text {n}.", place="OPS") for n in range(100, 200)))
    index.refresh(source, mode="lazy")
    source.held = {id_: each for id_, each in source.held.items() if each.place == "OPS" and id_ != "150"}

    with pytest.raises(SweepRefusedError, match="100 % of ENG"):
        index.refresh(source, mode="lazy")

    assert index.rows("select place, count(*) from documents group by 1 order by 1") == [
        ("ENG", 30),
        ("OPS", 99),
    ]


def test_many_places_that_lose_a_little_are_a_source_that_loses_much(
    index: Any, source: Any, document: Make
) -> None:
    """Each space is below the limit, all of them are not."""
    source.put(*(document(n, f"Text {n}.", place=f"S{n % 5}") for n in range(60)))
    index.refresh(source, mode="lazy")
    source.held = {id_: each for id_, each in source.held.items() if int(id_) < 35}

    with pytest.raises(SweepRefusedError, match=r"42 % of wiki \(25 of 60 documents\)"):
        index.refresh(source, mode="lazy")
    assert index.rows("select count(*) from documents") == [(60,)]


def test_a_refused_deletion_fails_no_later_refresh_that_sweeps_nothing(
    index: Any, source: Any, document: Make
) -> None:
    """It is on record; what changed is read all the same, and new documents get their vectors."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source)
    source.held = {"1": source.held["1"]}
    source.edit(document(99, "The ferry leaves at nine."))
    with pytest.raises(SweepRefusedError):
        index.refresh(source)
    assert index.rows("select count(*) from chunks where id not in (select chunk_id from embeddings)") == [
        (0,)
    ]

    source.edit(document(99, "The ferry leaves at ten."))
    report = index.refresh(source, Pass.CHANGES)

    assert (report.updated, report.deleted) == (1, 0)
    (state,) = status.sources(index.pool)
    assert (len(state.refused), state.last_error) == (1, None)


def test_what_reappears_is_shown_again_with_its_vectors(index: Any, source: Any, document: Make) -> None:
    """The account got its rights back: nothing is embedded anew."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source)
    before = index.contents()
    everything, source.held = source.held, {}
    with pytest.raises(SweepRefusedError):
        index.refresh(source)
    assert index.finds("text", "ada@example.com") == []

    source.held = everything
    report = index.refresh(source)

    assert (report.embedded, report.deleted, report.updated) == (0, 0, 0)
    assert index.contents() == before
    assert index.listed() == []
    assert len(index.finds("text", "ada@example.com")) == 30


def test_a_permission_pass_alone_brings_back_what_reappears(index: Any, source: Any, document: Make) -> None:
    """What is listed is there, whichever pass lists it."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source, mode="lazy")
    everything, source.held = source.held, {}
    with pytest.raises(SweepRefusedError):
        index.refresh(source, mode="lazy")
    source.held = everything

    index.refresh(source, Pass.PERMISSIONS, mode="lazy")

    assert len(index.finds("text", "ada@example.com")) == 30


def test_a_listing_that_fails_makes_nothing_gone(index: Any, source: Any, document: Make) -> None:
    """Half a listing is no news about the other half."""
    source.put(*(document(n, f"Text {n}.") for n in range(5)))
    index.refresh(source, mode="lazy")
    source.held = {"1": source.held["1"]}
    source.broken_listing = SourceUnavailableError("wiki did not answer; try again later.")

    with pytest.raises(SourceUnavailableError):
        index.refresh(source, mode="lazy", confirm=True)

    assert len(index.finds("text", "ada@example.com")) == 5


def test_what_is_noted_again_while_it_waits_to_be_deleted_is_read(
    index: Any, source: Any, document: Make
) -> None:
    """A webhook tells that it was restored from the trash."""
    source.put(*(document(n, f"Text {n}.") for n in range(30)))
    index.refresh(source, mode="lazy")
    everything, source.held = source.held, {}
    with pytest.raises(SweepRefusedError):
        index.refresh(source, mode="lazy")
    source.held = {"3": everything["3"]}
    with index.pool.connection() as connection:
        note(connection, "wiki", ["3"], priority=Priority.HINT)

    index.refresh(source, passes=(), mode="lazy")

    assert index.finds("text", "ada@example.com") == ["Text 3."]
    assert len(index.listed()) == 29


def attached(make: Make, parent: int, name: str, text: str) -> Document:
    """An attachment of that page."""
    return make(
        parent, text, id=f"{parent}/{name}", parent_id=str(parent), title=f"{name}.pdf", kind="attachment"
    )


def listed(*documents: Document) -> tuple[Listed, ...]:
    """How a parent lists its attachments."""
    return tuple(Listed(id=each.id, parts=frozenset({each.content_hash[:12]})) for each in documents)


def test_attachments_are_read_follow_and_go_with_their_page(
    index: Any, source: Any, document: Make, rules: Any
) -> None:
    """Found through their page, in its permissions; gone with it, or when it no longer lists them."""
    plan, photo = attached(document, 1, "plan", "The plan."), attached(document, 1, "photo", "The photo.")
    source.put(document(1, "Page.", attachments=listed(plan, photo)), plan, photo)
    assert index.refresh(source, mode="lazy").documents == 3
    assert index.finds("plan photo", "ada@example.com") == ["The photo.", "The plan."]

    source.batches.clear()
    changed = attached(document, 1, "plan", "The other plan.")
    source.edit(document(1, "Page.", attachments=listed(changed)))
    source.put(changed)
    index.refresh(source, Pass.CHANGES, mode="lazy")
    assert source.read == ["1", "1/plan"]
    assert index.finds("plan photo") == ["The other plan."]

    shut = document(1, "Page.", attachments=listed(changed), access_rules=(rules("page:1", ["group:few"]),))
    source.put(shut)
    index.refresh(source, Pass.PERMISSIONS, mode="lazy")
    assert index.finds("plan", "ada@example.com") == []

    del source.held["1"]
    assert index.refresh(source, mode="lazy").deleted == 1
    assert index.rows("select count(*) from documents") == [(0,)]
    assert index.listed() == []


def test_an_attachment_is_hidden_with_its_page_and_comes_back_with_it(
    index: Any, source: Any, document: Make
) -> None:
    """While the deletion is refused, nobody finds it."""
    files = [attached(document, n, "file", f"The file {n}.") for n in range(30)]
    source.put(*(document(n, "Page.", attachments=listed(file)) for n, file in enumerate(files)), *files)
    index.refresh(source)
    before = index.contents()
    everything, source.held = source.held, {}
    with pytest.raises(SweepRefusedError, match="30 of 30 documents"):
        index.refresh(source)
    assert index.finds("file", "ada@example.com") == []

    source.held = everything
    assert index.refresh(source).embedded == 0
    assert index.contents() == before


def test_an_attachment_whose_page_went_while_it_was_read_is_not_stored(
    index: Any, source: Any, document: Make
) -> None:
    """It would be readable by whoever could read a page that no longer is."""
    plan = attached(document, 1, "plan", "The plan.")
    source.put(document(1, "Page.", attachments=listed(plan)), plan)
    index.refresh(source, mode="lazy")

    def drop(id_: str) -> None:
        if id_ == "1/plan":
            with index.pool.connection() as connection:
                connection.execute("delete from documents where source_id in ('1', '1/plan')")

    source.on_read = drop
    with index.pool.connection() as connection:
        note(connection, "wiki", ["1/plan"], priority=Priority.HINT)
    index.refresh(source, passes=(), mode="lazy")

    assert index.rows("select count(*) from documents") == [(0,)]
    assert index.listed() == []


def test_a_full_refresh_reads_attachments_again(index: Any, source: Any, document: Make) -> None:
    """Also those whose version is the same, as pages are."""
    plan = attached(document, 1, "plan", "The plan.")
    source.put(document(1, "Page.", attachments=listed(plan)), plan)
    index.refresh(source, mode="lazy")
    source.batches.clear()

    index.refresh(source, full=True, mode="lazy")

    assert source.read == ["1", "1/plan"]
