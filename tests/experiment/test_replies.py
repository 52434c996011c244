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
        self.asked = 0

    def _reply(self, value):
        self.asked += 1
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


def test_what_is_asked_twice_counts_twice(tmp_path):
    llm = Resumed(Full(), folder=tmp_path)
    one, two = llm.generate([A, A], max_tokens=9)
    assert one == two == replace(one, cached=False)
    assert llm.inner.asked == 1


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
