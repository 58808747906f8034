"""Attachments that could not be read: when they are tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.documents import Document, DocumentKind, Listed, Unreadable
from indexer.passes import Pass

Make = Callable[..., Document]


def page(document: Make, version: int, file: int) -> Document:
    """A page in a version, with a file in a version."""
    listed = Listed(id="1/9", parts=frozenset({f"file:9:{file}"}))
    return document(1, f"Page {version}.", parts=frozenset({f"page:1:{version}"}), attachments=(listed,))


def broken(index: Any, source: Any, document: Make) -> None:
    """Its file could not be read in its first version, and can be by now."""
    source.put(page(document, 1, 1))
    source.unreadable["1/9"] = Unreadable(id="1/9", external_id="1", reason="It is encrypted.")
    # Attachments are not in a listing.
    source.listing = lambda: iter([replace_listed(source)])
    index.refresh(source, mode="lazy")
    assert index.rows("select source_id, attempts from reading_list") == [("1/9", 1)]
    del source.unreadable["1/9"]
    source.batches.clear()


def replace_listed(source: Any) -> Listed:
    """The page as a listing tells it."""
    held = source.held["1"]
    return Listed(id="1", access_rules=held.access_rules, parts=held.parts)


def file(document: Make, version: int) -> Document:
    """The file."""
    made = document(1, "File text.", parts=frozenset({f"file:9:{version}"}), title="plan.pdf")
    return replace(made, id="1/9", parent_id="1", kind=DocumentKind.ATTACHMENT)


def test_a_new_version_of_a_file_that_could_not_be_read_is_read_at_once(
    index: Any, source: Any, document: Make
) -> None:
    """What was wrong with the old one is no longer."""
    broken(index, source, document)
    source.held["1/9"] = file(document, 2)
    source.edit(page(document, 2, 2))

    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert index.finds("file") == ["File text."]
    assert index.listed() == []


def test_the_version_that_could_not_be_read_waits_for_its_time(
    index: Any, source: Any, document: Make
) -> None:
    """However often its page changes."""
    broken(index, source, document)
    source.held["1/9"] = file(document, 1)
    source.edit(page(document, 2, 1))

    index.refresh(source, Pass.CHANGES, mode="lazy")

    assert source.read == ["1"]
    assert index.listed() == ["1/9"]
