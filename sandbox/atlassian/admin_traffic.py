"""The admin API for what goes over the wire: faults, counts of requests."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.atlassian.admin_wire import Table, an_object
from sandbox.site_state import Site
from sandbox.site_traffic import read_fault


def traffic_table(site: Site) -> Table:
    """The routes for faults and request counts."""
    admin = _TrafficAdmin(site)
    return [
        ("POST", "/faults", admin.post_fault),
        ("DELETE", "/faults", admin.delete_faults),
        ("GET", "/requests", admin.get_requests),
        ("DELETE", "/requests", admin.delete_requests),
    ]


class _TrafficAdmin:
    def __init__(self, site: Site) -> None:
        self._traffic = site.traffic

    async def post_fault(self, request: web.Request) -> Any:
        self._traffic.faults.append(read_fault(await an_object(request)))
        return {"faults": len(self._traffic.faults)}

    async def delete_faults(self, _: web.Request) -> Any:
        self._traffic.faults.clear()
        return {"faults": 0}

    async def get_requests(self, _: web.Request) -> Any:
        return dict(self._traffic.counts)

    async def delete_requests(self, _: web.Request) -> Any:
        self._traffic.counts.clear()
        return {}
