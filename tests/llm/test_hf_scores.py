"""Choices and likelihoods of transformers models: the direct formula, however prompts are batched, padded or shared."""

import numpy as np
import pytest
import torch

from rankify.llm.hf import HF
from rankify.llm.protocol import LLMFailed, Message, Prompt
from tests import tiny_llm

MAKERS = {
    "llama": tiny_llm.llama,
    "mistral": tiny_llm.mistral,
    "qwen2": tiny_llm.qwen2,
    "qwen3": tiny_llm.qwen3,
    "gemma2": tiny_llm.gemma2,
    "t5": tiny_llm.t5,
    "flan-t5": lambda folder: tiny_llm.t5(folder, tied=False),
}
CAUSAL = [name for name in MAKERS if "t5" not in name]
WORDS = ["cat", "dog", "the", "rank", "query", "neural", "what", "is"]
LABELS = ["A", "B", "Yes"]


@pytest.fixture(scope="module", params=MAKERS)
def folder(request, tmp_path_factory):
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


def words(n, seed):
    return " ".join(np.random.default_rng(seed).choice(WORDS, n))


def user(text, prefill=""):
    return Prompt(messages=(Message("user", text),), prefill=prefill)


# lengths of all sorts, with and without a beginning in common, prompts that are equal, a completion
PROMPTS = [
    *(user(f"Passage: {words(n, n)} Query: {words(2, n)}", "Passage [") for n in (1, 40, 7, 90, 18)),
    *(user(f"Query: {words(30, 0)} Passage: {words(n, n)}", "Passage [") for n in (3, 25, 11, 11)),
    Prompt(text=words(5, 1), prefill=" ["),
]
CONTINUATIONS = [words(n % 6 + 1, n) for n in range(len(PROMPTS))]


def close(found, right):
    return np.allclose(found, right, rtol=1e-4, atol=1e-4)


def values(replies):
    return [reply.value for reply in replies]


def single(plain, prompt):
    """The labels that are one bare token to this model."""
    known = plain.tokenizer.get_vocab()
    return [label for label in LABELS if label in known]


def test_a_choice_is_the_logit_of_its_bare_token_at_the_last_position(llm, plain):
    choices = [single(plain, prompt) for prompt in PROMPTS]
    for prompt, labels, found in zip(PROMPTS, choices, values(llm.choose(PROMPTS, choices)), strict=True):
        right = plain.logits(plain.ids(prompt))[-1, plain.tokenizer.convert_tokens_to_ids(labels)]
        assert close(found, right)


def test_a_choice_of_several_tokens_is_their_chain_and_its_neighbours_are_log_probabilities_too(llm, plain):
    pieces = ["A", "1", "x"]
    chains = [plain.tokenizer.convert_tokens_to_ids(list(text)) for text in pieces] + [[]]
    unseen = "quiz"
    chains[-1] = plain.bare("[" + unseen)[len(plain.bare("[")) :]
    assert len(chains[-1]) > 1
    for prompt, found in zip(PROMPTS, values(llm.choose(PROMPTS, [[*pieces, unseen]] * len(PROMPTS))), strict=True):
        assert close(found, [plain.told(plain.ids(prompt), chain) for chain in chains])


def test_with_a_top_the_other_choices_are_impossible(llm, plain):
    labels = single(plain, PROMPTS[0])
    ids = plain.tokenizer.convert_tokens_to_ids(labels)
    whole = torch.stack([plain.logits(plain.ids(prompt))[-1] for prompt in PROMPTS])
    ranks = (whole[:, None] > whole[:, ids, None]).sum(-1)
    top = int(ranks.median()) + 1
    found = np.array(values(llm.choose(PROMPTS, [labels] * len(PROMPTS), top=top)))
    assert (np.isinf(found) == (ranks.numpy() >= top)).all()
    assert close(found[np.isfinite(found)], whole[:, ids].numpy()[np.isfinite(found)])


def test_with_a_top_a_choice_of_several_tokens_is_refused(llm):
    with pytest.raises(LLMFailed, match="more than one token"):
        llm.choose(PROMPTS[:1], [["A", "quiz"]], top=20)


@pytest.mark.parametrize("end", [False, True])
def test_a_likelihood_is_the_sum_over_the_tokens_of_the_continuation(llm, plain, end):
    found = values(llm.loglikelihood(PROMPTS, CONTINUATIONS, end=end))
    for prompt, text, value in zip(PROMPTS, CONTINUATIONS, found, strict=True):
        behind = plain.bare("[" + text)[len(plain.bare("[")) :]
        target = behind + [plain.tokenizer.eos_token_id] * end
        assert close(value, plain.told(plain.ids(prompt), target))


@pytest.mark.parametrize("budget", [1, 64, 300, 100_000])
def test_batches_of_any_size_give_the_same_choices(llm, folder, budget):
    labels = [["A", "B"]] * len(PROMPTS)
    assert close(
        values(HF(folder, device="cpu", batch_tokens=budget).choose(PROMPTS, labels)),
        values(llm.choose(PROMPTS, labels)),
    )


