"""Tables of a Confluence page or of HTML: rows, cells, and what broken markup put between them."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from connectors.markup.storage_xml import tag
from connectors.markup.tables import Cell, markdown_table

_GROUPS = {"tbody", "thead", "tfoot"}


def read_table(table: etree._Element, inside: Callable[[etree._Element], str]) -> str:
    """A Markdown table below its caption; ``inside`` gives a cell's Markdown.

    Text between the rows or cells is no part of the grid: it goes above, with the caption.
    """
    rows: list[list[Cell]] = []
    loose: list[str] = []
    _read_rows(table, inside, rows, loose)
    caption = "\n".join(loose)
    return f"{caption}\n\n{markdown_table(rows)}".strip()


def _read_rows(
    group: etree._Element,
    inside: Callable[[etree._Element], str],
    rows: list[list[Cell]],
    loose: list[str],
) -> None:
    _keep(group.text, loose)
    for each in group:
        name = tag(each)
        if name == "tr":
            rows.append(_row(each, inside, loose))
        elif name in _GROUPS and tag(group) == "table":
            _read_rows(each, inside, rows, loose)
        else:
            _keep(inside(each), loose)
        _keep(each.tail, loose)


def _row(row: etree._Element, inside: Callable[[etree._Element], str], loose: list[str]) -> list[Cell]:
    cells = []
    _keep(row.text, loose)
    for each in row:
        name = tag(each)
        if name in {"td", "th"}:
            cells.append(
                Cell(
                    text=inside(each),
                    header=name == "th",
                    columns=positive(each.get("colspan")),
                    rows=positive(each.get("rowspan")),
                )
            )
        else:
            _keep(inside(each), loose)
        _keep(each.tail, loose)
    return cells


def _keep(text: str | None, loose: list[str]) -> None:
    if text and not text.isspace():
        loose.append(text.strip())


def positive(number: str | None) -> int:
    """A whole number from an attribute, 1 where there is none."""
    return int(number) if number and number.isascii() and number.isdigit() and len(number) < 6 else 1
