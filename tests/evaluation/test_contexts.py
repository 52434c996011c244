"""Measures of what came with an answer: RAGAS's by ids, texts and letters, ALCE's, and citations of nothing."""

from dataclasses import replace
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import evaluate_answers, strings
from rankify.evaluation.alce import evaluate_claims
from rankify.evaluation.answers import mark_contexts
from rankify.evaluation.contexts import average_precision
from rankify.experiment.readings import cites_unseen
from rankify.types import Answer, Query

PAIRS = [{"short_answers": ["Paris", "City of Light"]}, {"short_answers": ["1889", "the"]}]
LISTS = [["Ann"], ["Bob", "Robert"], ["Eve"], ["Ivy"], ["Joe"], ["Kim"], ["Lea"]]


def answer(text="", contexts=(), id="q", **metadata):
    return Answer(query=Query(id, "?", metadata), text=text, contexts=tuple(contexts))


def document(id, text="", title=""):
    return Document(id, text, title)


def value(name, one, **options):
    return evaluate_answers([one], measures=name, **options).per_query[name][one.query.id]


def why(name, one, **options):
    found = evaluate_answers([one], measures=name, **options)
    assert isnan(found[name])
    assert isnan(found.per_query[name][one.query.id])
    return found.reasons[name][one.query.id]


@pytest.mark.parametrize(
    ("ids", "precision", "recall"),
    [("a b c", 2 / 3, 2 / 4), ("c b a", 2 / 3, 2 / 4), ("a b d e", 1, 1), ("x", 0, 0)],
)
def test_contexts_are_found_by_their_ids_whatever_their_order(ids, precision, recall):
    one = answer(contexts=map(document, ids.split()), reference_context_ids=["a", "b", "d", "e"])
    assert value("id_based_context_precision", one) == pytest.approx(precision)
    assert value("id_based_context_recall", one) == pytest.approx(recall)


def test_ids_may_be_numbers_and_those_of_judgments():
    one = answer(contexts=[document("1"), document("2")], reference_context_ids=[1])
    assert value("id_based_context_recall", one) == 1
    judged = {"q": {"2": 1, "3": 2, "1": 0}}
    plain = answer(contexts=[document("1"), document("2")])
    assert value("id_based_context_precision", plain, qrels=judged) == 0.5
    assert value("id_based_context_recall", plain, qrels=judged) == 0.5
    assert (
        why("id_based_context_recall", plain, qrels={"q": {"1": 0}}) == "no document is judged relevant to the question"
    )


def test_contexts_are_found_by_half_similar_texts():
    one = answer(
        contexts=[document("1", "abcd"), document("2", "wxyz"), document("3", "ab")],
        reference_contexts=["abcd", "abxx"],
    )
    assert value("non_llm_context_precision_with_reference", one) == pytest.approx((1 + 2 / 3) / 2)
    assert value("non_llm_context_recall", one) == 0.5  # half similar is enough for precision, not for recall


@pytest.mark.parametrize(
    ("name", "one", "reason"),
    [
        ("id_based_context_precision", answer(reference_context_ids=["a"]), "the answer has no contexts"),
        ("id_based_context_recall", answer(contexts=[document("a")]), "the question has no reference_context_ids"),
        ("non_llm_context_recall", answer(contexts=[document("a", "x")]), "the question has no reference_contexts"),
        ("non_llm_context_recall", answer(reference_contexts=["x"]), "the answer has no contexts"),
        ("non_llm_context_recall", answer(contexts=[document("a")], reference_contexts=["x"]), "text of context 'a'"),
        ("str_em", answer("Paris"), "the question has no qa_pairs"),
        ("qampari_f1", answer("Paris", answers=["Paris"]), "no lists of aliases"),
        ("has_answer@1", answer(contexts=[document("a")], answers=["x"]), "the text of context 'a' is not known"),
        (
            "has_answer@2",
            answer(contexts=[document("a", "x"), document("b")], answers=["x"]),
            "context 'b' is not known",
        ),
        ("answer_substring@1", answer("x", answers=["x"]), "the answer has no contexts"),
    ],
)
def test_what_has_no_value_says_why_and_is_never_0(name, one, reason):
    assert reason in why(name, one)


def test_the_mean_is_of_the_values_that_are_known():
    known = answer(contexts=[document("a")], id="1", reference_context_ids=["a"])
    found = evaluate_answers([known, answer(id="2")], measures="id_based_context_recall")
    assert found["id_based_context_recall"] == 1
    assert "id_based_context_recall is not known of 1, e.g. of '2': the question has no" in str(found)


def test_average_precision_is_ragass():
    assert average_precision([0, 1, 1]) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision([0, 0]) == 0


@given(st.text("abc\u6771", max_size=8), st.text("abc\u6771", max_size=8))
def test_edits_are_those_of_the_table_of_distances(one, other):
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        rows.append([i])
        for j, b in enumerate(other, 1):
            rows[i].append(min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a != b)))
    assert strings.edits(one, other) == rows[-1][-1]


@pytest.mark.parametrize(
    ("text", "golds", "exact", "present", "similar"),
    [
        ("Paris", ["paris", "Paris"], 1, 1, 1), ("In Paris.", ["Paris"], 0, 1, 1 - 4 / 9),
        ("paris", ["Paris"], 0, 0, 0.8),
        ("\u6771\u4eac\u90fd", ["\u6771\u4eac"], 0, 1, 2 / 3), ("", [""], 1, 0, 1), ("x", [""], 0, 0, 0),
    ],
)  # fmt: skip
def test_texts_as_they_stand(text, golds, exact, present, similar):
    one = answer(text, answers=golds)
    assert value("exact_match", one) == exact
    assert value("string_presence", one) == present
    assert value("non_llm_string_similarity", one) == pytest.approx(similar)


