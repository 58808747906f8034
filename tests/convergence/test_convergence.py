"""After any history of edits, outages and kills, the index equals what a fresh full read gives.

Each history is a small site that people change at random, also while it is being read, and a reader whose requests
fail at random and which is killed (kill -9) at a random request. In the end it is left in peace for one refresh.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from sandbox.site_access import may_read_issue, may_read_page
from sandbox.site_people import User
from tests.convergence.index_contents import differences, readable, whole_index
from tests.convergence.past import Past

#: Of these histories the first few are in every run, all of them in `make test-all`.
HISTORIES = 200
ALWAYS = 6


@pytest.mark.parametrize(
    "seed", [*range(ALWAYS), *(pytest.param(n, marks=pytest.mark.slow) for n in range(ALWAYS, HISTORIES))]
)
def test_a_history_ends_like_a_fresh_read(
    seed: int, history: Callable[[int], AbstractContextManager[Past]]
) -> None:
    """Whatever happened in between."""
    with history(seed) as past:
        for _ in range(past.choose.randint(3, 6)):
            past.edits(past.choose.randint(1, 8))
            past.faults(past.choose.choice((0, 0, 1, 3)))
            past.disturbed_refresh()
        past.peace()
        past.refresh(past.task)
        fresh = replace(past.task, prefix=f"fresh-{seed}-")
        past.refresh(fresh)
        for source in ("wiki", "tickets"):
            found = whole_index(past.pool, past.task.prefix + source)
            expected = whole_index(past.pool, fresh.prefix + source)
            assert len(expected["documents"]) > 1, "an empty site proves nothing"
            assert not differences(found, expected), "\n".join([*past.diary, *differences(found, expected)])
            wrong = wrongly_readable(past, source, expected)
            assert not wrong, "\n".join([*past.diary, *wrong])


def wrongly_readable(past: Past, source: str, index: dict[str, Any]) -> list[str]:
    """Where Lorebot's answer to "may this person read that document" is not the site's own."""
    lines = []
    for user in past.site.directory.users():
        if not user.email:
            continue
        found = readable(past.pool, past.task.prefix + source, user.email)
        for document_id in index["documents"]:
            allowed = _may_read(past, source, user, document_id.partition("/")[0])
            if allowed != ((document_id, "") in found):
                lines.append(f"{user.login} {document_id}: {'denied' if allowed else 'LEAKED'}")
        lines += [
            f"{user.login} {document_id}: LEAKED what it takes in from {included_id}"
            for document_id, included_id in found
            if included_id and not _may_read(past, source, user, included_id)
        ]
    return lines


def _may_read(past: Past, source: str, user: User, number: str) -> bool:
    site = past.site
    if source == "tickets":
        return may_read_issue(site, user, site.issues[number])
    return may_read_page(site, user, site.pages[number])
