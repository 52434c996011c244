"""One reply to several prompts: the mean of probabilities, computed here one prompt at a time."""

import pytest
import torch

from rankify.errors import BadInput
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.protocol import Message, Prompt
from rankify.llm.sampling import Sampling
from rankify.llm.simulated import Simulated
from tests import tiny_llm


def user(text, **more):
    return Prompt(messages=(Message("user", text),), **more)


PROMPTS = [user("the cat"), user("what is neural retrieval for cats and dogs"), user("rank the dogs")]
FAMILIES = ["llama", "t5", "gemma2"]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


def by_hand(llm, prompts, weights, steps):
    """Token after token: whole rows through the network, softmax, weighted sum, the likeliest."""
    rows, network, written = llm._reading.rows(prompts), llm.checkpoint.network, []
    for _ in range(steps):
        mixture = 0
        for row, weight in zip(rows, weights, strict=True):
            ids = torch.tensor([[*row.tokens, *written]])
            with torch.inference_mode():
                if row.encoder is None:
                    logits = network(input_ids=ids).logits[0, -1]
                else:
                    logits = network(input_ids=torch.tensor(row.encoder), decoder_input_ids=ids).logits[0, -1]
            mixture = mixture + weight * logits.double().softmax(-1)
        written.append(int(mixture.argmax()))
        if written[-1] in llm._ends:
            break
    return written


@pytest.mark.parametrize("weights", [(0.5, 0.3, 0.2), (0.1, 0.1, 0.8)])
def test_each_token_is_the_likeliest_of_the_weighted_mean(llm, weights):
    tokens = by_hand(llm, PROMPTS, weights, 8)
    [reply] = llm.mix([PROMPTS], [weights], max_tokens=8)
    assert reply.value == llm._following.text(tokens, begins=True)
    assert reply.generated_tokens == len(tokens)
    assert reply.prompt_tokens == sum(llm.prompt_tokens(PROMPTS))


def test_one_prompt_or_equal_ones_or_one_that_counts_alone_are_plain_writing(llm):
    plain = [reply.value for reply in llm.generate(PROMPTS, max_tokens=8)]
    groups = [PROMPTS[:1], [PROMPTS[1]] * 3, PROMPTS]
    replies = llm.mix(groups, [[3.0], [1, 2, 3], [0, 0, 7]], max_tokens=8)
    assert [reply.value for reply in replies] == plain


def test_replies_together_are_those_of_each_alone(llm):
    groups = [PROMPTS, PROMPTS[:2], PROMPTS[2:], PROMPTS[1:]]
    weights = [[1, 2, 3], [1, 1], [1], [5, 1]]
    together = llm.mix(groups, weights, max_tokens=[8, 3, 5, 8])
    alone = [
        llm.mix([group], [own], max_tokens=most)[0]
        for group, own, most in zip(groups, weights, [8, 3, 5, 8], strict=True)
    ]
    assert together == alone


def test_small_batches_write_the_same(folder, llm):
    groups, weights = [PROMPTS, PROMPTS[:2]] * 3, [[1, 2, 3], [1, 1]] * 3
    assert HF(folder, device="cpu", batch_tokens=1).mix(groups, weights, max_tokens=6) == llm.mix(
        groups, weights, max_tokens=6
    )


def test_a_reply_that_is_drawn_depends_on_its_seed_alone(llm):
    drawn = [Sampling(seed=seed) for seed in (1, 2, 1)]
    first, second, again = llm.mix([PROMPTS] * 3, [[1, 1, 1]] * 3, max_tokens=12, sampling=drawn)
    assert first == again
    assert first != second


def test_a_reply_ends_where_its_first_prompt_says(llm):
    [whole] = llm.mix([PROMPTS], [[1, 1, 1]], max_tokens=12, sampling=Sampling(seed=3))
    piece = whole.value[len(whole.value) // 2 :][:4]
    [reply] = llm.mix(
        [[user("the cat", stop=(piece,)), *PROMPTS[1:]]], [[1, 1, 1]], max_tokens=12, sampling=Sampling(seed=3)
    )
    assert reply.value == whole.value[: whole.value.index(piece)]


@pytest.mark.parametrize(("prompts", "weights"), [([], []), (PROMPTS[:2], [1, -1]), (PROMPTS[:2], [0, 0])])
def test_no_prompts_and_weights_that_are_no_shares_are_refused(llm, prompts, weights):
    with pytest.raises(BadInput, match="weights="):
        llm.mix([prompts], [weights], max_tokens=3)


def test_what_was_mixed_is_remembered_by_prompts_and_weights(llm, tmp_path):
    cached = Cached(llm, folder=str(tmp_path))
    first = cached.mix([PROMPTS], [[1, 2, 3]], max_tokens=4)
    again = cached.mix([PROMPTS], [[1, 2, 3]], max_tokens=4)
    assert (again[0].value, again[0].cached) == (first[0].value, True)
    for other in ([PROMPTS[::-1]], [[1, 2, 3]]), ([PROMPTS], [[3, 2, 1]]):
        assert not cached.mix(*other, max_tokens=4)[0].cached


def test_a_backend_that_cannot_says_so():
    with pytest.raises(BadInput, match="cannot mix"):
        Simulated({}).mix([PROMPTS], [[1, 1, 1]], max_tokens=3)
