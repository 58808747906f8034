"""The Slack bot as a whole: built from a configuration and its neighbours, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import psycopg
import structlog
from psycopg_pool import ConnectionPool
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Commands, Reindex
from bot.config import SlackConfig
from bot.delivery import SLACK_ERRORS, Clients, error_code
from bot.dispatcher import Dispatcher
from bot.errors import BotError, SlackRefusedError
from bot.http import HttpServer
from bot.inbox import Inbox
from bot.listeners import Listeners
from bot.people import People
from bot.reindexing import ProgressMessages
from bot.responder import Assistant, Responder

log = structlog.get_logger(__name__)

#: Of one call of the Web API, in seconds.
_TIMEOUT = 15
_STEP_TIMEOUT = 5
_KEEP_MESSAGES_DAYS = 90
_HOUSEKEEPING_SECONDS = 6 * 3600.0


def create_bot(
    config: SlackConfig,
    *,
    pool: ConnectionPool,
    assistant: Assistant,
    reindex: Reindex,
    source_names: Sequence[str],
    model: str,
) -> Bot:
    """A bot that is not yet started.

    Args:
        config: how to reach Slack and whom to obey.
        pool: the migrated database.
        assistant: answers questions; called from several threads.
        reindex: asks for refreshes of a source, or of all.
        source_names: the configured sources, in order.
        model: the name of the model that answers, for ``/lore status``.

    Raises:
        BotError: there is neither an app token nor a signing secret.
    """
    if not config.bot_token:
        raise BotError("There is no Slack bot token: set slack.bot_token (it begins with xoxb-).")
    if not (config.app_token or config.signing_secret):
        raise BotError("Set slack.app_token for Socket Mode, or slack.signing_secret to be called over HTTP.")
    return Bot(
        config, pool=pool, assistant=assistant, reindex=reindex, source_names=source_names, model=model
    )


class Bot:
    """The running bot; see :func:`create_bot`."""

    def __init__(
        self,
        config: SlackConfig,
        *,
        pool: ConnectionPool,
        assistant: Assistant,
        reindex: Reindex,
        source_names: Sequence[str],
        model: str,
    ) -> None:
        self._config = config
        self._pool = pool
        self._assistant = assistant
        self._reindex = reindex
        self._source_names = tuple(source_names)
        self._model = model
        self._inbox = Inbox(pool, lease_seconds=config.lease_seconds)
        self._opened = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Connect to Slack and begin to answer; returns once Slack can reach us.

        Raises:
            SlackRefusedError: Slack refuses a token or does not answer; nothing is left open.
            BotError: the port for Slack's calls cannot be had.
        """
        async with contextlib.AsyncExitStack() as opening:
            await self._open(opening)
            self._opened = opening.pop_all()

    async def stop(self) -> None:
        """Stop listening, finish running answers within the grace time, close everything."""
        await self._opened.aclose()
        log.info("bot_stopped")

    async def _open(self, opening: contextlib.AsyncExitStack) -> None:
        """Open everything; what is opened last is closed first, so Slack is let go before the answers end."""
        session = await opening.enter_async_context(aiohttp.ClientSession())
        clients = _clients(self._config, session)
        client = clients.patient
        identity = await _identify(client)
        people = People(client, team=identity["team_id"], enterprise=identity.get("enterprise_id"))
        executor = ThreadPoolExecutor(self._config.concurrency, thread_name_prefix="answer")
        # Not waited for: a thread that hangs must not keep the process.
        opening.callback(executor.shutdown, wait=False, cancel_futures=True)
        responder = Responder(
            clients=clients,
            inbox=self._inbox,
            people=people,
            assistant=self._assistant,
            executor=executor,
            bot_user=identity["user_id"],
        )
        dispatcher = Dispatcher(
            inbox=self._inbox,
            responder=responder,
            concurrency=self._config.concurrency,
            lease_seconds=self._config.lease_seconds,
            polling_seconds=self._config.polling_seconds,
            retry_seconds=self._config.retry_seconds,
        )
        progress = ProgressMessages(client=client, pool=self._pool)
        commands = self._create_commands(people, progress)
        app = self._create_app(client, commands, dispatcher, bot_user=identity["user_id"])
        self._keep_house(opening)
        dispatcher.start()
        opening.push_async_callback(dispatcher.stop, grace_seconds=self._config.grace_seconds)
        opening.push_async_callback(progress.stop)
        opening.push_async_callback(commands.stop)
        await self._listen(opening, app)
        log.info("bot_started", team=identity["team_id"], socket_mode=bool(self._config.app_token))

    def _create_commands(self, people: People, progress: ProgressMessages) -> Commands:
        return Commands(
            config=self._config,
            pool=self._pool,
            inbox=self._inbox,
            people=people,
            progress=progress,
            reindex=self._reindex,
            source_names=self._source_names,
            model=self._model,
        )

    def _create_app(
        self,
        client: AsyncWebClient,
        commands: Commands,
        dispatcher: Dispatcher,
        *,
        bot_user: str,
    ) -> AsyncApp:
        # Acknowledged only when the listener is done: what is not stored yet must be delivered again.
        app = AsyncApp(
            client=client,
            signing_secret=self._config.signing_secret or "",
            process_before_response=True,
        )
        listeners = Listeners(
            config=self._config, inbox=self._inbox, dispatcher=dispatcher, bot_user=bot_user
        )
        listeners.register(app)
        commands.register(app)
        return app

    async def _listen(self, opening: contextlib.AsyncExitStack, app: AsyncApp) -> None:
        if not self._config.app_token:
            server = HttpServer(app, host=self._config.http_host, port=self._config.http_port)
            await opening.enter_async_context(server)
            return
        try:
            # The handler would try a wrong token for ever, and only the log would know.
            await app.client.apps_connections_open(app_token=self._config.app_token)
        except SLACK_ERRORS as error:
            raise SlackRefusedError(
                f"Slack refused the app token ({error_code(error)}): "
                "check slack.app_token (xapp-…, with connections:write) and that Socket Mode is on."
            ) from error
        handler = AsyncSocketModeHandler(app, self._config.app_token)
        opening.push_async_callback(handler.close_async)
        await handler.connect_async()  # type: ignore[no-untyped-call]

    def _keep_house(self, opening: contextlib.AsyncExitStack) -> None:
        task = asyncio.create_task(self._purge_now_and_then(), name="housekeeping")
        opening.callback(task.cancel)

    async def _purge_now_and_then(self) -> None:
        while True:
            try:
                count = await asyncio.to_thread(self._inbox.purge, days=_KEEP_MESSAGES_DAYS)
                log.info("inbox_purged", count=count)
            except psycopg.Error as error:
                log.warning("inbox_unavailable", error=type(error).__name__)
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)


