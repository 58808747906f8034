"""Folders of files: what is listed, what is read, and what becomes of files that are not as they should be."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docx
import pytest
from structlog.testing import capture_logs

from connectors.documents import Document, DocumentKind, Unreadable
from connectors.errors import ConnectorError, NotFoundError
from connectors.file_tree import read_file
from connectors.files import FilesConnector


def write(path: Path, text: str) -> Path:
    """A file, with the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def connector(folder: Path) -> FilesConnector:
    """The source over this folder."""
    url = "https://files.acme.com/shared/"
    return FilesConnector(name="files", folder=folder, base_url=url, wait=lambda _: None)


def listed(folder: Path) -> dict[str, frozenset[str] | None]:
    """Versions by id."""
    return {entry.id: entry.parts for entry in connector(folder).listing()}


def one(folder: Path, identity: str) -> Document | Unreadable:
    """The only document of this id."""
    [found] = connector(folder).documents([identity])
    return found


def document(folder: Path, identity: str) -> Document:
    """As :func:`one`, when it can be read."""
    found = one(folder, identity)
    assert isinstance(found, Document)
    return found


def test_a_markdown_file_becomes_a_document(tmp_path: Path) -> None:
    """Title from its first heading, sections with the anchors that viewers give them."""
    write(tmp_path / "ops" / "lens care.md", "# Lens care\n\nDaily.\n\n## What you need?\n\nCloth.\n")
    found = document(tmp_path, "ops/lens care.md")
    assert (found.external_id, found.kind, found.title) == (
        "ops/lens care.md",
        DocumentKind.FILE,
        "Lens care",
    )
    assert (found.place, found.path) == (tmp_path.name, ("ops",))
    assert found.url == "https://files.acme.com/shared/ops/lens%20care.md"
    assert [(section.heading_path, section.text, section.url) for section in found.sections] == [
        ((), "Daily.", f"{found.url}#lens-care"),
        (("What you need?",), "Cloth.", f"{found.url}#what-you-need"),
    ]
    assert found.parts == listed(tmp_path)["ops/lens care.md"]


def test_other_formats(tmp_path: Path) -> None:
    """A Word document has the title of its first heading; a text is called by its file's name."""
    word = docx.Document()
    word.add_heading("Stores", 1)
    word.add_paragraph("Oil.")
    word.save(str(tmp_path / "stores.docx"))
    write(tmp_path / "notes.txt", "Fetch oil.")
    assert [document(tmp_path, name).title for name in ("stores.docx", "notes.txt")] == [
        "Stores",
        "notes.txt",
    ]
    assert document(tmp_path, "stores.docx").sections[0].text == "Oil."


def test_without_a_base_url_links_lead_to_the_file(tmp_path: Path) -> None:
    """Which works where the folder is mounted in the same place."""
    write(tmp_path / "a b.txt", "x")
    [found] = FilesConnector(name="files", folder=tmp_path, wait=lambda _: None).documents(["a b.txt"])
    assert isinstance(found, Document)
    assert found.url == (tmp_path / "a b.txt").as_uri()


def test_what_is_not_listed_is_not_read_either(tmp_path: Path) -> None:
    """Hidden files, lock files, links, other kinds of files, what is too large, and permissions.toml."""
    write(tmp_path / "a.txt", "seen")
    outside = write(tmp_path.parent / f"{tmp_path.name}-outside" / "secret.txt", "secret")
    (tmp_path / "link.txt").symlink_to(outside)
    (tmp_path / "folder").symlink_to(outside.parent)
    (tmp_path / "inside.txt").symlink_to(tmp_path / "a.txt")
    write(tmp_path / ".git" / "x.txt", "hidden")
    for name in (".hidden.txt", "~$a.docx", "picture.png", "noending", "sub/permissions.toml"):
        write(tmp_path / name, "x")
    write(tmp_path / "large.txt", "x" * (5 * 1024**2 + 1))
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listening:
        short = Path(tempfile.mkdtemp())  # a socket's path has 107 characters at most
        listening.bind(str(short / "socket.txt"))
        shutil.move(short / "socket.txt", tmp_path / "socket.txt")
        assert listed(tmp_path).keys() == {"a.txt"}
        wanted = ["link.txt", "folder/secret.txt", "inside.txt", ".git/x.txt", ".hidden.txt", "~$a.docx"]
        wanted += ["picture.png", "noending", "large.txt", "pipe.txt", "socket.txt", "permissions.toml"]
        wanted += [
            str(outside),
            f"../{outside.parent.name}/secret.txt",
            "./a.txt",
            "a.txt/x.txt",
            "",
            "/",
            "a\0.txt",
        ]
        wanted += ["sub/permissions.toml", "x" * 300 + ".txt", "gone.txt"]
        assert list(connector(tmp_path).documents(wanted)) == []


