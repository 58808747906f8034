"""Failures in a row: when they are the documents' and when the site's."""

from __future__ import annotations

import pytest

from connectors.errors import ServerFaultError
from connectors.failures import SingleFailures

ERROR = ServerFaultError("wiki could not be read.")


def test_the_fourth_in_a_row_is_the_sites_fault_when_nothing_was_read() -> None:
    """Three are theirs."""
    failures = SingleFailures()
    assert [failures.blame(ERROR) for _ in range(3)] == [str(ERROR)] * 3
    with pytest.raises(ServerFaultError):
        failures.blame(ERROR)


def test_four_in_a_row_are_their_own_fault_when_others_were_read() -> None:
    """Not any number: the site may have gone down since."""
    failures = SingleFailures()
    failures.forget()
    assert [failures.blame(ERROR) for _ in range(8)] == [str(ERROR)] * 8
    with pytest.raises(ServerFaultError):
        failures.blame(ERROR)
