"""RAGAS's measures by a language model: closed forms with a scripted one."""

import pytest

from rankify.documents import Document
from rankify.types import Answer, Query
from tests.evaluation.ragas_world import World, answer, measured, reason
from tests.scripted_llm import Scripted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("faithfulness", 1 / 2),
        ("answer_relevancy", (1 + 0.5 + 0) / 3),
        ("answer_relevancy(strictness=1)", 1),
        ("answer_relevancy(strictness=5,temperature=1.0)", 1.5 / 5),
        ("context_recall", 1 / 3),
        ("factual_correctness", round(2 * 0.5 * (1 / 3) / (0.5 + 1 / 3), 2)),
        ("factual_correctness(mode=precision)", 0.5),
        ("factual_correctness(mode=recall, coverage=high)", 0.33),
        ("factual_correctness(beta=2)", round(5 * 0.5 * (1 / 3) / (4 * 0.5 + 1 / 3), 2)),
        ("answer_correctness", 0.75 * 0.4 + 0.25),
        ("answer_correctness(similarity=0)", 0.4),
        ("semantic_similarity", 1),
    ],
)
def test_a_measure_is_its_formula(name, value):
    assert measured(name) == pytest.approx(value, abs=1e-9)


def test_a_statement_may_follow_from_any_context():
    one = answer("cats purr. dogs dig.", "cats purr", "dogs dig", gold=["cats purr. dogs dig."])
    assert measured("faithfulness", one) == measured("context_recall", one) == 1


def test_average_precision_of_useful_contexts():
    one = answer("no.", "it says no", "it says yes", "no and yes", gold=["yes"])
    assert measured("context_precision_with_reference", one) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert measured("context_precision_without_reference", one) == pytest.approx((1 + 2 / 3) / 2)
    assert measured("context_precision_with_reference", answer("x", "a", "b", gold=["z"])) == 0


def test_entities_of_the_gold_answer_that_are_in_the_contexts():
    one = answer("x", "Ann met Bob.", "Bob left Ann.", gold=["Ann, Eve and Bob met in Rome"])
    assert measured("context_entity_recall", one) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("text", "relevant", "irrelevant"),
    [
        ("cats purr", 0, 0),  # right
        ("cats bark", 1, 0),  # wrong, from a context that the gold answer follows from
        ("cows moo", 0, 1),  # wrong, from one that it does not
        ("cows run", 1, 0),  # from both: counts as relevant
        ("cats swim", 0, 0),  # wrong, from nowhere
        ("cats bark. cows moo. cats purr. cats swim", 1 / 4, 1 / 4),
    ],
)
def test_wrong_statements_that_noise_brings(text, relevant, irrelevant):
    one = answer(text, "cats purr and bark or cows run", "cows moo and run", gold=["cats purr"])
    assert measured("noise_sensitivity", one) == relevant
    assert measured("noise_sensitivity(mode=irrelevant)", one) == irrelevant


def test_a_context_is_relevant_from_which_one_statement_of_the_gold_answer_follows():
    one = answer("cats bark", "cats purr and bark", "cows moo", gold=["cats purr. dogs dig"])
    assert measured("noise_sensitivity", one) == 1
    assert measured("noise_sensitivity(mode=irrelevant)", one) == 0


def test_the_judges_of_accuracy_change_places():
    seen = []

    def judge(rating):
        return lambda about, _: seen.append((about["user_answer"], about["reference_answer"])) or {"rating": rating}

    one = answer("ours", gold=["theirs"])
    world = World(accuracy_1=judge(4), accuracy_2=judge("2"))
    assert measured("answer_accuracy", one, Scripted(world)) == 0.75
    assert seen == [("ours", "theirs"), ("theirs", "ours")]


@pytest.mark.parametrize(
    ("name", "prompt"), [("context_relevance", "relevance"), ("response_groundedness", "groundedness")]
)
@pytest.mark.parametrize(("one", "two", "value"), [(0, 0, 0), (1, 2, 0.75), (2, 2, 1), (1, "none", 0.5)])
def test_two_judges_of_contexts(name, prompt, one, two, value):
    world = World(**{f"{prompt}_1": {"rating": one}, f"{prompt}_2": {"rating": two}})
    assert measured(name, llm=Scripted(world)) == value


def test_a_judge_that_says_different_things_gives_different_scores():
    """FlashRAG's judge is 1.0 whatever it says, and when it says nothing."""
    scores = {}
    for rating in (0, 2, 4):
        world = World(accuracy_1={"rating": rating}, accuracy_2={"rating": rating})
        scores[rating] = measured("answer_accuracy", llm=Scripted(world))
    assert scores == {0: 0.0, 2: 0.5, 4: 1.0}
    broken = World(accuracy_1="I would say 10 of 10", accuracy_2={"rating": 3})
    assert "a reply has no JSON with 'rating': 'I would say 10 of 10'" in reason(
        "answer_accuracy", llm=Scripted(broken)
    )


def test_an_answer_that_commits_to_nothing_is_not_relevant():
    def said(*noncommittal):
        return World(question=lambda about, n: {"question": f"q{n}", "noncommittal": noncommittal[n]})

    assert measured("answer_relevancy", llm=Scripted(said(1, 1, 1))) == 0
    assert measured("answer_relevancy", llm=Scripted(said(1, 0, 1))) == pytest.approx(0.5)
    half = World(question=lambda about, n: "hm" if n else {"question": "q1", "noncommittal": 0})
    assert measured("answer_relevancy", llm=Scripted(half)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "one", "why"),
    [
        ("faithfulness", answer(""), "the answer is empty"),
        ("faithfulness", Answer(query=Query("q", "?"), text="x"), "the answer has no contexts"),
        ("faithfulness", Answer(query=Query("q", "?"), text="x", contexts=(Document("d", ""),)), "text of a context"),
        ("answer_relevancy", answer(question=" "), "the question is empty"),
        ("context_recall", answer(gold=()), "the question has no gold answer"),
        ("semantic_similarity", answer(gold=[""]), "the question has no gold answer"),
        ("noise_sensitivity", answer(" "), "the answer is empty"),
        ("context_relevance", Answer(query=Query("q", "Who?"), text="x"), "the answer has no contexts"),
    ],
)
def test_where_there_is_nothing_to_judge_nobody_is_asked(name, one, why):
    llm = Scripted(World())
    assert why in reason(name, one, llm)
    assert llm.batches == 0