def test_edits_and_renames_are_found(tmp_path: Path) -> None:
    """By the listing, and but for a renamed folder by the changes; even if the date of the file stays the same."""
    path = write(tmp_path / "ops" / "a.txt", "one")
    write(tmp_path / "b.txt", "old")
    before = listed(tmp_path)
    status = path.stat()
    path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = listed(tmp_path)
    assert after["ops/a.txt"] != before["ops/a.txt"]
    assert after["b.txt"] == before["b.txt"]
    changed = {change.id: change for change in connector(tmp_path).changes(datetime.now(UTC))}
    assert frozenset({changed["ops/a.txt"].part}) == after["ops/a.txt"]
    (tmp_path / "ops").rename(tmp_path / "moved")
    assert listed(tmp_path).keys() == {"moved/a.txt", "b.txt"}
    assert list(connector(tmp_path).documents(["ops/a.txt"])) == []
    assert document(tmp_path, "moved/a.txt").sections[0].text == "two"


def test_a_date_in_the_future_does_not_move_the_window(tmp_path: Path) -> None:
    """Whoever sets a file's date cannot hide later changes."""
    path = write(tmp_path / "a.txt", "one")
    os.utime(path, (4_000_000_000, 4_000_000_000))
    [change] = connector(tmp_path).changes(datetime.now(UTC) - timedelta(minutes=1))
    assert change.updated is not None
    assert change.updated <= datetime.now(UTC)
    assert list(connector(tmp_path).changes(datetime.now(UTC) + timedelta(minutes=1))) == []


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    """Such a file is told of, and is gone when it has been renamed."""
    raw = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(raw)).write_text("x")
    [identity] = listed(tmp_path)
    identity.encode()
    found = one(tmp_path, identity)
    assert isinstance(found, Unreadable)
    assert found.reason.endswith("Its name is not UTF-8: rename the file.")
    Path(os.fsdecode(raw)).rename(tmp_path / "café.txt")
    assert list(connector(tmp_path).documents([identity])) == []
    assert document(tmp_path, "café.txt").url.endswith("/caf%C3%A9.txt")


