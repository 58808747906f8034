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
from collections.abc import Iterable, Iterator
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

#: What the Jira connector puts below a description.
_FIELDS = r"(?:\*\*Environment:\*\* |Type: [^\n·]+ · )"
_NAMES = r"[A-ZÀ-Þ@][\w'’.@-]*(?:,?[ \t]+(?:[A-ZÀ-Þ][\w'’.-]*|of|and|at|&|\|)){0,4}"
_SIGNATURE = re.compile(
    r"(?:\A|\n)[ \t]*(?:(?i:(?:(?:best|kind|warm)[ \t]+)?(?:regards|wishes)|best|cheers|sincerely"
    r"|(?:many[ \t]+)?thanks?(?:[ \t]+(?:you|in advance|and regards|again))*)[ \t]*[,.!]*"
    rf"(?:\s*\n[ \t]*{_NAMES}[ \t]*){{0,4}}|-- ?(?:\n[^\n]{{0,60}}){{1,8}}|(?i:sent from my)[^\n]{{2,40}})"
    rf"\s*(?=\Z|\n\s*{_FIELDS})"
)

_TEMPLATE_HEADING = re.compile(
    r"\s*(?:#{1,6}|h\d\.)?[\s*_]*(?:steps? to reproduce|to reproduce|repro(?:duction)? steps?"
    r"|(?:actual|expected|observed)(?: (?:results?|behaviou?r))?|test ?(?:cases?|environment)"
    r"|environment|additional (?:info(?:rmation)?|notes?|context)|screenshots?|attachments?|workarounds?|description"
    r"|notes?|logs?|acceptance criteria|impact|root cause)[\s*_]*:?[\s*_]*",
    re.IGNORECASE,
)
_NO_CONTENT = re.compile(r"[\s\-*_.#\d()\[\]]*|\s*(?:n/?a|tbd|todo)\.?\s*|<[^<>\n]{3,80}>", re.IGNORECASE)


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
    if section.kind is not SectionKind.COMMENT:
        return False
    if _AUTOMATIC.search(section.text):
        return True
    return bool(_SAYS_NOTHING.fullmatch(section.text.strip())) and not _POINTER.search(section.text)


def without_signature(text: str) -> str:
    """Without the farewell at the end; a text that is nothing else stays."""
    return _SIGNATURE.sub("", text).strip("\n") or text


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
        fence = line.lstrip().startswith("```")
        yield line, inside or fence
        inside = inside != fence


def _is_template_heading(line: str) -> bool:
    return len(line) < 60 and bool(line.strip()) and bool(_TEMPLATE_HEADING.fullmatch(line))
