"""Tables with merged cells, written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Merged cells reach this far and no further; more comes from broken markup and eats memory.
_WIDEST = 100
#: Longer cells are not repeated in the rows that they are merged over.
_LONGEST_REPEATED = 500


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell: Markdown of any number of lines."""

    text: str
    header: bool = False
    columns: int = 1
    rows: int = 1


def markdown_table(rows: Sequence[Sequence[Cell]]) -> str:
    """A Markdown table with a header row (empty where the source has none).

    A cell merged over rows is repeated in each, so that every row can be read alone; one merged over columns
    stands in the first.
    """
    rows = [row for row in rows if any(cell.text.strip() for cell in row)]
    if not rows:
        return ""
    has_header = all(cell.header for cell in rows[0])
    grid = _grid(rows)
    width = max(map(len, grid))
    lines = [_line(row, min(width, _WIDEST)) for row in grid]
    header = lines.pop(0) if has_header else _line([], width)
    return "\n".join([header, "|" + " --- |" * width, *lines])


def _grid(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    if all(cell.columns <= 1 and cell.rows <= 1 for row in rows for cell in row):
        return [[cell.text for cell in row] for row in rows]
    grid: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}  # column -> what a cell above still fills, for how many rows
    for row in rows:
        line: list[str] = []
        below: dict[int, tuple[str, int]] = {}
        for cell in row:
            _fill(line, hanging, below)
            for offset in range(max(1, min(cell.columns, _WIDEST - len(line)))):
                content = cell.text if offset == 0 else ""
                if cell.rows > 1 and len(line) < _WIDEST:
                    again = content if len(content) <= _LONGEST_REPEATED else ""
                    below[len(line)] = (again, min(cell.rows, _WIDEST) - 1)
                line.append(content)
        last = max(hanging, default=-1)  # a cell merged over columns may have covered some of them
        _fill(line, hanging, below)
        while len(line) <= last:
            line.append("")
            _fill(line, hanging, below)
        hanging = below
        grid.append(line)
    return grid


def _fill(line: list[str], hanging: dict[int, tuple[str, int]], below: dict[int, tuple[str, int]]) -> None:
    """Cells from rows above, as far as they follow one another."""
    while len(line) in hanging:
        content, left = hanging.pop(len(line))
        if left > 1:
            below[len(line)] = (content, left - 1)
        line.append(content)


def _line(cells: Sequence[str], width: int) -> str:
    filled = [*map(_in_one_line, cells), *[""] * (width - len(cells))]
    return "| " + " | ".join(filled) + " |"


def _in_one_line(markdown: str) -> str:
    if "\n" not in markdown:
        return markdown.strip().replace("|", "\\|")
    lines, fence = [], ""
    for line in markdown.split("\n"):
        if line.startswith("```") and not fence:
            fence = line[: len(line) - len(line.lstrip("`"))]
        elif fence:
            fence = "" if line == fence else fence
        else:
            line = line.strip()  # noqa: PLW2901 - code keeps its indent and its empty lines
            if not line:
                continue
        lines.append(line)
    return "<br>".join(lines).replace("|", "\\|")
