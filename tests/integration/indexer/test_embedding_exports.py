"""Exported models: made once, checked against sentence-transformers, refused where they differ."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding import Embedder, EmbeddingOptions, backends, model_folder
from indexer.embedding import preparation as prep
from indexer.embedding.backends import load_reference
from indexer.embedding.exported import open_exported
from indexer.embedding.pipeline import read_pipeline
from indexer.embedding.preparation import CHOICE_FILE
from indexer.embedding.samples import SAMPLES
from indexer.errors import EmbeddingError

#: Of other words than the samples that every export is checked with.
TEXTS = [
    "",
    "ok",
    "Where do I find the holiday calendar of the Lisbon office?",
    "NullPointerException at com.acme.Ledger.post(Ledger.java:88)",
    "Ärztliche Bescheinigungen gehen an die Personalabteilung.",
    "請求書の送付先を変更したい",
    "🚚 shipped!",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "one " * 500,
    "The router of the second floor is restarted by holding its button for ten seconds. " * 4,
]


@pytest.fixture(scope="module")
def reference() -> NDArray[np.float32]:
    """sentence-transformers' own vectors of the texts, in float32."""
    vectors = load_reference(model_folder(None)).encode(TEXTS, normalize_embeddings=True)
    return np.asarray(vectors, dtype=np.float32)


@pytest.fixture(scope="module")
def cls_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with another pooling."""
    folder = tmp_path_factory.mktemp("cls") / "cls"
    shutil.copytree(tiny_model, folder)
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}), "utf-8"
    )
    return folder


@pytest.fixture
def tiny_exports(tiny_model: Path, tmp_path: Path, tiny_export: Path) -> Path:
    """An exports folder of this test's own with the tiny model's export."""
    shutil.copytree(tiny_export, tmp_path / "exports" / tiny_export.name, copy_function=shutil.copy2)
    return tmp_path / "exports"


@pytest.fixture(scope="module")
def tiny_export(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's export, by the process that makes it in production."""
    export = prep.ensure_export(read_pipeline(str(tiny_model)), tmp_path_factory.mktemp("exports"))
    assert export is not None
    return export


def embedder(model: Path | None, exports: Path, backend: Any = "auto") -> Embedder:
    return Embedder(str(model) if model else None, options=EmbeddingOptions(backend=backend, exports=exports))


def change_choice(export: Path, **values: Any) -> None:
    file = export / CHOICE_FILE
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | values), "utf-8")


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_every_vector_is_sentence_transformers_own(
    backend: str, exports: Path, reference: NDArray[np.float32]
) -> None:
    """Cosine 0.999 or better for texts short, long, empty and in any script, alone and in a batch."""
    ours = embedder(None, exports, backend)

    together = ours.encode(TEXTS)
    alone = np.concatenate([ours.encode([text]) for text in TEXTS])

    assert ours.model.load().name == backend
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.sum(together * reference, axis=1).min() >= 0.999
    assert np.sum(alone * reference, axis=1).min() >= 0.999


