"""Nothing from documents, people or the model may notify anybody or become a link that is no citation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views import escaping

CITED = "https://wiki.example.com/pages/1?a=b&c=(d)#setup"

#: What notifies people in Slack.
CONTROL = re.compile(r"<[@#][A-Z0-9]|<!(?:channel|here|everyone|subteam|date)", re.IGNORECASE)
FENCED = re.compile(r"^[ \t]*(```+|~~~+)[^`\n]*\n.*?^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`+)(?!`)[^\n]*?[^`\n]\1(?!`)")

SNIPPETS = st.sampled_from(
    [
        "<!channel>",
        "<!here|here>",
        "<!subteam^S1|@team>",
        "<@U0AB12>",
        "<#C0AB12|general>",
        "@here",
        "@channel",
        "https://evil.example/login",
        "www.evil.example",
        "<https://evil.example|wiki>",
        "<https://evil.example>",
        "[wiki](https://evil.example)",
        "[a [b] c](https://evil.example 'title')",
        "![x](https://evil.example/x.png)",
        "[wiki](javascript:alert(1))",
        "[wiki][1]",
        "[1]: https://evil.example",
        "[1]",
        f"[guide]({CITED})",
        CITED,
        "`",
        "``",
        "```",
        "```sh\n",
        "~~~",
        "`code <!channel>`",
        "\n",
        "\n\n",
        "    ",
        "> ",
        "](",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "&",
        "&lt;!channel&gt;",
        "mailto:a@evil.example",
        "\u202e",
        "\\",
        "*bold*",
        "<a href='https://evil.example'>x</a>",
    ]
)
TEXTS = st.lists(st.one_of(SNIPPETS, st.text(max_size=12)), max_size=14).map("".join)


@given(TEXTS)
@settings(max_examples=400)
def test_no_markdown_notifies_anybody(text: str) -> None:
    """In code as little as in prose."""
    assert not CONTROL.search(escaping.markdown(text, links={CITED}))


@given(TEXTS)
@settings(max_examples=400)
def test_no_markdown_has_a_link_that_is_no_citation(text: str) -> None:
    """Outside of code there is no address but a cited one, and no link syntax that leads elsewhere."""
    prose = SPAN.sub("", FENCED.sub("", escaping.markdown(text, links={CITED})))
    allowed = escaping.web_address(CITED)
    assert allowed is not None
    rest = prose.replace(allowed, "").replace(allowed.replace("(", "%28").replace(")", "%29"), "")
    assert "evil.example/" not in rest
    assert not re.search(r"https?://|www\.|javascript:|mailto:", rest, re.IGNORECASE)
    assert not re.search(r"\]\([^)]", rest)


@given(TEXTS)
def test_making_text_harmless_keeps_its_words(text: str) -> None:
    """Letters and digits outside of links stay, in order."""
    words = re.findall(r"[a-z]{3,}", re.sub(r"\W", " ", "alpha beta " + text.replace("\\", " ") + " gamma"))
    told = escaping.markdown("alpha beta " + text + " gamma")
    assert {"alpha", "beta", "gamma"} <= set(re.findall(r"[a-z]+", told))
    assert len(words) >= 3


@given(TEXTS)
def test_mrkdwn_has_no_control_characters_left(text: str) -> None:
    """Slack gives a meaning to these three, and to @here."""
    safe = escaping.mrkdwn(text)
    assert "<" not in safe
    assert ">" not in safe
    assert not re.search(r"&(?!amp;|lt;|gt;)", safe)
    assert not re.search(r"@(?:here|channel|everyone)\b", safe, re.IGNORECASE)
    assert "\n" not in safe


@given(TEXTS, TEXTS)
def test_a_mrkdwn_link_is_one_link_or_a_plain_label(url: str, label: str) -> None:
    """Neither the address nor the label can break out of it."""
    link = escaping.mrkdwn_link(url, label)
    if link.startswith("<"):
        assert re.fullmatch(r"<https?://[^<>|\s]+\|[^<>|\n]+>", link, re.IGNORECASE)
    else:
        assert "<" not in link


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("Use [1] and [2].", "Use [1] and [2]."),
        ("See https://evil.example/x.", "See `https://evil.example/x`."),
        ("See [the wiki](https://evil.example).", "See the wiki `https://evil.example`."),
        (
            f"See [the guide]({CITED}).",
            "See [the guide](https://wiki.example.com/pages/1?a=b&c=%28d%29#setup).",
        ),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("www.evil.example``a``", "`www.evil.example`\u200b``a``"),
        ("Run `curl https://x.example`", "Run `curl https://x.example`"),
        ("```sh\ncurl https://x.example\n```", "```sh\ncurl https://x.example\n```"),
        ("```sh\ncurl", "```sh\ncurl\n```"),
        ("if a < b and c > d", "if a < b and c > d"),
        ("`List<String>` & co", "`List<String>` & co"),
        ("write to it@example.com", "write to it@example.com"),
    ],
)
def test_harmless_text_looks_as_it_was_meant(given_text: str, shown: str) -> None:
    """Tables, code, marks and comparisons are left alone; a foreign address can be read and copied."""
    assert escaping.markdown(given_text, links={CITED}) == shown


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://x.example", "", "not a url", "https://", "http://[broken", "//x.example"],
)
def test_only_web_addresses_are_linked(url: str) -> None:
    """A citation with anything else is shown without a link."""
    assert escaping.mrkdwn_link(url, "Title") == "Title"


def test_a_title_is_shortened_at_a_word() -> None:
    """With an ellipsis."""
    assert escaping.shorten("one two three four", 12) == "one two…"
    assert escaping.shorten("x" * 30, 10) == "x" * 9 + "…"
