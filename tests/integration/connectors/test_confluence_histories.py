"""Random histories of a wiki: what the connector tells of changes suffices to be where a fresh read would be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from connectors.documents import Document, Listed
from sandbox import site_changes
from sandbox.errors import ChangeError
from sandbox.site_records import PageRow

INCLUDE = (
    '<ac:structured-macro ac:name="include"><ac:parameter ac:name="">{}</ac:parameter></ac:structured-macro>'
)


class Mirror:
    """All documents by id, kept up as an index does it: by parts, handles and rules."""

    def __init__(self, connector: Any) -> None:
        self.connector = connector
        self.documents: dict[str, Document] = {}

    def follow(self, since: datetime) -> None:
        """Read what changed, as far as its part is new."""
        told = list(self.connector.changes(since))
        self._read({each.id for each in told if not self._has(each.id, each.part)})

    def sweep(self) -> None:
        """Read what differs, forget what is gone, and take in the rules."""
        listed: dict[str, Listed] = {each.id: each for each in self.connector.listing()}
        takers = set[str]()
        for number in self._pages() - listed.keys():
            if not list(self.connector.documents([number])):  # it may be too new for the listing
                takers |= self._drop(number)
        different = {
            number
            for number, each in listed.items()
            if number not in self.documents or self.documents[number].parts != each.parts
        }
        moved = {
            number
            for number, each in listed.items()
            if number in self.documents and self.documents[number].access_rules != each.access_rules
        }
        self._read(different | moved | takers)

    def hint(self, number: str) -> None:
        """Read a page of which a webhook tells."""
        self._read({number})

    def _has(self, number: str, part: str | None) -> bool:
        return number in self.documents and part in self.documents[number].parts

    def _pages(self) -> set[str]:
        return {number for number in self.documents if "/" not in number}

    def _read(self, numbers: Iterable[str]) -> None:
        waiting = set(numbers)
        while waiting:
            batch, waiting = waiting, set()
            found = {each.id: each for each in self.connector.documents(sorted(batch))}
            for number in batch - found.keys():
                waiting |= self._drop(number)
            for number, document in found.items():
                before = self.documents.get(number)
                self.documents[number] = document
                if before is None or before != document:
                    waiting |= self._takers(number, document.handle, before.handle if before else None)
                waiting |= self._files(number, document, before)

    def _files(self, number: str, document: Document, before: Document | None) -> set[str]:
        known = {each.id: each.parts for each in before.attachments} if before else {}
        for gone in known.keys() - {each.id for each in document.attachments}:
            self.documents.pop(gone, None)
        rules = before is not None and before.access_rules != document.access_rules
        return {each.id for each in document.attachments if rules or known.get(each.id) != each.parts}

    def _drop(self, number: str) -> set[str]:
        gone = self.documents.pop(number, None)
        for file in [each for each in self.documents if each.startswith(f"{number}/")]:
            del self.documents[file]
        return self._takers(number, gone.handle) if gone else set()

    def _takers(self, number: str, *handles: str | None) -> set[str]:
        return {
            other
            for other, each in self.documents.items()
            if other != number and set(handles) & set(each.includes)
        }


def step(random: Random, site: Any) -> None:
    """Something that people do to a wiki."""
    pages: list[PageRow] = list(site.pages.values())
    current = [each for each in pages if each.status == "current"]
    page, other = random.choice(current), random.choice(current)
    talked = random.choice([each for each in current if each.comments] or current)
    filed = random.choice([each for each in current if each.attachments] or current)

    def create() -> PageRow:
        title = f"New {random.randrange(10**9)}"
        return site_changes.create_page(site, {"space": "ENG", "title": title, "storage": "<p>New.</p>"})

    actions: list[Callable[[], Any]] = [
        lambda: site_changes.update_page(site, page, {"storage": f"<p>{random.random()}</p>"}),
        lambda: site_changes.update_page(site, page, {"storage": INCLUDE.format(other.title)}),
        lambda: site_changes.update_page(site, page, {"title": f"Title {random.randrange(10**9)}"}),
        lambda: site_changes.update_page(site, page, {"labels": [str(random.randrange(5))]}),
        lambda: site_changes.update_page(site, page, {"parent_id": other.id}),
        lambda: site_changes.update_page(
            site, page, {"parent_id": None, "space": random.choice(["ENG", "HR"])}
        ),
        create,
        lambda: site_changes.delete_page(site, page, purge=random.random() < 0.5),
        lambda: site_changes.set_page_status(
            site, random.choice(pages), random.choice(["current", "archived"])
        ),
        lambda: site_changes.add_page_comment(
            site,
            page,
            {
                "storage": f"<p>{random.random()}</p>",
                "parent_id": random.choice([None, *(each.id for each in page.comments)]),
            },
        ),
        lambda: site_changes.update_page_comment(
            site,
            page,
            random.choice(talked.comments).id,
            random.choice([{"storage": "<p>!</p>"}, {"resolved": True}]),
        ),
        lambda: site_changes.delete_page_comment(site, talked, random.choice(talked.comments).id),
        lambda: site_changes.add_attachment(
            site,
            page,
            {"title": f"{random.randrange(3)}.txt", "text": str(random.random()), "media_type": "text/plain"},
        ),
        lambda: site_changes.update_attachment(
            site, filed, random.choice(filed.attachments).id, {"title": f"{random.randrange(10**9)}.txt"}
        ),
        lambda: site_changes.delete_attachment(site, filed, random.choice(filed.attachments).id),
        lambda: site_changes.set_restriction(
            site, page, random.choice([(), ("group:board",), ("user:acc-2",)])
        ),
    ]
    with suppress(ChangeError, IndexError):  # a page below itself, a comment where there is none
        (random.choice(actions) if len(current) > 3 else create)()


@pytest.mark.parametrize("seed", range(8))
def test_a_mirror_ends_where_a_fresh_read_does(serve: Callable[[str], Any], seed: int) -> None:
    """After any edits, moves, deletions and restrictions, with refreshes in between."""
    random = Random(seed)
    with serve(random.choice(["cloud", "datacenter"])) as running:
        site = running.site
        site_changes.create_page(site, {"space": "HR", "title": "People", "storage": "<p>All.</p>"})
        mirror, since = Mirror(running.confluence()), datetime.now(UTC) - timedelta(seconds=1)
        mirror.sweep()
        for _ in range(40):
            for _ in range(random.randrange(1, 4)):
                step(random, site)
            if random.random() < 0.5:
                mirror.follow(since)
            if random.random() < 0.2:
                mirror.sweep()
        mirror.follow(since)
        mirror.sweep()
        fresh = Mirror(running.confluence())
        fresh.sweep()
        assert mirror.documents == fresh.documents
        assert {each.split("/")[0] for each in fresh.documents} == {
            number for number, page in site.pages.items() if page.status == "current"
        }


@pytest.mark.parametrize("seed", range(4))
def test_hints_ahead_of_the_search_index_lose_nothing(serve: Callable[[str], Any], seed: int) -> None:
    """Pages are read the moment that they change, while searches know nothing of it; then searches catch up."""
    random = Random(seed)
    with serve(["cloud", "datacenter"][seed % 2]) as running:
        site = running.site
        site_changes.create_page(site, {"space": "HR", "title": "People", "storage": "<p>All.</p>"})
        mirror, since = Mirror(running.confluence()), datetime.now(UTC) - timedelta(seconds=1)
        mirror.sweep()
        hints: list[str] = []
        site.listeners.append(lambda change: hints.append(change.page.id))
        for number in range(40):
            site.search_index.delay_ms = 3_600_000 if number % 5 else 0
            if not site.search_index.delay_ms:
                site.search_index.behind.clear()
                mirror.follow(since)
            step(random, site)
            if random.random() < 0.3:
                wanted = f"Awaited {number}"
                page = random.choice([each for each in site.pages.values() if each.status == "current"])
                site_changes.update_page(site, page, {"storage": INCLUDE.format(wanted)})
                site_changes.create_page(site, {"space": "ENG", "title": wanted, "storage": "<p>Here.</p>"})
            while hints:
                mirror.hint(hints.pop(0))
        site.search_index.delay_ms = 0
        site.search_index.behind.clear()
        mirror.follow(since)
        mirror.sweep()
        fresh = Mirror(running.confluence())
        fresh.sweep()
        assert mirror.documents == fresh.documents
