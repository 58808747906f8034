"""Logs: structured, to stderr, readable in a terminal and JSON elsewhere."""

from __future__ import annotations

import logging
import sys

import stamina
import structlog

#: Libraries that say too much below a warning; at DEBUG some would write whole pages and tokens.
_QUIET = (
    "atlassian",
    "slack_bolt",
    "slack_sdk",
    "apscheduler",
    "procrastinate",
    "httpx",
    "openai",
    "urllib3",
)


def configure_logging(*, verbose: bool) -> None:
    """Send every log record to stderr: warnings and worse, or everything from INFO on when ``verbose``."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if not verbose:  # a retry that helps is no news, and one that does not ends in an error of its own
        stamina.instrumentation.set_on_retry_hooks(())
    in_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if in_terminal else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if in_terminal
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