async def _identify(client: AsyncWebClient) -> dict[str, str]:
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        raise SlackRefusedError(
            f"Slack refused the bot token ({error_code(error)}): check slack.bot_token (xoxb-…)."
        ) from error
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SlackRefusedError("Slack does not answer: check the network and slack.base_url.") from error
    return {key: str(answer.get(key)) for key in ("team_id", "user_id", "enterprise_id") if answer.get(key)}


def _clients(config: SlackConfig, session: aiohttp.ClientSession) -> Clients:
    def client(timeout: int, *handlers: AsyncRetryHandler) -> AsyncWebClient:
        return AsyncWebClient(
            token=config.bot_token,
            base_url=_api_root(config),
            session=session,
            timeout=timeout,
            retry_handlers=list(handlers),
        )

    rate_limits = AsyncRateLimitErrorRetryHandler(max_retry_count=3)
    return Clients(
        patient=client(
            _TIMEOUT,
            rate_limits,
            AsyncConnectionErrorRetryHandler(),
            AsyncServerErrorRetryHandler(max_retry_count=2),
        ),
        posting=client(_TIMEOUT, rate_limits),
        impatient=client(_STEP_TIMEOUT),
    )


def _api_root(config: SlackConfig) -> str:
    return config.base_url.rstrip("/") + "/"
