"""What the commands print for people in a terminal of 80 columns: no line is longer, no cell is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from indexer.adaptation.tunings import TuningEntry
from indexer.status import SourceStatus, UnreadableDocument
from lorebot.commands import adapt, status
from lorebot.commands.common import ago

AGES = (timedelta(seconds=3), timedelta(minutes=59, seconds=3), timedelta(days=365, minutes=1))


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """The lines that a function prints."""

    def lines(show: Callable[..., None], *arguments: Any) -> list[str]:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setenv("NO_COLOR", "1")
        show(*arguments)
        found = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert max(map(len, found)) <= 80
        return found

    return lines


@pytest.mark.parametrize(
    ("age", "long", "short"),
    [
        (timedelta(seconds=3), "just now", "now"),
        (timedelta(seconds=61), "1 minute ago", "1m ago"),
        (timedelta(hours=5, minutes=1), "5 hours ago", "5h ago"),
        (timedelta(days=40), "40 days ago", "40d ago"),
    ],
)
def test_how_long_ago(age: timedelta, long: str, short: str) -> None:
    """In words, and for a narrow table."""
    moment = datetime.now(UTC) - age
    assert (ago(moment), ago(moment, short=True)) == (long, short)
    assert ago(None) == ago(None, short=True) == "never"


def source(name: str, *ages: timedelta) -> SourceStatus:
    """A large source whose passes began so long ago."""
    now = datetime.now(UTC)
    changes, sweep, permissions = (now - age for age in ages)
    return SourceStatus(
        name=name,
        documents=123_456,
        chunks=1_234_567,
        embedded=1_234_567,
        waiting=12_345,
        failed=1_234,
        last_started=None,
        last_finished=None,
        last_error=None,
        watermark=None,
        last_changes=changes,
        last_sweep=sweep,
        last_permissions=permissions,
    )


def test_each_source_is_one_line(printed: Callable[..., list[str]]) -> None:
    """Large ones too, fresh or stale, and those that were never read."""
    sources = [source("wiki", *AGES), source("tickets", *[timedelta(0)] * 3)]
    found = printed(status._show_sources, sources, ["wiki", "tickets", "new"])

    rows = {line.split()[0]: " ".join(line.split()) for line in found if line.strip()}
    figures = "123,456 1,234,567 1,234,567 12,345 1,234"
    assert rows["source"] == "source documents chunks vectors to read failed changes sweep rights"
    assert rows["wiki"] == f"wiki {figures} now 59m ago 365d ago"
    assert rows["tickets"] == f"tickets {figures} now now now"
    assert rows["new"] == "new 0 0 0 0 0 never never never"


def test_why_a_document_was_not_read_has_the_room(printed: Callable[..., list[str]]) -> None:
    """Its id is whole, so that it can be looked up."""
    reason = "corpus.jsonl:1200 could not be read (JSONDecodeError): mend or remove the line."
    path = "handbook/onboarding/2024/laptops and phones for everybody.pdf"
    next_try = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    documents = [
        UnreadableDocument(source="tickets", external_id=each, reason=reason, attempts=3, next_try=next_try)
        for each in ("corpus.jsonl:1200", path)
    ]
    text = "\n".join(printed(status._show_unreadable, documents))

    assert "tickets  corpus.jsonl:1200 " in text
    assert text.count("2026-03-04 05:06") == 2
    assert path[:24] in text


def test_each_tuning_is_one_line(printed: Callable[..., list[str]]) -> None:
    """With its gain, how sure that is, and the model that it belongs to."""
    gain = {"before": 0.5123, "gain": 0.0131, "low": 0.0042, "high": 0.0219, "pairs": 1_200}
    entry = TuningEntry(
        id=112,
        model="all-MiniLM-L6-v2",
        state="candidate",
        adapts_vectors=True,
        weights=None,
        metrics={"ndcg": gain},
        created_at=datetime.now(UTC) - AGES[1],
        decided_at=None,
    )
    found = printed(adapt._show_list, [entry])

    rows = [" ".join(line.split()) for line in found]
    assert "id state nDCG@10 before, gain, 95 % pairs learned model" in rows
    assert "112 candidate 0.512 +0.013 [+0.004, +0.022] 1,200 59m ago all-MiniLM-L6-v2" in rows
