"""Replies that are drawn: as the model's probabilities have it, the same for the same seed, on every backend."""

from collections import Counter

import numpy as np
import pytest
import torch

from rankify.errors import Misuse
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.hf_drawing import Drawing, nucleus
from rankify.llm.http import HTTP
from rankify.llm.litellm import LiteLLM
from rankify.llm.protocol import Message, Prompt
from rankify.llm.sampling import Sampling, sampling_of
from rankify.llm.simulated import Simulated
from rankify.llm.vllm import VLLM
from tests import tiny_llm
from tests.llm.test_cached import Counting
from tests.llm.test_litellm import Library
from tests.llm.vllm_stand_in import installed

LOGITS = torch.tensor([2.0, -1.0, 0.5, 1.0, -3.0])


def user(text):
    return Prompt(messages=(Message("user", text),))


PROMPTS = [user("the cat"), user("what is neural retrieval for cats and dogs"), user("rank")]


@pytest.fixture(scope="module", params=["llama", "t5"])
def llm(request, tmp_path_factory):
    return HF(getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param)), device="cpu")


def values(replies):
    return [reply.value for reply in replies]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_tokens_are_drawn_as_often_as_the_model_expects_them(temperature):
    n = 4000
    drawing = Drawing([Sampling(temperature, seed=seed) for seed in range(n)])
    found = Counter(drawing.tokens(LOGITS.expand(n, -1), range(n)).tolist())
    wanted = (LOGITS / temperature).softmax(-1).tolist()
    assert [found[i] / n for i in range(5)] == pytest.approx(wanted, abs=0.025)


def test_the_nucleus_is_the_fewest_tokens_that_have_the_probability_together():
    shares = torch.tensor([[0.1, 0.4, 0.2, 0.3]] * 4, dtype=torch.double)
    kept = nucleus(shares, torch.tensor([0.01, 0.4, 0.5, 1.0], dtype=torch.double))
    assert kept.tolist() == [[0, 0.4, 0, 0], [0, 0.4, 0, 0], [0, 0.4, 0, 0.3], [0.1, 0.4, 0.2, 0.3]]


def test_tokens_outside_the_nucleus_are_never_drawn():
    drawing = Drawing([Sampling(2.0, top_p=0.5, seed=seed) for seed in range(300)])
    shares = (LOGITS / 2).softmax(-1)
    assert shares[0] < 0.5
    assert set(drawing.tokens(LOGITS.expand(300, -1), range(300)).tolist()) == {0, 3}


def test_rows_that_are_not_drawn_stay_greedy():
    drawing = Drawing([None, Sampling(100.0, seed=3), None])
    found = [drawing.tokens(LOGITS.expand(3, -1), range(3)).tolist() for _ in range(30)]
    assert {row[0] for row in found} == {row[2] for row in found} == {0}
    assert len({row[1] for row in found}) > 2


def test_a_low_temperature_is_greedy(llm):
    assert values(llm.generate(PROMPTS, max_tokens=8, sampling=Sampling(1e-4))) == values(
        llm.generate(PROMPTS, max_tokens=8)
    )


def test_a_reply_is_what_the_plain_distribution_and_its_random_numbers_give(llm):
    plain = tiny_llm.Plain(llm.model)
    ids, random, found = plain.ids(PROMPTS[0]), np.random.default_rng(5), []
    ends = {plain.tokenizer.eos_token_id}
    while len(found) < 8 and not (found and found[-1] in ends):
        longer = (ids[0], ids[1] + found) if isinstance(ids, tuple) else ids + found
        shares = (plain.logits(longer)[-1] / 1.5).softmax(-1).cumsum(-1).numpy()
        found.append(int(np.searchsorted(shares, random.random() * shares[-1], side="right")))
    [reply] = llm.generate(PROMPTS[:1], max_tokens=8, sampling=Sampling(1.5, seed=5))
    assert reply.generated_tokens == len(found)
    assert reply.value.split() == plain.tokenizer.decode(found, skip_special_tokens=True).split()


def test_each_seed_has_its_reply_whatever_the_company(llm):
    how = [Sampling(3.0, seed=seed) for seed in range(4)]
    prompts = [PROMPTS[0]] * 4
    together = values(llm.generate([*prompts, *PROMPTS], max_tokens=8, sampling=[*how, None, None, None]))
    assert len(set(together[:4])) == 4
    assert together[4:] == values(llm.generate(PROMPTS, max_tokens=8))
    alone = [llm.generate(PROMPTS[:1], max_tokens=8, sampling=one)[0].value for one in how]
    assert alone == together[:4]
    small = HF(llm.model, device="cpu", batch_tokens=1)
    assert values(small.generate(prompts, max_tokens=8, sampling=how)) == alone


