"""Questions that cannot be answered: an empty list of gold answers, as in SQuAD 2."""

import pytest

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.evaluation import evaluate_answers, evaluate_passages
from rankify.types import Answer, Query, Ranking, Run


def answer(id, text, golds=None):
    return Answer(query=Query(id, "?", {} if golds is None else {"answers": golds}), text=text)


@pytest.mark.parametrize(("text", "right"), [("", 1), (" \n", 1), ("The.", 1), ("Paris", 0), ("no answer", 0)])
@pytest.mark.parametrize("measure", ["EM", "F1", "precision", "recall", "contains", "contains_words"])
def test_it_is_right_to_answer_nothing_where_nothing_can_be_answered(measure, text, right):
    scores = evaluate_answers([answer("1", text, []), answer("2", "Rome", ["Rome"])], measures=measure)
    assert scores.per_query[measure] == {"1": right, "2": 1}
    assert scores[measure] == (1 + right) / 2


def test_nothing_is_wrong_where_something_can_be_answered():
    scores = evaluate_answers([answer("1", "", ["Paris"]), answer("2", "", [])], measures="EM F1")
    assert scores.per_query["EM"] == scores.per_query["F1"] == {"1": 0, "2": 1}


@pytest.mark.parametrize(
    ("text", "golds", "right"),
    [
        ("", ["A"], 0), (" \n", ["The", "!"], 0), ("", ["A", ""], 1), ("The", ["A"], 1), ("A.", ["A"], 1),
        ("", [""], 1), ("", ["Paris"], 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("normal", ["squad", "unicode"])
def test_an_empty_answer_is_no_article(text, golds, right, normal):
    """Normalising leaves nothing of either; what is said is measured as published."""
    scores = evaluate_answers([answer("1", text, golds)], measures="EM F1 precision recall", normal=normal)
    assert set(scores.values()) == {right}


def test_given_golds_may_all_be_empty_and_questions_without_any_do_not_count():
    scores = evaluate_answers([answer("1", ""), answer("2", "x"), answer("3", "y")], {"1": [], "2": []})
    assert (scores["EM"], scores.unjudged) == (0.5, ("3",))
    assert evaluate_answers([answer("1", "x", ["x"]), answer("2", "y")]).unjudged == ("2",)


def test_patterns_know_them_too():
    scores = evaluate_answers([answer("1", "", []), answer("2", "1984", [r"19\d\d"])], measures="EM", patterns=True)
    assert scores["EM"] == 1


def test_a_file_that_knows_no_answer_at_all_is_no_test_of_answers():
    with pytest.raises(BadInput, match="no question has gold answers"):
        evaluate_answers([answer("1", "", []), answer("2", "x", [])])


def test_whether_passages_hold_an_answer_is_asked_of_the_other_questions_alone():
    found = [Document("d", "Rome it is")]
    run = Run(Ranking(Query(id, "?", {"answers": golds}), found, [1.0]) for id, golds in (("1", []), ("2", ["Rome"])))
    assert evaluate_passages(run, measures="has_answer@1").queries == ("2",)
    answers = [Answer(query=ranking.query, text="", contexts=tuple(found)) for ranking in run]
    assert evaluate_answers(answers, measures="has_answer@1 EM")["has_answer@1"] == 1


def test_bleu_is_that_of_the_other_questions():
    pytest.importorskip("sacrebleu")
    pair = [answer("1", "a cat sat on the mat", ["a cat sat on the mat"]), answer("2", "x", [])]
    scores = evaluate_answers(pair, measures="BLEU")
    assert scores["BLEU"] == pytest.approx(1)
    assert scores.per_query["BLEU"]["2"] == 0
