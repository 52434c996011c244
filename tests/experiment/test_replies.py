"""A model that is taken up again gives what it gave before, to the last count."""

from dataclasses import replace

import pytest

import rankify
from rankify.experiment.replies import Resumed, has_model, resumed
from rankify.llm.protocol import LLM, Prompt, Reply
from rankify.llm.sampling import Sampling


class Full(LLM):
    """Gives replies that have all a reply can have."""

    name = "full"
    offers = frozenset({"generate", "choose", "loglikelihood", "mix"})

    def __init__(self):
        self.asked = self.passes = 0

    def _reply(self, value):
        self.asked += 1
        self.passes += 3
        return Reply(value, 7, 5, finished=False, estimated=True, reasoning_tokens=3)

    def generate(self, prompts, *, max_tokens, sampling=None):
        return [self._reply(f"é {prompt.text}") for prompt in prompts]

    def choose(self, prompts, choices, *, top=None):
        return [self._reply((0.1, float("-inf"))) for _ in prompts]

    def loglikelihood(self, prompts, continuations, *, end=False):
        return [self._reply(-1 / 3) for _ in prompts]

    def mix(self, prompts, weights, *, max_tokens, sampling=None):
        return [self._reply("mixed") for _ in prompts]

    def tokens(self, texts):
        return [1 for _ in texts]

    identity = "full"


A, B = Prompt(text="a"), Prompt(text="b")
ASKED = {
    "generate": ([A, B], {"max_tokens": 9}),
    "drawn": ([A, B], {"max_tokens": 9, "sampling": [Sampling(seed=1), Sampling(seed=2)]}),
    "choose": ([A, B], [["x", "y"]] * 2, {}),
    "loglikelihood": ([A, B], ["x", "y"], {}),
    "mix": ([[A, B]], [[0.5, 0.5]], {"max_tokens": 9}),
}


@pytest.mark.parametrize("name", ASKED)
def test_remembered_replies_are_those_that_were_given(name, tmp_path):
    *given, how = ASKED[name]
    method = {"drawn": "generate"}.get(name, name)
    plain = getattr(Full(), method)(*given, **how)
    first, second = (Resumed(Full(), folder=tmp_path) for _ in range(2))
    assert getattr(first, method)(*given, **how) == plain
    assert getattr(second, method)(*given, **how) == plain
    assert (first.inner.asked, first.remembered) == (len(plain), 0)
    assert (second.inner.asked, second.remembered) == (0, len(plain))
    assert first.passes == second.passes == 3 * len(plain)


class Server(Full):
    """Batches by itself: a reply is a request, and a try that fails is one more."""

    name, independent = "server", True


def test_a_reply_of_a_server_is_one_pass_whenever_it_was_given(tmp_path):
    first, second = (Resumed(Server(), folder=tmp_path) for _ in range(2))
    first.generate([A], max_tokens=9)
    assert (first.passes, first.inner.passes) == (1, 3)
    second.generate([A, B], max_tokens=9)
    assert (second.passes, second.inner.passes) == (2, 3)


def test_passes_of_a_batch_are_shared_out_in_whole_numbers(tmp_path):
    class Batches(Full):
        def generate(self, prompts, *, max_tokens, sampling=None):
            replies = super().generate(prompts, max_tokens=max_tokens)
            self.passes += 4 - 3 * len(prompts)
            return replies

    prompts = [A, B, Prompt(text="c")]
    first = Resumed(Batches(), folder=tmp_path)
    first.generate(prompts, max_tokens=9)
    assert first.passes == 4
    each = []
    for prompt in prompts:
        one = Resumed(Batches(), folder=tmp_path)
        one.generate([prompt], max_tokens=9)
        each.append(one.passes)
    assert each == [1, 1, 2]


def test_a_reply_that_was_kept_without_its_passes_took_one(tmp_path):
    llm = Resumed(Full(), folder=tmp_path)
    llm.memory.keep({llm._key("generate", A, 9): Reply(["é a", 3, True], 7, 5, finished=False)})
    [reply] = llm.generate([A], max_tokens=9)
    assert (reply.value, llm.passes, llm.remembered, llm.inner.asked) == ("é a", 1, 1, 0)


def test_what_is_asked_twice_counts_twice(tmp_path):
    llm = Resumed(Full(), folder=tmp_path)
    one, two = llm.generate([A, A], max_tokens=9)
    assert one == two == replace(one, cached=False)
    assert llm.inner.asked == 1
    assert llm.passes == 2 * 3


def test_it_goes_by_the_name_of_what_it_stands_for(tmp_path):
    assert repr(Resumed(Full(), folder=tmp_path)) == repr(Full())


@pytest.mark.parametrize(
    ("kind", "spec", "has"),
    [
        ("reader", "basic:http:m", True),
        ("reader", "extractive", False),
        ("reader", "selective:self-consistency:http:m?threshold=0.5", True),
        ("reader", "selective:extractive?threshold=0.5", False),
        ("reranker", "rankgpt:http:m", True),
        ("reranker", "cross-encoder:a/b", False),
        ("reranker", "api:cohere:m", False),
    ],
)
def test_what_is_built_on_a_language_model_is_known(kind, spec, has):
    assert has_model(kind, spec) == has


@pytest.mark.parametrize("spec", ["basic:http:m?top=2", "selective:self-consistency:http:m?threshold=0.5&samples=3"])
def test_a_reader_is_the_one_of_its_spec_with_another_model(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    reader = resumed("reader", spec, tmp_path)
    assert reader == rankify.reader(spec)
    assert isinstance(getattr(reader, "reader", reader).llm, Resumed)


def test_what_the_same_work_asked_before_was_not_there_when_it_began(tmp_path):
    llm = Resumed(Full(), folder=tmp_path)
    llm.generate([A, A], max_tokens=9)
    llm.generate([A], max_tokens=9)
    assert llm.remembered == 0
    llm.begin()
    llm.generate([A, B, A], max_tokens=9)
    assert llm.remembered == 2
