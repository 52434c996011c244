"""Measures of runs: one order for every measure, the set of queries, names, and what is refused."""

import math
import random
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import evaluate
from rankify.io.trec import read_qrels, read_run
from rankify.types import Qrels, Query, Ranking, Run

GDEVAL = pytest.mark.skipif(not shutil.which("perl"), reason="ir-measures computes this in Perl")


def ranking(query, ids, scores=None):
    return Ranking(
        Query(query, ""), [Document(i, "") for i in ids], range(len(ids), 0, -1) if scores is None else scores
    )


def run_of(**ids):
    return Run(ranking(query, found) for query, found in ids.items())


def test_dl19_bm25_has_the_published_ndcg(shared):
    folder = shared / "dl19-bm25"
    run, qrels = read_run(folder / "run.bm25.top100.trec"), read_qrels(folder / "qrels.dl19-passage.txt")
    scores = evaluate(run, qrels, "nDCG@10 AP RR@10", rel=2)
    assert f"{scores['nDCG@10']:.4f}" == "0.5058"
    assert scores["AP"] == evaluate(run, qrels, "AP(rel=2)")["AP(rel=2)"] != evaluate(run, qrels, "AP")["AP"]


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("nDCG@10", (1 / math.log2(3) + 2 / math.log2(5)) / (2 + 1 / math.log2(3))),
        pytest.param(
            "nDCG(dcg='exp-log2')@10", (1 / math.log2(3) + 3 / math.log2(5)) / (3 + 1 / math.log2(3)), marks=GDEVAL
        ),
        ("RR", 1 / 2),
        ("RR@1", 0),
        ("RR(rel=2)@10", 1 / 4),
        ("AP", (1 / 2 + 2 / 4) / 2),
        ("P@4", 2 / 4),
        ("P(rel=2)@4", 1 / 4),
        ("R@2", 1 / 2),
        ("Rprec", 1 / 2),
        ("Success@1", 0),
        ("Judged@4", 3 / 4),
        ("Bpref", 0),
        ("IPrec@0.5", 1 / 2),
        ("NumRet", 4),
        ("NumRel", 2),
        ("NumRelRet", 2),
        ("NumQ", 1),
    ],
)
def test_measures_have_their_closed_form(measure, value):
    qrels = {"q": {"a": 0, "b": 1, "d": 2}}
    assert evaluate(run_of(q="abcd"), qrels, measure)[measure] == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(
    "measure", ["RR", "RR@10", "nDCG@10", "P@1", "AP", "Judged@1", pytest.param("ERR@5", marks=GDEVAL), "Compat"]
)
@pytest.mark.parametrize("ids", [("a", "c"), ("c", "a")])
def test_equal_scores_keep_the_rankings_order_for_every_measure(measure, ids):
    tied = Run([ranking("q", ids, [1.0, 1.0])])
    apart = Run([ranking("q", ids, [2.0, 1.0])])
    assert evaluate(tied, {"q": {"a": 1}}, measure)[measure] == evaluate(apart, {"q": {"a": 1}}, measure)[measure]


@pytest.mark.parametrize("measure", ["RR", "RR@10", "P@1"])
def test_a_mapping_is_ordered_as_trec_eval_does(measure):
    assert evaluate({"q": {"a": 1.0, "c": 1.0}}, {"q": {"c": 1}}, measure)[measure] == 1


def test_scores_that_differ_only_in_double_precision_are_not_tied():
    assert evaluate({"q": {"a": 1.00000001, "c": 1.0}}, {"q": {"a": 1}}, "RR")["RR"] == 1


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.integers(0, 2**30))
def test_a_monotone_transform_of_the_scores_changes_nothing(scores, seed):
    scores, random_ = sorted(scores, reverse=True), random.Random(seed)
    ids = [str(i) for i in range(len(scores))]
    qrels = {"q": {i: random_.randrange(3) for i in ids[::2]}}
    bent = np.arctan(np.array(scores)) * 1e-3 - 5
    names = "nDCG@10 RR@10 AP R@5 Bpref Judged@10"
    before, after = (evaluate(Run([ranking("q", ids, s)]), qrels, names) for s in (scores, bent))
    assert dict(before) == dict(after)


