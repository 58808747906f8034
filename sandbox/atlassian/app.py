"""The Atlassian application: Jira and Confluence of one deployment on one origin."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from sandbox.atlassian.confluence_people import confluence_people_routes
from sandbox.atlassian.confluence_restrictions import confluence_restriction_routes
from sandbox.atlassian.confluence_v1 import confluence_v1_routes
from sandbox.atlassian.confluence_v2 import confluence_v2_routes
from sandbox.atlassian.confluence_v2_parts import confluence_v2_part_routes
from sandbox.atlassian.human import human_routes
from sandbox.atlassian.jira_files import jira_file_routes
from sandbox.atlassian.jira_issues import jira_issue_routes
from sandbox.atlassian.jira_people import jira_people_routes
from sandbox.atlassian.jira_projects import jira_project_routes
from sandbox.atlassian.jira_server import jira_server_routes
from sandbox.atlassian.media import media_routes
from sandbox.atlassian.middleware import authenticate, shape_errors
from sandbox.atlassian.oauth import oauth_routes
from sandbox.atlassian.traffic import CLOSING, stop_waiting, watch_traffic
from sandbox.atlassian.wire import CONTEXT, GATEWAY, Context, Credentials, Deployment
from sandbox.site_state import Site

__all__ = ["Credentials", "create_atlassian_app"]

API_ROUTES = (
    jira_people_routes,
    jira_server_routes,
    jira_issue_routes,
    jira_file_routes,
    jira_project_routes,
    confluence_people_routes,
    confluence_v1_routes,
    confluence_restriction_routes,
    confluence_v2_routes,
    confluence_v2_part_routes,
)
"""What the tenant's address and the gateway both serve."""


def create_atlassian_app(
    site: Site, *, deployment: Deployment, credentials: Credentials, base_url: str
) -> web.Application:
    """Build the application.

    Args:
        site: what is served; changes to it show at once.
        deployment: `cloud` serves Jira at / and Confluence at /wiki; `datacenter` at /jira and /confluence.
        credentials: what API clients must present. They see everything, as a site admin does.
        base_url: the origin under which clients reach the application, such as `http://127.0.0.1:8001`.
    """
    context = Context(
        site=site, deployment=deployment, base_url=base_url.rstrip("/"), credentials=credentials
    )
    app = web.Application(middlewares=[watch_traffic, shape_errors, authenticate])
    app[CONTEXT] = context
    site.served[deployment] = context
    app[CLOSING] = asyncio.Event()
    app.on_shutdown.append(stop_waiting)
    for routes in (*API_ROUTES, human_routes, media_routes, oauth_routes):
        app.add_routes(routes(context))
    if context.is_cloud:
        app[GATEWAY] = replace(context, is_gateway=True)
        for routes in API_ROUTES:
            app.add_routes(routes(app[GATEWAY]))
    return app
