"""Where the objects are built: the settings go in, the parts that do the work come out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg_pool import ConnectionPool

from indexer.embedding import Embedder
from lorebot.database import embedded
from lorebot.database.pool import open_pool
from lorebot.errors import ConfigError
from lorebot.settings import Settings, SourceTable

if TYPE_CHECKING:
    from bot.config import SlackConfig
    from connectors.documents import Connector
    from inference.assistant import Assistant
    from inference.model import ChatModel


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts that every process shares."""

    settings: Settings
    #: For libraries that open connections of their own.
    database_url: str
    pool: ConnectionPool
    embedder: Embedder


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Open the database (the embedded one where no URL is set) and what stands on it; closes both at the end.

    Raises:
        DatabaseError: the database cannot be opened.
        EmbeddingError: the embedding model is not there.
    """
    embedder = Embedder(settings.embedding.model)
    server = None if settings.database.url else embedded.start(settings.data_dir)
    try:
        url = server.url if server else _url(settings)
        with open_pool(url) as pool:
            yield Services(settings=settings, database_url=url, pool=pool, embedder=embedder)
    finally:
        if server:
            server.close()


def _url(settings: Settings) -> str:
    return settings.database.url.get_secret_value() if settings.database.url else ""


def build_connector(source: SourceTable) -> Connector:
    """The connector of a configured source; it makes no call yet."""
    # Imported here: the client library takes a while, and a search needs none of it.
    from connectors.atlassian import AtlassianClient, Deployment, Patience, Site, confluence_url  # noqa: PLC0415
    from connectors.confluence import ConfluenceConnector  # noqa: PLC0415
    from connectors.jira import JiraConnector  # noqa: PLC0415

    deployment = Deployment(source.deployment)
    url = source.url if source.kind == "jira" else confluence_url(source.url, deployment)
    site = Site(url=url, deployment=deployment, token=source.token.get_secret_value(), email=source.email)
    client = AtlassianClient(site, Patience())
    if source.kind == "jira":
        return JiraConnector(name=source.name, client=client, projects=source.projects)
    return ConfluenceConnector(name=source.name, client=client, spaces=source.spaces)


def find_sources(settings: Settings, name: str | None) -> list[SourceTable]:
    """The source of that name, or all for None.

    Raises:
        ConfigError: there is no such source, or none at all.
    """
    if not settings.sources:
        raise ConfigError(
            "No source is configured: add a [[sources]] table to lorebot.toml (see the README)."
        )
    found = [source for source in settings.sources if name in (None, source.name)]
    if not found:
        names = ", ".join(source.name for source in settings.sources)
        raise ConfigError(f"There is no source {name}; there are: {names}.")
    return found


def build_model(settings: Settings) -> ChatModel | None:
    """The configured model, or None for quoted answers; it makes no call yet."""
    if settings.model.base_url is None:
        return None
    from inference.model import ChatModel, ModelConfig  # noqa: PLC0415

    return ChatModel(
        ModelConfig(
            base_url=settings.model.base_url,
            name=settings.model.name,
            api_key=settings.model.api_key.get_secret_value() if settings.model.api_key else None,
            max_reply_tokens=settings.model.max_reply_tokens,
        )
    )


def build_assistant(services: Services) -> Assistant:
    """What answers questions."""
    from inference.assistant import Assistant  # noqa: PLC0415

    return Assistant(
        pool=services.pool,
        embedder=services.embedder,
        model=build_model(services.settings),
        sources=configured_sources(services.settings),
    )


def configured_sources(settings: Settings) -> list[str] | None:
    """The names to search in: a source that is configured no longer answers no longer. None where none is."""
    return [source.name for source in settings.sources] or None


def build_slack_config(settings: Settings) -> SlackConfig:
    """How the bot reaches Slack.

    Raises:
        ConfigError: there is no bot token, or no way for Slack to reach the bot.
    """
    from bot.config import ChannelPolicy, SlackConfig  # noqa: PLC0415

    slack = settings.slack
    if slack.bot_token is None:
        raise ConfigError("slack.bot_token is missing (xoxb-…, from your Slack app's page Install App).")
    if slack.app_token is None and slack.signing_secret is None:
        raise ConfigError("Set slack.app_token (xapp-…, Socket Mode) or slack.signing_secret (HTTP).")
    config = SlackConfig(
        bot_token=slack.bot_token.get_secret_value(),
        app_token=slack.app_token.get_secret_value() if slack.app_token else None,
        signing_secret=slack.signing_secret.get_secret_value() if slack.signing_secret else None,
        base_url=slack.base_url,
        admins=slack.admins,
        http_host=slack.http_host,
        http_port=slack.http_port,
    )
    policies = {
        channel: ChannelPolicy(enabled=table.enabled, follow_ups=table.follow_ups)
        for channel, table in slack.channels.items()
    }
    return replace(config, channels=policies)
