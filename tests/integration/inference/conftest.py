"""A small index to answer from, and a small OpenAI-compatible server that the test scripts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from connectors.documents import AccessRule, Document, DocumentKind, Membership, Section, SectionKind
from indexer.embedding import Embedder
from indexer.people import store_people
from indexer.rules import RuleStore
from indexer.store import store_document
from indexer.vectors import embed_source
from lorebot.database.pool import open_pool

OPEN = AccessRule(name="open", principals=frozenset({"anyone"}))
BOARD = AccessRule(name="board", principals=frozenset({"group:board"}))

PAGES = {
    "spooler": ("Print spooler", "Restart the print spooler on Linux with `systemctl restart cups`."),
    "windows": (
        "Print spooler on Windows",
        "On Windows the print spooler is restarted in the services panel.",
    ),
    "leave": ("Parental leave", "Fathers get ten days of parental leave, requested in the people portal."),
    "vpn": ("VPN certificate", "The VPN certificate expires every year and is renewed in the key portal."),
}


@pytest.fixture(scope="module")
def filled(shared_database_url: str, embedder: Embedder) -> Iterator[ConnectionPool]:
    """Four pages for anyone and one for the board alone, filled once; conversations have names of their own."""
    with open_pool(shared_database_url) as pool:
        _fill(pool, embedder)
        yield pool


def _fill(pool: ConnectionPool, embedder: Embedder) -> None:
    pages = [(key, *page, OPEN) for key, page in PAGES.items()]
    pages.append(
        ("merger", "Merger with Umbrella", "The merger with Umbrella closes in May for 40 million.", BOARD)
    )
    rules = RuleStore("wiki")
    with pool.connection() as connection:
        for key, title, text, rule in pages:
            section = Section(kind=SectionKind.SECTION, text=text, url=f"https://x/{key}#how")
            document = Document(
                source="wiki",
                id=key,
                external_id=key,
                kind=DocumentKind.PAGE,
                title=title,
                url=f"https://x/{key}",
                place="Ops",
                sections=(section,),
                access_rules=(rule,),
                updated=datetime(2026, 1, 2, tzinfo=UTC),
            )
            store_document(connection, document, rules=rules, embedder=embedder)
        store_people(
            connection, "wiki", [Membership(email="ceo@example.com", principals=frozenset({"group:board"}))]
        )
    embed_source(pool, "wiki", embedder, progress=lambda *_: None)


class ScriptedModel:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        #: Replies to chat completions, one a call, the last one for ever: text, a status, or a whole body.
        self.replies: list[Any] = ["I do not know."]
        self.models: Any = {
            "object": "list",
            "data": [{"id": "lore", "object": "model", "max_model_len": 8192}],
        }
        #: Tokens that /tokenize counts for a prompt; None: the server has no such path.
        self.tokenize: Callable[[str], int] | None = None
        #: Path, headers and body of each call.
        self.calls: list[tuple[str, dict[str, str], Any]] = []

    def chats(self) -> list[Any]:
        """The bodies of the chat completions."""
        return [body for path, _, body in self.calls if path.endswith("/chat/completions")]

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and body of a call."""
        if path.endswith("/models"):
            return (200, self.models) if not isinstance(self.models, int) else (self.models, {})
        if path == "/tokenize":
            if self.tokenize is None:
                return 404, {"detail": "Not Found"}
            return 200, {"count": self.tokenize("".join(each["content"] for each in body["messages"]))}
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, int):
            return reply, {"error": {"message": "scripted"}}
        if isinstance(reply, str):
            message = {"role": "assistant", "content": reply}
            reply = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
        return 200, reply


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    """A server on a free port."""
    script = ScriptedModel()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(None)

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _serve(self, body: Any) -> None:
            script.calls.append(
                (self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            status, value = script.answer(self.path, body)
            is_json = not isinstance(value, bytes)
            content = json.dumps(value).encode() if is_json else value
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if is_json else "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        script.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield script
        http.shutdown()
        thread.join()
