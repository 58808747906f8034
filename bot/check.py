"""Trying the Slack credentials, for ``lorebot doctor``."""

from __future__ import annotations

from http.client import InvalidURL
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.config import SlackConfig
from bot.errors import SlackRefusedError

_TIMEOUT = 10


def check_slack(config: SlackConfig) -> str:
    """Make one real call with each token and say as whom and how Slack is reached.

    Raises:
        SlackRefusedError: a token is refused, or Slack does not answer.
    """
    base_url = config.base_url.rstrip("/") + "/"
    identity = _call("slack.bot_token (xoxb-…)", WebClient(config.bot_token, base_url, _TIMEOUT), "auth.test")
    if config.app_token:
        app = WebClient(config.app_token, base_url, _TIMEOUT)
        _call("slack.app_token (xapp-…, with the scope connections:write)", app, "apps.connections.open")
        way = "Socket Mode"
    else:
        way = f"HTTP on port {config.http_port}, signed"
    return f"{identity['user']} in {identity['team']}, over {way}."


def _call(token: str, client: WebClient, method: str) -> dict[str, str]:
    try:
        answer = client.api_call(method)
    except SlackApiError as error:
        raise SlackRefusedError(f"Slack refused {token}: {error.response.get('error')}.") from error
    except (ValueError, InvalidURL) as error:
        # A UnicodeError or a malformed answer is a ValueError too: either way it is not Slack's address.
        raise SlackRefusedError(
            "Slack cannot be reached: slack.base_url must be a web address such as https://slack.com/api/."
        ) from error
    except (URLError, TimeoutError, OSError) as error:
        raise SlackRefusedError("Slack does not answer: check the network and slack.base_url.") from error
    return {key: str(answer.get(key)) for key in ("user", "team")}
