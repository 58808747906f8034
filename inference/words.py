"""The words of a question that carry its meaning."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:[-_.'’][^\W_]+)*")

#: Function words and the small change of questions; they say nothing about what is asked.
STOP_WORDS = frozenset(
    """
    a about after again all also am an and any anybody anyone are as ask at be because been before being but by can
    could did do does doing done for from get gets getting give go had has have having he hello help her here hey hi
    him his how i if in into is it its just know let like make many may me mean might more most much must my need no
    not of off ok okay on one only or our out over own please say see shall she should show so some somebody someone
    something still such tell than thank thanks that the their them then there these they thing this those through
    to too up us use used using very want was way we were what when where which while who whom whose why will with
    would yes yet you your
    """.split()
)


def words(text: str) -> list[str]:
    """All words, lower case, in order."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def content_words(text: str) -> list[str]:
    """The words that say what a text is about, lower case, in order."""
    return [word for word in words(text) if word not in STOP_WORDS]


def stems(text: str) -> set[str]:
    """Content words cut to a common beginning, so that "refunds" and "refunded" meet."""
    return {_stem(word) for word in content_words(text)}


_ENDINGS = ("ations", "ation", "ingly", "ings", "ing", "edly", "ies", "ied", "ed", "es", "ly", "s", "e")


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
