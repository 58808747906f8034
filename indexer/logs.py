"""What programs printed, kept down to what tells anything: in real tickets a quarter of all text is in one log of a
hundred. One rule each:

- :func:`with_short_traces`: of a stack trace the exception, the frames next to it and every cause stay.
- :func:`with_short_blobs`: of encoded data the beginning stays.
- :func:`with_short_logs`: of a ticket's long log, lines that differ in numbers, names and paths alone stay a few times;
  of a line that is a page long, the beginning. What speaks of an error stays.

How much is gone is said in its place, and a citation leads to the original.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

#: Frames as Java, JavaScript and .NET, Apple, Android's native code and Python print them, behind whatever a log puts
#: there; and the list of loaded libraries in a crash report. A dotted name, a file's line, an offset or a build's id
#: tells them from lists that people write.
_FRAME = re.compile(
    r"(?:^|:)\s*+at (?:new |async )?"
    r"(?:[\w$<>/]++(?:\.[\w$<>\[\]/]++)++ ?\([^()]*+\)|[\w$.<>]++ ?\([^()\s]*:\d+\))\s*+$"
    r"|[\s\]]at [\w$<>/.]++\((?:[\w$.-]++:\d++|Unknown Source|Native Method)\)\s*+$"
    r"|(?:^|\s)\d{1,3}\s++\S++\s++0x[0-9a-fA-F]{6,}+\s.* \+ \d+\s*+$"
    r"|^\s*+0x[0-9a-fA-F]{4,}+ +- +0x[0-9a-fA-F]{4,}+ .*<[0-9a-fA-F-]{32,36}>|#\d\d\s+pc [0-9a-f]{6,}"
)
_PYTHON_FRAME = re.compile(r'\s*File "[^"]+", line \d+')
_FIRST_FRAMES = 5
#: A Python trace ends at what went wrong; of each frame two lines.
_LAST_PYTHON_LINES = 4

#: Encoded data: longer than a digest or a key, and neither a path nor a URL.
_BLOB = re.compile(
    r"(?<![\w/:.%&=?+-])[A-Za-z0-9+/]{180,}={0,2}|(?:^[A-Za-z0-9+/]{60,76}={0,2}\n){3,}", re.MULTILINE
)
_BLOB_START = 24


#: Characters from which on a ticket's text is looked at as a log; few people write as much.
_LONG_TEXT = 3000
#: Lines of one pattern that stay, and from which length on a line has one.
_SIMILAR_LINES, _PATTERN_LENGTH = 5, 40
#: Fewer lines are not worth the line that says that they are gone.
_SHORTEST_GAP = 3
_VARIABLE = re.compile(r"\d+|0x[0-9a-f]+|\"[^\"]*\"|'[^']*'|[\w.~-]*[/\\][^\s:;,]*")
_ERROR = re.compile(
    r"error|exception|fail|fatal|crash|denied|caused by|cannot|could not|unable", re.IGNORECASE
)
#: A line of more characters, most of them not in words as people write them, is a command or data.
_LONG_LINE, _LINE_START = 1000, 500


def shortened(text: str, *, is_ticket: bool) -> str:
    """The text by all the rules; a page's long listings are what it was written for, so they stay."""
    text = with_short_blobs(with_short_traces(text))
    return with_short_logs(text) if is_ticket and len(text) > _LONG_TEXT else text


def with_short_traces(text: str) -> str:
    """With the first frames of every run of them, of Python's also the last."""
    if not any(mark in text for mark in ("at ", "0x", "#0", 'File "')):
        return text
    kept: list[str] = []
    run: list[str] = []
    for line in text.split("\n"):
        if _is_frame(line) or (run and _goes_on(run[-1], line)):
            run.append(line)
        else:
            kept += [*_short(run), line]
            run = []
    return "\n".join([*kept, *_short(run)])


def _is_frame(line: str) -> bool:
    return len(line) < _LONG_LINE and bool(_FRAME.search(line) or _PYTHON_FRAME.match(line))


def _goes_on(before: str, line: str) -> bool:
    """Whether a line belongs to the frame above: the source text that Python shows, a blank line."""
    return not line.strip() or (bool(_PYTHON_FRAME.match(before)) and line.startswith("    "))


def _short(run: list[str]) -> list[str]:
    end = len(run)
    while end and not run[end - 1].strip():
        end -= 1
    frames, blank = [line for line in run[:end] if line.strip()], run[end:]
    python = any(map(_PYTHON_FRAME.match, frames))
    last = frames[-_LAST_PYTHON_LINES:] if python else []
    gone = len(frames) - _FIRST_FRAMES - len(last)
    if gone < 2:
        return run
    number = gone // 2 if python else gone
    return [*frames[:_FIRST_FRAMES], f"… {number} more frames", *last, *blank]


def with_short_blobs(text: str) -> str:
    """With the beginning of every run of encoded data."""
    return _BLOB.sub(_blob_start, text) if len(text) > 180 else text


def _blob_start(match: re.Match[str]) -> str:
    blob = match.group()
    # Paths have more slashes than the one in 64 characters of base64, and words have no digits.
    is_data = blob.count("/") * 20 <= len(blob) and any(map(str.isdigit, blob))
    return f"{blob[:_BLOB_START]}…" + "\n" * blob.endswith("\n") if is_data else blob


def with_short_logs(text: str) -> str:
    """Without lines that say what five above say, and the ends of lines that are a page long."""
    seen: Counter[str] = Counter()
    said: set[str] = set()
    kept: list[str] = []
    lines = map(_line_start, text.split("\n"))
    for tells, group in groupby(lines, key=lambda line: _says_more(line, seen, said)):
        run = list(group)
        kept += run if tells or len(run) < _SHORTEST_GAP else [f"… {len(run)} similar lines"]
    return "\n".join(kept)


def _says_more(line: str, seen: Counter[str], said: set[str]) -> bool:
    if len(line.strip()) < _PATTERN_LENGTH:
        return True
    pattern = _VARIABLE.sub("#", line.strip()[:_LINE_START])[:_PATTERN_LENGTH]
    seen[pattern] += 1
    is_new = line not in said
    said.add(line)
    return seen[pattern] <= _SIMILAR_LINES or (is_new and bool(_ERROR.search(line[_PATTERN_LENGTH // 2 :])))


def _line_start(line: str) -> str:
    is_data = len(line) > _LONG_LINE and len(line) > 12 * len(line.split())
    return f"{line[:_LINE_START]} …" if is_data else line