@pytest.mark.parametrize(
    ("text", "em", "hit", "words"),
    [
        ("The city of light, 1889 [1, 2].", 1, 1, 5), ("Paris [2][2].\n1889", 0.5, 0, 1), ("parisian", 0.5, 0, 1),
        ("the", 0, 0, 1), ("", 0, 0, 0),
    ],
)  # fmt: skip
def test_short_answers_in_a_long_one(text, em, hit, words):
    one = answer(text, qa_pairs=PAIRS)
    assert (value("str_em", one), value("str_hit", one), value("length", one)) == (em, hit, words)


@pytest.mark.parametrize(
    ("text", "precision", "recall", "recall_5"),
    [
        ("Ann [1], Robert [0], Zoe.", 2 / 3, 2 / 7, 2 / 5), ("Bob, Robert, ", 1, 1 / 7, 1 / 5), ("", 0, 0, 0),
        ("Ann, Bob, Eve, Ivy, Joe, Kim.\nLea", 1, 6 / 7, 1), ("Zoe", 0, 0, 0),
    ],
)  # fmt: skip
def test_lists_of_answers(text, precision, recall, recall_5):
    def harmonic(p, r):
        return 2 * p * r / (p + r) if p + r else 0

    names = "qampari_precision qampari_recall qampari_recall_5 qampari_f1 qampari_f1_5"
    found = evaluate_answers([answer(text, answers=LISTS)], measures=names)
    expected = [precision, recall, recall_5, harmonic(precision, recall), harmonic(precision, recall_5)]
    assert list(found.values()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "cites"), [("Yes [1][2].", 0), ("Yes [0].", 1), ("Yes [1, 3].", 1), ("Yes [9].", 1), ("Yes.", 0)]
)
def test_answers_that_cite_what_was_not_shown_are_counted(text, cites):
    assert value("cites_unknown", answer(text, [document("a"), document("b")])) == cites


@pytest.mark.parametrize(
    ("text", "usage", "cites"),
    [
        ("Paris", {"asked": 1, "cited_unknown": 1}, 1), ("Paris", {"cited_unknown": 2}, 1), ("Paris", {"asked": 1}, 0),
        ("int[10]", {"asked": 1}, 0), ("int[10]", {"prompt_tokens": 9}, 1),
    ],
)  # fmt: skip
def test_what_a_reader_counted_is_what_its_answer_cites_unseen(text, usage, cites):
    """Its citations may stand in the reasoning, and what its answer has in brackets may be none."""
    one = replace(answer(text, [document("a")]), usage=usage)
    assert value("cites_unknown", one) == cites
    assert "asked" not in usage or cites_unseen(one) == bool(cites)


def test_claims_that_an_answer_entails():
    asked = []

    def entails(pairs):
        asked.append(list(pairs))
        return [claim in premise for premise, claim in pairs]

    answers = [
        answer("cats purr and bark [1].\nhidden", id="1", claims=["purr", "bark", "swim", "hidden"]),
        answer("dogs", id="2"), answer("dogs bark", id="3", claims=["bark"]),
    ]  # fmt: skip
    found = evaluate_claims(answers, entails)
    assert found.per_query["claims_nli"]["1"] == 0.5
    assert found["claims_nli"] == 0.75
    assert found.reasons == {"claims_nli": {"2": "the question has no claims in its metadata"}}
    assert len(asked) == 1
    with pytest.raises(ValueError, match="5 pairs were asked about and 1 answered"):
        evaluate_claims(answers, lambda pairs: [True])
    with pytest.raises(BadInput, match="no answers"):
        evaluate_claims([], entails)


def test_contexts_are_looked_at_as_passages_are():
    one = answer("x", [document("1", "the Parisian cafe"), document("2", "Paris.")], answers=["Paris"])
    found = evaluate_answers([one], measures="has_answer@1 has_answer@2 answer_substring@1 EM")
    assert dict(found) == {"has_answer@1": 0, "has_answer@2": 1, "answer_substring@1": 1, "EM": 0}
    pattern = answer("x", [document("1", "in 1984")], answers=[r"19\d\d"])
    assert value("has_answer@1", pattern, patterns=True) == 1


def test_contexts_are_marked_where_nothing_is_said_of_them():
    said = Document("3", "Paris", "", {"has_answer": False})
    [one] = mark_contexts([answer("x", [document("1", "Paris"), document("2", "Rome"), said], answers=["Paris"])])
    assert [c.metadata["has_answer"] for c in one.contexts] == [True, False, False]
    [nested] = mark_contexts([answer("x", [document("1", "Bob")], answers=LISTS)])
    assert nested.contexts[0].metadata == {"has_answer": True}
    [unknown] = mark_contexts([answer("x", [document("1", "Paris")])])
    assert unknown.contexts[0].metadata == {}


def test_wrong_measures_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'str_em'"):
        evaluate_answers([answer("x")], measures="str_me")
    with pytest.raises(BadInput, match="length has no meaning for gold answers that are patterns"):
        evaluate_answers([answer("x")], measures="length", patterns=True)
    with pytest.raises(BadInput, match="each of its qa_pairs has a list of short_answers"):
        evaluate_answers([answer("x", qa_pairs=["Paris"])], measures="str_em")


def test_an_answer_whose_citations_were_not_shown_cites_what_is_unknown():
    one = replace(answer("Paris.", [document("a")]), citations=("a",))
    assert value("cites_unknown", one) == 0
    assert value("cites_unknown", replace(one, citations=("a", "b"))) == 1
