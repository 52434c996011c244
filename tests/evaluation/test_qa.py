"""ALCE's figures by a reader of spans: whether it finds the short answers in what an answer says."""

from math import isnan

import pytest

from rankify.errors import BadInput
from rankify.evaluation.alce import QA, evaluate_qa
from rankify.evaluation.judged import Judges, evaluate_judged
from rankify.types import Answer, Query
from tests.tiny_spans import first_word

PAIRS = [
    {"question": "where?", "short_answers": ["Paris", "City of Light"]},
    {"question": "when?", "short_answers": ["1889"]},
]


def answer(text, id="q", **metadata):
    return Answer(query=Query(id, "?", metadata), text=text)


class Finder:
    """Finds what it is told to, and remembers what it was asked."""

    def __init__(self, **known):
        self.known, self.asked = known, []

    def __call__(self, pairs):
        self.asked += pairs
        return [self.known.get(question.rstrip("?"), "") for question, _ in pairs]


@pytest.mark.parametrize(
    ("known", "values"),
    [
        ({"where": "the Paris.", "when": "1889"}, (1, 1, 1)),
        ({"where": "city of light", "when": ""}, (0.5, 0.5, 0)),
        ({"where": "City", "when": "in 1889"}, (0, (0.5 + 2 / 3) / 2, 0)),
        ({}, (0, 0, 0)),
    ],
)
def test_each_pair_is_asked_of_what_the_answer_says(known, values):
    finder = Finder(**known)
    found = evaluate_qa([answer("Paris [1], 1889 [2].\nMore.", qa_pairs=PAIRS)], finder)
    assert tuple(found) == QA
    assert tuple(found.values()) == pytest.approx(values)
    assert finder.asked == [("where?", "Paris, 1889."), ("when?", "Paris, 1889.")]


def test_answers_are_apart_and_one_without_pairs_has_no_value():
    finder = Finder(where="Paris")
    given = [answer("Rome.", "a"), answer("Paris.", "b", qa_pairs=PAIRS[:1]), answer("", "c", qa_pairs=PAIRS)]
    found = evaluate_qa(given, finder)
    assert found.queries == ("a", "b", "c")
    for name in QA:
        assert isnan(found.per_query[name]["a"])
        assert found.per_query[name]["b"] == 1
        assert found.reasons[name] == {"a": "the question has no qa_pairs in its metadata"}
    assert (found["qa_em"], found["qa_hit"]) == (0.75, 0.5)
    assert len(finder.asked) == 3


def test_nothing_found_is_no_article():
    pairs = [{"question": "which type?", "short_answers": ["A"]}]
    assert list(evaluate_qa([answer("x", qa_pairs=pairs)], Finder()).values()) == [0, 0, 0]
    assert list(evaluate_qa([answer("x", qa_pairs=pairs)], Finder(**{"which type": "A"})).values()) == [1, 1, 1]


def test_nobody_is_asked_where_there_is_nothing_to_ask():
    finder = Finder()
    assert isnan(evaluate_qa([answer("x")], finder)["qa_em"])
    assert finder.asked == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no answers to look at"),
        ([answer("a"), answer("b")], "two answers are to one question"),
        ([answer("a", qa_pairs=[{"question": "?"}])], "question 'q': each of its qa_pairs has a list of short_answers"),
        ([answer("a", qa_pairs=[{"short_answers": ["x"]}])], "question 'q': each of its qa_pairs has a 'question'"),
    ],
)
def test_what_cannot_be_asked_is_refused(given, message):
    with pytest.raises(BadInput, match=message):
        evaluate_qa(given, Finder())


def test_a_reader_that_loses_a_pair_is_wrong():
    with pytest.raises(ValueError, match="2 pairs were asked about and 1 answered"):
        evaluate_qa([answer("a", qa_pairs=PAIRS)], lambda pairs: ["x"])


def test_they_are_computed_beside_others_by_a_function_or_a_model(tmp_path):
    given = [answer("the cat.", answers=["cat"], qa_pairs=[{"question": "what is?", "short_answers": ["the cat"]}])]
    scores = evaluate_judged(given, measures="qa_hit EM str_em", judges=Judges(qa=Finder(**{"what is": "cat"})))
    assert dict(scores) == {"qa_hit": 1, "EM": 1, "str_em": 1}
    assert evaluate_judged(given, measures="qa_f1", judges=Judges(qa=first_word(tmp_path)))["qa_f1"] == 0