def test_replies_are_remembered_by_how_they_are_drawn(tmp_path, llm):
    cached = Cached(llm, folder=str(tmp_path))
    drawn = [
        Sampling(3.0, seed=1),
        Sampling(3.0, seed=2),
        None,
        Sampling(3.0, top_p=0.9, seed=1),
        Sampling(2.0, seed=1),
    ]
    first = cached.generate([PROMPTS[0]] * 5, max_tokens=6, sampling=drawn)
    assert not any(reply.cached for reply in first)
    again = cached.generate([PROMPTS[0]] * 5, max_tokens=6, sampling=drawn[::-1])
    assert all(reply.cached for reply in again)
    assert values(again)[::-1] == values(first)
    assert values(first) == values(llm.generate([PROMPTS[0]] * 5, max_tokens=6, sampling=drawn))


def test_what_was_remembered_of_greedy_decoding_is_still_known(tmp_path):
    inner = Counting()  # which knows of no sampling
    cached = Cached(inner, folder=str(tmp_path))
    cached.generate([Prompt(text="a")], max_tokens=3)
    assert cached.generate([Prompt(text="a")], max_tokens=3, sampling=[None])[0].cached
    assert inner.asked == ["a"]


def test_a_server_is_sent_temperature_top_p_and_seed(served):
    llm = HTTP("m", base_url=served.url, seed=9)
    llm.generate([user("a"), user("b")], max_tokens=3, sampling=[Sampling(0.7, top_p=0.9, seed=4), None])
    sent = {b["messages"][0]["content"]: (b["temperature"], b.get("top_p"), b["seed"]) for b in served.bodies}
    assert sent == {"a": (0.7, 0.9, 4), "b": (0, None, 9)}


@pytest.mark.parametrize("known", [["temperature", "top_p", "seed"], ["temperature"], None])
def test_litellm_is_sent_what_the_host_takes(monkeypatch, known):
    library = Library()
    library.get_supported_openai_params = lambda model: known
    monkeypatch.setitem(__import__("sys").modules, "litellm", library)
    LiteLLM("openai/m").generate([user("a")], max_tokens=3, sampling=Sampling(0.7, top_p=0.9, seed=4))
    [request] = library.requests
    wanted = {"temperature": 0.7, **({"top_p": 0.9, "seed": 4} if known and len(known) > 1 else {})}
    assert {name: request[name] for name in ("temperature", "top_p", "seed") if name in request} == wanted


def test_vllm_is_given_the_same_numbers(monkeypatch, tmp_path):
    installed(monkeypatch)
    llm = VLLM(tiny_llm.llama(tmp_path))
    replies = llm.generate(
        [PROMPTS[0]] * 3, max_tokens=6, sampling=[Sampling(2.0, 0.9, 1), Sampling(2.0, 0.9, 2), None]
    )
    [asked] = llm._engine.asked
    assert [(how.temperature, how.top_p, how.seed) for how in asked] == [(2.0, 0.9, 1), (2.0, 0.9, 2), (0.0, 1.0, None)]
    assert len(set(values(replies))) == 3


def test_a_simulated_model_draws_nothing():
    from rankify.llm.protocol import Shown

    prompt = Prompt(text="q", shown=Shown("q", ("a", "b"), ("[1]", "[2]"), "permutation"))
    llm = Simulated({"q": {"b": 1}})
    assert llm.generate([prompt], max_tokens=9, sampling=Sampling(5.0)) == llm.generate([prompt], max_tokens=9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, r"temperature=0\.0: it is a number above 0"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"temperature": float("inf")}, "temperature=inf"),
        ({"top_p": 0.0}, r"top_p=0\.0: it is a probability above 0"),
        ({"top_p": 1.1}, r"top_p=1\.1"),
        ({"seed": -1}, "seed=-1: it is a whole number from 0 up"),
        ({"seed": True}, "seed=True"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(Misuse, match=message):
        Sampling(**options)


def test_there_is_one_sampling_for_all_replies_or_for_each():
    one = Sampling(seed=1)
    assert sampling_of(one, 2) == [one, one]
    assert sampling_of(None, 2) == [None, None]
    with pytest.raises(ValueError, match="names 1 replies of 2"):
        sampling_of([one], 2)
