"""Models of many families, whose heads and positions differ: each gives the numbers that transformers gives."""

import numpy as np
import pytest
import torch
import transformers

from rankify.llm.hf import HF
from rankify.llm.hf_causal import Causal
from rankify.llm.hf_rows import Budget, Row
from rankify.llm.protocol import Prompt
from tests import tiny_llm

PROMPTS = [Prompt(text=f"Query: the quick brown fox {'jumps over the lazy dog ' * 4} {'cat ' * n}") for n in (1, 30, 9)]
LABELS = [["A", "B", " C"]] * len(PROMPTS)
FAMILIES = {
    "GPT2": {},  # learned positions
    "GPTNeoX": {},
    "Bloom": {"n_head": 4},  # positions by distance alone
    "Phi3": {"pad_token_id": 0},
    "Olmo2": {},
    "Cohere": {"logit_scale": 0.3, "pad_token_id": 0},
    "Granite": {"logits_scaling": 7.0},
    "Phi": {},  # a head with a bias
    "Gemma3Text": {"sliding_window": 16, "query_pre_attn_scalar": 8},
    "FalconH1": {
        "lm_head_multiplier": 0.5,
        "mamba_n_heads": 4,
        "mamba_d_head": 16,
        "mamba_d_ssm": 64,
        "mamba_n_groups": 1,
    },
}


def made(family, folder):
    tokenizer = tiny_llm.byte_level(chat=None)
    shape = {**tiny_llm.SHAPE, "vocab_size": len(tokenizer), "eos_token_id": 2, "bos_token_id": 0, **FAMILIES[family]}
    config = getattr(transformers, f"{family}Config")(**shape)
    return tiny_llm.saved(transformers.AutoModelForCausalLM.from_config, config, tokenizer, folder)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return made(request.param, tmp_path_factory.mktemp(request.param))


def test_choices_are_the_logits_of_transformers(folder):
    plain = tiny_llm.Plain(folder)
    found = [reply.value for reply in HF(folder, device="cpu").choose(PROMPTS, LABELS)]
    ids = [plain.bare(label)[0] for label in LABELS[0]]
    right = [plain.logits(plain.ids(prompt))[-1, ids].numpy() for prompt in PROMPTS]
    assert np.allclose(found, right, rtol=1e-4, atol=1e-4)


def test_replies_are_those_of_the_plain_greedy_loop(folder):
    plain = tiny_llm.Plain(folder)
    replies = HF(folder, device="cpu").generate(PROMPTS, max_tokens=6)
    right = [plain.greedy(plain.ids(prompt), 6, {2}) for prompt in PROMPTS]
    assert [reply.value for reply in replies] == [plain.tokenizer.decode(r, skip_special_tokens=True) for r in right]


class Odd(transformers.LlamaForCausalLM):
    """Logits that no configuration explains."""

    def forward(self, *args, **options):
        output = super().forward(*args, **options)
        output.logits = output.logits.sin()
        return output


def test_a_head_that_is_not_understood_is_computed_whole():
    network = Odd(transformers.LlamaConfig(**tiny_llm.SHAPE, vocab_size=50)).eval()
    causal = Causal(network, device="cpu", budget=Budget(100, 100), share=True)
    rows, found = [Row([4, 5, 6]), Row([7])], {}

    def use(places, states):
        found.update(zip(places, causal.head.some(states, torch.tensor([1, 2])), strict=True))

    with torch.inference_mode():
        causal.read(rows, use)
        for place, row in enumerate(rows):
            right = network(input_ids=torch.tensor([row.tokens])).logits[0, -1, [1, 2]]
            assert torch.allclose(found[place], right, atol=1e-4)


def bart(folder):
    """BART-shaped: positions from the first token on, and a bias that its head's layer does not hold."""
    tokenizer = tiny_llm.unigram()
    shape = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "vocab_size": len(tokenizer), "init_std": 0.3}
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 0, "decoder_start_token_id": 0}
    config = transformers.BartConfig(**shape, **heads, **ids, forced_eos_token_id=None)

    def biased(config):
        network = transformers.BartForConditionalGeneration(config)
        network.final_logits_bias.normal_()
        return network

    return tiny_llm.saved(biased, config, tokenizer, folder)


@pytest.mark.parametrize("prefill", ["", "Passage"])
def test_an_encoder_decoder_with_learned_positions_writes_what_transformers_does(tmp_path, prefill):
    folder = bart(tmp_path)
    plain = tiny_llm.Plain(folder)
    prompts = [Prompt(text=f"the {'cat ' * n}", prefill=prefill) for n in (1, 20, 5)]
    replies = HF(folder, device="cpu").generate(prompts, max_tokens=6)
    right = [plain.greedy(plain.ids(prompt), 6, {1}) for prompt in prompts]
    assert [reply.generated_tokens for reply in replies] == list(map(len, right))
    assert [plain.bare(reply.value) for reply in replies] == [
        plain.bare(plain.tokenizer.decode(tokens, skip_special_tokens=True)) for tokens in right
    ]
