"""Events, commands and interactions over HTTP, signed (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import urlencode

import aiohttp
import structlog

from sandbox.slack.delivery import NotAcknowledgedError, Retry
from sandbox.slack.manifest import AppManifest
from sandbox.slack.models import Json, Timing

log = structlog.get_logger(__name__)


class HttpTransport:
    """Posts to the app's request URLs, as the manifest names them; `events_url` may be set later."""

    def __init__(self, *, manifest: AppManifest, signing_secret: str, timing: Timing) -> None:
        self._manifest = manifest
        self._secret = signing_secret.encode()
        self._timeout = aiohttp.ClientTimeout(total=timing.ack_timeout)
        self._session: aiohttp.ClientSession | None = None
        self._verified: set[str] = set()
        self.events_url = manifest.events_url

    async def send(self, kind: str, payload: Json, *, retry: Retry | None = None) -> Json:
        """Post one payload; anything but a 2xx answer in time is no acknowledgement."""
        url = self._url_for(kind, payload)
        if url is None:
            raise NotAcknowledgedError("connection_failed")
        if kind == "events_api":
            await self._verify(url)
            return await self._post(url, json.dumps(payload), "application/json", retry)
        fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
        return await self._post(url, urlencode(fields), "application/x-www-form-urlencoded", retry)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def _url_for(self, kind: str, payload: Json) -> str | None:
        if kind == "events_api":
            return self.events_url
        if kind == "interactive":
            return self._manifest.interactivity_url or self.events_url
        urls = (each.url for each in self._manifest.commands if each.command == payload["command"])
        return next(urls, None) or self.events_url

    async def _verify(self, url: str) -> None:
        """The url_verification handshake, once per URL: the app must echo the challenge."""
        if url in self._verified:
            return
        challenge = secrets.token_urlsafe(24)
        body = json.dumps({"type": "url_verification", "challenge": challenge, "token": "sandbox"})
        answer = await self._post(url, body, "application/json", None)
        if challenge not in (answer.get("challenge"), answer.get("text")):
            log.warning("request_url_not_verified", url=url)
            raise NotAcknowledgedError("http_error")
        self._verified.add(url)

    async def _post(self, url: str, body: str, content_type: str, retry: Retry | None) -> Json:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        headers = {"Content-Type": content_type, **self._signature(body)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry.attempt), "X-Slack-Retry-Reason": retry.reason}
        try:
            async with self._session.post(url, data=body.encode(), headers=headers) as response:
                text = await response.text()
                if response.status >= 300:
                    final = response.headers.get("X-Slack-No-Retry") == "1"
                    raise NotAcknowledgedError("http_error", final=final)
        except TimeoutError as exc:
            raise NotAcknowledgedError("http_timeout") from exc
        except aiohttp.ClientError as exc:
            raise NotAcknowledgedError("connection_failed") from exc
        return _answer(text)

    def _signature(self, body: str) -> dict[str, str]:
        timestamp = str(int(time.time()))
        digest = hmac.new(self._secret, f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def _answer(text: str) -> Json:
    """JSON as it is; plain text becomes ``{"text": …}``, which is what it means as an answer to a command."""
    if not text.strip():
        return {}
    try:
        answer = json.loads(text)
    except ValueError:
        return {"text": text}
    return answer if isinstance(answer, dict) else {"text": text}
