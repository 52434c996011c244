"""A tiny jina-reranker-v3 with random weights, in the layout of its published folder."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests import tiny_llm

MARKS = ["<|embed_token|>", "<|rerank_token|>"]
POSITIONS = 2048


def jina(folder, **changed):
    """Qwen3-shaped, with a projector of two layers and the two tokens at which it is read."""
    tokenizer = tiny_llm.byte_level()
    tokenizer.add_tokens(MARKS, special_tokens=True)
    tokenizer.model_max_length = POSITIONS
    more = {"vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS, "eos_token_id": 2, **changed}
    tiny_llm.made("Qwen3", folder, tokenizer, tie_word_embeddings=True, bos_token_id=None, **more)
    path = Path(folder, "model.safetensors")
    made = torch.Generator().manual_seed(1)
    sizes = {"projector.0.weight": (16, 32), "projector.2.weight": (8, 16)}
    projector = {name: torch.randn(*size, generator=made) * 0.3 for name, size in sizes.items()}
    save_file({**load_file(path), **projector}, path, metadata={"format": "pt"})
    said = json.loads(Path(folder, "config.json").read_text("utf-8"))
    own = {"architectures": ["JinaForRanking"], "auto_map": {"AutoModel": "modeling.JinaForRanking"}}
    Path(folder, "config.json").write_text(json.dumps({**said, **own}), "utf-8")
    Path(folder, "modeling.py").write_text("raise SystemExit('run')\n", "utf-8")
    return str(folder)
