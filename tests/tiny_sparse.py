"""Tiny sparse encoders with random weights, in the layouts in which such models are published."""

import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

from tests import tiny

SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
KNOWN = {"vocab_size": len(tiny.tokenizer()), "initializer_range": 0.5, "pad_token_id": 0}


def configuration(family, **changed):
    """The configuration of a tiny masked language model of one of four families."""
    longest = {"max_position_embeddings": tiny.LENGTH}
    if family == "Bert":
        return tiny.configuration(**changed)
    if family == "DistilBert":
        shape = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
        return transformers.DistilBertConfig(**shape, **{**KNOWN, **changed}, **longest)
    if family == "Roberta":
        return transformers.RobertaConfig(**SHAPE, **{**KNOWN, **changed}, max_position_embeddings=tiny.LENGTH + 1)
    ids = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    return transformers.ModernBertConfig(**SHAPE, **{**KNOWN, **changed}, **longest, **ids)


def mlm(folder, family="Bert", seed=0, **changed):
    """A masked language model, saved to a folder."""
    kind = getattr(transformers, f"{family}ForMaskedLM")
    return tiny.saved(kind, folder, seed, configuration(family, **changed))


def table(folder, weights, name="idf.json"):
    """A table of query weights beside a model's files."""
    lines = "".join(f"{token}\t{weight}\n" for token, weight in weights.items())
    (Path(folder) / name).write_text(json.dumps(weights) if name.endswith("json") else lines, "utf-8")


def with_layers(folder, name, *sizes, seed=0):
    """A BERT with linear layers of that name among its weights; (16, 1) is one from 16 numbers to one."""
    made = tiny.tiny_bert(folder, seed=seed)
    path = Path(made) / "model.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        several = len(sizes) > 1
        for number, (wide, out) in enumerate(sizes):
            stem = f"{name}.{3 * number}" if several or name == "impact_score_encoder" else name
            layer = {f"{stem}.weight": torch.randn(out, wide), f"{stem}.bias": torch.randn(out)}
            save_file({**load_file(path), **layer}, path, {"format": "pt"})
    return made
