"""What an agent shows about itself: status line, thread title, suggested prompts, session state."""

from __future__ import annotations

from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.models import Change, Json
from sandbox.slack.workspace import Workspace

SESSION_STATES = ("processing", "active", "suspended", "closed")


class AgentState:
    """Status lines and prompts by (channel, thread). A status ends when the app posts in the thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.statuses: dict[tuple[str, str], Json] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: dict[tuple[str, str | None], Json] = {}
        self.sessions: dict[tuple[str, str], str] = {}
        workspace.listen(self._on_change)

    def set_status(self, channel: str, thread_ts: str, status: str, loading_messages: list[str]) -> None:
        """Show a line such as "is searching"; an empty status removes it."""
        self._workspace.message(channel, thread_ts, error="thread_not_found")
        if status:
            self.statuses[channel, thread_ts] = {"status": status, "loading_messages": loading_messages}
        else:
            self.statuses.pop((channel, thread_ts), None)
        self._tell("status", channel, thread_ts, status=status, loading_messages=loading_messages)

    def set_title(self, channel: str, thread_ts: str, title: str) -> None:
        """Name a thread of the conversation with the app."""
        self.titles[channel, thread_ts] = title
        self._tell("title", channel, thread_ts, title=title)

    def set_prompts(
        self, channel: str, thread_ts: str | None, prompts: list[Json], title: str | None
    ) -> None:
        """Offer up to four questions. Raises `SlackError` invalid_arguments, too_many_prompts."""
        if not all(isinstance(prompt, dict) and {"title", "message"} <= prompt.keys() for prompt in prompts):
            raise SlackError("invalid_arguments")
        if len(prompts) > 4:
            raise SlackError("too_many_prompts")
        self.prompts[channel, thread_ts] = {"title": title, "prompts": prompts}
        self._tell("prompts", channel, thread_ts, title=title, prompts=prompts)

    def set_session(self, channel: str, thread_ts: str, state: str) -> None:
        """The session's state; ``processing`` shows the stop button. Raises `SlackError` invalid_status."""
        if state not in SESSION_STATES:
            raise SlackError("invalid_status")
        self.sessions[channel, thread_ts] = state
        self._tell("session", channel, thread_ts, state=state)

    def _on_change(self, change: Change) -> None:
        message = change.message
        if change.kind != "message" or message is None or message.user != self._workspace.bot.id:
            return
        key = (message.channel, message.thread_ts or message.ts)
        if self.statuses.pop(key, None):
            self._tell("status", *key, status="", loading_messages=[])

    def _tell(self, kind: str, channel: str, thread_ts: str | None, **body: Any) -> None:
        self._workspace.tell(kind, channel=channel, thread_ts=thread_ts, **body)
