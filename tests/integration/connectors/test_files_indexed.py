"""A folder of files in a real index: edits, renames, deletions, changed permissions and a volume that goes away."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import docx
import pytest
from psycopg_pool import ConnectionPool

from connectors.errors import ConnectorError
from connectors.files import FilesConnector
from indexer.audience import Audience
from indexer.embedding import Embedder
from indexer.passes import EVERYTHING, Pass
from indexer.refresh import refresh
from indexer.search import search


def write(path: Path, text: str) -> None:
    """A file, with the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def rules(folder: Path, **readers: str) -> None:
    """A ``permissions.toml`` in which each top folder has readers; the rest is open to nobody."""
    tables = [f'[[rules]]\npath = "{top}/**"\nreaders = ["{reader}"]\n' for top, reader in readers.items()]
    write(folder / "permissions.toml", '[groups]\nboard = ["ann@acme.com"]\n' + "\n".join(tables))


class Shelf:
    """A folder and its index."""

    def __init__(self, folder: Path, pool: ConnectionPool, embedder: Embedder) -> None:
        self.folder = folder
        self.pool = pool
        self.embedder = embedder

    def source(self, name: str = "files") -> FilesConnector:
        """A source that knows nothing yet, and does not wait for a file that may come back."""
        url = "https://files.acme.com"
        return FilesConnector(name=name, folder=self.folder, base_url=url, wait=lambda _: None)

    def refresh(self, *passes: Pass, name: str = "files") -> Any:
        """Bring the source up to date; what is gone is deleted, however much it is."""
        return refresh(
            self.pool,
            self.source(name),
            self.embedder,
            passes=passes or EVERYTHING,
            confirm=True,
            mode="lazy",
            progress=lambda _: None,
        )

    def finds(self, question: str, *emails: str) -> list[str]:
        """The ids of the files that these people find, or the operator where nobody is named."""
        audience = Audience.of(emails) if emails else Audience.operator()
        result = search(self.pool, self.embedder, question, audience=audience, limit=50, strategy="keyword")
        return sorted({hit.external_id for hit in result.hits})

    def stored(self, name: str) -> list[tuple[Any, ...]]:
        """Everything that is stored of the source, but for its name."""
        query = b"""select d.source_id, d.title, d.url, d.content_hash, d.parts,
                           array(select row(r.name, r.principals)::text from access_rules r
                                 where r.id = any (d.rule_ids) order by 1),
                           array(select c.text from chunks c where c.document_id = d.id order by c.position)
                    from documents d where d.source = %s order by 1"""
        with self.pool.connection() as connection:
            return connection.execute(query, (name,)).fetchall()


@pytest.fixture
def shelf(tmp_path: Path, pool: ConnectionPool, embedder: Embedder) -> Shelf:
    """An empty folder with an empty index."""
    return Shelf(tmp_path, pool, embedder)


def test_files_are_found_by_what_they_say(shelf: Shelf) -> None:
    """Whatever their format; a broken one keeps none of the others from being read."""
    document = docx.Document()
    document.add_paragraph("Whale oil burns brightest.")
    document.save(str(shelf.folder / "oil.docx"))
    write(shelf.folder / "lens.md", "# Lens\n\nPolish the prism daily.")
    write(shelf.folder / "broken.pdf", "no PDF")
    shelf.refresh()
    assert shelf.finds("brightest whale") == ["oil.docx"]
    assert shelf.finds("polish the prism") == ["lens.md"]


def test_edits_renames_and_deletions_reach_the_index(shelf: Shelf) -> None:
    """Edits by the changes alone, the rest by the sweep."""
    write(shelf.folder / "a.txt", "granite tower")
    write(shelf.folder / "b.txt", "wooden pier")
    write(shelf.folder / "c.txt", "iron gate")
    shelf.refresh()
    write(shelf.folder / "a.txt", "marble tower")
    shelf.refresh(Pass.CHANGES)
    assert (shelf.finds("granite"), shelf.finds("marble")) == ([], ["a.txt"])
    (shelf.folder / "b.txt").unlink()
    (shelf.folder / "c.txt").rename(shelf.folder / "d.txt")
    shelf.refresh(Pass.SWEEP)
    assert (shelf.finds("pier"), shelf.finds("gate")) == ([], ["d.txt"])


