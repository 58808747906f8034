"""Where the objects are built: the settings go in, the parts that do the work come out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from psycopg_pool import ConnectionPool

from indexer import models
from indexer.embedding import DEFAULT_MODEL, Embedder, Model, open_model
from indexer.embedding.addresses import is_address, split_address
from indexer.errors import EmbeddingError, IndexerError
from indexer.terms import prepare
from lorebot.database import embedded
from lorebot.database.pool import open_pool
from lorebot.embedder import build_embedder, configured_location
from lorebot.errors import ConfigError
from lorebot.settings import Settings
from lorebot.sources import AtlassianTable, FilesTable, JiraTable, SourceTable

if TYPE_CHECKING:
    from pydantic import SecretStr

    from bot.config import SlackConfig
    from connectors.atlassian import AtlassianClient
    from connectors.credentials import Credentials
    from connectors.documents import Connector
    from connectors.limits import SiteLimiter
    from connectors.oauth import TokenStore
    from connectors.site import Site
    from connectors.webhooks import Product
    from indexer.reranking import Reranker
    from indexer.search import SearchOptions
    from inference.assistant import Assistant
    from inference.model import ChatModel


class Reach:
    """What all connectors of a process share: the limiter of each host, and the store of OAuth tokens."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._lock = Lock()
        self._limiters: dict[str, SiteLimiter] = {}

    def limiter(self, host: str, at_once: int) -> SiteLimiter:
        """The host's limiter; the first source of a host says how many requests it takes at once."""
        from connectors.limits import SiteLimiter  # noqa: PLC0415

        with self._lock:
            if host not in self._limiters:
                self._limiters[host] = SiteLimiter(host, at_once=at_once)
            return self._limiters[host]

    def tokens(self) -> TokenStore:
        """Where refresh tokens are kept."""
        from lorebot.tokens import PostgresTokenStore  # noqa: PLC0415

        return PostgresTokenStore(self._pool)


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts that every process shares."""

    settings: Settings
    #: For libraries that open connections of their own.
    database_url: str
    pool: ConnectionPool
    embedder: Embedder
    #: What the connectors of all sources share.
    reach: Reach


@contextmanager
def open_services(settings: Settings) -> Iterator[Services]:
    """Open the database (the embedded one where no URL is set) and what stands on it; closes both at the end.

    Raises:
        DatabaseError: the database cannot be opened.
        ConfigError: the embedding model is not there, or the database does not know the language of the words.
    """
    embedder = build_embedder(settings)
    server = None if settings.database.url else embedded.start(settings.data_dir)
    try:
        url = server.url if server else _url(settings)
        with open_pool(url) as pool:
            _prepare_words(pool, settings)
            _follow(pool, embedder)
            reach = Reach(pool)
            yield Services(settings=settings, database_url=url, pool=pool, embedder=embedder, reach=reach)
    finally:
        if server:
            server.close()


def find_model(services: Services, wanted: str) -> Model:
    """The embedding model that somebody names: the one that comes along, a folder, an address, a name that the index
    knows, or the name of one that the configured server has. Asks no server.

    Raises:
        EmbeddingError: there is no such model.
    """
    url, embedder = services.settings.embedding.url, services.embedder
    if wanted == DEFAULT_MODEL:
        return embedder.find(wanted, None)
    if is_address(wanted) or Path(wanted).exists():
        return open_model(wanted, embedder.options)
    stored = {model.name: model.location for model in models.stored(services.pool)}
    if wanted in stored:
        return embedder.find(wanted, stored[wanted])
    return open_model(f"{url}#{wanted}" if url else wanted, embedder.options)


def model_disagreement(services: Services) -> str | None:
    """One sentence where the configuration names another embedding model than the one that searches use.

    Asks no server.
    """
    table, live = services.settings.embedding, models.live(services.pool)
    if live is None or (table.model is None and table.url is None):
        return None
    if services.embedder.configured.matches(live.name, live.location):
        return None
    wanted = configured_location(services.settings)
    of_server = split_address(live.location)[0] if is_address(live.location) else None
    if of_server and table.url and not table.model and of_server == split_address(table.url)[0]:
        return None  # any model of that server is meant
    return (
        f"Searches use {live.name}, because the index has its vectors, and not {wanted}, which the configuration "
        f"names: `lorebot index --embedding-model {wanted}` changes over."
    )


def model_in_use(services: Services) -> str:
    """The name of the model that searches use, or would use; asks a server only where it is the first one's."""
    live = models.live(services.pool)
    if live:
        return live.name
    try:
        return services.embedder.name
    except EmbeddingError:
        return "unknown (the server does not answer)"


def _prepare_words(pool: ConnectionPool, settings: Settings) -> None:
    try:
        prepare(pool, language=settings.search.language)
    except IndexerError as error:
        raise ConfigError(str(error)) from error


def _follow(pool: ConnectionPool, embedder: Embedder) -> None:
    """Start with the live model. Where it is not here, whoever needs a vector is told."""
    live = models.live(pool)
    if live:
        with suppress(EmbeddingError):
            embedder.use(live.name, live.location)


