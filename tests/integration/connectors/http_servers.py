"""Small real HTTP servers: one that answers as a test says, and a proxy."""

from __future__ import annotations

import json
import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    #: The client's port: one for each connection.
    port: int

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer: ``body`` as JSON or bytes; ``raw`` pieces go to the socket as they are, ``pause`` seconds apart."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: Iterable[bytes] | None = None
    pause: float = 0.0
    #: Wait so long before answering.
    delay: float = 0.0


@dataclass
class Server:
    """A server that is running."""

    url: str
    calls: list[Call] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)
    busy: int = 0
    busiest: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


@contextmanager
def serve(answer: Callable[[Call], Reply], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1 until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            call = _call(self, body=self.rfile.read(length))
            with server.lock:
                server.calls.append(call)
                server.busy += 1
                server.busiest = max(server.busiest, server.busy)
            try:
                self._send(answer(call))
            finally:
                with server.lock:
                    server.busy -= 1

        do_POST = do_GET  # noqa: N815 (the names are http.server's)

        def _send(self, reply: Reply) -> None:
            server.stopping.wait(reply.delay)
            if reply.raw is not None:
                self.close_connection = True
                for piece in reply.raw:
                    if server.stopping.wait(reply.pause):
                        return
                    self.wfile.write(piece)
                    self.wfile.flush()
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with _running(Handler, tls) as port:
        server = Server(url=f"{'https' if tls else 'http'}://127.0.0.1:{port}")
        try:
            yield server
        finally:
            server.stopping.set()


@contextmanager
def proxy(*, login: str | None = None, refuses: int | None = None) -> Iterator[Server]:
    """A proxy for both kinds of URL; ``login`` is the ``Proxy-Authorization`` it wants, ``refuses`` its answer."""
    calls: list[Call] = []
    with _running(partial(_ProxyHandler, calls=calls, login=login, refuses=refuses), None) as port:
        yield Server(url=f"http://127.0.0.1:{port}", calls=calls)


class _ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, calls: list[Call], login: str | None, refuses: int | None) -> None:
        self._calls, self._login, self._refuses = calls, login, refuses
        super().__init__(*args)  # answers all requests of the connection

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_CONNECT(self) -> None:
        if not self._lets_through():
            return
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            _tunnel(self.connection, upstream)
        self.close_connection = True

    def do_GET(self) -> None:
        if not self._lets_through():
            return
        target = urlsplit(self.path)
        with socket.create_connection((target.hostname or "", target.port or 80)) as upstream:
            upstream.sendall(self._request(target.path + (f"?{target.query}" if target.query else "")))
            while piece := upstream.recv(65536):
                self.connection.sendall(piece)
        self.close_connection = True

    do_POST = do_GET  # noqa: N815

    def _request(self, path: str) -> bytes:
        """The request as the server gets it, without what is for the proxy alone."""
        headers = {**dict(self.headers.items()), "Connection": "close"}
        headers.pop("Proxy-Authorization", None)
        head = f"{self.command} {path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return head.encode() + b"\r\n" + content

    def _lets_through(self) -> bool:
        call = _call(self, body=b"")
        self._calls.append(call)
        wanted = self._login is not None and call.headers.get("proxy-authorization") != self._login
        status = 407 if wanted else self._refuses
        if status is None:
            return True
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False


def _tunnel(client: socket.socket, upstream: socket.socket) -> None:
    """Pass on what either end sends, until one closes or both are silent for ten seconds."""
    ends = {client: upstream, upstream: client}
    while True:
        ready, _, _ = select.select(list(ends), [], [], 10)
        for end in ready:
            piece = end.recv(65536)
            if not piece:
                return
            ends[end].sendall(piece)
        if not ready:
            return


def _call(handler: BaseHTTPRequestHandler, *, body: bytes) -> Call:
    return Call(
        method=handler.command,
        path=handler.path,
        headers={name.lower(): value for name, value in handler.headers.items()},
        body=body,
        at=monotonic(),
        port=handler.client_address[1],
    )


@contextmanager
def _running(handler: Callable[..., BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> Iterator[int]:
    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that goes away is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
