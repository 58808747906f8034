"""Connections that give up on a server which sends the head of its answer byte by byte.

The time-out of a socket starts anew with every byte; this one does not.
"""

from __future__ import annotations

import contextlib
import socket
from threading import Event, Timer
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from connectors.errors import ServerFaultError


def too_slow(host: str, seconds: float) -> ServerFaultError:
    """What to say of an answer that takes too long as a whole."""
    return ServerFaultError(
        f"{host} was not done answering after {seconds:.0f} seconds; the next run tries again."
    )


class WatchedAdapter(HTTPAdapter):
    """requests' adapter over connections that are watched."""

    def __init__(self, seconds: float) -> None:
        self._pools = _watched_pools(seconds)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Connections without a proxy."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _watched_pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
            with _Watch(self.sock, self.host, seconds):
                return super().getresponse()

    class Encrypted(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
            with _Watch(self.sock, self.host, seconds):
                return super().getresponse()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


class _Watch:
    """Shuts the socket down after so many seconds, which ends every wait on it, and raises then."""

    def __init__(self, watched: Any, host: str, seconds: float) -> None:
        self._socket, self._host, self._seconds = watched, host, seconds
        self._over = Event()
        self._timer = Timer(seconds, self._bark)
        self._timer.daemon = True

    def _bark(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):  # it may be closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._over.is_set():
            # Half a head looks like a whole one whose answer is over.
            raise too_slow(self._host, self._seconds)