def test_a_question_never_imports_torch(exports: Path, embedder: Embedder) -> None:
    """Neither what embeds it nor what it imports."""
    embedder.load()
    code = (
        "import sys; from pathlib import Path\n"
        "from indexer.embedding import Embedder, EmbeddingOptions\n"
        "vectors = Embedder(options=EmbeddingOptions(exports=Path(sys.argv[1]))).encode(['a question'])\n"
        "print(vectors.shape, sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exports)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "(1, 384) []"


def test_two_that_need_an_export_at_once_make_it_once_and_a_part_of_one_is_made_again(
    cls_model: Path, tiny_export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first; and cls pooling agrees with sentence-transformers too."""
    pipeline = read_pipeline(str(cls_model))
    target = tmp_path / pipeline.name
    target.mkdir()
    (target / prep.MODEL_FILE).write_bytes((tiny_export / prep.MODEL_FILE).read_bytes()[:1000])
    description = prep.describe(pipeline) | {"bytes": (tiny_export / prep.MODEL_FILE).stat().st_size}
    (target / prep.DESCRIPTION_FILE).write_text(json.dumps(description), "utf-8")
    runs: list[str] = []
    run = prep._run

    def counted(module: str, *arguments: str) -> None:
        runs.append(module)
        run(module, *arguments)

    monkeypatch.setattr(prep, "_run", counted)
    both = [embedder(cls_model, tmp_path), embedder(cls_model, tmp_path)]
    threads = [threading.Thread(target=one.load) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert runs == ["indexer.embedding.export"]
    assert [one.model.load().name for one in both] == ["onnx", "onnx"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".lock", ".json")] == [
        pipeline.name
    ]


def test_a_question_has_the_prompt_that_the_model_wants(tiny_model: Path, tiny_exports: Path) -> None:
    """A text that is searched has its own, here none."""
    ours = embedder(tiny_model, tiny_exports)

    plain = ours.encode(["where is it?"])
    asked = ours.encode(["where is it?"], query=True)

    assert ours.dimensions == 32
    assert np.array_equal(asked, ours.encode(["question: where is it?"]))
    assert not np.allclose(plain, asked, atol=0.01)


@pytest.fixture
def made(tiny_export: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was exported; the files are those that the exporting process wrote for this model before."""
    models: list[str] = []

    def export(module: str, model: str, folder: str) -> None:
        assert module == "indexer.embedding.export"
        models.append(Path(model).name)
        for file in (prep.MODEL_FILE, prep.REFERENCE_FILE, prep.DESCRIPTION_FILE):
            shutil.copy(tiny_export / file, folder)

    monkeypatch.setattr(prep, "_run", export)
    return models


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (prep.MODEL_FILE, "zeros"),
        (prep.MODEL_FILE, None),
        (prep.MODEL_FILE, b""),
        (prep.REFERENCE_FILE, None),
        (prep.REFERENCE_FILE, b""),
        (prep.REFERENCE_FILE, b"zeros"),
        (prep.DESCRIPTION_FILE, b"[]"),
        (prep.DESCRIPTION_FILE, b"\xff"),
        (prep.DESCRIPTION_FILE, b'{"bytes": "many"}'),
    ],
)
def test_a_damaged_export_is_made_again(
    tiny_model: Path, tiny_exports: Path, tiny_export: Path, made: list[str], file: str, content: Any
) -> None:
    """Whatever is missing, cut or written over; nobody is left with the slow way for good."""
    damaged = tiny_exports / tiny_export.name / file
    size = damaged.stat().st_size
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(bytes(size) if content == "zeros" else content)

    assert embedder(tiny_model, tiny_exports).model.load().name == "onnx"
    assert made == ["tiny"]
    assert embedder(tiny_model, tiny_exports, "openvino").model.load().name == "openvino"
    assert made == ["tiny"]


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"\xff\xff",
        b'{"depends_on": {}, "agreement": null, "rates": null}',
        {"agreement": None},
        {"agreement": {"onnx": "high"}},
        {"rates": {"onnx": []}},
        {"rates": 3},
        {"made_again": "perhaps"},
    ],
)
def test_notes_that_say_no_such_thing_do_not_count(
    tiny_model: Path, tiny_exports: Path, tiny_export: Path, made: list[str], content: Any
) -> None:
    """They are found out again, and the export stays."""
    embedder(tiny_model, tiny_exports).load()
    export = tiny_exports / tiny_export.name
    if isinstance(content, bytes):
        (export / CHOICE_FILE).write_bytes(content)
    else:
        change_choice(export, **content)

    assert embedder(tiny_model, tiny_exports).model.load().name == "onnx"
    assert prep.read_choice(export).agreement["onnx"] >= prep.AGREEMENT
    assert made == []


def test_an_export_that_differs_is_made_again_once_and_then_refused(
    tiny_model: Path,
    tiny_exports: Path,
    tiny_export: Path,
    made: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It loads and gives vectors, but other ones: torch runs the model then, and a line of the log says why."""
    monkeypatch.setattr(prep, "SAMPLES", SAMPLES[::-1])  # the reference is of others, each time

    ours = embedder(tiny_model, tiny_exports)

    assert ours.model.load().name == "torch"
    assert ours.encode(["a"]).shape == (1, 32)
    assert made == ["tiny"]
    assert capsys.readouterr().out.count("embedding_backend_refused") == 4
    # It is known from then on, and not found out at every start.
    assert embedder(tiny_model, tiny_exports).model.load().name == "torch"
    assert made == ["tiny"]
    assert prep.read_choice(tiny_exports / tiny_export.name).order() == []


def test_an_export_with_other_weights_is_replaced(
    tiny_model: Path, tiny_exports: Path, tiny_export: Path, made: list[str]
) -> None:
    """As a damage that still loads."""
    reference = np.load(tiny_export / prep.REFERENCE_FILE)
    np.save(tiny_exports / tiny_export.name / prep.REFERENCE_FILE, np.roll(reference, 1, axis=1))

    assert embedder(tiny_model, tiny_exports).model.load().name == "onnx"
    assert made == ["tiny"]


@pytest.mark.parametrize("missing", [("openvino",), ("onnxruntime",), ("openvino", "onnxruntime")])
def test_a_backend_whose_library_is_not_installed_is_left_out(
    tiny_model: Path,
    tiny_exports: Path,
    made: list[str],
    monkeypatch: pytest.MonkeyPatch,
    missing: tuple[str, ...],
) -> None:
    """The other one runs the model, or torch."""

    def without(distribution: str) -> str:
        if distribution in missing:
            raise PackageNotFoundError(distribution)
        return version(distribution)

    monkeypatch.setattr(backends, "version", without)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)

    ours = embedder(tiny_model, tiny_exports)

    expected = {("openvino",): "onnx", ("onnxruntime",): "openvino"}.get(missing, "torch")
    assert ours.model.load().name == expected
    assert ours.encode(["a"]).shape == (1, 32)
    assert embedder(tiny_model, tiny_exports, "openvino").model.load().name == (
        "torch" if "openvino" in missing else "openvino"
    )
    assert made == []


def test_damaged_weights_are_one_sentence(tiny_model: Path, tmp_path: Path) -> None:
    """Whatever the library raises."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "model.safetensors").write_bytes(b"no weights")

    with pytest.raises(EmbeddingError, match="cannot be loaded"):
        embedder(folder, tmp_path / "exports", "torch").load()


def test_a_prompt_that_the_model_leaves_out_of_its_vectors_is_told_apart(
    tiny_model: Path, tmp_path: Path
) -> None:
    """With ``include_prompt`` false its tokens are read and not pooled."""
    folder = tmp_path / "instructed"
    shutil.copytree(tiny_model, folder)
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": False}), "utf-8"
    )
    reference = load_reference(folder)

    ours = embedder(folder, tmp_path / "exports").encode(["where is it?", "ok"], query=True)

    theirs = reference.encode_query(["where is it?", "ok"], normalize_embeddings=True)
    assert np.sum(ours * theirs, axis=1).min() >= 0.999
    whole = reference.encode(["question: where is it?"], normalize_embeddings=True, prompt="")
    assert float((ours[:1] * whole).sum()) < 0.999


