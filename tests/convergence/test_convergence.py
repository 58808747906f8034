"""After any history of edits, outages and kills, the index equals what a fresh full read gives.

Each history is a small site that people change at random, also while it is being read, and a reader whose requests
fail at random and which is killed (kill -9) at a random request. In the end it is left in peace for one refresh.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from tests.convergence.index_contents import differences, whole_index
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
