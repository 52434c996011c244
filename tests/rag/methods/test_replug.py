"""REPLUG: a prompt a document, the softmax of scores, and the closed forms of its limits."""

import numpy as np
import pytest

from rankify.errors import Misuse
from rankify.llm.hf import HF
from rankify.rag.methods.once import basic
from rankify.rag.methods.replug import replug, weights
from rankify.types import Run
from tests import tiny_llm
from tests.rag.reading import ranking
from tests.scripted_llm import Scripted


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    return HF(tiny_llm.llama(tmp_path_factory.mktemp("llama")), device="cpu")


def text(reader, one):
    [answer] = reader(Run([one]))
    return answer.text


def test_one_document_is_plain_reading(llm):
    one = ranking("who?", "the cat and the dog")
    assert text(replug(llm, max_tokens=6), one) == text(basic(llm, max_tokens=6), one)


def test_a_document_far_above_the_others_is_read_alone(llm):
    texts = ["the cat and the dog", "neural retrieval", "rank"]
    one = ranking("who?", *texts, scores=[900.0, 3.0, 2.0])
    assert text(replug(llm, max_tokens=6), one) == text(basic(llm, max_tokens=6, top=1), one)


def test_weights_are_the_softmax_of_scores():
    scores = np.array([3.0, 1.0, 0.5])
    assert weights(scores, 2.0) == pytest.approx(np.exp(scores / 2) / np.exp(scores / 2).sum())
    assert weights(np.array([1e4, 1e4 - 1]), 1.0) == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])
    assert weights(scores, 1e9) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 7.0])
def test_weights_of_scores_below_zero_are_positive_and_those_of_the_same_differences(temperature):
    """As likelihoods are: a score's share of their sum would be larger for the worse document."""
    below = np.array([-1.0, -3.0, -3.5])
    found = weights(below, temperature)
    assert found == pytest.approx(weights(below + 4, temperature))
    assert found.sum() == pytest.approx(1)
    assert found.min() > 0
    assert found[0] > found[1] > found[2]
    assert weights(np.array([1.0, -1.0]), temperature) == pytest.approx(weights(np.array([2.0, 0.0]), temperature))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([np.inf, 3.0, -np.inf], [1, 0, 0]),
        ([np.inf, np.inf, 3.0, 2.0], [0.5, 0.5, 0, 0]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([np.inf], [1]),
        ([-np.inf], [1]),
    ],
)
def test_documents_of_one_infinite_best_score_share_all_of_it(scores, expected):
    assert weights(np.array(scores), 2.0).tolist() == expected


def test_an_infinite_best_score_is_read_alone(llm):
    one = ranking("who?", "the cat and the dog", "neural retrieval", scores=[np.inf, 3.0])
    assert text(replug(llm, max_tokens=6), one) == text(basic(llm, max_tokens=6, top=1), one)


def test_each_document_has_a_prompt_of_its_own_and_no_documents_are_plain_reading(llm):
    asked = []
    llm_mix = llm.mix

    def mix(prompts, shares, **how):
        asked.append(([[prompt.plain for prompt in group] for group in prompts], shares))
        return llm_mix(prompts, shares, **how)

    llm.mix = mix
    try:
        answers = replug(llm, max_tokens=3, temperature=2.0)(
            Run([ranking("who?", "A.", "B.", id="1"), ranking("what?", id="2")])
        )
    finally:
        del llm.mix
    [(groups, shares)] = asked
    assert [[("Doc 1 A." in text, "Doc 1 B." in text) for text in group] for group in groups] == [
        [(True, False), (False, True)]
    ]
    assert shares[0] == pytest.approx(weights(np.array([2.0, 1.0]), 2.0))
    assert [[d.id for d in answer.contexts] for answer in answers] == [["d1", "d2"], []]


def test_a_backend_that_cannot_mix_and_a_wrong_temperature_are_refused(llm):
    with pytest.raises(Misuse, match="replug needs the probabilities of all tokens"):
        replug(Scripted())
    for temperature in (0.0, -1, float("inf"), float("nan"), "1", True):
        with pytest.raises(Misuse, match=f"temperature={temperature!r}: it is a number above 0"):
            replug(llm, temperature=temperature)
