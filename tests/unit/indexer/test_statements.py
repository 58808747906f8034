"""Named SQL statements in files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from indexer import statements


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable package with files of statements."""
    folder = tmp_path / "with_statements"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.sql").write_text(
        "-- A remark.\n\n-- name: one\nselect 1\n\n-- name: two\n-- why\nselect 2\n"
    )
    (folder / "twice.sql").write_text("-- name: one\nselect 1\n-- name: one\nselect 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "with_statements", raising=False)
    statements.load.cache_clear()
    return "with_statements"


def test_each_statement_ends_where_the_next_begins(package: str) -> None:
    """A remark before the first name belongs to none."""
    assert statements.load(package, "good.sql") == {"one": "select 1", "two": "-- why\nselect 2"}


def test_a_name_may_not_occur_twice(package: str) -> None:
    """One of the two would never run."""
    with pytest.raises(ValueError, match="names a statement twice"):
        statements.load(package, "twice.sql")


def test_a_missing_file_is_said(package: str) -> None:
    """It is a packaging fault, and it shows at import."""
    with pytest.raises(FileNotFoundError):
        statements.load(package, "absent.sql")


@pytest.mark.parametrize(
    "file",
    [
        "cascade.sql",
        "reading_list.sql",
        "rules.sql",
        "runs.sql",
        "search.sql",
        "sources.sql",
        "status.sql",
        "store.sql",
    ],
)
def test_every_statement_of_the_index_is_used(file: str) -> None:
    """No statement outlives the code that ran it."""
    folder = Path(statements.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    unused = [name for name in statements.load("indexer", file) if f'"{name}"' not in code]
    assert unused == []
