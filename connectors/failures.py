"""Tells documents that cannot be read from a site that gives none."""

from __future__ import annotations

from connectors.errors import BrokenAnswerError, ConnectorError, ServerFaultError

#: Faults that a single document can cause; everything else is the site's or the account's.
OF_ONE_DOCUMENT = (ServerFaultError, BrokenAnswerError)

_MOST_IN_A_ROW = 3
#: Where the site gave others of the batch. Each failure takes its time, and it may have gone down since.
_MOST_AFTER_A_SUCCESS = 8


class SingleFailures:
    """Counts failures in a row: more than a few are the site's fault. For one batch, not shared by threads.

    Who reads the batch finds out by smaller ones whether it is.
    """

    def __init__(self) -> None:
        self._in_a_row: list[ConnectorError] = []
        self._most = _MOST_IN_A_ROW

    def blame(self, error: ConnectorError) -> str:
        """The reason why this document alone could not be read; raises the first error of too many in a row."""
        self._in_a_row.append(error)
        if len(self._in_a_row) > self._most:
            raise self._in_a_row[0]
        return str(error)

    def forget(self) -> None:
        """Something was read."""
        self._in_a_row.clear()
        self._most = _MOST_AFTER_A_SUCCESS
