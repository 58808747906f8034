"""Reading a judged collection: what a whole one says, and one sentence for each way to break it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lorebot.errors import LorebotError
from lorebot.evaluation import read_judged

QUERIES = '{"_id": "q1", "text": "where are the keys"}\n{"_id": 2, "text": "who waters the ferns"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n2\td2\t2\n2\td3\t0\n"


def collection(
    folder: Path, *, queries: str | bytes = QUERIES, qrels: str = QRELS, exclude: str | None = None
) -> Path:
    """A folder with these files."""
    (folder / "qrels").mkdir()
    (folder / "queries.jsonl").write_bytes(queries if isinstance(queries, bytes) else queries.encode())
    (folder / "qrels" / "test.tsv").write_bytes(qrels.encode())
    if exclude is not None:
        (folder / "exclude.tsv").write_text(exclude)
    return folder


def test_questions_gains_and_exclusions_are_read(tmp_path: Path) -> None:
    """In the order of the questions; numbers are ids too."""
    judged = read_judged(collection(tmp_path, exclude="query-id\tcorpus-id\nq1\tq1\nq1\td9\n"), limit=None)

    assert dict(judged.queries) == {"q1": "where are the keys", "2": "who waters the ferns"}
    assert judged.relevant == {"q1": {"d1": 1.0}, "2": {"d2": 2.0, "d3": 0.0}}
    assert judged.wanted("2") == {"d2"}
    assert judged.excluded == {"q1": {"q1", "d9"}, "2": frozenset()}


def test_the_first_judged_questions_are_taken(tmp_path: Path) -> None:
    """One without judgements does not count."""
    folder = collection(tmp_path, queries='{"_id": "q0", "text": "unjudged"}\n' + QUERIES)
    assert list(read_judged(folder, limit=1).queries) == ["q1"]
    assert list(read_judged(folder, limit=None).queries) == ["q1", "2"]


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_no_fault(tmp_path: Path) -> None:
    """As editors leave them."""
    folder = collection(
        tmp_path,
        queries=b"\xef\xbb\xbf" + QUERIES.replace("\n", "\r\n\r\n").encode(),
        qrels=QRELS.replace("\n", "\r\n"),
    )
    assert read_judged(folder, limit=None).relevant["q1"] == {"d1": 1.0}


def test_a_judgement_below_zero_is_not_relevant(tmp_path: Path) -> None:
    """As trec_eval has it."""
    folder = collection(tmp_path, qrels=QRELS + "q1\td2\t-1\n")
    assert read_judged(folder, limit=None).wanted("q1") == {"d1"}


def test_exclusions_need_no_header(tmp_path: Path) -> None:
    """A first line that names a question is one."""
    folder = collection(tmp_path, exclude="q1\td7\n2\td8\n")
    assert read_judged(folder, limit=None).excluded == {"q1": {"d7"}, "2": {"d8"}}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"queries": '{"_id": "q1", "text": "a"}\n{"_id": '}, "queries.jsonl, line 2 is not JSON"),
        ({"queries": '["q1", "a"]\n'}, "queries.jsonl, line 1 is no question"),
        ({"queries": '{"_id": "q1"}\n'}, "queries.jsonl, line 1 is no question"),
        ({"queries": '{"_id": true, "text": "a"}\n'}, "queries.jsonl, line 1 is no question"),
        ({"queries": QUERIES + QUERIES}, "queries.jsonl, line 3 repeats the _id q1"),
        ({"queries": b'{"_id": "q1", "text": "caf\xe9"}'}, "queries.jsonl is not UTF-8 (byte 26)"),
        ({"queries": ""}, "judges none of its queries"),
        ({"qrels": ""}, "judges none of its queries"),
        ({"qrels": "q1\td1\t1\n"}, "test.tsv starts without its header"),
        ({"qrels": QRELS + "q1 d2 1\n"}, "test.tsv, line 5: 3 columns parted by tabs are needed"),
        ({"qrels": QRELS + "q1\t\t1\n"}, "test.tsv, line 5: 3 columns parted by tabs are needed"),
        ({"qrels": QRELS + "q1\td2\tyes\n"}, "test.tsv, line 5: the score 'yes' is not a number"),
        ({"qrels": QRELS + "q1\td2\tnan\n"}, "test.tsv, line 5: the score 'nan' is not a number"),
        ({"qrels": QRELS + "q1\td1\t2\n"}, "test.tsv, line 5 judges d1 for q1 again, and differently"),
        (
            {"exclude": "query-id\tcorpus-id\nq1\n"},
            "exclude.tsv, line 2: 2 columns parted by tabs are needed",
        ),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_place(
    tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    """And says what to do."""
    with pytest.raises(LorebotError) as caught:
        read_judged(collection(tmp_path, **files), limit=None)

    assert sentence in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("missing", ["queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    """With where the layout is described."""
    collection(tmp_path)
    (tmp_path / missing).unlink()

    with pytest.raises(LorebotError, match="is no judged collection: it has no"):
        read_judged(tmp_path, limit=None)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """It is another fault than a missing file."""
    with pytest.raises(LorebotError, match="There is no folder"):
        read_judged(tmp_path / "nowhere", limit=None)