def test_a_judged_query_that_the_run_misses_counts_nothing():
    scores = evaluate(run_of(q1="a"), {"q1": {"a": 1}, "q2": {"b": 1}}, "RR@10 Judged@5")
    assert scores["RR@10"] == 0.5
    assert scores.per_query["RR@10"] == {"q1": 1.0, "q2": 0.0}
    assert scores.missing == ("q2",)
    assert "1 of them without results, which count 0" in str(scores)


def test_a_query_without_results_counts_nothing():
    assert evaluate(run_of(q1="a", q2=""), {"q1": {"a": 1}, "q2": {"b": 1}}, "RR@10 Judged@5")["Judged@5"] == 0.5


def test_queries_nobody_judged_do_not_count():
    scores = evaluate(run_of(q1="a", q9="a"), {"q1": {"a": 1}}, "RR@10")
    assert scores["RR@10"] == 1
    assert scores.unjudged == ("q9",)
    assert "1 more without judgments, which do not count" in str(scores)


def test_a_query_without_relevant_documents_counts_nothing_as_in_trec_eval():
    assert evaluate(run_of(q1="a", q2="a"), {"q1": {"a": 1}, "q2": {"a": 0}}, "RR AP nDCG@10 R@5") == {
        "RR": 0.5, "AP": 0.5, "nDCG@10": 0.5, "R@5": 0.5,
    }  # fmt: skip


def test_per_query_values_stand_in_the_order_of_the_judgments():
    many = [str(i) for i in range(200)]
    scores = evaluate(run_of(**{f"q{i}": "a" for i in many}), {f"q{i}": {"a": 1} for i in reversed(many)}, "RR")
    assert list(scores.per_query["RR"]) == [f"q{i}" for i in reversed(many)]
    assert scores["RR"] == 1


@pytest.mark.parametrize("id", ["007", "null", "NaN", "a b", "東京", "é\u0301", "\ud800", "a\x00b", "-1", "None"])
def test_any_id_is_evaluated(id):
    assert evaluate(run_of(**{id: [id, "x"]}), {id: {id: 1}}, "nDCG@10 RR@10 AP Judged@1") == {
        "nDCG@10": 1, "RR@10": 1, "AP": 1, "Judged@1": 1,
    }  # fmt: skip


@GDEVAL
@pytest.mark.parametrize("id", ["007", "q", "a b", "東京"])
def test_any_id_is_evaluated_outside_python(id):
    assert evaluate(run_of(**{id: [id, "x"]}), {id: {id: 1}}, "ERR@10")["ERR@10"] == pytest.approx(1 / 16)


def test_names_stand_as_they_were_written():
    scores = evaluate(run_of(q="a"), {"q": {"a": 1}}, "MAP, AP  AP(rel=1, judged_only=True)@10,NDCG@10")
    assert list(scores) == ["MAP", "AP", "AP(rel=1, judged_only=True)@10", "NDCG@10"]
    assert list(evaluate(run_of(q="a"), {"q": {"a": 1}}, ["P@5", "R@5"])) == ["P@5", "R@5"]


@pytest.mark.parametrize(
    ("measure", "same"),
    [("AP", "AP(rel=2)"), ("RR@10", "RR(rel=2)@10"), ("NumRelRet", "NumRet(rel=2)"), ("NumRel", "NumRel(rel=2)"),
     ("AP(rel=1)", "AP(rel=1)"), ("nDCG@10", "nDCG@10"), ("Judged@10", "Judged@10"), ("NumRet", "NumRet"),
     ("IPrec@0.5", "IPrec(rel=2)@0.5")],
)  # fmt: skip
def test_rel_is_for_binary_measures_that_do_not_say_it(measure, same):
    run, qrels = run_of(q="abcde"), {"q": {"a": 1, "b": 2, "d": 2, "e": -1}}
    assert evaluate(run, qrels, measure, rel=2)[measure] == evaluate(run, qrels, same, rel=1)[same]