def _url(settings: Settings) -> str:
    return settings.database.url.get_secret_value() if settings.database.url else ""


def build_connector(source: SourceTable, reach: Reach | None = None) -> Connector:
    """The connector of a configured source; it makes no call yet.

    Args:
        reach: what the process's connectors share; only a source with OAuth cannot do without.

    Raises:
        ConnectorError: an address or a file that the source names is none.
        ConfigError: OAuth without the database that keeps its tokens.
    """
    # Imported here: the client library takes a while, and a search needs none of it.
    if isinstance(source, FilesTable):
        from connectors.files import FilesConnector  # noqa: PLC0415

        return FilesConnector(name=source.name, folder=source.path, base_url=source.url)
    from connectors.confluence import ConfluenceConnector  # noqa: PLC0415
    from connectors.jira import JiraConnector  # noqa: PLC0415

    client = _build_client(source, reach)
    if isinstance(source, JiraTable):
        return JiraConnector(
            name=source.name,
            client=client,
            projects=source.projects,
            fields=source.fields,
            restricted_comments=source.restricted_comments,
            internal_notes=source.internal_notes,
        )
    return ConfluenceConnector(name=source.name, client=client, spaces=source.spaces)


def _build_client(source: AtlassianTable, reach: Reach | None) -> AtlassianClient:
    from connectors.atlassian import AtlassianClient  # noqa: PLC0415

    site = _site(source)
    return AtlassianClient(
        site,
        _credentials(source, site, reach),
        limiter=reach.limiter(site.host, source.requests_at_once) if reach else None,
    )


def _site(source: AtlassianTable) -> Site:
    from connectors.site import ATLASSIAN_GATEWAY, Deployment, Gateway, Site, confluence_url  # noqa: PLC0415

    deployment, jira = Deployment(source.deployment), isinstance(source, JiraTable)
    gateway = Gateway(
        product="jira" if jira else "confluence",
        cloud_id=source.cloud_id,
        url=source.gateway_url or ATLASSIAN_GATEWAY,
    )
    return Site(
        url=source.url if jira else confluence_url(source.url, deployment),
        deployment=deployment,
        gateway=gateway if source.takes_gateway else None,
        ca_bundle=source.ca_bundle,
        proxy=source.proxy.get_secret_value() if source.proxy else None,
    )


def _credentials(source: AtlassianTable, site: Site, reach: Reach | None) -> Credentials:
    from connectors.credentials import basic, bearer  # noqa: PLC0415

    if source.way_in == "oauth":
        return _oauth(source, site, reach)
    token = _secret(source.token)
    return bearer(token) if source.way_in == "pat" else basic(source.login or "", token)


def _oauth(source: AtlassianTable, site: Site, reach: Reach | None) -> Credentials:
    from connectors.oauth import ATLASSIAN_TOKEN_URL, Grant, OAuthCredentials  # noqa: PLC0415

    if reach is None:
        raise ConfigError(
            f"{source.name} signs in with OAuth, whose tokens the database keeps: open it first."
        )
    grant = Grant(
        client_id=source.client_id or "",
        client_secret=_secret(source.client_secret),
        refresh_token=_secret(source.refresh_token),
        token_url=source.auth_url or ATLASSIAN_TOKEN_URL,
    )
    return OAuthCredentials(grant, reach.tokens(), site=site)


def _secret(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def webhook_secrets(settings: Settings) -> dict[str, tuple[Product, str]]:
    """The sources that take webhooks: who sends them, and the secret that signs them."""
    from connectors.webhooks import Product  # noqa: PLC0415

    return {
        source.name: (Product(source.kind), source.webhook_secret.get_secret_value())
        for source in settings.sources
        if not isinstance(source, FilesTable) and source.webhook_secret
    }


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
        options=search_options(services.settings),
    )


def search_options(settings: Settings) -> SearchOptions:
    """How the index is searched.

    Raises:
        ConfigError: the reranker's folder is none.
    """
    from indexer.adaptation.tunings import LiveTunings  # noqa: PLC0415
    from indexer.ranking import Ranking  # noqa: PLC0415
    from indexer.search import SearchOptions  # noqa: PLC0415

    table = settings.search
    return SearchOptions(
        strategy=table.strategy,
        ranking=Ranking(**table.weights),
        tunings=LiveTunings(),
        reranker=_reranker(settings),
    )


def _reranker(settings: Settings) -> Reranker | None:
    from indexer.reranking import LocalReranker, RemoteReranker, RerankingError, RerankServer  # noqa: PLC0415

    table = settings.search
    if table.reranker_url:
        key = _secret(table.reranker_api_key) or None
        return RemoteReranker(RerankServer(url=table.reranker_url, model=table.reranker, api_key=key))
    try:
        return LocalReranker(Path(table.reranker)) if table.reranker else None
    except RerankingError as error:
        raise ConfigError(str(error)) from error


def configured_sources(settings: Settings) -> list[str]:
    """The names to search in: a source that is no longer configured no longer answers, be it the last one."""
    return [source.name for source in settings.sources]


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
