"""Unjudged documents: counted as ir-measures counts them, left out as judged_only does."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify import Document, Query, Ranking, Run, evaluate
from rankify.errors import BadInput
from rankify.evaluation.holes import condensed, holes

QRELS = {"q1": {"a": 1, "b": 0, "p": -1}, "q2": {"c": 2}, "q3": {"d": 1}}
PLAIN = {"q1": {"x": 5.0, "a": 4.0, "p": 3.0, "b": 2.0}, "q2": {"c": 1.0}, "other": {"x": 1.0}}


def as_run(plain):
    return Run(
        Ranking(Query(q, ""), [Document(d, "") for d in sorted(row, key=lambda d: -row[d])], sorted(row.values())[::-1])
        for q, row in plain.items()
    )


def collection(seed):
    random = np.random.default_rng(seed)
    documents = [f"d{i}" for i in range(30)]
    qrels = {f"q{i}": {d: int(random.integers(0, 3)) for d in random.choice(documents, 12, False)} for i in range(6)}
    run = {q: dict(zip(random.permutation(documents), random.random(30).tolist(), strict=True)) for q in qrels}
    return run, qrels


@pytest.mark.parametrize("make", [dict, as_run])
def test_holes_are_counted_by_query_and_rank(make):
    one, two = holes({"s": make(PLAIN)}, QRELS, (1, 3)).rows
    assert (one.cutoff, one.holes, one.queries) == (1, (("q1", "x"),), 1)
    assert two.holes == (("q1", "x"), ("q1", "p"))  # in the pool, but not judged
    assert two.judged == pytest.approx((1 / 3 + 1 + 0) / 3)  # a query that is missing counts 0


@pytest.mark.parametrize("seed", range(3))
def test_the_share_of_judged_documents_is_ir_measures(seed):
    run, qrels = collection(seed)
    expected = ir_measures.calc_aggregate([ir_measures.Judged @ 10], qrels, run)[ir_measures.Judged @ 10]
    [found] = holes({"s": run}, qrels, [10]).rows
    assert found.judged == pytest.approx(expected)
    assert len(found.holes) == round((1 - expected) * 60)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("measure", ["nDCG{}@10", "P{}@5", "AP{}", "RR{}", "IPrec{}@0.5"])
def test_condensed_lists_are_what_judged_only_computes(seed, measure):
    run, qrels = collection(seed)
    qrels = {q: {d: g - (d in ("d1", "d2", "d3")) for d, g in row.items()} for q, row in qrels.items()}  # some are -1
    plain, of_judged = measure.format(""), measure.format("(judged_only=True)")
    found = evaluate(condensed(run, qrels), qrels, plain)[plain]
    assert found == pytest.approx(evaluate(run, qrels, of_judged)[of_judged])
    assert found > evaluate(run, qrels, plain)[plain]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["Bpref", "infAP"])
def test_measures_that_leave_holes_out_are_ir_measures(seed, name):
    run, qrels = collection(seed)
    measure = ir_measures.parse_measure(name)
    assert evaluate(run, qrels, name)[name] == pytest.approx(ir_measures.calc_aggregate([measure], qrels, run)[measure])


def test_inferred_ap_leaves_out_what_was_pooled_and_not_what_is_in_no_judgment():
    run = {"q": {"x": 4.0, "a": 3.0, "b": 2.0, "r": 1.0}}
    absent, pooled = {"q": {"a": 1, "b": 0, "r": 1}}, {"q": {"x": -1, "a": 1, "b": 0, "r": 1}}
    assert evaluate(run, absent, "infAP")["infAP"] == pytest.approx((1 / 2 + 2 / 4) / 2, abs=1e-4)
    assert evaluate(run, absent, "AP")["AP"] == (1 / 2 + 2 / 4) / 2
    assert evaluate(run, pooled, "infAP")["infAP"] > 0.6
    assert evaluate(run, pooled, "AP")["AP"] == (1 / 2 + 2 / 4) / 2
    instead = (1 + 2 / 3) / 2
    assert evaluate(condensed(run, absent), absent, "AP")["AP"] == pytest.approx(instead)
    without = {"q": {"a": 3.0, "b": 2.0, "r": 1.0}}
    assert evaluate(run, absent, "Bpref") == evaluate(without, absent, "Bpref")
    assert evaluate(run, absent, "infAP")["infAP"] < evaluate(without, absent, "infAP")["infAP"]


@pytest.mark.parametrize("make", [dict, as_run])
def test_a_negative_grade_is_no_judgment_for_the_measure_too(make):
    names = ["Judged@1", "Judged@3", "Judged"]
    found = evaluate(make(PLAIN), QRELS, names)
    assert found.per_query == {
        "Judged@1": {"q1": 0, "q2": 1, "q3": 0},
        "Judged@3": {"q1": pytest.approx(1 / 3), "q2": 1, "q3": 0},
        "Judged": {"q1": 0.5, "q2": 1, "q3": 0},
    }
    assert found["Judged@3"] == holes({"s": make(PLAIN)}, QRELS, [3]).rows[0].judged


@given(st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_hole_more_changes_no_condensed_list_and_no_bpref(seed):
    run, qrels = collection(seed)
    more = {q: row | {"new": 2.0} for q, row in run.items()}
    assert condensed(more, qrels) == condensed(run, qrels)
    assert evaluate(more, qrels, "Bpref")["Bpref"] == evaluate(run, qrels, "Bpref")["Bpref"]
    assert evaluate(more, qrels, "RR")["RR"] < evaluate(run, qrels, "RR")["RR"]


def test_condensing_keeps_order_scores_and_what_is_not_judged_at_all():
    found = condensed(as_run(PLAIN), QRELS)
    assert (found["q1"].ids, found["q1"].scores.tolist()) == (["a", "b"], [4.0, 2.0])
    assert found["other"].ids == ["x"]
    assert condensed(PLAIN, QRELS) == {"q1": {"a": 4.0, "b": 2.0}, "q2": {"c": 1.0}, "other": {"x": 1.0}}


PRINTED = """\
system  k  judged@k  holes  queries with holes
a       3    0.4444      2                   1
b       3    0.3333      3                   3
3 judged queries; 5 pairs to judge"""


def test_holes_print_as_a_table_and_say_what_to_judge():
    other = {"q1": {"a": 1.0, "z": 0.5}, "q2": {"z": 1.0, "c": 0.5}, "q3": {"z": 1.0}}
    found = holes({"a": PLAIN, "b": other}, QRELS, [3])
    assert str(found) == PRINTED
    assert found.missing() == (("q1", "p"), ("q1", "x"), ("q1", "z"), ("q2", "z"), ("q3", "z"))
    assert found.as_dict()[1] == {"system": "b", "k": 3, "judged": pytest.approx(1 / 3), "holes": 3, "queries": 3}


@pytest.mark.parametrize(("runs", "cutoffs"), [({}, [10]), ({"a": PLAIN}, [0]), ({"a": PLAIN}, [])])
def test_no_runs_and_no_ranks_are_refused(runs, cutoffs):
    with pytest.raises(BadInput, match="takes a run or more and ranks from 1 up"):
        holes(runs, QRELS, cutoffs)