@pytest.mark.parametrize(
    ("measure", "error", "message"),
    [
        ("ndcg@10", UnknownName, "did you mean 'nDCG'"),
        ("ndcg_cut_10", UnknownName, "is written 'nDCG@10' here"),
        ("Foo@3", UnknownName, "no measure 'Foo'"),
        ("P", BadInput, "needs a cutoff, e.g. P@10"),
        ("INST", BadInput, "needs the parameter 'max_rel'"),
        ("nDCG@0", BadInput, "a cutoff is a whole number from 1 up"),
        ("nDCG@-1", BadInput, "cannot read the measure 'nDCG@-1'"),
        ("nDCG@2.5", BadInput, "cannot read the measure"),
        ("nDCG(", BadInput, "cannot read the measure"),
        ("AP(foo=1)", BadInput, "unsupported params found: .'foo'"),
        ("alpha_nDCG@10", BadInput, "ir-measures cannot compute this"),
        ("", BadInput, "no measure is named"),
    ],
)
def test_a_wrong_measure_says_so(measure, error, message):
    with pytest.raises(error, match=message):
        evaluate(run_of(q="a"), {"q": {"a": 1}}, measure)


@pytest.mark.parametrize(
    ("run", "qrels", "message"),
    [
        (run_of(q="a"), {"x": {"a": 1}}, "none of the 1 queries of the run is among the 1 judged: .* 'q', .* 'x'"),
        (Run(()), {"x": {"a": 1}}, "none of the 0 queries"),
        (run_of(q="a"), Qrels(), "among the 0 judged"),
        ({"q": {"a": math.nan}}, {"q": {"a": 1}}, "query 'q': the score of document 'a' is NaN"),
        (run_of(q="a"), {"q": {"a": 0.5}}, "the grade 0.5 of document 'a' is no whole number"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(run, qrels, message):
    with pytest.raises(BadInput, match=message):
        evaluate(run, qrels, "AP")


def test_asking_an_evaluation_for_another_measure_names_near_ones():
    with pytest.raises(UnknownName, match="did you mean 'nDCG@10'"):
        evaluate(run_of(q="a"), {"q": {"a": 1}}, "nDCG@10")["nDCG@1"]


def test_where_a_measure_is_not_defined_the_query_has_no_value():
    scores = evaluate(run_of(q="ba", p="b"), {"q": {"a": 1}, "p": {"a": 1}}, "Accuracy")
    assert scores["Accuracy"] == 0
    assert math.isnan(scores.per_query["Accuracy"]["p"])


def test_a_value_does_not_depend_on_the_other_measures():
    run, qrels = run_of(q="ba", p="bc", r="a"), {"q": {"a": 1}, "p": {"a": 1}, "r": {"a": 1}}
    beside = evaluate(run, qrels, "RR@10 Accuracy")
    assert str(beside.per_query["Accuracy"]) == str(evaluate(run, qrels, "Accuracy").per_query["Accuracy"])
    assert math.isnan(beside.per_query["Accuracy"]["p"])


def test_where_all_that_was_found_is_relevant_accuracy_has_no_value_and_other_measures_have_theirs():
    qrels = {"q": {"a": 1, "b": 1}, "p": {"a": 1, "b": 0}}
    scores = evaluate(run_of(q="ab", p="ab"), qrels, "Accuracy@5 nDCG@10 Accuracy@1")
    assert math.isnan(scores.per_query["Accuracy@5"]["q"])
    assert scores.per_query["Accuracy@5"]["p"] == scores["Accuracy@5"] == 1
    assert scores["nDCG@10"] == 1
