"""A model folder as sentence-transformers writes it: a random BERT of two layers, made in a process of its own.

``python tests/tiny_model.py FOLDER`` writes it, so that the tests themselves do not import torch.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def make_tiny_model(folder: Path) -> None:
    """Write the model to the folder, which its tokenizer shares with the model that comes with Lorebot."""
    subprocess.run([sys.executable, "-W", "ignore", __file__, str(folder)], check=True, timeout=120)


def _write(folder: Path) -> None:
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer import modules  # noqa: PLC0415
    from transformers import AutoTokenizer, BertConfig, BertModel  # noqa: PLC0415

    from indexer.embedding import model_folder  # noqa: PLC0415

    torch.manual_seed(7)
    transformer = folder.parent / f"{folder.name}-transformer"
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(**sizes, max_position_embeddings=64, initializer_range=0.3)).save_pretrained(
        transformer
    )
    AutoTokenizer.from_pretrained(str(model_folder(None))).save_pretrained(transformer)
    parts = [modules.Transformer(str(transformer), max_seq_length=32), modules.Pooling(32)]
    prompts = {"query": "question: ", "document": ""}
    SentenceTransformer(modules=parts, device="cpu", prompts=prompts).save(str(folder))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
