from __future__ import annotations

import gzip
import json
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from sandbox.errors import SiteError
from sandbox.site import load_site

COMPANY = Path("/work/shared/data/company")
PAGE = {
    "id": "1",
    "space": "A",
    "title": "T",
    "parent_id": None,
    "version": 1,
    "created": "2024-01-01T00:00:00.000Z",
    "updated": "2024-01-01T00:00:00.000Z",
    "author": "somebody.new",
    "labels": [],
    "storage": "<p>ü</p>",
}


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())


def test_a_folder_without_settings_is_open_to_everybody(tmp_path):
    write(tmp_path, "confluence/A.jsonl.gz", json.dumps(PAGE) + "\n\n")
    site = load_site(tmp_path)
    assert site.pages["1"].storage == "<p>ü</p>"
    assert site.space_permissions == {}
    assert site.directory.author("somebody.new").name == "Somebody New"


def test_a_small_file_that_holds_a_path_stands_for_the_folder(tmp_path):
    write(tmp_path, "elsewhere/pages/A.jsonl", json.dumps(PAGE))
    write(tmp_path, "site/confluence", "../elsewhere/pages\n")
    assert list(load_site(tmp_path / "site").pages) == ["1"]
    write(tmp_path, "site/confluence", "../missing")
    with pytest.raises(SiteError, match="correct the path"):
        load_site(tmp_path / "site")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("confluence/A.jsonl", "{not json", "line 1 is not JSON"),
        ("confluence/A.jsonl", json.dumps(PAGE) + "\n" + json.dumps(PAGE), "ids must be unique"),
        ("confluence/A.jsonl", json.dumps({"id": "1"}), "not a page"),
        ("confluence/A.jsonl", json.dumps([1]), "not a page"),
        ("jira/A.jsonl", json.dumps({"id": "1", "key": "A-1", "fields": {}}), "not a Jira issue"),
        ("site.json", "[]", "one JSON object"),
        ("site.json", '{"users": [{"id": "x"}]}', "layout"),
        ("site.json", '{"space_permissions": {"A": ["staff"]}}', "group:<name>"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(tmp_path, name, text, says):
    write(tmp_path, "confluence/Z.jsonl", "")
    write(tmp_path, name, text)
    with pytest.raises(SiteError, match=says):
        load_site(tmp_path)


def test_a_cut_off_archive_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(SiteError, match="neither"):
        load_site(tmp_path)
    with pytest.raises(SiteError, match="no site folder"):
        load_site(tmp_path / "nowhere")
    write(tmp_path, "confluence/A.jsonl.gz", json.dumps(PAGE) + "\n" + os.urandom(3000).hex())
    path = tmp_path / "confluence/A.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(SiteError):
        load_site(tmp_path)


@pytest.mark.skipif(not COMPANY.is_dir(), reason=f"{COMPANY} is not on this machine")
@pytest.mark.slow
def test_the_real_company_loads_within_seconds_and_stays_small():
    start = time.monotonic()
    site = load_site(COMPANY)
    seconds = time.monotonic() - start
    assert (len(site.issues), len(site.pages)) == (24554, 2757)
    assert sum(issue.security is not None for issue in site.issues.values()) == 400
    assert seconds < 15
    tracemalloc.start()
    again = load_site(COMPANY)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(again.issues) == 24554
    assert held < 200 * 2**20


def test_comments_carry_what_they_are_about_where_the_folder_says_so(tmp_path):
    written = {"author": "ada", "created": "2024-01-02T00:00:00.000Z", "storage": "<p>c</p>"}
    inline = {"originalSelection": "ü"}
    comments = [
        {"id": "5", **written, "inline": inline, "resolved": True, "version": 2},
        {"id": "6", **written, "parent_id": "5"},
    ]
    write(tmp_path, "confluence/A.jsonl", json.dumps({**PAGE, "comments": comments, "status": "archived"}))
    page = load_site(tmp_path).pages["1"]
    first, second = page.comments
    assert page.status == "archived"
    assert (first.inline.selection, first.resolved, first.version) == ("ü", True, 2)
    assert first.inline.marker_ref
    assert (second.parent_id, second.inline, second.resolved, second.version) == ("5", None, False, 1)