def test_a_broken_file_is_unreadable_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The reason names the file and what is the matter with it."""
    write(tmp_path / "a.pdf", "no PDF")
    write(tmp_path / "b.txt", "fine")
    broken, fine = connector(tmp_path).documents(["a.pdf", "b.txt"])
    assert isinstance(broken, Unreadable)
    assert broken.reason == "a.pdf could not be read. The file is not a PDF."
    assert isinstance(fine, Document)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder seen by a user who is not root, to whom every file is readable."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    user = os.geteuid()
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


def give_up_root() -> None:
    """From here on the rights of files count."""
    if os.geteuid() == 0:
        os.seteuid(65534)


def test_what_may_not_be_read_is_not_gone() -> None:
    """A file and a folder without rights yield documents that cannot be read, not nothing."""
    with as_nobody() as folder:
        write(folder / "closed.txt", "x").chmod(0)
        write(folder / "closed" / "a.txt", "x")
        write(folder / "open.txt", "x")
        (folder / "closed").chmod(0)
        give_up_root()
        with capture_logs() as logs:
            assert listed(folder).keys() == {"closed.txt", "open.txt"}
        assert [entry["path"] for entry in logs if entry["event"] == "files.not_looked_at"] == ["closed"]
        found = list(connector(folder).documents(["closed.txt", "closed/a.txt", "open.txt"]))
        assert [type(document) for document in found] == [Unreadable, Unreadable, Document]


def test_a_folder_that_is_not_there_is_not_emptied(tmp_path: Path) -> None:
    """Missing, an empty mount point, or a file in its place: an error from every method that would tell of files."""
    write(tmp_path / "place", "a file")
    (tmp_path / "mount").mkdir()
    for folder in (tmp_path / "missing", tmp_path / "mount", tmp_path / "place"):
        source = connector(folder)
        for call in (
            source.check,
            lambda source=source: list(source.listing()),
            lambda source=source: list(source.changes(datetime.now(UTC))),
            lambda source=source: list(source.documents(["a.txt"])),
            lambda source=source: source.rule("open"),
            lambda source=source: list(source.memberships()),
        ):
            with pytest.raises(NotFoundError, match="mounted"):
                call()


def test_a_volume_that_goes_away_while_it_is_read(tmp_path: Path) -> None:
    """No file is taken for deleted because of it."""
    write(tmp_path / "a.txt", "x")
    assert read_file(tmp_path, "gone.txt") is None
    (tmp_path / "a.txt").unlink()
    with pytest.raises(ConnectorError, match="mounted"):
        read_file(tmp_path, "a.txt")


def test_a_broken_permissions_file_lets_nobody_read(tmp_path: Path) -> None:
    """Not even by rules and memberships that the index knows from before; the log and ``check`` say why."""
    write(tmp_path / "a.txt", "x")
    write(
        tmp_path / "permissions.toml",
        '[groups]\nb = ["ann@acme.com"]\n[[rules]]\npath = "**"\nreaders = ["anyone"]\n',
    )
    source = connector(tmp_path)
    [before] = source.listing()
    assert [(rule.name, rule.principals) for rule in before.access_rules or ()] == [("path:**", {"anyone"})]
    assert [membership.email for membership in source.memberships()] == ["ann@acme.com"]
    write(tmp_path / "permissions.toml", "[[rules]")
    with capture_logs() as logs:
        [after] = source.listing()
    assert [rule.principals for rule in after.access_rules or ()] == [frozenset()]
    assert after.parts == before.parts
    assert source.rule("path:**").principals == frozenset()
    assert list(source.memberships()) == []
    assert logs[0]["event"] == "files.permissions_broken"
    with pytest.raises(ConnectorError, match="not TOML"):
        source.check()


def test_a_changed_permissions_file_changes_no_document(tmp_path: Path) -> None:
    """Only its rules; ``permissions.toml`` itself is no document."""
    write(tmp_path / "hr" / "a.txt", "x")
    source = connector(tmp_path)
    [before] = source.listing()
    assert source.rule("open").principals == {"anyone"}
    write(tmp_path / "permissions.toml", '[[rules]]\npath = "hr/*"\nreaders = ["user:ann@acme.com"]\n')
    [after] = source.listing()
    assert after.parts == before.parts
    assert [rule.name for rule in after.access_rules or ()] == ["path:hr/*"]
    assert source.rule("path:hr/*").principals == {"user:ann@acme.com"}
    assert source.rule("open").principals == frozenset()


def test_check_says_whom_the_rules_miss(tmp_path: Path) -> None:
    """A misspelt path shows before somebody misses their files."""
    write(tmp_path / "hr" / "a.txt", "x")
    assert "anyone may read them" in connector(tmp_path).check()
    write(tmp_path / "permissions.toml", '[[rules]]\npath = "hrr/**"\nreaders = ["anyone"]\n')
    sentence = connector(tmp_path).check()
    assert "1 match no rule of permissions.toml and are read by nobody" in sentence
    assert "no file matches the rule for 'hrr/**'" in sentence
