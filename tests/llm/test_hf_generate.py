"""What transformers models write: the plain greedy loop, whatever else is in the batch."""

import json
from pathlib import Path

import pytest
import torch

from rankify.errors import BadInput
from rankify.llm.hf import HF
from rankify.llm.protocol import Message, Prompt
from tests import tiny_llm
from tests.llm.test_hf_scores import MAKERS, PROMPTS, user, words

MOST = 12


@pytest.fixture(scope="module", params=MAKERS)
def folder(request, tmp_path_factory):
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


def texts(replies):
    return [reply.value for reply in replies]


def decoded(plain, prompt, tokens):
    """The text of a reply, with the blank that it begins with where it goes on in the middle of a text."""
    if plain.network.config.is_encoder_decoder and not prompt.prefill:
        return plain.tokenizer.decode(tokens, skip_special_tokens=True)
    before = plain.bare("a")
    return plain.tokenizer.decode(before + tokens, skip_special_tokens=True)[1:]


def test_a_reply_is_the_most_likely_token_each_time(llm, plain):
    ends = {plain.tokenizer.eos_token_id}
    right = [plain.greedy(plain.ids(prompt), MOST, ends) for prompt in PROMPTS]
    replies = llm.generate(PROMPTS, max_tokens=MOST)
    assert texts(replies) == [decoded(plain, p, tokens) for p, tokens in zip(PROMPTS, right, strict=True)]
    assert [reply.generated_tokens for reply in replies] == list(map(len, right))
    assert [reply.finished for reply in replies] == [tokens[-1] in ends for tokens in right]


@pytest.mark.parametrize("budget", [1, 200, 100_000])
def test_batches_of_any_size_write_the_same(llm, folder, budget):
    other = HF(folder, device="cpu", batch_tokens=budget, share_prefix=False)
    assert other.generate(PROMPTS, max_tokens=MOST) == llm.generate(PROMPTS, max_tokens=MOST)


def test_a_reply_is_the_same_alone(llm):
    alone = [llm.generate([prompt], max_tokens=MOST)[0] for prompt in PROMPTS]
    assert alone == llm.generate(PROMPTS, max_tokens=MOST)


def test_each_step_of_a_batch_is_one_pass(folder):
    llm = HF(folder, device="cpu", batch_tokens=100_000, share_prefix=False)
    prompts = [user(words(n, n)) for n in (3, 9, 30)]
    replies = llm.generate(prompts, max_tokens=MOST)
    assert llm.passes == max(reply.generated_tokens for reply in replies)


def ended(folder, copy, ends):
    """The same model, which `ends` end besides its tokenizer's own."""
    for path in Path(folder).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    settings = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": ends}))
    return str(copy)


def test_every_end_that_the_settings_name_ends_a_reply(folder, plain, tmp_path):
    right = [plain.greedy(plain.ids(prompt), MOST, ()) for prompt in PROMPTS]
    ends = {right[0][2], right[1][4], plain.tokenizer.eos_token_id}
    llm = HF(ended(folder, tmp_path, sorted(ends)), device="cpu")
    right = [plain.greedy(plain.ids(prompt), MOST, ends) for prompt in PROMPTS]
    replies = llm.generate(PROMPTS, max_tokens=MOST)
    assert [reply.generated_tokens for reply in replies] == list(map(len, right))
    assert [reply.finished for reply in replies] == [tokens[-1] in ends for tokens in right]


def test_settings_that_sample_or_punish_repetition_are_not_followed(tmp_path):
    folder = Path(tiny_llm.llama(tmp_path))
    right = HF(str(folder), device="cpu").generate(PROMPTS, max_tokens=MOST)
    settings = json.loads((folder / "generation_config.json").read_text())
    wild = {"do_sample": True, "temperature": 5.0, "repetition_penalty": 9.0, "no_repeat_ngram_size": 1}
    (folder / "generation_config.json").write_text(json.dumps({**settings, **wild}))
    assert HF(str(folder), device="cpu").generate(PROMPTS, max_tokens=MOST) == right


@pytest.mark.parametrize(("name", "passes"), [("llama", 1), ("qwen3", 1), ("mistral", 0), ("gemma2", 0)])
def test_beginnings_in_common_change_no_reply(name, passes, tmp_path):
    folder = MAKERS[name](tmp_path)
    prompts = [user(f"Query: {words(90, 0)} Passage: {words(n, n)}") for n in range(1, 20)]
    shared, apart = (HF(folder, device="cpu", share_prefix=share) for share in (True, False))
    assert shared.generate(prompts, max_tokens=MOST) == apart.generate(prompts, max_tokens=MOST)
    assert shared.passes == apart.passes + passes  # that of the beginning; windows that slide share none


def test_a_reply_goes_no_further_than_the_model_can_read(tmp_path):
    llm = HF(tiny_llm.llama(tmp_path), device="cpu", max_length=40)
    prompt = Prompt(text=words(30, 1))
    [reply] = llm.generate([prompt], max_tokens=100)
    assert (reply.prompt_tokens + reply.generated_tokens, reply.finished) == (40, False)


def test_a_prompt_longer_than_the_model_can_read_is_an_error_with_both_figures(tmp_path):
    llm = HF(tiny_llm.llama(tmp_path), device="cpu")
    with pytest.raises(BadInput, match=r"prompt 1 has 1\d,\d{3} tokens .* reads 512 at most: shorten"):
        llm.generate([Prompt(text="a"), Prompt(text=words(10_000, 0))], max_tokens=5)


def test_a_reply_of_no_tokens_is_refused(tmp_path):
    with pytest.raises(BadInput, match="max_tokens=0"):
        HF(tiny_llm.llama(tmp_path), device="cpu").generate([user("a")], max_tokens=0)


@pytest.mark.parametrize("make", [tiny_llm.llama, tiny_llm.t5])
def test_batches_are_halved_when_memory_runs_out(make, tmp_path):
    llm = HF(make(tmp_path), device="cpu", batch_tokens=100_000)
    right = llm.generate(PROMPTS, max_tokens=MOST)

    def small(_, __, inputs):
        if len(inputs["input_ids"]) > 3:
            raise torch.OutOfMemoryError("out of memory")

    network = llm.checkpoint.network
    network.get_decoder().register_forward_pre_hook(small, with_kwargs=True)
    assert llm.generate(PROMPTS, max_tokens=MOST) == right


def test_a_reply_without_a_prefill_is_not_the_prefill(llm):
    prompt = Prompt(messages=(Message("user", "rank"),), prefill="Passage")
    [reply] = llm.generate([prompt], max_tokens=2)
    assert not reply.value.startswith("Passage Passage")
