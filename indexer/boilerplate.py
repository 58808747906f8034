"""What is left out of chunks because it helps nobody to find or to answer anything. One rule each:

- :func:`is_worthless`: a comment that a machine wrote about itself, or that only says that the ticket is closed, as
  its status does, or "+1". One that leads to something (a link, a commit, another ticket) always stays.
- :func:`without_signature`: a farewell with the names below it, at the end of a text.
- :func:`without_empty_headings`: headings of a ticket's template that nobody wrote anything under.
- :func:`indexer.logs.shortened`: what programs printed, down to what tells anything.

A reader of the passage misses none of it, and its citation leads to the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from connectors.documents import Section, SectionKind
from indexer.logs import shortened

#: What people write into tickets by hand; a page is edited until it has nothing superfluous.
_TICKET_TEXT = frozenset({SectionKind.DESCRIPTION, SectionKind.COMMENT, SectionKind.SOLUTION})

#: Leads to a fix or to something else: a link, a commit, a ticket's key.
_POINTER = re.compile(r"https?://|\b(?=[a-f]*\d)[0-9a-f]{7,40}\b|\b[A-Z][A-Z0-9]+-\d+\b")
_AUTOMATIC = re.compile(
    r"this (?:is an automat\w+ (?:message|comment|reply)"
    r"|(?:comment|message|e-?mail) (?:was|is|has been) auto(?:matically |-)generated"
    r"|issue was previously scheduled to be worked on in more than one sprint)",
    re.IGNORECASE,
)
_OUTCOME = (
    r"(?:fixed|resolved|done|completed?|invalid|(?:a )?duplicate|(?:won['’]?t|will not) (?:fix|do)|obsolete|stale"
    r"|not reproducible|can(?:no|['’])t (?:be )?reproduced?|implemented|rejected|incomplete)"
)
_SAYS_NOTHING = re.compile(
    rf"(?:(?:closing|closed|resolving|resolved|marking|marked)(?: (?:the|this))?(?: (?:ticket|issue|bug|task|story))?"
    rf"(?: as [\"“'«]?{_OUTCOME}[\"”'»]?)?|\+1|bump|me too|same here|thanks?(?: you)?(?: (?:all|everyone|a lot))?)"
    r"[\s.!]*",
    re.IGNORECASE,
)

#: A machine that writes of itself is brief; what is longer holds what somebody wanted to say.
_SHORT = 300

#: What the Jira connector puts below a description.
_FIELDS = r"(?:\*\*Environment:\*\* |Type: [^\n·]+ · )"
_ABOVE_FIELDS = re.compile(rf"(?m)^(?={_FIELDS})")
_FENCE = ("```", "~~~")

#: How a text ends, and the lines that may follow: people's names, which are neither acronyms nor numbers.
_REGARDS = re.compile(
    r"\s*(?:(?:best|kind|warm)\s+)?(?:regards|wishes|best|cheers|sincerely)\s*[,.!]*", re.IGNORECASE
)
_THANKS = re.compile(
    r"\s*(?:many\s+)?thanks?(?:\s+(?:you|in advance|again|and regards))*\s*[,.!]*", re.IGNORECASE
)
_NAME = r"[A-ZÀ-Þ](?:[a-zß-ÿ'’-][\w'’-]*|\.)"
_NAMES = re.compile(rf"\s*@?{_NAME}(?:,?\s+(?:{_NAME}|of|and|at|&|\|)){{0,4}}\.?\s*")
_SENT_FROM = re.compile(r"\s*sent from my .{2,40}", re.IGNORECASE)
#: As mail programs write it (RFC 3676, section 4.3); without the space it is a rule, or a comment in SQL.
_MAIL_MARK = "-- "
#: Lines of a signature below its first, blank ones included; a longer line says something.
_SIGNATURE_LINES, _SIGNATURE_WIDTH = 6, 60

_TEMPLATE_HEADING = re.compile(
    r"\s*(?:#{1,6}|h\d\.)?[\s*_]*(?:steps? to reproduce|to reproduce|repro(?:duction)? steps?"
    r"|(?:actual|expected|observed)(?: (?:results?|behaviou?r))?|test ?(?:cases?|environment)"
    r"|environment|additional (?:info(?:rmation)?|notes?|context)|screenshots?|attachments?|workarounds?|description"
    r"|notes?|logs?|acceptance criteria|impact|root cause)[\s*_]*:?[\s*_]*",
    re.IGNORECASE,
)
#: Marks of lists, boxes to tick, words for "nothing", a template's <hints>. A bare number is an answer.
_NO_CONTENT = re.compile(
    r"(?:[\s\-*_.#]|\d{1,3}[.)]|\(\d{0,3}\)|\[[ x]?\])*+|\s*(?:n/?a|tbd|todo)\.?\s*|<[^<>\n]{3,80}>",
    re.IGNORECASE,
)


def without_boilerplate(sections: Iterable[Section]) -> list[Section]:
    """The sections as they go into chunks; those of which nothing is left are left out."""
    found = ((section, _cleaned(section)) for section in sections if not is_worthless(section))
    return [
        section if text == section.text else replace(section, text=text)
        for section, text in found
        if text.strip()
    ]


def _cleaned(section: Section) -> str:
    text = section.text
    if section.kind in _TICKET_TEXT:
        text = without_empty_headings(without_signature(text))
    return (
        shortened(text, is_ticket=section.kind in _TICKET_TEXT)
        if section.kind is not SectionKind.TABLE
        else text
    )


def is_worthless(section: Section) -> bool:
    """Whether a comment says nothing that the ticket's fields do not say."""
    text = section.text.strip()
    if section.kind is not SectionKind.COMMENT or len(text) > _SHORT or _POINTER.search(text):
        return False
    return bool(_AUTOMATIC.match(text) or _SAYS_NOTHING.fullmatch(text))


