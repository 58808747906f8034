"""What the bot is told when it is built; read from the settings by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ChannelPolicy:
    """What Lorebot does in one channel."""

    #: False: it stays silent there, even when mentioned.
    enabled: bool = True
    #: False: in a thread that it has joined it answers only when it is mentioned again.
    follow_ups: bool = True


@dataclass(frozen=True, kw_only=True)
class SlackConfig:
    """How to reach Slack and whom to obey."""

    #: ``xoxb-…``
    bot_token: str = field(repr=False)
    #: ``xapp-…`` with connections:write; with it the bot uses Socket Mode.
    app_token: str | None = field(default=None, repr=False)
    #: Without an app token Slack posts to us over HTTP, signed with this.
    signing_secret: str | None = field(default=None, repr=False)
    #: The Web API.
    base_url: str = "https://slack.com/api/"
    #: Slack user ids or e-mail addresses of those who may reindex.
    admins: frozenset[str] = frozenset()
    #: By channel id, which survives a rename.
    channels: Mapping[str, ChannelPolicy] = field(default_factory=dict)
    #: Where the HTTP route listens, when there is no app token.
    http_host: str = "0.0.0.0"  # noqa: S104 - Slack must reach it
    http_port: int = 3000
    #: Questions that are answered at the same time.
    concurrency: int = 4
    #: How long stopping waits for running answers, in seconds.
    grace_seconds: float = 20.0
    #: How long a message belongs to one process, unless renewed, in seconds.
    lease_seconds: float = 60.0
    #: How often the inbox is looked at when nothing wakes it, in seconds.
    polling_seconds: float = 5.0
    #: Before the second attempt to answer; before the third, twice as long.
    retry_seconds: float = 1.5

    def policy(self, channel: str) -> ChannelPolicy:
        """The policy of a channel; by default Lorebot answers."""
        return self.channels.get(channel, ChannelPolicy())
