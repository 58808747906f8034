"""People of the sample company who ask in the sandbox's Slack, and the questions that they have."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.slack.admin_api import MAX_WAIT

#: Only an answer holds a block of this type; "Searching…" and notices do not.
_ANSWER = "'type': 'markdown'"

#: The heading over the citations of an answer; "I do not know" has none.
_CITED = "*Sources*"

#: A person's direct conversation with the app.
DIRECT = "app"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What one person of the company asks."""

    text: str
    email: str


def company_questions(site: Path) -> list[Question]:
    """The judged questions of a site folder that name who asks them."""
    rows = [json.loads(line) for line in (site / "queries.jsonl").read_text("utf-8").splitlines() if line]
    return [Question(text=row["text"], email=row["as"]) for row in rows if row.get("as")]


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What happened after a message, in seconds since it was sent."""

    first_sign: float
    answer: float
    #: The answer carries a citation.
    cited: bool


class SlackPeople:
    """Acts as the people of a sandbox workspace, through its admin API."""

    def __init__(self, page_url: str) -> None:
        self._url = f"{page_url}_admin/slack/"
        self._session = requests.Session()

    def connected(self) -> bool:
        """The app listens."""
        return bool(self._get("connections")["connections"])

    def ask(self, question: Question, *, channel: str = DIRECT) -> Reaction:
        """Send a question and wait for its answer in the thread.

        Raises:
            RuntimeError: there was no answer within two minutes.
        """
        mention = "" if channel == DIRECT else "@lorebot "
        started = time.perf_counter()
        sent = self._call(
            "POST",
            "messages",
            json={"user": question.email, "channel": channel, "text": mention + question.text},
        )
        place = {"channel": channel, "user": question.email, "thread_ts": sent["ts"], "timeout": MAX_WAIT}
        self._get("wait", **place)
        first_sign = time.perf_counter() - started
        shown = self._get("wait", **place, contains=_ANSWER)["messages"]
        return Reaction(
            first_sign=first_sign, answer=time.perf_counter() - started, cited=_CITED in json.dumps(shown)
        )

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._call("GET", path, params=query)

    def _call(self, verb: str, path: str, **sent: Any) -> dict[str, Any]:
        answer = self._session.request(verb, self._url + path, timeout=MAX_WAIT + 10, **sent).json()
        if not answer.get("ok"):
            raise RuntimeError(f"the sandbox's Slack refused {path}: {answer.get('error')}")
        return dict(answer)
