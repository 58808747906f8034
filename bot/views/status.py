"""What ``/lore status``, ``/lore sources`` and a running refresh look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.views import escaping
from bot.views.messages import Block, Message, section
from indexer.runs import Run, RunState
from indexer.status import SourceStatus

#: Slack takes 3,000 characters in a section.
_MAX_SECTION = 2_900
#: Of all sections; leaves room for the head of the message.
_MAX_TEXT = 12_000
_PHASE_WIDTH = 20


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Everything that ``/lore status`` tells."""

    sources: Sequence[SourceStatus]
    #: The newest run of each source.
    runs: Sequence[Run]
    #: The names in the configuration; some may never have been indexed.
    configured: Sequence[str]
    #: Questions that wait or are being answered.
    open_questions: int
    model: str


def status_message(overview: Overview, *, figures: bool, now: datetime) -> Message:
    """How fresh everything is; with ``figures`` also how complete, and what went wrong.

    Figures are for admins: they count documents that others may not read, and errors name machines.
    """
    known = {source.name: source for source in overview.sources}
    running = {run.source: run for run in overview.runs if not run.finished}
    names = [*overview.configured, *(sorted(set(known) - set(overview.configured)) if figures else ())]
    lines = [
        _source_line(name, known.get(name), running.get(name), figures=figures, now=now) for name in names
    ]
    head = (section(_totals(overview)),) if figures else ()
    return Message(text="Lorebot's status", blocks=(*head, *_sections(lines or ["No source is configured."])))


def sources_message(overview: Overview, *, figures: bool) -> Message:
    """Which sources there are; with ``figures``, which are for admins, how many documents each has."""
    counts = {source.name: source.documents for source in overview.sources}
    lines = [
        f"• *{escaping.mrkdwn(name)}*" + (f": {counts.get(name, 0):,} documents" if figures else "")
        for name in overview.configured
    ]
    return Message(text="Lorebot's sources", blocks=_sections(lines or ["No source is configured."]))


def progress_message(runs: Sequence[Run], *, admin: str) -> Message:
    """A refresh while it goes on, and its figures in the end. ``admin`` is the Slack user id of who asked."""
    finished = all(run.finished for run in runs)
    title = "Refreshed" if finished else "Refreshing"
    lines = [_run_line(run) for run in runs]
    names = escaping.mrkdwn(", ".join(run.source for run in runs))
    head = section(f"{title} for <@{admin}>")
    return Message(text=f"{title} {names}", blocks=(head, *_sections(lines)))


def _sections(lines: Sequence[str]) -> tuple[Block, ...]:
    """The lines in as few sections as hold them; what does not fit into a message is counted."""
    groups: list[list[str]] = [[]]
    size = total = 0
    for index, line in enumerate(lines):
        if total + len(line) > _MAX_TEXT:
            groups.append([f"… and {len(lines) - index:,} more"])
            break
        if size + len(line) + 1 > _MAX_SECTION:
            groups.append([])
            size = 0
        groups[-1].append(line)
        size += len(line) + 1
        total += len(line)
    return tuple(section("\n".join(group)) for group in groups if group)


def _totals(overview: Overview) -> str:
    total = sum(source.documents for source in overview.sources)
    questions = overview.open_questions
    return (
        f"*{total:,}* documents · *{questions}* question{'' if questions == 1 else 's'} in the queue · "
        f"model *{escaping.mrkdwn(overview.model)}*"
    )


def _source_line(
    name: str, source: SourceStatus | None, run: Run | None, *, figures: bool, now: datetime
) -> str:
    parts = [f"*{escaping.mrkdwn(name)}*"]
    if source is None:
        parts.append("not indexed yet")
    else:
        if figures:
            parts.append(
                f"{source.documents:,} documents, {source.embedded:,} of {source.chunks:,} chunks embedded"
            )
        fresh = (
            f"refreshed {_ago(source.last_finished, now)}"
            if source.last_finished
            else "never refreshed to the end"
        )
        parts.append(fresh)
        if figures and source.failed:
            parts.append(f":warning: {source.failed:,} could not be read")
    if run is not None:
        parts.append("a refresh waits" if run.state is RunState.WAITING else "a refresh is running")
    line = "• " + " · ".join(parts)
    if figures and source is not None and source.last_error:
        line += f"\n    :x: {escaping.mrkdwn(escaping.shorten(source.last_error, 150))}"
    return line


def _run_line(run: Run) -> str:
    name = f"*{escaping.mrkdwn(run.source)}*"
    if run.state is RunState.WAITING:
        return f":hourglass: {name} waits for a worker"
    if run.state is RunState.FAILED:
        return f":x: {name} failed: {escaping.mrkdwn(escaping.shorten(run.error or 'see the log', 200))}"
    if run.state is RunState.DONE:
        return f":white_check_mark: {name} {_figures(run)}"
    total = f" of {run.total:,}" if run.total else ""
    done = f" {run.done:,}{total}" if run.done is not None else ""
    phase = escaping.mrkdwn(escaping.shorten(run.phase or "starting", _PHASE_WIDTH))
    return f":arrows_counterclockwise: {name} {phase}{done}"


def _figures(run: Run) -> str:
    report = run.report or {}
    changes = ", ".join(
        f"{report[key]:,} {key}" for key in ("created", "updated", "deleted", "failed") if report.get(key)
    )
    documents, seconds = report.get("documents", 0), float(report.get("seconds", 0.0))
    return f"{documents:,} documents ({changes or 'nothing changed'}) in {seconds:.1f} s"


def _ago(moment: datetime, now: datetime) -> str:
    seconds = max(0, int((now - moment).total_seconds()))
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
