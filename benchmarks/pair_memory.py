"""The memory that pairs take: 10,000 pairs of 512 tokens, each run in a process of its own whose peak is read.

    python -m benchmarks.pair_memory [--check]

The true number of pairs by a small cross-encoder, and fewer by one of MiniLM's shape. Passages are all different.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

BAR = 3.0  # GB that 10,000 pairs may take
TOKENS, PAIRS = 512, 10_000
SHAPES = {
    "small": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 32},
    "MiniLM": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
}
RUNS = [("small", PAIRS, "torch"), ("small", PAIRS, "onnx"), ("MiniLM", 200, "torch"), ("MiniLM", 200, "openvino")]
WORDS = [first + second for first in "bcdfghjklmnpqrstvwxz" for second in "aeiou"]  # one token each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="leave with 1 when the bar is missed")
    options = parser.parse_args()
    table = Table(title=f"Memory of pairs of {TOKENS} tokens")
    for column in ("model", "pairs", "backend", "peak RSS, GB"):
        table.add_column(column, justify="left" if column in ("model", "backend") else "right")
    most = 0.0
    for shape, pairs, backend in RUNS:
        gigabytes = peak(shape, pairs, backend)
        most = max(most, gigabytes)
        table.add_row(shape, f"{pairs:,}", backend, f"{gigabytes:.2f}")
    Console().print(table)
    return 1 if options.check and most >= BAR else 0


def peak(shape: str, pairs: int, backend: str) -> float:
    """The greatest resident memory, in GB, of a process that loads a cross-encoder and scores so many pairs."""
    command = [sys.executable, "-m", "benchmarks.pair_memory_child", json.dumps([shape, pairs, backend])]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return float(json.loads(done.stdout.splitlines()[-1])["gigabytes"])


def scored(shape: str, pairs: int, backend: str) -> dict[str, Any]:
    """Scores pairs in this process; its peak memory, and what was read."""
    from benchmarks.command import peak_memory
    from rankify import Document, Query, Ranking, Run, reranker

    with tempfile.TemporaryDirectory() as folder:
        saved(folder, shape)
        rerank = reranker(f"cross-encoder:{folder}?backend={backend}{'&quantize=int8' * (backend != 'torch')}")
        run = Run(
            Ranking(Query(str(q), "ba"), [Document(str(d), text(q * 100 + d)) for d in range(100)], range(100, 0, -1))
            for q in range(pairs // 100)
        )
        rerank(run)
        counts = rerank.counts()
    return {"gigabytes": peak_memory() / 1e9, "pairs": counts["pairs"], "tokens": counts["tokens"]}


def text(number: int) -> str:
    """A text of more tokens than are read, other than that of any other number."""
    first = [WORDS[number // len(WORDS) ** place % len(WORDS)] for place in range(3)]
    return " ".join([*first, *(WORDS * 6)[number % 7 :][:TOKENS]])


def saved(folder: str, shape: str) -> None:
    """A cross-encoder with random weights."""
    import torch
    import transformers

    torch.manual_seed(0)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    size = {"small": len(words), "MiniLM": 30_522}[shape]
    config = transformers.BertConfig(
        vocab_size=size, max_position_embeddings=TOKENS, num_labels=1, pad_token_id=0, **SHAPES[shape]
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    vocabulary = {word: place for place, word in enumerate(words)}
    transformers.BertTokenizer(vocab=vocabulary, model_max_length=TOKENS).save_pretrained(folder)


if __name__ == "__main__":
    sys.exit(main())