def test_it_is_told_before_a_model_is_exported(
    tiny_model: Path, tiny_export: Path, made: list[str], tmp_path: Path
) -> None:
    """Once: from then on the export is there."""
    told: list[str] = []
    for _ in range(2):
        options = EmbeddingOptions(exports=tmp_path / "exports", announce=told.append)
        Embedder(str(tiny_model), options=options).load()

    assert told == [tiny_export.name]


def test_a_backend_that_was_refused_falls_back_to_the_next(
    tiny_model: Path, tiny_exports: Path, tiny_export: Path
) -> None:
    """One alone may differ, as in a precision that this model does not bear."""
    embedder(tiny_model, tiny_exports).load()
    export = tiny_exports / tiny_export.name
    change_choice(export, agreement={"onnx": 0.91})

    assert embedder(tiny_model, tiny_exports).model.load().name == "openvino"
    assert embedder(tiny_model, tiny_exports, "onnx").model.load().name == "torch"


def test_the_fastest_is_measured_once_and_again_when_the_machine_is_another(
    tiny_model: Path, tiny_exports: Path, tiny_export: Path
) -> None:
    """What was measured is kept with what it depends on."""
    export = tiny_exports / tiny_export.name
    ours = embedder(tiny_model, tiny_exports)
    ours.model.tune()
    measured = prep.read_choice(export)

    assert set(measured.rates) == {"onnx", "openvino"}
    assert min(measured.rates.values()) > 0
    assert min(measured.agreement.values()) >= prep.AGREEMENT
    assert ours.model.load().name == max(measured.rates, key=lambda name: measured.rates[name])

    slow, fast = sorted(measured.rates, key=lambda name: measured.rates[name])
    change_choice(export, rates={slow: 9.0, fast: 1.0})
    ours.model.tune()
    assert ours.model.load().name == slow

    change_choice(export, depends_on=measured.depends_on | {"cores": 1_000})
    assert prep.read_choice(export).rates == {}


def test_where_exporting_fails_torch_runs_the_model(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a folder that is none; the log says so."""
    (tmp_path / "exports").write_text("not a folder", "utf-8")

    assert embedder(tiny_model, tmp_path / "exports").model.load().name == "torch"
    assert "embedding_export_failed" in capsys.readouterr().out


def test_the_samples_are_a_few_dozen_of_every_kind() -> None:
    """Short, long beyond the window, empty, other scripts."""
    count = Embedder().count_tokens
    lengths = [count(text) for text in SAMPLES]

    assert len(set(SAMPLES)) == len(SAMPLES) >= 36
    assert min(lengths) == 0
    assert sum(length > 256 for length in lengths) >= 2
    assert any(ord(character) > 0x3000 for text in SAMPLES for character in text)


def test_an_open_export_cuts_what_is_longer_than_the_window(tiny_model: Path, tiny_export: Path) -> None:
    """As sentence-transformers does; who wants all of a text embeds it in pieces."""
    backend = open_exported("onnx", tiny_export, folder=tiny_model, window=32)

    short, long = backend.encode(["word " * 30, "word " * 300])

    assert np.allclose(short, long, atol=1e-5)
