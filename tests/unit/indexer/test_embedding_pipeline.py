"""What a model's folder says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from indexer.embedding import Embedder, EmbeddingOptions, model_folder, open_model
from indexer.embedding.fingerprint import fingerprint
from indexer.embedding.pipeline import read_pipeline
from indexer.errors import EmbeddingError

KIND = "sentence_transformers.models."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder without weights, as older sentence-transformers wrote it."""
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    shutil.copy(model_folder(None) / "tokenizer.json", folder)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 128})
    modules(folder, "Transformer", "Pooling")
    write(
        folder / "1_Pooling" / "config.json",
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
    )
    return folder


def write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content), "utf-8")


def modules(folder: Path, *kinds: str) -> None:
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    write(folder / "modules.json", [{"type": KIND + kind, "path": paths.get(kind, kind)} for kind in kinds])


def test_the_default_model_is_mean_pooled_and_reads_256_word_pieces() -> None:
    """As its files say."""
    pipeline = read_pipeline(None)

    assert (pipeline.name, pipeline.pooling, pipeline.window) == ("all-MiniLM-L6-v2", "mean", 256)
    assert (pipeline.query_prompt, pipeline.document_prompt) == ("", "")
    assert read_pipeline("all-MiniLM-L6-v2") == pipeline


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": "cls", "include_prompt": True}, "cls"),
        ({"pooling_mode": "lasttoken"}, None),
        ({"pooling_mode": ["mean", "max"]}, None),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, None),
        ({"pooling_mode": "mean", "include_prompt": False}, None),
        ({}, None),
    ],
)
def test_pooling_is_read_in_either_way_of_writing_it(
    folder: Path, config: dict[str, Any], pooling: str | None
) -> None:
    """What cannot be exported is None."""
    write(folder / "1_Pooling" / "config.json", config)

    assert read_pipeline(str(folder)).pooling == pooling


@pytest.mark.parametrize(
    ("kinds", "exportable"),
    [
        (("Transformer", "Pooling", "Normalize"), True),
        (("Transformer", "Pooling", "Dense"), False),
        (("StaticEmbedding",), False),
    ],
)
def test_a_model_with_other_modules_is_left_to_torch(
    folder: Path, kinds: tuple[str, ...], exportable: bool
) -> None:
    """An export would leave them out."""
    modules(folder, *kinds)

    assert (read_pipeline(str(folder)).pooling is not None) == exportable


def test_prompts_are_read_and_make_room_for_themselves(folder: Path) -> None:
    """What stands in front of a text takes part of the window."""
    without = open_model(str(folder)).max_tokens
    write(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "passage": "passage: "}},
    )

    pipeline = read_pipeline(str(folder))

    assert (pipeline.query_prompt, pipeline.document_prompt) == ("query: ", "passage: ")
    assert (without, open_model(str(folder)).max_tokens) == (126, 124)


def test_the_window_is_the_tokenizers_where_nothing_else_says_it_and_never_more_than_there_are_positions(
    folder: Path,
) -> None:
    """Newer sentence-transformers leave it to the tokenizer."""
    (folder / "sentence_bert_config.json").unlink()
    write(folder / "tokenizer_config.json", {"model_max_length": 10**30})
    write(folder / "config.json", {"max_position_embeddings": 512})
    assert read_pipeline(str(folder)).window == 512

    (folder / "tokenizer_config.json").unlink()
    (folder / "config.json").unlink()
    with pytest.raises(EmbeddingError, match="does not say max_seq_length"):
        read_pipeline(str(folder))


def test_a_chunk_is_never_longer_than_512_word_pieces_however_much_the_model_reads(folder: Path) -> None:
    """One vector cannot say more."""
    write(folder / "sentence_bert_config.json", {"max_seq_length": 8192})

    embedder = Embedder(str(folder))

    assert (embedder.max_tokens, embedder.model.max_tokens) == (512, 8190)


def test_a_folder_that_is_none_or_broken_is_named(tmp_path: Path, folder: Path) -> None:
    """One sentence, and what is wrong."""
    with pytest.raises(EmbeddingError, match=r"no tokenizer\.json"):
        Embedder(str(tmp_path / "nowhere"))

    (folder / "tokenizer.json").write_text("{", "utf-8")
    with pytest.raises(EmbeddingError, match=r"no tokenizer\.json that can be read"):
        Embedder(str(folder))


def test_folders_of_one_name_with_other_content_have_other_names(folder: Path, tmp_path: Path) -> None:
    """Their vectors must not meet."""
    other = tmp_path / "elsewhere" / "model"
    shutil.copytree(folder, other)
    same = Embedder(str(other)).name
    write(other / "config.json", {"hidden_size": 3})

    assert same == Embedder(str(folder)).name != Embedder(str(other)).name


def test_weights_tell_models_apart_wherever_they_differ_and_strays_do_not(
    folder: Path, tmp_path: Path
) -> None:
    """A model that was trained on has the size and often the beginning of the one it came from."""
    weights, kept = folder / "model.safetensors", tmp_path / "kept"
    weights.write_bytes(bytes(3 << 20))
    first = read_pipeline(str(folder), kept=kept).name
    for stray in (".DS_Store", ".git/config.json", "README.md", "onnx/model.onnx", "training_args.bin"):
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).write_bytes(b"x")
    assert read_pipeline(str(folder), kept=kept).name == read_pipeline(str(folder)).name == first

    content = bytearray(3 << 20)
    content[-2] = 1
    weights.write_bytes(content)

    assert weights.stat().st_size == 3 << 20
    assert read_pipeline(str(folder), kept=kept).name == read_pipeline(str(folder)).name != first


def test_weights_are_read_once(folder: Path, tmp_path: Path) -> None:
    """What came out is kept with the files' sizes and times; what was kept and is damaged does not count."""
    kept = tmp_path / "kept"
    first = fingerprint(folder, kept)
    (note,) = kept.iterdir()
    note.write_text(note.read_text("utf-8").replace(first, "0badf00d"), "utf-8")
    assert fingerprint(folder, kept) == "0badf00d"

    note.write_text("[]", "utf-8")
    assert fingerprint(folder, kept) == first


def test_another_model_than_the_one_that_is_asked_for_is_not_taken_up(folder: Path) -> None:
    """The folder has another model by now, or is on another machine."""
    embedder = Embedder(options=EmbeddingOptions())

    with pytest.raises(EmbeddingError, match="vectors of the model model-0badf00d, which is not here"):
        embedder.use("model-0badf00d", str(folder))

    assert embedder.name == "all-MiniLM-L6-v2"
    assert embedder.use(Embedder(str(folder)).name, str(folder)).name == embedder.name != "all-MiniLM-L6-v2"
    assert embedder.use("all-MiniLM-L6-v2", None) is embedder.configured
