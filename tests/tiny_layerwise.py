"""Tiny models with a score head behind each layer, in the layout of their published folders."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests import tiny_llm

LAYERS, START, DIM, HEADS, KEYS, WIDTH, HIDDEN = 4, 2, 32, 4, 2, 8, 48
POSITIONS = 1024

MINICPM = {
    "architectures": ["LayerWiseMiniCPMForCausalLM"], "model_type": "minicpm", "head_multi": True,
    "auto_map": {"AutoModelForCausalLM": "modeling_minicpm_reranker.LayerWiseMiniCPMForCausalLM"},
    "head_type": "simple", "hidden_act": "silu", "scale_emb": 3, "scale_depth": 1.4, "dim_model_base": 8,
    "rope_theta": 10000.0, "rope_scaling": None, "pretraining_tp": 1, "attention_bias": False, "attention_dropout": 0.0,
}  # fmt: skip
GEMMA = {
    "architectures": ["CostWiseGemmaForCausalLM"], "model_type": "cost_wise_gemma", "layer_wise": True, "layer_sep": 1,
    "auto_map": {"AutoModelForCausalLM": "gemma_model.CostWiseGemmaForCausalLM"}, "head_dim": WIDTH,
    "hidden_activation": "gelu_pytorch_tanh", "attn_logit_softcapping": 0.5, "final_logit_softcapping": 3.0,
    "query_pre_attn_scalar": 16, "sliding_window": 12, "rope_theta": 10000.0, "hidden_act": "gelu_pytorch_tanh",
    "cache_implementation": "hybrid", "sliding_window_size": 4096, "attention_bias": False, "attention_dropout": 0.0,
}  # fmt: skip
SHAPE = {
    "hidden_size": DIM, "intermediate_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "num_key_value_heads": KEYS, "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5, "start_layer": START,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "torch_dtype": "float32",
    "_name_or_path": "somewhere/else", "transformers_version": "4.42.2", "use_cache": True, "initializer_range": 0.02,
}  # fmt: skip
NORMS = {
    "minicpm": ["input_layernorm", "post_attention_layernorm"],
    "cost_wise_gemma": [
        "input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm",
    ],
}  # fmt: skip


def minicpm(folder, **changed):
    """bge-reranker-v2-minicpm-layerwise-shaped, saved to a folder."""
    return _saved(folder, {**MINICPM, **SHAPE, **changed}, dummy_prefix=True)


def gemma(folder, **changed):
    """bge-reranker-v2.5-gemma2-lightweight-shaped, saved to a folder."""
    return _saved(folder, {**GEMMA, **SHAPE, **changed}, dummy_prefix=False)


def weights(config, words):
    """Random weights by the names that the published files give them."""
    made = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=made) * 0.3

    found = {"model.embed_tokens.weight": random(words, DIM), "model.norm.weight": 1 + random(DIM)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        found |= {f"{at}{norm}.weight": random(DIM) for norm in NORMS[config["model_type"]]}
        sizes = {"q": HEADS * WIDTH, "k": KEYS * WIDTH, "v": KEYS * WIDTH}
        found |= {f"{at}self_attn.{name}_proj.weight": random(size, DIM) for name, size in sizes.items()}
        found[f"{at}self_attn.o_proj.weight"] = random(DIM, HEADS * WIDTH)
        found |= {f"{at}mlp.{name}_proj.weight": random(HIDDEN, DIM) for name in ("gate", "up")}
        found[f"{at}mlp.down_proj.weight"] = random(DIM, HIDDEN)
    heads = range(START, LAYERS + 1)
    return found | {f"lm_head.{number}.linear_head.weight": random(1, DIM) for number, _ in enumerate(heads)}


def _saved(folder, config, dummy_prefix):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_llm.sentencepiece(dummy_prefix=dummy_prefix)
    tokenizer.model_max_length = POSITIONS
    tokenizer.save_pretrained(folder)
    config = {**config, "vocab_size": len(tokenizer)}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(weights(config, len(tokenizer)), folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)
