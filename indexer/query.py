"""Understanding a question: its words, its identifiers, the tickets that it names, and what it quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from indexer.identifiers import split_words, ticket_keys

#: “like this”, "like this" or «like this», within a line.
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{2,200})[\"”“»]")

#: Marks of Markdown: emphasis, code, escapes, links' brackets and where they lead. Whoever quotes what was shown has
#: none; indexer/search.sql takes the same from the texts.
_MARKS = re.compile(r"\]\([^)\s]*\)|[\]\[*_`~\\]")

#: Phrases that are looked up at most; more of them is a pasted log.
_PHRASES = 5

#: Identifiers of a question that are looked up at most, for the same reason.
_IDENTIFIERS = 200

#: Characters of a question whose words are looked up.
_LONGEST = 20_000


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question, taken apart."""

    #: For the stemmer.
    words: str
    #: Lower case.
    identifiers: tuple[str, ...]
    #: Upper case.
    ticket_keys: tuple[str, ...]
    #: What stands in quotation marks, without the marks of Markdown, with single spaces.
    phrases: tuple[str, ...]
    #: The words of each phrase, for the stemmer.
    phrase_words: tuple[str, ...]


def understand(question: str) -> Query:
    """Take a question apart; what it means is left to the vectors."""
    question = question[:_LONGEST]
    words = split_words(question)
    quoted = dict.fromkeys(" ".join(match.split()) for match in _QUOTED.findall(question))
    phrases = [phrase for phrase in quoted if any(map(str.isalnum, phrase))][:_PHRASES]
    return Query(
        words=words.text,
        identifiers=tuple(words.identifiers)[:_IDENTIFIERS],
        ticket_keys=tuple(ticket_keys(question)),
        phrases=tuple(" ".join(_MARKS.sub("", phrase).split()) for phrase in phrases),
        phrase_words=tuple(split_words(phrase).text for phrase in phrases),
    )
