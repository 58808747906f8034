"""Excel workbooks: each sheet a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from connectors.extraction.archives import checked_archive
from connectors.extraction.formats import Format
from connectors.extraction.parts import ExtractedPart
from connectors.extraction.text import MAX_COLUMNS, table_parts

#: Cells of a workbook that are read; sheets behind them are left out.
MAX_CELLS = 500_000


def read_sheets(content: bytes) -> Iterator[ExtractedPart]:
    """Every sheet under its name, with the values that its formulas had when it was saved."""
    # openpyxl looks for numpy, which it does not need here; loading it would take longer than most files.
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]
    import openpyxl  # noqa: PLC0415

    file = checked_archive(content, Format.SHEETS)
    workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    left = MAX_CELLS
    for sheet in workbook.worksheets:
        sheet.reset_dimensions()  # what a file says of its size is often wrong
        rows = _Counted(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), left)
        yield from table_parts(rows, (sheet.title,))
        left = rows.left
        if left < 0:
            yield ExtractedPart(text=f"(The workbook goes on; only its first {MAX_CELLS:,} cells are read.)")
            return


class _Counted:
    """Rows as texts, as long as there are cells left to be read."""

    def __init__(self, rows: Iterator[tuple[Any, ...]], left: int) -> None:
        self._rows = rows
        self.left = left

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._rows:
            texts = [written(value) for value in row]
            while texts and not texts[-1]:
                texts.pop()
            self.left -= len(texts)
            if self.left < 0:
                return
            yield texts


def written(value: object) -> str:
    """A cell's value as people write it: a whole number without a point, a date without midnight."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)
