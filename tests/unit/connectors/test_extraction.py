"""Text of files of every format that is read; the files are made here by the libraries that write them."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from pptx.util import Inches

from connectors.documents import SectionKind
from connectors.errors import ExtractionError
from connectors.extraction import ExtractedPart, can_extract, extract

OFFICE = "application/vnd.openxmlformats-officedocument"


def saved(document: Any) -> bytes:
    """The bytes of a python-docx, python-pptx or openpyxl document."""
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def pdf(*pages: str) -> bytes:
    """A PDF with one line on each page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return assembled([written.encode() for written in objects])


def assembled(objects: list[bytes]) -> bytes:
    """A PDF file of these objects, the first of them its catalog."""
    out, offsets = b"%PDF-1.4\n", []
    for number, written in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    tail = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, len(out))
    return out + head + table + tail


def read(
    content: bytes, filename: str, media_type: str = ""
) -> list[tuple[SectionKind, tuple[str, ...], str]]:
    """Kind, headings and text of each part."""
    parts = extract(content, filename=filename, media_type=media_type)
    return [(part.kind, part.heading_path, part.text) for part in parts]


def test_a_pdf_page_by_page() -> None:
    """A page without text is left out and the others keep their numbers."""
    parts = extract(pdf("Light the lens", "", "Fetch oil"), filename="a.pdf", media_type="application/pdf")
    assert parts == [
        ExtractedPart(text="Light the lens", heading_path=("Page 1",), page=1),
        ExtractedPart(text="Fetch oil", heading_path=("Page 3",), page=3),
    ]


def test_a_word_document_with_headings_lists_and_tables() -> None:
    """Headings give the path; a list is one run of lines; a table has its first row for a header."""
    document = docx.Document()
    document.add_heading("Lens", 1)
    document.add_paragraph("Polish it.")
    document.add_paragraph("cloth", style="List Bullet")
    document.add_paragraph("spirit", style="List Bullet")
    document.add_heading("Oil", 2)
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Kind", "Litres", "whale", "5|6"], strict=True):
        cell.text = text
    document.add_paragraph("first", style="List Number")
    assert read(saved(document), "care.docx") == [
        (SectionKind.SECTION, ("Lens",), "Polish it.\n\n- cloth\n- spirit"),
        (SectionKind.TABLE, ("Lens", "Oil"), "| Kind | Litres |\n| --- | --- |\n| whale | 5\\|6 |"),
        (SectionKind.SECTION, ("Lens", "Oil"), "1. first"),
    ]


def test_what_word_keeps_beside_the_plain_text() -> None:
    """Tracked insertions and content controls are text, tracked deletions are not, a table's cells may merge."""
    document = docx.Document()
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    for xml in (
        f"<w:p {space}><w:r><w:t>old </w:t></w:r><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>",
        f"<w:sdt {space}><w:sdtContent><w:p><w:r><w:t>controlled</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        f"<w:p {space}><w:r><w:t>tab</w:t><w:tab/><w:t>bed</w:t></w:r></w:p>",
    ):
        document.element.body.insert(-1, parse_xml(xml))
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 1).text = "right"
    tall = document.add_table(3, 2)
    tall.cell(1, 0).merge(tall.cell(2, 0)).text = "tall"
    tall.cell(0, 0).text, tall.cell(0, 1).text = "A", "B"
    tall.cell(1, 1).text, tall.cell(2, 1).text = "1", "2"
    assert [text for _, _, text in read(saved(document), "a.docx")] == [
        "old new\n\ncontrolled\n\ntab\tbed",
        "| wide |  |\n| --- | --- |\n|  | right |",
        "| A | B |\n| --- | --- |\n| tall | 1 |\n| tall | 2 |",
    ]


def test_footnotes_are_text_too() -> None:
    """They stand behind the text, without the lines that Word draws over them."""
    document = docx.Document()
    document.add_paragraph("Claim.")
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    notes = (
        f'<w:footnotes {space}><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>line</w:t></w:r></w:p>'
        '</w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>Proof.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, notes.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    assert read(saved(document), "a.docx") == [
        (SectionKind.SECTION, (), "Claim."),
        (SectionKind.SECTION, ("Footnotes",), "Proof."),
    ]


