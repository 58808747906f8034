"""Files that are broken, encrypted or made to do harm, and the limits of the process that reads them."""

from __future__ import annotations

import os
import select
import struct
import sys
import time
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pptx
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ExtractionError
from connectors.extraction import extract
from connectors.extraction.formats import Format
from connectors.extraction.isolation import Limits, read_isolated, run_limited

MIB = 1024**2


def saved(document: object) -> bytes:
    """The bytes of a document."""
    file = BytesIO()
    document.save(file)  # type: ignore[attr-defined]
    return file.getvalue()


def small_pdf() -> bytes:
    """A PDF with an empty page."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(100, 100)
    return saved(document)


@pytest.fixture(scope="module")
def sound() -> dict[str, bytes]:
    """A file of each format, by ending."""
    word = docx.Document()
    word.add_heading("Lens", 1)
    word.add_table(2, 2).cell(0, 0).text = "x"
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[1]).shapes.title.text = "Title"
    book = openpyxl.Workbook()
    book.active.append(["a", 1])
    return {"docx": saved(word), "pptx": saved(deck), "xlsx": saved(book), "pdf": small_pdf()}


def failure(content: bytes, ending: str) -> str:
    """The sentence that says why the file cannot be read."""
    with pytest.raises(ExtractionError) as raised:
        extract(content, filename=f"a.{ending}", media_type="")
    return str(raised.value)


def archive(entries: dict[str, bytes]) -> bytes:
    """A zip archive."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return file.getvalue()


def replaced(content: bytes, name: str, new: bytes) -> bytes:
    """An Office file with other content in one of its entries."""
    with zipfile.ZipFile(BytesIO(content)) as old:
        return archive({entry: new if entry == name else old.read(entry) for entry in old.namelist()})


@pytest.mark.parametrize("ending", ["docx", "pptx", "xlsx", "pdf"])
def test_a_truncated_file_is_refused_in_one_sentence(ending: str, sound: dict[str, bytes]) -> None:
    """Half a file of any format, none of a file, and one that is another thing."""
    for content in (sound[ending][: len(sound[ending]) // 2], b"", b"just words", b"%PDF-1.7\n"):
        sentence = failure(content, ending)
        assert sentence.startswith("The file is")
        assert sentence.endswith(".")


def test_one_office_format_is_not_another(sound: dict[str, bytes]) -> None:
    """Its ending says presentation, its content is a workbook."""
    assert failure(sound["xlsx"], "pptx") == "The file is no PowerPoint presentation."


def test_encrypted_office_files() -> None:
    """Office wraps them into a compound file, as its old formats are."""
    compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert failure(compound + "EncryptedPackage".encode("utf-16-le"), "docx") == "The file is encrypted."
    assert failure(compound, "xlsx") == "The file has the format of Office 97."


def test_an_encrypted_pdf(sound: dict[str, bytes]) -> None:
    """A password is needed, which nobody has."""
    entry = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%s) /U (%s) /P -4 >> /ID [(a) (a)] " % (
        b"o" * 32,
        b"u" * 32,
    )
    assert failure(sound["pdf"].replace(b"/Root", entry + b"/Root"), "pdf") == "The file is encrypted."


def test_an_archive_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    """What its directory says is enough to refuse it."""
    content = archive({"word/document.xml": bytes(130 * MIB)})
    assert len(content) < MIB
    assert failure(content, "docx") == "The file unpacks to far more than a document is."


def test_an_archive_that_lies_about_its_size_is_broken(sound: dict[str, bytes]) -> None:
    """No more of it is unpacked than it admits to."""
    content = replaced(sound["docx"], "word/document.xml", bytes(130 * MIB))
    assert failure(content.replace(struct.pack("<L", 130 * MIB), struct.pack("<L", 100)), "docx").startswith(
        "The file is broken"
    )


@pytest.mark.parametrize(
    ("ending", "entry"),
    [("docx", "word/document.xml"), ("pptx", "ppt/presentation.xml"), ("xlsx", "xl/workbook.xml")],
)
def test_entities_that_grow_without_end(ending: str, entry: str, sound: dict[str, bytes]) -> None:
    """A billion laughs are a sentence long."""
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{levels}]><x>&a11;</x>'
    started = time.monotonic()
    assert failure(replaced(sound[ending], entry, bomb.encode()), ending).startswith("The file is broken")
    assert time.monotonic() - started < 10


def test_a_pdf_without_end() -> None:
    """Pages that contain themselves, two thousand million of them."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2000000000 >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, written in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content = body + table + b"trailer << /Size 3 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)
    with pytest.raises(ExtractionError) as raised:
        read_isolated(content, Format.PDF, Limits(seconds=2))
    assert str(raised.value) in {"Reading the file took longer than 2 seconds.", "The file is a broken PDF."}


def test_a_pdf_that_unpacks_to_gigabytes() -> None:
    """A stream packed twice: the parent's memory does not move."""
    packer = zlib.compressobj(1)
    inner = b"".join(packer.compress(bytes(MIB)) for _ in range(600)) + packer.flush()
    stream = zlib.compress(inner)
    head = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    pages = b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
    page = b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
    content = b"4 0 obj\n<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n" % len(stream)
    found = outcome(
        head + pages + page + content + stream + b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>", "pdf"
    )
    assert found == [] or str(found).startswith("Reading the file")


