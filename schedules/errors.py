"""What can go wrong with schedules and jobs.

ScheduleError: a schedule in the configuration cannot be understood; the message says how to write one.
BrokenRefreshError: a fault of ours ended a refresh; the message names the entry in the log.
"""

from __future__ import annotations


class ScheduleError(ValueError):
    """A schedule cannot be understood."""


class BrokenRefreshError(RuntimeError):
    """A refresh ended by a fault of ours. Stands for the fault, whose own message may quote a document."""