def test_slides_with_titles_tables_and_notes() -> None:
    """Each part tells the slide's number; a slide without a title is called by it."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Why light?"
    slide.placeholders[1].text = "ships\nrocks"
    slide.notes_slide.notes_text_frame.text = "pause here"
    table = slide.shapes.add_table(2, 1, Inches(1), Inches(1), Inches(3), Inches(1)).table
    table.cell(0, 0).text, table.cell(1, 0).text = "Year", "1811"
    bare = deck.slides.add_slide(deck.slide_layouts[6])
    group = bare.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(1), Inches(1), Inches(1)).text_frame.text = "in a group"
    parts = extract(saved(deck), filename="a.pptx", media_type=f"{OFFICE}.presentationml.presentation")
    assert [(part.page, part.kind, part.heading_path, part.text) for part in parts] == [
        (1, SectionKind.SECTION, ("Why light?",), "- ships\n- rocks"),
        (1, SectionKind.TABLE, ("Why light?",), "| Year |\n| --- |\n| 1811 |"),
        (1, SectionKind.SECTION, ("Why light?", "Notes"), "pause here"),
        (2, SectionKind.SECTION, ("Slide 2",), "in a group"),
    ]


def test_every_sheet_is_a_table() -> None:
    """Numbers and dates read as people write them; empty rows and columns behind the last value are left out."""
    book = openpyxl.Workbook()
    book.active.title = "Stores"
    for row in (
        ["Kind", "Litres", "Since", None],
        [],
        ["oil", 3.0, datetime(2024, 1, 2)],
        ["wick", 0.5, True],
    ):
        book.active.append(row)
    book.create_sheet("Empty")
    book.create_sheet("Crew").append(["Ann"])
    assert read(saved(book), "a.xlsx") == [
        (
            SectionKind.TABLE,
            ("Stores",),
            "| Kind | Litres | Since |\n| --- | --- | --- |\n| oil | 3 | 2024-01-02 |\n| wick | 0.5 | yes |",
        ),
        (SectionKind.TABLE, ("Crew",), "| Ann |\n| --- |"),
    ]


def test_a_long_table_is_cut_and_says_so() -> None:
    """Ten thousand rows below the header are kept."""
    parts = read(b"number\n" + b"".join(b"%d\n" % number for number in range(10_050)), "long.csv")
    assert [kind for kind, _, _ in parts] == [SectionKind.TABLE, SectionKind.SECTION]
    assert parts[0][2].endswith("| 9999 |")
    assert parts[1][2] == "(The table goes on; only its first 10,000 rows are read.)"


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        (b"a,b\n1,2\n", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (b'a;b\n"1,5";"two\nlines"\n', "| a | b |\n| --- | --- |\n| 1,5 | two<br>lines |"),
        ("a\tb\nä\t€\n".encode("utf-16"), "| a | b |\n| --- | --- |\n| ä | € |"),
    ],
)
def test_csv_whatever_separates_it(content: bytes, cells: str) -> None:
    """Comma, semicolon and tab; in the character set of its mark."""
    assert read(content, "a.csv", "text/csv") == [(SectionKind.TABLE, (), cells)]


def test_csv_with_a_quotation_mark_that_never_closes_is_text() -> None:
    """The parser gives up; the text is still there."""
    content = b'a,b\n"1,' + b"x" * 200_000
    assert read(content, "a.csv") == [(SectionKind.SECTION, (), content.decode())]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "ascii"),
        ("Käse über €", "utf-8"),
        ("mark", "utf-8-sig"),
        ("wide ü", "utf-16"),
        ("wider ü", "utf-32"),
        ("café à la crème", "cp1252"),
        ("Привет, как дела? Это проверка текста.", "cp1251"),
        ("日本語のテキストです。よろしくお願いします。", "shift_jis"),
    ],
)
def test_plain_text_in_any_character_set(text: str, encoding: str) -> None:
    """By its mark, as UTF-8, or by what it looks like."""
    assert read(text.encode(encoding), "a.log") == [(SectionKind.SECTION, (), text)]


def test_code_keeps_its_language() -> None:
    """Line ends become those of Unix, and nothing else changes."""
    [part] = extract(b"def f():\r\n    pass\r\n", filename="tools/a.py", media_type="text/plain")
    assert (part.kind, part.language, part.text) == (SectionKind.CODE, "python", "def f():\n    pass")


def test_markdown_and_web_pages_by_their_headings() -> None:
    """A heading's second occurrence is counted, for its anchor."""
    parts = extract(b"# A\n\none\n\n## B\n\ntwo\n\n## B\n\nthree\n", filename="a.md", media_type="")
    assert [(part.heading_path, part.repeat, part.text) for part in parts] == [
        (("A",), 0, "one"),
        (("A", "B"), 0, "two"),
        (("A", "B"), 1, "three"),
    ]
    page = '<html><head><meta charset="cp1252"></head><body><h1>A</h1><p>caf\xe9</p></body></html>'
    assert read(page.encode("cp1252"), "a.htm", "text/html") == [(SectionKind.SECTION, ("A",), "café")]


def test_no_text_is_no_error() -> None:
    """A scan or an empty file is known by its name alone."""
    assert read(pdf(""), "scan.pdf") == []
    assert read(b" \n", "empty.txt") == []


def test_control_characters_are_left_out() -> None:
    """No database and no JSON takes them."""
    assert read(b"a\x01b\x0c\x7fc", "a.txt") == [(SectionKind.SECTION, (), "abc")]


@pytest.mark.parametrize(
    ("filename", "media_type", "wanted"),
    [
        ("a.pdf", "application/pdf", True),
        ("a.PDF", "application/octet-stream", True),
        ("noending", "application/pdf", True),
        ("a.docx", f"{OFFICE}.wordprocessingml.document", True),
        ("a.docx", "application/zip", True),
        ("a.csv", "application/vnd.ms-excel", True),
        ("a.xls", "application/vnd.ms-excel", False),
        ("a.log", "text/plain; charset=utf-8", True),
        ("LICENSE", "text/plain", True),
        ("LICENSE", "", False),
        ("a.yaml", "", True),
        ("a.rtf", "text/rtf", False),
        ("a.png", "image/png", False),
        ("a.txt", "image/png", False),
        ("a.zip", "application/zip", False),
        ("a.exe", "application/octet-stream", False),
    ],
)
def test_which_files_are_read(filename: str, media_type: str, wanted: bool) -> None:
    """By their type, and by their ending where the type says little."""
    assert can_extract(filename, media_type, 1000) is wanted
    assert can_extract(filename, media_type, None) is wanted


def test_larger_files_are_not_read() -> None:
    """The limit is higher where a file is not text alone."""
    assert can_extract("a.pdf", "", 50 * 1024**2)
    assert not can_extract("a.pdf", "", 50 * 1024**2 + 1)
    assert can_extract("a.log", "", 5 * 1024**2)
    assert not can_extract("a.log", "", 5 * 1024**2 + 1)
    with pytest.raises(ExtractionError, match="larger than 5 MiB"):
        extract(b"x" * (5 * 1024**2 + 1), filename="a.log", media_type="")
    with pytest.raises(ExtractionError, match="not read"):
        extract(b"x", filename="a.png", media_type="image/png")
