"""Hand-made passages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from indexer.search import Hit
from inference.passages import Passage


def make_hit(number: int, text: str, **values: Any) -> Hit:
    """A section of page ``number``."""
    return Hit(
        **{
            "chunk_id": number,
            "document_id": number,
            "source": "wiki",
            "external_id": str(number),
            "title": f"Page {number}",
            "url": f"https://x/{number}#part",
            "document_url": f"https://x/{number}",
            "kind": "section",
            "document_kind": "page",
            "place": "Ops",
            "heading": "",
            "text": text,
            "author": None,
            "updated": datetime(2026, 1, number, tzinfo=UTC),
            "created": None,
            "status": None,
        }
        | values
    )


@pytest.fixture
def hit() -> Callable[..., Hit]:
    """Makes hits: number, text and whatever field."""
    return make_hit


@pytest.fixture
def passages() -> Callable[..., list[Passage]]:
    """Makes passages of texts, numbered from 1."""

    def make(*texts: str) -> list[Passage]:
        return [
            Passage(number=number, hit=make_hit(number, text)) for number, text in enumerate(texts, start=1)
        ]

    return make