def test_permissions_take_effect_without_reading_a_file(shelf: Shelf) -> None:
    """Given, taken, broken and mended, by the pass over permissions alone."""
    write(shelf.folder / "hr" / "pay.txt", "salary table")
    write(shelf.folder / "ops" / "oil.txt", "salary of oil")
    shelf.refresh()
    assert shelf.finds("salary", "bo@acme.com") == ["hr/pay.txt", "ops/oil.txt"]
    seen = []
    for board in ("group:board", "user:bo@acme.com"):
        rules(shelf.folder, hr=board, ops="anyone")
        report = shelf.refresh(Pass.PERMISSIONS)
        seen.append([shelf.finds("salary", email) for email in ("ann@acme.com", "bo@acme.com")])
    assert seen == [
        [["hr/pay.txt", "ops/oil.txt"], ["ops/oil.txt"]],
        [["ops/oil.txt"], ["hr/pay.txt", "ops/oil.txt"]],
    ]
    write(shelf.folder / "permissions.toml", "[[broken")
    shelf.refresh(Pass.PERMISSIONS)
    assert shelf.finds("salary", "ann@acme.com") == shelf.finds("salary", "bo@acme.com") == []
    rules(shelf.folder, hr="group:board")
    shelf.refresh(Pass.PERMISSIONS)
    assert shelf.finds("salary", "ann@acme.com") == ["hr/pay.txt"]
    assert shelf.finds("salary", "ann@acme.com", "bo@acme.com") == []
    assert (report.created, report.updated) == (0, 0)


def test_a_volume_that_is_not_mounted_deletes_nothing(shelf: Shelf) -> None:
    """The refresh fails, and what is indexed stays."""
    write(shelf.folder / "a.txt", "granite tower")
    shelf.refresh()
    elsewhere = shelf.folder.with_name("elsewhere")
    shelf.folder.rename(elsewhere)
    for _ in range(2):
        with pytest.raises(ConnectorError, match="mounted"):
            shelf.refresh()
        shelf.folder.mkdir(exist_ok=True)  # the second time: an empty mount point
    assert shelf.finds("granite") == ["a.txt"]
    shelf.folder.rmdir()
    elsewhere.rename(shelf.folder)
    shelf.refresh()
    assert shelf.finds("granite") == ["a.txt"]


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_the_index_is_what_a_fresh_read_gives(shelf: Shelf, seed: int) -> None:
    """Edits that keep date and size, moves over one another, moved folders, changed permissions."""
    chance = random.Random(seed)
    (shelf.folder / "keep.txt").write_text("always here")
    for _ in range(12):
        for _ in range(chance.randint(1, 5)):
            disturb(shelf.folder, chance)
        shelf.refresh()
    shelf.refresh(name="fresh")
    assert shelf.stored("files") == shelf.stored("fresh")
    assert len(shelf.stored("files")) > 1


def disturb(folder: Path, chance: random.Random) -> None:
    """One thing that somebody does to the folder."""
    tops = ["a", "b", "c"]
    files = sorted(path for path in folder.rglob("*.txt") if path.name != "keep.txt")
    new = folder / chance.choice(tops) / f"{chance.randint(1, 4)}.txt"
    deed = chance.choice(["write", "write", "edit", "move", "move folder", "delete", "rules"])
    if deed == "rules":
        rules(
            folder, **{top: chance.choice(["anyone", "group:board"]) for top in tops if chance.random() < 0.7}
        )
    elif deed == "write" or not files:
        write(new, f"words {chance.randint(0, 99)}")
    elif deed == "edit":
        path = chance.choice(files)
        before = path.stat()
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif deed == "move":
        new.parent.mkdir(exist_ok=True)
        chance.choice(files).replace(new)
    elif deed == "move folder":
        chance.choice(files).parent.rename(folder / f"d{chance.randint(0, 99999)}")
    else:
        chance.choice(files).unlink()


def test_rules_that_are_gone_while_a_refresh_runs_open_nothing(shelf: Shelf) -> None:
    """Nor does a folder that goes with them; both are as they were when it is back."""
    write(shelf.folder / "hr" / "pay.txt", "The salary of the keeper.")
    rules(shelf.folder, hr="group:board")
    source = shelf.source()
    list(source.listing())
    (shelf.folder / "permissions.toml").unlink()
    for found in (*source.listing(), *source.documents(["hr/pay.txt"])):
        assert [rule.principals for rule in found.access_rules or ()] == [frozenset()]
    assert list(source.memberships()) == []
    assert source.rule("open").principals == source.rule("path:hr/**").principals == frozenset()
    rules(shelf.folder, hr="group:board")
    assert source.rule("path:hr/**").principals == {"group:board"}


def test_a_folder_that_goes_while_its_rules_are_looked_for_is_an_error(shelf: Shelf) -> None:
    """It is neither open nor empty."""
    write(shelf.folder / "a.txt", "Lamp")
    away = shelf.folder.with_name("away")
    source = FilesConnector(
        name="files", folder=shelf.folder, wait=lambda _: shelf.folder.rename(away) and None
    )
    with pytest.raises(ConnectorError):
        list(source.listing())
