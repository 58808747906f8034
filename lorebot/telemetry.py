"""Logs: structured, to stderr, readable in a terminal and JSON elsewhere."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

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
            format_exception,
            structlog.dev.ConsoleRenderer() if in_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def format_exception(
    _logger: object, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put types and places of an error under ``exception``: a foreign message may quote a document or a secret."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_lines(error))
    return event


def _lines(error: BaseException) -> Iterator[str]:
    """The cause first, as Python prints it."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _lines(before)
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
    yield f"{type(error).__module__}.{type(error).__qualname__}"
