"""Puts the parts of one Slack sandbox together: state, delivery to the app, interactions."""

from __future__ import annotations

from sandbox.slack.agents import AgentState
from sandbox.slack.delivery import Delivery
from sandbox.slack.events import EventRouter
from sandbox.slack.faults import CallRecord, FaultPlan
from sandbox.slack.http_events import HttpTransport
from sandbox.slack.interactions import Interactions
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.socket_mode import SocketModeTransport
from sandbox.slack.views import ViewStore
from sandbox.slack.workspace import Workspace


class SlackSandbox:
    """Everything that the Web API, the page and the admin API work on;
    `base_url` is the origin they serve at.
    """

    def __init__(self, workspace: Workspace, *, base_url: str) -> None:
        self.workspace = workspace
        self.base_url = base_url.rstrip("/")
        timing = workspace.timing
        self.socket_mode = SocketModeTransport(app_id=workspace.app_id, timing=timing)
        self.http = HttpTransport(
            manifest=workspace.manifest, signing_secret=workspace.secrets.signing_secret, timing=timing
        )
        self.delivery = Delivery(self.socket_mode if workspace.manifest.socket_mode else self.http, timing)
        self.router = EventRouter(workspace, self.delivery.send_event)
        self.views = ViewStore(workspace)
        self.agents = AgentState(workspace)
        self.response_urls = ResponseUrls(workspace, base_url=self.base_url)
        self.interactions = Interactions(
            workspace=workspace,
            views=self.views,
            delivery=self.delivery,
            router=self.router,
            response_urls=self.response_urls,
        )
        self.faults = FaultPlan()
        self.calls = CallRecord()

    async def close(self) -> None:
        """Stop deliveries and close all connections."""
        await self.delivery.close()
        await self.socket_mode.close()
        await self.http.close()