def without_signature(text: str) -> str:
    """Without the farewell at the end, or above the tracker's fields; a text that is nothing else stays."""
    kept: list[str] = []
    in_code = False
    for part in _ABOVE_FIELDS.split(text):
        kept.append(part if in_code else _without_farewell(part))
        in_code = in_code != bool(_fences(part.split("\n")) % 2)
    return "".join(kept).strip("\n") or text


def _without_farewell(text: str) -> str:
    end = text.rstrip()
    # What is above the first of the last lines is not looked at: a farewell has something to follow.
    above, *last = end.rsplit("\n", _SIGNATURE_LINES + 1)
    for index in range(len(last)):
        if _is_signature(last[index], [line for line in last[index + 1 :] if line.strip()]):
            kept = [above, *last[:index]]
            in_code = _fences("\n".join(kept).split("\n")) % 2
            return text if in_code else "\n".join(kept).rstrip() + text[len(end) :]
    return text


def _is_signature(first: str, below: Sequence[str]) -> bool:
    if max(map(len, (first, *below))) > _SIGNATURE_WIDTH or any(map(_POINTER.search, below)):
        return False
    if first == _MAIL_MARK:
        return len(below) <= 4 and not _fences(below)
    if _SENT_FROM.fullmatch(first):
        return not below
    # Of thanks, which may stand above a list of something, less is taken for a name than of regards.
    most = 2 if _REGARDS.fullmatch(first) else 1 if _THANKS.fullmatch(first) else -1
    return len(below) <= most and all(map(_NAMES.fullmatch, below))


def _fences(lines: Iterable[str]) -> int:
    return sum(line.lstrip().startswith(_FENCE) for line in lines)


def without_empty_headings(text: str) -> str:
    """Without a template's headings that are followed by the next one, or by nothing."""
    lines = text.split("\n")
    kept: list[str] = []
    followed = False
    for line, in_code in reversed(list(_with_code(lines))):
        if not in_code and _is_template_heading(line):
            if followed:
                kept.append(line)
            followed = False
            continue
        kept.append(line)
        if re.match(_FIELDS, line):
            followed = False
        elif in_code or not _NO_CONTENT.fullmatch(line):
            followed = True
    return "\n".join(reversed(kept)) if len(kept) < len(lines) else text


def _with_code(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is in fenced code."""
    inside = False
    for line in lines:
        fence = line.lstrip().startswith(_FENCE)
        yield line, inside or fence
        inside = inside != fence


def _is_template_heading(line: str) -> bool:
    return len(line) < 60 and bool(line.strip()) and bool(_TEMPLATE_HEADING.fullmatch(line))
