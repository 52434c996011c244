"""Measures of answers that need models, beside those that need none, in one call."""

from math import isnan

import pytest

from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.evaluation.judged import Judges, evaluate_judged, needs_gold
from rankify.evaluation.names import HERE, answer_measures
from rankify.evaluation.ragas import evaluate_ragas
from rankify.types import Answer, Query
from tests.evaluation.ragas_world import Encoder, World
from tests.scripted_llm import Scripted

SEEN = (Document("a", "cats purr"), Document("b", "dogs bark"))


def answer(id, text, golds=None, **metadata):
    known = {} if golds is None else {"answers": golds}
    return Answer(query=Query(id, "what?", {**known, **metadata}), text=text, contexts=SEEN, citations=("a",))


def entails(pairs):
    return [hypothesis.strip(".") in premise for premise, hypothesis in pairs]


def test_every_measure_is_computed_by_one_function_and_in_the_order_of_the_names():
    given = [answer("1", "cats purr [1].", ["cats purr"], claims=["cats purr", "cows moo"])]
    names = "faithfulness EM citation_recall claims_nli F1 citation_precision has_answer@1"
    scores = evaluate_judged(given, measures=names, judges=Judges(llm=Scripted(World()), entails=entails))
    assert dict(scores) == {
        "faithfulness": 0, "EM": 1, "citation_recall": 1, "claims_nli": 0.5, "F1": 1, "citation_precision": 1,
        "has_answer@1": 1,
    }  # fmt: skip
    assert list(scores) == names.split()
    assert scores.counts["asked"] == 2
    assert not scores.reasons


def test_a_question_that_a_judge_does_not_look_at_says_why():
    given = [answer("1", "cats purr [1].", ["cats purr"])]
    scores = evaluate_judged(
        given, {"1": ["cats purr"], "2": ["x"]}, "EM citation_recall", judges=Judges(entails=entails)
    )
    assert (scores["EM"], scores["citation_recall"]) == (0.5, 1)
    assert isnan(scores.per_query["citation_recall"]["2"])
    assert (scores.reasons, scores.missing) == ({"citation_recall": {"2": "no answer"}}, ("2",))
    other = evaluate_judged([*given, answer("3", "x")], measures="EM citation_recall", judges=Judges(entails=entails))
    assert other.reasons == {"EM": {"3": "the question has no gold answer"}}
    assert other["citation_recall"] == 0.5


def test_lists_are_cited_item_by_item():
    given = [answer("1", "purr [1], bark [1]", [["purr"], ["bark"]])]
    asked = []
    evaluate_judged(given, measures="citation_recall", judges=Judges(entails=lambda p: [asked.append(p)] * len(p)))
    assert [hypothesis for _, hypothesis in asked[0]] == ["what? purr", "what? bark"]


def test_the_reference_of_a_list_is_the_first_alias_of_each():
    llm = Scripted(World())
    evaluate_judged([answer("1", "x", [["a", "b"], ["c"]])], measures="context_recall", judges=Judges(llm=llm))
    assert any('"answer": "a, c"' in prompt.plain for prompt in llm.prompts)


@pytest.mark.parametrize("name", [name for name, one in answer_measures().items() if one.by != HERE])
def test_a_judge_that_is_not_named_is_asked_for_before_anything_is_measured(name):
    with pytest.raises(Misuse, match=rf"{name} needs .*; name it, e\.g\. --(judge|nli|bertscore|qa|encoder) "):
        evaluate_judged([], measures=["EM", name])


@pytest.mark.parametrize(
    "name", ["answer_relevancy", "answer_correctness", "answer_relevancy(strictness=1)", "semantic_similarity"]
)
def test_so_is_an_encoder(name):
    with pytest.raises(Misuse, match=r"needs an encoder; name it, e\.g\. --encoder"):
        evaluate_judged([], measures=name, judges=Judges(llm=Scripted(World())))


def test_vectors_are_compared_without_a_language_model():
    judges = Judges(encoder=Encoder())
    scores = evaluate_judged([answer("1", "cats purr", ["cats purr"])], measures="semantic_similarity", judges=judges)
    assert (scores["semantic_similarity"], scores.counts) == (pytest.approx(1), {})
    assert judges.lacking("answer_correctness").judge == "llm"
    with pytest.raises(Misuse, match=r"^semantic_similarity needs an encoder; name it, e\.g\. --encoder"):
        evaluate_judged([], measures="semantic_similarity")
    with pytest.raises(Misuse, match=r"^faithfulness asks a language model: give one, e\.g\. 'http:gpt-4o-mini'"):
        evaluate_ragas([], None, "semantic_similarity faithfulness", encoder=Encoder())


def test_misspelt_measures_are_told():
    with pytest.raises(UnknownName, match="did you mean 'faithfulness'"):
        evaluate_judged([answer("1", "x", ["x"])], measures="EM faithfullness")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "citation_recall(most=2)",
            Misuse,
            r"read the measure 'citation_recall\(most=2\)': citation_recall has no",
        ),
        ("BERTScore-F1(", Misuse, "BERTScore-F1 has no options"),
        ("qa_em()", Misuse, "qa_em has no options"),
        ("answer_relevancy(strictness=0)", Misuse, "strictness=0: at least one question"),
        ("faithfulness(x=1)", UnknownName, "no option of faithfulness 'x'"),
        ("factual_correctness(mode=f2)", UnknownName, "no mode of factual_correctness 'f2'"),
    ],
)
def test_options_that_cannot_be_are_told_before_anybody_is_asked(name, error, message):
    with pytest.raises(error, match=message):
        evaluate_judged([answer("1", "x")], measures=name, judges=ALL)


ALL = Judges(llm=Scripted(), entails=entails, encoder="dense:x", bertscore="x", qa=lambda pairs: [])


def test_it_is_known_which_measures_look_at_gold_answers():
    without = {name for name, one in answer_measures().items() if one.by != HERE and not needs_gold(name)}
    assert without == {
        "faithfulness", "answer_relevancy", "context_precision_without_reference", "context_relevance",
        "response_groundedness", "citation_recall", "citation_precision", "claims_nli", "qa_em", "qa_f1", "qa_hit",
    }  # fmt: skip
    assert ALL.llm.asked == []
