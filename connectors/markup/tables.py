"""Tables with merged cells, written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: No table for people is wider or has longer merged cells; more comes from broken markup and eats memory.
_WIDEST = 100


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
    width = max(len(row) for row in grid)
    lines = [_line(row, width) for row in grid]
    header = lines.pop(0) if has_header else _line([], width)
    return "\n".join([header, "|" + " --- |" * width, *lines])


def _grid(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    grid: list[list[str]] = []
    hanging: dict[int, tuple[str, int]] = {}  # column -> what a cell above still fills, for how many rows
    for row in rows:
        line: list[str] = []
        cells = iter(row)
        below: dict[int, tuple[str, int]] = {}
        while True:
            column = len(line)
            if column in hanging:
                content, left = hanging.pop(column)
                line.append(content)
                if left > 1:
                    below[column] = (content, left - 1)
                continue
            cell = next(cells, None)
            if cell is None:
                if not hanging or column > max(hanging):
                    break
                line.append("")
                continue
            for offset in range(min(max(cell.columns, 1), _WIDEST)):
                content = cell.text if offset == 0 else ""
                line.append(content)
                if cell.rows > 1:
                    below[column + offset] = (content, min(cell.rows, _WIDEST) - 1)
        hanging = below
        grid.append(line)
    return grid


def _line(cells: Sequence[str], width: int) -> str:
    filled = [*map(_in_one_line, cells), *[""] * (width - len(cells))]
    return "| " + " | ".join(filled) + " |"


def _in_one_line(markdown: str) -> str:
    if "\n" not in markdown:
        return markdown.strip().replace("|", "\\|")
    lines = (line.strip() for line in markdown.split("\n"))
    return "<br>".join(line for line in lines if line).replace("|", "\\|")
