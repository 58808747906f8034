"""What the admin reads when a setting of Slack's is wrong: one sentence that says what to do."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from bot.check import check_slack
from bot.config import SlackConfig
from bot.errors import BotError, SlackRefusedError

CONFIG = SlackConfig(bot_token="xoxb-test", app_token="xapp-test")


@pytest.mark.parametrize("address", ["foo", "ftp//slack", "", "http://", "http://[::1/api"])
def test_a_base_url_that_is_none_is_explained(address: str) -> None:
    """By the doctor."""
    with pytest.raises(SlackRefusedError, match=r"slack\.base_url") as refused:
        check_slack(replace(CONFIG, base_url=address))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("address", ["foo", "http://[::1/api"])
async def test_a_base_url_that_is_none_stops_the_bot_with_a_sentence(start_bot: Any, address: str) -> None:
    """Where it starts."""
    with pytest.raises(SlackRefusedError, match=r"slack\.base_url"):
        await start_bot(base_url=address)


async def test_a_port_in_use_is_explained(start_bot: Any) -> None:
    """The port is named, and nothing is left open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BotError, match=rf"{port}.*slack\.http_port"):
            await start_bot(app_token=None, signing_secret="secret", http_host="127.0.0.1", http_port=port)
