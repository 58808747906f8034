"""The sentences that Lorebot says of itself."""

from __future__ import annotations

from bot.views.messages import Block, Message, context, notice, section
from inference.assistant import LONGEST_QUESTION

_HELP = (
    "Ask me a question and I answer from Confluence and Jira, with links to where I found it.\n"
    "• In a channel, mention me; in the thread you can go on without mentioning me again.\n"
    "• In a direct message, just ask."
)
_PRIVACY = (
    "In a channel I use only what every member may read; in a direct message everything that you may read. "
    "Check the linked sources before you rely on an answer."
)


def searching() -> Message:
    """The first sign of life."""
    return step("Searching…")


def step(text: str) -> Message:
    """What is being done at this moment."""
    line = notice(text if text.endswith("…") else f"{text}…").text
    return Message(text=line, blocks=(context(f":hourglass_flowing_sand: {line}"),))


def help_message() -> Message:
    """How to ask."""
    return Message(text="Ask me a question.", blocks=(section(_HELP), context(_PRIVACY)))


def home() -> dict[str, object]:
    """The App Home: how to ask, and what happens to it."""
    title: Block = {
        "type": "header",
        "text": {"type": "plain_text", "text": "Ask me anything that is written down"},
    }
    blocks = [title, section(_HELP), {"type": "divider"}, context(_PRIVACY)]
    return {"type": "home", "blocks": blocks}


def too_long(length: int) -> Message:
    """For a message that cannot be a question."""
    return notice(
        f"Your message has {length:,} characters; I can read questions of up to {LONGEST_QUESTION:,}. "
        "Please ask again with the part that matters."
    )


def shared_channel() -> Message:
    """For a conversation with people of another company."""
    return notice(
        "I do not answer where people from outside the company read along. Please message me directly."
    )


def external_asker() -> Message:
    """For somebody of another company."""
    return notice("I am sorry: I only answer people of this company.")


def outsider() -> Message:
    """For a guest, or somebody of another company, who asks what there is."""
    return notice("I am sorry: I tell this only to members of this company.")


def failure(reference: str) -> Message:
    """For everything unexpected; the log holds the same reference."""
    return notice(
        f"Something went wrong on my side (reference {reference}). Please try again in a few minutes."
    )
