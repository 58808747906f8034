"""The admin API for what goes over the wire: faults, a rate limit, a search index that is behind, counts, a log."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.atlassian.admin_wire import Table, an_object
from sandbox.errors import ChangeError
from sandbox.site_state import Site
from sandbox.site_traffic import read_fault, read_limit


def traffic_table(site: Site) -> Table:
    """The routes for faults, the rate limit, counts and the log."""
    admin = _TrafficAdmin(site)
    return [
        ("POST", "/faults", admin.post_fault),
        ("DELETE", "/faults", admin.delete_faults),
        ("PUT", "/rate-limit", admin.put_limit),
        ("PUT", "/search-index", admin.put_search_index),
        ("GET", "/log", admin.get_log),
        ("PUT", "/log", admin.put_log),
        ("DELETE", "/log", admin.delete_log),
        ("GET", "/requests", admin.get_requests),
        ("DELETE", "/requests", admin.delete_requests),
    ]


class _TrafficAdmin:
    def __init__(self, site: Site) -> None:
        self._traffic = site.traffic
        self._index = site.search_index

    async def post_fault(self, request: web.Request) -> Any:
        self._traffic.faults.append(read_fault(await an_object(request)))
        return {"faults": len(self._traffic.faults)}

    async def delete_faults(self, _: web.Request) -> Any:
        self._traffic.faults.clear()
        return {"faults": 0}

    async def put_limit(self, request: web.Request) -> Any:
        """`{"per_second", "burst"}` limits all clients together; `{}` lifts the limit."""
        data = await an_object(request)
        self._traffic.bucket = read_limit(data)
        return data

    async def put_search_index(self, request: web.Request) -> Any:
        """`{"delay_seconds": n}`: so much later than by id is a change found by JQL and CQL."""
        delay = (await an_object(request)).get("delay_seconds", 0)
        if not isinstance(delay, int | float) or delay < 0:
            raise ChangeError("The delay is a number of seconds.")
        self._index.delay_ms = int(delay * 1000)
        if not delay:
            self._index.behind.clear()
        return {"delay_seconds": delay}

    async def get_log(self, _: web.Request) -> Any:
        return self._traffic.log

    async def put_log(self, request: web.Request) -> Any:
        self._traffic.log_on = bool((await an_object(request)).get("on", True))
        return {"on": self._traffic.log_on}

    async def delete_log(self, _: web.Request) -> Any:
        self._traffic.log.clear()
        return {}

    async def get_requests(self, _: web.Request) -> Any:
        return dict(self._traffic.counts)

    async def delete_requests(self, _: web.Request) -> Any:
        self._traffic.counts.clear()
        return {}
