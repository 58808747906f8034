"""What can go wrong with schedules and jobs.

ScheduleError: a schedule in the configuration cannot be understood; the message says how to write one.
"""

from __future__ import annotations


class ScheduleError(ValueError):
    """A schedule cannot be understood."""
