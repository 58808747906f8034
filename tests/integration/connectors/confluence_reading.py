"""What the tests of the Confluence connector have in common: whole reads, as the indexer makes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.documents import Document, Unreadable


def read(connector: Any, ids: Iterable[str] | None = None) -> dict[str, Document]:
    """These documents, or all that are listed, by id; every one must be readable."""
    wanted = [listed.id for listed in connector.listing()] if ids is None else ids
    documents = list(connector.documents(list(wanted)))
    assert not [document for document in documents if isinstance(document, Unreadable)]
    assert len({document.id for document in documents}) == len(documents)
    return {document.id: document for document in documents}
