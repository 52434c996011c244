"""The model that the benchmark of fusion makes: T5-small's shape and random weights, but it writes numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25" / "corpus.jsonl"
LISTS = {"bare": [str(n) for n in range(1, 6)], "brackets": [f"[{n}]" for n in range(1, 21)]}  # what it may write
LOUD = 30.0  # how much larger the rows of these are, in an embedding that is the output head too
SPECIAL = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


def made(folder: str, writes: str, *, passages: Sequence[str] | None = None, **shape: int) -> str:
    """Makes the model in a folder, of T5-small's shape or another, which writes one of `LISTS`; returns the folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    tokens = tokenizer(passages)
    numbers = tokens.convert_tokens_to_ids([f"▁{name}" for name in LISTS[writes]])
    config = transformers.T5Config(**{"vocab_size": 32_128, **shape}, decoder_start_token_id=0)
    network = transformers.T5ForConditionalGeneration(config)
    with torch.no_grad():
        network.get_input_embeddings().weight[numbers] *= LOUD
    network.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def tokenizer(passages: Sequence[str] | None = None) -> Any:
    """Pieces of words, as T5 has them, learned from the passages; every name of `LISTS` is one."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    pieces = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    pieces.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    pieces.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=16_000, special_tokens=[*SPECIAL.values()], show_progress=False)
    if passages is None:
        with CORPUS.open(encoding="utf-8") as lines:
            passages = [json.loads(line)["text"] for line in lines]
    names = [name for names in LISTS.values() for name in names]
    pieces.train_from_iterator([*passages, *(name for name in names for _ in range(2000))], trainer)
    pieces.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=pieces, **SPECIAL)