def outcome(content: bytes, ending: str) -> object:
    """The parts, or the error; anything else is raised."""
    try:
        return extract(content, filename=f"a.{ending}", media_type="")
    except ExtractionError as error:
        return error


def test_the_memory_of_a_child_is_limited() -> None:
    """Three mebibytes of tags need more than a tenth of a gibibyte as a tree."""
    content = b"<p>x</p>" * (3 * MIB // 8)
    with pytest.raises(ExtractionError, match=r"memory"):
        read_isolated(content, Format.HTML, Limits(memory=100 * MIB))


def test_the_time_of_a_child_is_limited(sound: dict[str, bytes]) -> None:
    """A sheet of half a million cells takes more than a second."""
    row = b"<row>" + b"<c><v>1</v></c>" * 100 + b"</row>"
    xml = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData>'
    content = replaced(sound["xlsx"], "xl/worksheets/sheet1.xml", xml % (row * 5000) + b"</worksheet>")
    with pytest.raises(ExtractionError, match="took longer than 1 seconds"):
        read_isolated(content, Format.SHEETS, Limits(seconds=1))


def command(source: str) -> list[str]:
    """Python that runs this."""
    return [sys.executable, "-I", "-c", source]


def test_a_child_that_sleeps_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Its own child too, which would keep our pipe open."""
    note = tmp_path / "pid"
    source = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); time.sleep(99)"
    )
    started = time.monotonic()
    with pytest.raises(ExtractionError, match="took longer than 1 seconds"):
        run_limited(command(source), b"", Limits(seconds=1))
    assert time.monotonic() - started < 5
    assert ends(int(note.read_text()), within=5)


def ends(pid: int, *, within: float) -> bool:
    """Whether the process is over, or will be in so many seconds: a kill takes its time on a busy machine."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within)[0])
    finally:
        os.close(process)


def test_a_child_that_writes_without_end_is_ended() -> None:
    """No more is taken than any text has."""
    with pytest.raises(ExtractionError, match="too much text"):
        run_limited(command("while True: print('x' * 1000000)"), b"", Limits(seconds=60))


def test_a_child_that_ends_without_reading_is_no_broken_pipe() -> None:
    """Its answer, or the want of one, says what happened."""
    assert run_limited(command("print('no')"), bytes(5 * MIB), Limits()) == b"no\n"
    with pytest.raises(ExtractionError, match="signal 11"):
        run_limited(command("import os; os.kill(os.getpid(), 11)"), bytes(5 * MIB), Limits())


def test_a_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment is passed on."""
    monkeypatch.setenv("LOREBOT_TOKEN", "secret")
    seen = run_limited(command("import os; print(sorted(os.environ))"), b"", Limits())
    assert b"LOREBOT" not in seen
    assert os.environ["LOREBOT_TOKEN"] == "secret"


def test_a_child_can_write_no_file(tmp_path: Path) -> None:
    """The limits of a child forbid files and cores."""
    source = (
        "from connectors.extraction.child import limit_process; "
        f"limit_process(seconds=9, memory=2**30); open({str(tmp_path / 'x')!r}, 'w').write('x' * 100000)"
    )
    assert run_limited(command(source), b"", Limits()) == b""
    assert (tmp_path / "x").stat().st_size == 0


def mutate(content: bytes, edits: list[tuple[float, int, int]]) -> bytes:
    """Some bytes changed, some taken out, at places from 0 to 1."""
    changed = bytearray(content)
    for place, value, cut in edits:
        at = int(place * (len(changed) - 1))
        changed[at : at + 1 + cut] = bytes([value])
    return bytes(changed)


EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 255), st.sampled_from([0, 0, 0, 1, 50])),
    min_size=1,
    max_size=30,
)


@pytest.mark.parametrize("ending", ["docx", "pptx", "xlsx", "pdf"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_a_damaged_file_gives_text_or_an_error(
    ending: str, sound: dict[str, bytes], edits: list[tuple[float, int, int]]
) -> None:
    """Whatever bytes are damaged."""
    found = outcome(mutate(sound[ending], edits), ending)
    assert isinstance(found, list | ExtractionError)


@pytest.mark.parametrize("ending", ["docx", "pptx", "xlsx"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_xml_gives_text_or_an_error(
    ending: str, sound: dict[str, bytes], data: st.DataObject
) -> None:
    """Where the archive is sound and what is in it is not."""
    with zipfile.ZipFile(BytesIO(sound[ending])) as packed:
        name = data.draw(st.sampled_from([n for n in packed.namelist() if n.endswith(("xml", "rels"))]))
        content = mutate(packed.read(name), data.draw(EDITS))
    found = outcome(replaced(sound[ending], name, content), ending)
    assert isinstance(found, list | ExtractionError)


@pytest.mark.parametrize("ending", ["txt", "csv", "json", "log"])
@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=2000))
def test_any_bytes_as_text(ending: str, content: bytes) -> None:
    """Text that every database takes, or an error."""
    found = outcome(content, ending)
    assert isinstance(found, list | ExtractionError)
    if isinstance(found, list):
        assert all("\0" not in part.text and part.text.encode() for part in found)


@pytest.mark.parametrize("ending", ["md", "html"])
@settings(max_examples=15, deadline=None)
@given(content=st.one_of(st.binary(max_size=500), st.text("<>/#|`-\n abc&;", max_size=500).map(str.encode)))
def test_any_bytes_as_markup(ending: str, content: bytes) -> None:
    """Text or an error."""
    assert isinstance(outcome(content, ending), list | ExtractionError)
