"""The admin API by which tests and demos change a site, ask who may read what, inject faults and count requests.

All paths are relative to where the routes are mounted, such as `/_admin`. Errors: `{"error": "<one sentence>"}`.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.atlassian.admin_identity import identity_table
from sandbox.atlassian.admin_permissions import permission_table
from sandbox.atlassian.admin_tickets import ticket_table
from sandbox.atlassian.admin_traffic import traffic_table
from sandbox.atlassian.admin_webhooks import webhook_table
from sandbox.atlassian.admin_wiki import wiki_table
from sandbox.atlassian.admin_wire import answering
from sandbox.site_state import Site


def create_admin_routes(site: Site, *, prefix: str = "/_admin") -> list[web.RouteDef]:
    """The routes of the admin API, under `prefix` (give an empty one to mount them as a sub-application)."""
    tables = (wiki_table, ticket_table, permission_table, identity_table, traffic_table, webhook_table)
    return [
        web.route(method, prefix + path, answering(handler))
        for table in tables
        for method, path, handler in table(site)
    ]
