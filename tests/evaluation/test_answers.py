"""Answers against gold answers, and passages that hold one: published vectors, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import compare, evaluate_answers, evaluate_passages, matching
from rankify.types import Answer, Query, Ranking, Run


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The Beatles!", "beatles"), ("A", ""), ("U.S.", "us"), ("re-elected", "reelected"), ("Beyoncé", "beyoncé"),
        ("don\u2019t", "don\u2019t"), ("“Hamlet”", "“hamlet”"), ("東京", "東京"), ("Москва", "москва"),
        ("  a  b\nc ", "b c"),
        ("theatre", "theatre"), ("the-end", "theend"), ("a.n", ""), ("", ""),
    ],
)  # fmt: skip
def test_texts_are_normalised_as_squad_does(text, normal):
    assert matching.normalized(text) == normal


@pytest.mark.parametrize(
    ("text", "golds", "value"),
    [
        ("the Beatles", ["Beatles!", "x"], 1), ("Beatle", ["Beatles"], 0), ("上海", ["北京"], 0), ("北京", ["北京"], 1),
        ("London", ["Москва"], 0), ("", ["The"], 1), ("x", ["The"], 0), ("Munchen", ["München"], 0),
    ],
)  # fmt: skip
def test_exact_match(text, golds, value):
    assert matching.exact_match(text, golds) == value


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("the cat sat on the mat", "cat sat", (2 * 0.5 / 1.5, 0.5, 1)),
        ("cat cat", "cat dog dog", (0.4, 0.5, 1 / 3)),
        ("a", "the", (1, 1, 1)),
        ("", "", (1, 1, 1)),
        ("", "cat", (0, 0, 0)),
        ("cat", "", (0, 0, 0)),
        ("yes", "yes it is", (0, 0, 0)),
        ("no way", "no", (0, 0, 0)),
        ("Yes.", "yes", (1, 1, 1)),
        ("noanswer given", "noanswer", (0, 0, 0)),
        ("東京 タワー", "東京", (2 / 3, 0.5, 1)),
    ],
)
def test_token_f1(text, gold, expected):
    assert matching.overlap(text, gold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "golds", "anywhere", "in_words"),
    [
        ("It was Paris, France", ["paris"], 1, 1),
        ("the Parisian cafe", ["Paris"], 1, 0),
        ("the US army", ["U.S."], 1, 1),
        ("The theory", ["he"], 1, 0),
        ("anything", ["A"], 0, 0),
        ("anything", ["", "!"], 0, 0),
        ("", ["x"], 0, 0),
        ("上海", ["北京"], 0, 0),
        ("他住在北京。", ["北京"], 1, 0),
        ("x y z", ["nothing", "x the y"], 1, 1),
    ],
)
def test_contains(text, golds, anywhere, in_words):
    assert (matching.contains(text, golds), matching.contains_words(text, golds)) == (anywhere, in_words)


@pytest.mark.parametrize(
    ("text", "golds", "expected"),
    [
        ("the Parisian cafe", ["Paris"], False),
        ("Paris, France", ["paris"], True),
        ("the US army", ["U.S."], False),
        ("the U.S. army", ["u.s."], True),
        ("anything", [""], False),
        ("anything", [" \t"], False),
        ("", ["x"], False),
        ("Cafe\u0301 de la Paix", ["Caf\u00e9"], True),
        ("naïve", ["naive"], False),
        ("他住在 北京 。", ["北京"], True),
        ("one two three", ["one three"], False),
        ("it's 3.5 km", ["3.5"], True),
        ("it's 13.5 km", ["3.5"], False),
        ("नमस्ते दुनिया", ["नमस्ते"], True),
        ("a\u200bb", ["ab"], False),
    ],
)
def test_has_answer_as_dpr_has_it(text, golds, expected):
    assert matching.has_answer(text, golds) is expected


@pytest.mark.parametrize(
    ("text", "patterns", "expected"),
    [("Born in 1984.", [r"19\d\d"], True), ("PARIS", ["pari[sz]"], True), ("x", ["y", "z"], False),
     ("one\ntwo", ["^two$"], True), ("Cafe\u0301", ["caf\u00e9"], True)],
)  # fmt: skip
def test_patterns_are_searched_for(text, patterns, expected):
    assert matching.has_pattern(text, patterns) is expected


def test_a_pattern_must_match_the_whole_answer():
    assert matching.pattern_match("The 1984!", [r"19\d\d"]) == 1
    assert matching.pattern_match("in 1984", [r"19\d\d"]) == 0


@given(st.text(), st.text())
def test_measures_agree_with_each_other(text, gold):
    em, f1 = matching.exact_match(text, [gold]), matching.overlap(text, gold).f1
    assert em <= f1 <= 1
    assert matching.contains_words(text, [gold]) <= matching.contains(text, [gold])
    if matching.normalized(gold):
        assert em <= matching.contains_words(text, [gold])


def answer(id, text, *golds):
    return Answer(query=Query(id, "?", {"answers": list(golds)} if golds else {}), text=text)


def test_the_best_gold_answer_counts_for_each_measure():
    scores = evaluate_answers(
        [answer("1", "cat sat", "cat", "the cat sat down here")], measures="F1,precision recall EM"
    )
    assert scores.per_query == {
        "F1": {"1": pytest.approx(2 / 3)}, "precision": {"1": 1}, "recall": {"1": 1}, "EM": {"1": 0},
    }  # fmt: skip


def test_gold_answers_come_from_the_queries():
    scores = evaluate_answers([answer("1", "Paris.", "paris"), answer("2", "Rome", "Milan"), answer("3", "x")])
    assert dict(scores) == {"EM": 0.5, "F1": 0.5, "contains": 0.5}
    assert (scores.queries, scores.unjudged, scores.missing) == (("1", "2"), ("3",), ())


def test_gold_answers_may_be_numbers():
    assert evaluate_answers([answer("1", "1999", 1999)], measures="EM")["EM"] == 1


def test_given_gold_answers_all_count():
    scores = evaluate_answers([answer("1", "Paris", "wrong")], {"1": "Paris", "2": ["Rome"]})
    assert scores["EM"] == 0.5
    assert scores.missing == ("2",)


def test_an_unanswerable_question_wants_an_empty_answer():
    assert evaluate_answers([answer("1", ""), answer("2", "x")], {"1": [""], "2": [""]}, "EM F1") == {
        "EM": 0.5,
        "F1": 0.5,
    }


def test_answers_of_systems_can_be_compared():
    good = evaluate_answers([answer(str(i), "x", "x") for i in range(5)])
    bad = evaluate_answers([answer(str(i), "y", "x") for i in range(5)])
    assert compare({"good": good, "bad": bad}).differences[0].wins == 5


PASSAGES = Run(
    [
        Ranking(Query("1", "", {"answers": ["Paris"]}),
                [Document("a", "the Parisian cafe"), Document("b", "x", "Paris"), Document("c", "Paris.")], [3, 2, 1]),
        Ranking(Query("2", "", {"answers": ["Rome"]})),
        Ranking(Query("3", ""), [Document("a", "")], [1]),
    ]
)  # fmt: skip


def test_top_k_accuracy():
    scores = evaluate_passages(PASSAGES, measures="has_answer@1 has_answer@2 has_answer@3 answer_substring@1")
    assert scores == {"has_answer@1": 0, "has_answer@2": 0, "has_answer@3": 0.5, "answer_substring@1": 0.5}
    assert scores.unjudged == ("3",)


def test_titles_count_for_substrings_only():
    assert evaluate_passages(PASSAGES[:1], {"1": "x Paris"}, "answer_substring@3")["answer_substring@3"] == 0
    assert evaluate_passages(PASSAGES[:1], {"1": "Paris x"}, "answer_substring@3")["answer_substring@3"] == 1


def test_passages_can_match_patterns():
    assert evaluate_passages(PASSAGES, {"1": [r"pari\w+"]}, "has_answer@1", patterns=True)["has_answer@1"] == 1


def test_gold_passages_hold_their_answers(shared):
    from rankify.io.dpr import read_dpr

    run = read_dpr(shared / "nq-open-oracle" / "nq-open-oracle.jsonl")
    scores = evaluate_passages(run, measures="has_answer@1 answer_substring@1")
    given = [r.documents[0].metadata["hasanswer"] for r in run]
    assert scores["has_answer@1"] == pytest.approx(sum(given) / len(given), abs=0.01)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: evaluate_answers([answer("1", "x")]), BadInput, "no question has gold answers"),
        (lambda: evaluate_answers([]), BadInput, "no question has gold answers"),
        (lambda: evaluate_answers([answer("1", "x", "y")] * 2), BadInput, "two answers to question '1'"),
        (lambda: evaluate_answers([answer("1", "x", None)]), BadInput, "the gold answer None is no text"),
        (lambda: evaluate_answers([answer("1", "x", "y")], measures="em"), UnknownName, "did you mean 'EM'"),
        (lambda: evaluate_answers([answer("1", "x", "y")], patterns=True), BadInput, "F1 has no meaning"),
        (
            lambda: evaluate_answers([answer("1", "x", "(")], None, "EM", patterns=True),
            BadInput,
            "no regular expression",
        ),
        (lambda: evaluate_passages(PASSAGES, None, "has_anser@1"), UnknownName, "did you mean 'has_answer'"),
        (lambda: evaluate_passages(PASSAGES, None, "has_answer"), BadInput, "write has_answer@20"),
        (lambda: evaluate_passages(PASSAGES, None, "has_answer@0"), BadInput, "with a depth from 1 up"),
        (lambda: evaluate_passages(PASSAGES, None, "answer_substring@1", patterns=True), BadInput, "has_answer has"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