def test_prompts_asked_together_give_what_each_gives_alone(llm):
    together = llm.choose(PROMPTS, [["A", "B"]] * len(PROMPTS))
    alone = [llm.choose([prompt], [["A", "B"]])[0] for prompt in PROMPTS]
    assert close(values(together), values(alone))


def test_likelihoods_asked_together_are_what_each_is_alone(llm):
    together = llm.loglikelihood(PROMPTS, CONTINUATIONS)
    alone = [llm.loglikelihood([p], [c])[0] for p, c in zip(PROMPTS, CONTINUATIONS, strict=True)]
    assert close(values(together), values(alone))


def test_sharing_beginnings_changes_no_number(llm, folder):
    apart = HF(folder, device="cpu", share_prefix=False)
    labels, prompts = [["A", "B"]] * len(PROMPTS) * 2, PROMPTS * 2
    assert close(values(llm.choose(prompts, labels)), values(apart.choose(prompts, labels)))


def test_a_prompt_that_is_the_beginning_of_others_keeps_its_own_numbers(llm):
    texts = [Prompt(text=words(n, 3), prefill=" [") for n in (60, 61, 62, 90)] + [Prompt(text=words(60, 3))] * 3
    choices = [["A", "B"]] * len(texts)
    alone = [llm.choose([text], [["A", "B"]])[0].value for text in texts]
    assert close(values(llm.choose(texts, choices)), alone)


def test_prompt_tokens_are_the_tokens_that_the_model_reads(llm, plain):
    read = [plain.ids(prompt) for prompt in PROMPTS]
    right = [len(ids) if isinstance(ids, list) else sum(map(len, ids)) for ids in read]
    assert llm.prompt_tokens(PROMPTS) == right
    assert [reply.prompt_tokens for reply in llm.choose(PROMPTS, [["A"]] * len(PROMPTS))] == right


def test_no_prompts_get_no_replies(llm):
    assert llm.choose([], []) == llm.loglikelihood([], []) == llm.generate([], max_tokens=3) == []


def test_a_prompt_with_nothing_to_choose_gets_nothing(llm):
    assert values(llm.choose(PROMPTS[:2], [[], ["A"]]))[0] == ()


@pytest.mark.parametrize("text", [" ", "\x00", "\ud83d", "é 中文 \u200b", "</s><|im_end|>"])
def test_any_text_can_be_asked_about(llm, text):
    [one, two] = llm.choose([user(text), Prompt(text=text)], [["A", "B"]] * 2)
    assert np.isfinite([one.value, two.value]).all()


def test_an_empty_user_turn_can_be_asked_about(llm):
    [reply] = llm.choose([user("")], [["A", "B"]])
    assert np.isfinite(reply.value).all()


def test_scoring_takes_one_pass_a_batch(folder):
    llm = HF(folder, device="cpu", batch_tokens=100_000, share_prefix=False)
    llm.choose(PROMPTS, [["A", "B"]] * len(PROMPTS))
    assert llm.passes == 1
    llm.loglikelihood(PROMPTS, CONTINUATIONS)
    assert llm.passes == 2


@pytest.mark.parametrize("name", CAUSAL)
def test_a_shared_beginning_takes_one_pass_of_its_own(name, tmp_path):
    llm = HF(MAKERS[name](tmp_path), device="cpu", batch_tokens=100_000)
    prompts = [user(f"Query: {words(80, 0)} Passage: {words(n, n)}") for n in range(1, 9)]
    llm.choose(prompts, [["A", "B"]] * len(prompts))
    assert llm.passes == 2


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_batches_are_halved_when_memory_runs_out(name, tmp_path):
    llm = HF(MAKERS[name](tmp_path), device="cpu", batch_tokens=100_000, share_prefix=False)
    right = values(llm.choose(PROMPTS, [["A", "B"]] * len(PROMPTS)))

    def small(_, __, inputs):
        if len(inputs["input_ids"]) > 3:
            raise torch.OutOfMemoryError("out of memory")

    network = llm.checkpoint.network
    (network.get_decoder() if name == "t5" else network.base_model).register_forward_pre_hook(small, with_kwargs=True)
    assert close(values(llm.choose(PROMPTS, [["A", "B"]] * len(PROMPTS))), right)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["llama", "gemma2", "t5"])
def test_fewer_digits_give_nearly_the_same(name, dtype, tmp_path):
    folder = MAKERS[name](tmp_path)
    exact, coarse = (
        np.array(values(HF(folder, device="cpu", dtype=d).choose(PROMPTS[:6], [["A", "B"]] * 6)))
        for d in ("float32", dtype)
    )
    assert np.abs(exact - coarse).max() < 0.05 * (1 + np.abs(exact).max())
