"""A tiny model that writes numbers and letters and nothing else, so that its replies can be read."""

import re

import pytest
import torch
import transformers

from tests import tiny_llm

POSITIONS = 4096
WRITTEN = re.compile(r"<\|im_end\|>|Ġ[1-5A-D]")  # the model's tokens for an end of turn, " 1" and " A"


def speaking(folder):
    """Makes the model in a folder; returns the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_llm, "POSITIONS", POSITIONS)
        tokenizer = tiny_llm.byte_level()
    tiny_llm.made("Qwen2", folder, tokenizer, eos_token_id=2, bos_token_id=None, max_position_embeddings=POSITIONS)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder)
    never = [token for text, token in tokenizer.get_vocab().items() if not WRITTEN.fullmatch(text)]
    with torch.no_grad():
        network.lm_head.weight[never] = 0
    network.generation_config.do_sample = True  # as published ones have it: prompts must ask for the likeliest tokens
    network.save_pretrained(folder)
    return str(folder)
