"""Cross-attention without keys and values gives what transformers' own gives, and is used where it saves work."""

import pytest
import torch
import transformers

from rankify.llm.hf import HF
from rankify.llm.hf_folded import Folded
from rankify.llm.protocol import Prompt
from tests import tiny_llm

PROMPTS = [Prompt(parts=("a cat sat on a mat", "the dog"), stop=("@",)), Prompt(text="the dog and a cat")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module", params=["T5", "MT5"])
def decoder(request):
    """Heads whose dimensions do not come to those of a state."""
    config = getattr(transformers, f"{request.param}Config")(
        vocab_size=20, d_model=32, d_kv=12, d_ff=16, num_layers=2, num_heads=3, initializer_factor=4.0,
        decoder_start_token_id=0,
    )  # fmt: skip
    torch.manual_seed(1)
    return getattr(transformers, f"{request.param}ForConditionalGeneration")(config).eval().get_decoder()


def states(decoder, ids, encoded, mask, **more):
    with torch.no_grad():
        return decoder(input_ids=ids, encoder_hidden_states=encoded, encoder_attention_mask=mask, **more)


def test_a_decoder_gives_the_same_folded_at_every_position_and_step(decoder):
    folded = Folded(decoder, device="cpu")
    generator = torch.Generator().manual_seed(2)
    encoded = torch.randn((3, 9, 32), generator=generator)
    mask = torch.ones((3, 9), dtype=torch.long)
    mask[1, 4:] = 0
    ids = torch.randint(20, (3, 5), generator=generator)
    usual = states(decoder, ids, encoded, mask).last_hidden_state
    with folded.used():
        assert torch.allclose(states(decoder, ids, encoded, mask).last_hidden_state, usual, atol=1e-4)
        begun = states(decoder, ids[:, :3], encoded, mask, use_cache=True)
        for step in (3, 4):
            begun = states(
                decoder, ids[:, step : step + 1], encoded, mask, use_cache=True, past_key_values=begun.past_key_values
            )
            assert torch.allclose(begun.last_hidden_state[:, 0], usual[:, step], atol=1e-4)
    assert begun.past_key_values.cross_attention_cache.get_seq_length() == 0  # nothing was made and kept
    assert begun.past_key_values.self_attention_cache.get_seq_length() == 5
    assert usual.std() > 0.1


def test_it_pays_for_replies_of_fewer_tokens_than_a_head_has_dimensions(decoder):
    folded = Folded(decoder, device="cpu")
    assert [folded.pays(tokens) for tokens in (0, 1, 11, 12, 100)] == [False, True, True, False, False]


def test_attention_is_as_before_afterwards_even_when_writing_fails(decoder):
    folded = Folded(decoder, device="cpu")
    before = [layer.forward for layer in folded.layers]
    with folded.used():
        assert [layer.forward for layer in folded.layers] != before
    with pytest.raises(RuntimeError, match="no memory"), folded.used():
        raise RuntimeError("no memory")
    assert [layer.forward for layer in folded.layers] == before


def test_rounded_numbers_and_other_kinds_of_decoders_keep_their_own(decoder):
    half = Folded(decoder.to(torch.bfloat16), device="cpu")
    decoder.to(torch.float32)
    config = transformers.BartConfig(
        vocab_size=20, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
    )  # fmt: skip
    bart = Folded(transformers.BartForConditionalGeneration(config).get_decoder(), device="cpu")
    shape = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0}
    umt5 = transformers.UMT5ForConditionalGeneration(transformers.UMT5Config(vocab_size=20, **shape))
    assert not half.pays(1)
    assert not bart.pays(1)
    assert not Folded(umt5.get_decoder(), device="cpu").pays(1)  # its layers are of T5's name and take other arguments
    named = torch.nn.ModuleDict({"EncDecAttention": torch.nn.Linear(2, 2)})
    assert not Folded(named, device="cpu").pays(1)


def test_a_decoder_that_scales_keeps_its_own(decoder):
    """What is of the same name and computes something else is found out."""
    layer = decoder.block[0].layer[1].EncDecAttention
    usual, layer.scaling = layer.scaling, 0.5
    try:
        assert not Folded(decoder, device="cpu").pays(1)
    finally:
        layer.scaling = usual


def test_short_replies_are_written_folded_and_long_ones_are_not(folder, monkeypatch):
    llm = HF(folder, device="cpu")
    llm.generate(PROMPTS, max_tokens=2)
    used = []
    usual = llm._network.folded.used
    monkeypatch.setattr(llm._network.folded, "used", lambda: used.append(1) or usual())
    llm.generate(PROMPTS, max_tokens=7)
    assert used == [1]
    llm.generate(PROMPTS, max_tokens=[1, 8])
    assert used == [1]
