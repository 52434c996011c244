"""Comparisons of systems: the tests' known values, families, degenerate cases, and the table."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation import Comparison, Evaluation, compare
from rankify.evaluation.tukey import randomised_tukey_hsd, tukey_hsd


def evaluated(*values, measure="AP"):
    row = {f"q{i}": float(v) for i, v in enumerate(values)}
    mean = sum(row.values()) / len(row)
    return Evaluation(means={measure: mean}, per_query={measure: row}, queries=tuple(row))


def one(a, b, **options):
    [found] = compare({"a": evaluated(*a), "b": evaluated(*b)}, **options).differences
    return found


def test_a_t_test_with_a_known_value():
    found = one([0.1, 0.2, 0.3, 0.4, 0.5], [0] * 5)
    assert found.t_test == pytest.approx(0.013235, abs=1e-6)  # t = 4.2426 with 4 degrees of freedom
    assert found.effect_size == pytest.approx(0.3 / math.sqrt(0.025))
    assert found.difference == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("gaps", "p"),
    [([0.1, 0.2, 0.3, 0.4, 0.5], 2 / 2**5), ([0.1, 0.2, -0.3], 1.0), ([0.5, 0.5, 0, 0, -0.1], 4 / 8),
     ([1, 1, 1, 1, -0.5], 4 / 2**5)],
)  # fmt: skip
def test_the_randomisation_test_is_exact_for_few_queries(gaps, p):
    assert one(gaps, [0] * len(gaps)).randomisation == pytest.approx(p)


def test_ties_do_not_keep_the_randomisation_test_from_being_exact():
    assert one([0.3, 0.2, 0.1] + [0] * 40, [0] * 43).randomisation == 2 / 2**3


def test_the_randomisation_test_samples_when_there_are_many_queries():
    gaps = np.random.default_rng(0).normal(0.05, 0.2, 60)
    found = one(gaps, np.zeros(60))
    assert found.randomisation == pytest.approx(found.t_test, abs=0.02)
    assert found == one(gaps, np.zeros(60))
    assert found.randomisation != one(gaps, np.zeros(60), seed=1).randomisation


def test_holms_correction_is_over_the_comparisons_on_one_measure():
    rng = np.random.default_rng(3)
    base = rng.random(40)
    runs = {n: evaluated(*(base + rng.normal(m, 0.2, 40))) for n, m in (("a", 0.05), ("b", 0.08), ("c", 0.2))}
    tested = compare({"base": evaluated(*base), **runs}, baseline="base").differences
    raw = sorted(d.t_test for d in tested)
    stepped = np.maximum.accumulate([min(1, p * (3 - i)) for i, p in enumerate(raw)])
    assert sorted(d.t_test_corrected for d in tested) == pytest.approx(stepped)
    assert [d.significant for d in tested] == [d.t_test_corrected <= 0.05 for d in tested]


def test_every_correction_is_statsmodels_over_the_family():
    rng = np.random.default_rng(4)
    base = rng.random(30)
    runs = {n: evaluated(*(base + rng.normal(0.04 * i, 0.2, 30))) for i, n in enumerate("abcd")}
    for correction in ("holm", "bonferroni", "sidak", "holm-sidak", "hommel", "fdr_bh", "fdr_by"):
        tested = compare(runs, correction=correction, resamples=99).differences
        for test in ("t-test", "wilcoxon", "randomisation"):
            raw = [d.p(test, corrected=False) for d in tested]
            expected = multipletests(raw, method=correction)[1]
            assert [d.p(test) for d in tested] == pytest.approx(expected)


@pytest.mark.parametrize(("name", "said"), [
    ("tukey-hsd", "(Tukey's HSD, queries as blocks, p <= 0.05, 30 queries)"),
    ("randomised-tukey-hsd", "(randomised Tukey's HSD, p <= 0.05, 30 queries)"),
])  # fmt: skip
def test_tukeys_hsd_decides_with_its_own_correction(name, said):
    rng = np.random.default_rng(4)
    base = rng.random(30)
    values = {n: base + rng.normal(0.1 * i, 0.2, 30) for i, n in enumerate("abcd")}
    runs = {n: evaluated(*row) for n, row in values.items()}
    found = compare(runs, decided_by=name, resamples=500, seed=3)
    ordered = sorted(range(30), key=lambda i: f"q{i}")  # by query id, so that deals are the same
    values = {n: row[ordered] for n, row in values.items()}
    hsd = tukey_hsd(values) if name == "tukey-hsd" else randomised_tukey_hsd(values, 500, 3)
    assert [d.tukey_hsd for d in found.differences] == [hsd[d.system, d.against] for d in found.differences]
    assert [d.significant for d in found.differences] == [d.tukey_hsd <= 0.05 for d in found.differences]
    assert {d.significant for d in found.differences} == {True, False}
    assert said in found.summary()
    assert f"p ({name})" in found.details()
    against = compare(runs, baseline="a", decided_by=name, resamples=500, seed=3).differences
    assert [d.tukey_hsd for d in against] == [hsd[d.system, "a"] for d in against]  # the family stays all systems


@pytest.mark.parametrize("correction", ["holm", "none", "bonferroni"])
@pytest.mark.parametrize("test", ["tukey-hsd", "randomised-tukey-hsd"])
def test_a_correction_beside_a_test_that_corrects_itself_is_refused(test, correction):
    said = f"correction '{correction}': {test} corrects for all pairs itself; leave it out"
    with pytest.raises(Misuse, match=re.escape(said)):
        one([0.1, 0.2, 0.4], [0, 0, 0], decided_by=test, correction=correction)
    assert one([0.1, 0.2, 0.4], [0, 0, 0], decided_by=test, correction=None).tukey_hsd is not None


def test_holms_correction_is_the_usual_one():
    rows = {"a": [0.1, 0.2, 0.4], "b": [0.3, 0.1, 0.2], "c": [0.5, 0.6, 0.9]}
    runs = {name: evaluated(*row) for name, row in rows.items()}
    assert compare(runs) == compare(runs, correction=None) == compare(runs, correction="holm")
    assert compare(runs).correction == "holm"


def test_tukeys_hsd_is_not_computed_unless_asked_for():
    found = one([0.1, 0.2, 0.4], [0, 0, 0])
    assert found.tukey_hsd is None
    with pytest.raises(UnknownName, match="no test in this comparison 'tukey-hsd'; there are: randomisation, t-test"):
        found.p("tukey-hsd")


def test_wilcoxons_test_can_decide():
    gaps = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 9]  # one query is far out
    found = one(gaps, [0] * 7, decided_by="wilcoxon")
    assert (found.wilcoxon, found.significant) == (2 / 2**7, True)
    assert found.t_test > 0.3
    assert not one(gaps, [0] * 7).significant


def test_effect_sizes_stand_beside_each_difference():
    found = one([0.2, 0.9, 0.4], [0.1, 0.2, 0.6])
    assert found.deviation == pytest.approx(np.std([0.1, 0.7, -0.2], ddof=1))
    assert found.effect_size == pytest.approx(0.2 / found.deviation)
    assert found.glass_delta == pytest.approx(0.2 / np.std([0.1, 0.2, 0.6], ddof=1))
    assert found.cliffs_delta == pytest.approx((1 - 1 + 3 + 2 - 1) / 9)


def test_measures_are_families_of_their_own():
    a, b = ([0.3, 0.4, 0.5, 0.7], [0.1, 0.3, 0.2, 0.3])
    alone = one(a, b)
    both = {
        n: Evaluation(
            means={"AP": 0, "RR": 0}, per_query={m: dict(zip("wxyz", v, strict=True)) for m in ("AP", "RR")},
            queries=tuple("wxyz"),
        )
        for n, v in (("a", a), ("b", b))
    }  # fmt: skip
    assert [d.t_test_corrected for d in compare(both).differences] == [alone.t_test] * 2


def test_without_a_baseline_all_pairs_are_compared_once():
    runs = {n: evaluated(*np.random.default_rng(i).random(9)) for i, n in enumerate("abcd")}
    pairs = [(d.system, d.against) for d in compare(runs).differences]
    assert pairs == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    assert [(d.system, d.against) for d in compare(runs, baseline="c").differences] == [(x, "c") for x in "abd"]


@pytest.mark.parametrize("values", [[0.5, 0.5], [0, 0, 0], [0.1, 0.7, 1.0]])
def test_runs_that_are_the_same_do_not_differ(values):
    found = one(values, values)
    assert (found.t_test, found.randomisation, found.effect_size) == (1, 1, 0)
    assert (found.low, found.high, found.wins, found.ties, found.losses) == (0, 0, 0, len(values), 0)
    assert not found.significant


def test_the_same_difference_everywhere_leaves_no_doubt():
    found = one([0.3, 0.6, 0.9], [0.1, 0.4, 0.7])
    assert (found.t_test, found.effect_size, found.low, found.high) == (0, math.inf, 0.2, 0.2)
    assert found.ties == 0


def test_a_rounding_error_is_a_tie():
    assert one([0.1 + 0.2, 0.5], [0.3, 0.4]).ties == 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_figures_are_sound_and_mirror_each_other(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = one(a, b, resamples=500), one(b, a, resamples=500)
    for found in (there, back):
        assert 0 <= found.t_test <= 1
        assert 0 < found.randomisation <= 1
        assert found.low - 1e-9 <= found.difference <= found.high + 1e-9
        assert found.wins + found.ties + found.losses == len(pairs)
    assert there.difference == -back.difference
    assert there.t_test == pytest.approx(back.t_test)
    assert (there.wins, there.losses) == (back.losses, back.wins)


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(100):
        found = one(rng.normal(0.1, 0.3, 50), np.zeros(50), resamples=300)
        held += found.low <= 0.1 <= found.high
    assert 88 <= held <= 100


def test_a_row_does_not_depend_on_what_else_is_compared():
    runs = {n: evaluated(*np.random.default_rng(i).random(30)) for i, n in enumerate("abc")}
    [alone] = compare({n: runs[n] for n in "ab"}).differences
    among = compare(runs).differences[0]
    assert (alone.t_test, alone.randomisation, alone.low) == (among.t_test, among.randomisation, among.low)


def test_runs_are_evaluated_with_the_judgments():
    qrels = {f"q{i}": {"a": 1} for i in range(4)}
    good, bad = ({q: {"a": float(s), "b": 1.0} for q in qrels} for s in (2, 0))
    found = compare({"good": good, "bad": bad}, qrels, "RR@10 P@1")
    assert found.means == {"good": {"RR@10": 1, "P@1": 1}, "bad": {"RR@10": 0.5, "P@1": 0}}
    assert [(d.measure, d.difference, d.wins) for d in found.differences] == [("RR@10", 0.5, 4), ("P@1", 1, 4)]


LETTERS = """\
system       AP
a  good  0.9000ᵇᶜ
b  fair  0.5000ᶜ
c  poor  0.1000
a letter: above the system of that letter (paired t-test, Holm correction, p <= 0.05, 4 queries)"""
DAGGERS = """\
system      AP
good    0.9000†
fair    0.5000
poor    0.1000‡
† above, ‡ below fair (Fisher's randomisation test, no correction, p <= 0.2, 4 queries)"""


def test_the_table_marks_what_is_significant():
    runs = {n: evaluated(m, m - 0.01, m + 0.01, m) for n, m in (("good", 0.9), ("fair", 0.5), ("poor", 0.1))}
    assert compare(runs).summary() == LETTERS
    daggers = compare(runs, baseline="fair", alpha=0.2, decided_by="randomisation", correction="none")
    assert daggers.summary() == DAGGERS
    assert "[+0.4000, +0.4000]" in str(daggers)


def test_more_systems_than_letters_get_numbers():
    runs = {f"s{i}": evaluated(1 - i / 100, 1 - i / 100) for i in range(27)}
    assert compare(runs).marks("s24", "AP") == " ²⁶ ²⁷"


def test_a_comparison_is_plain_json():
    found = compare({"a": evaluated(0.3, 0.6), "b": evaluated(0.1, 0.4)}, baseline="b")
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["means"] == {"a": {"AP": pytest.approx(0.45)}, "b": {"AP": 0.25}}
    assert plain["differences"][0]["effect_size"] is None  # without limit
    assert plain["differences"][0]["system"] == "a"


@pytest.mark.parametrize("baseline", ["b", None])
def test_a_comparison_is_read_back_from_json_as_it_was(baseline):
    runs = {"a": evaluated(0.3, 0.6, 0.2), "b": evaluated(0.5, 0.8, 0.4), "c": evaluated(0.5, 0.5, 0.5)}
    found = compare(runs, baseline=baseline, decided_by="tukey-hsd")
    assert any(math.isinf(one.effect_size) and one.effect_size < 0 for one in found.differences)
    assert Comparison.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize(
    ("runs", "options", "error", "message"),
    [
        ({"a": evaluated(1, 2)}, {}, BadInput, "two runs or more, not 1"),
        ({"a": evaluated(1), "b": evaluated(2)}, {}, BadInput, "two queries or more"),
        ({"a": evaluated(1, 2), "b": evaluated(1, 2, 3)}, {}, BadInput, "different queries, e.g. 'q2'"),
        ({"a": evaluated(1, 2), "b": evaluated(1, 2, measure="RR")}, {}, BadInput, "no measure in common"),
        ({"a": evaluated(1, math.nan), "b": evaluated(1, 2)}, {}, BadInput, "AP is not defined for every query of 'a'"),
        ({"a": evaluated(1, 2), "b": {}}, {}, BadInput, "run 'b' cannot be compared without judgments"),
        ({"bm25": evaluated(1, 2), "b": evaluated(1, 2)}, {"baseline": "bm52"}, UnknownName, "did you mean 'bm25'"),
        ({"a": evaluated(1, 2), "b": evaluated(1, 2)}, {"correction": "holms"}, UnknownName, "did you mean 'holm'"),
        ({"a": evaluated(1, 2), "b": evaluated(1, 2)}, {"decided_by": "ttest"}, UnknownName, "did you mean 't-test'"),
        ({"a": evaluated(1, 2), "b": evaluated(1, 2)}, {"alpha": 5}, BadInput, "alpha is a probability"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(runs, options, error, message):
    with pytest.raises(error, match=message):
        compare(runs, **options)


@pytest.mark.parametrize("correction", ["holm", "bonferroni", "sidak", "holm-sidak", "hommel", "fdr_bh", "fdr_by"])
def test_one_comparison_needs_no_correction(correction):
    found = one([0.1, 0.2, 0.3, -0.1], [0] * 4, correction=correction)
    assert found.t_test_corrected == found.t_test
    assert multipletests([found.t_test], method=correction)[1][0] == pytest.approx(found.t_test)
    assert found.randomisation_corrected == found.randomisation


@pytest.mark.parametrize(
    ("correction", "name"),
    [("none", "no"), ("holm", "Holm"), ("holm-sidak", "Holm-Šidák"), ("fdr_bh", "Benjamini-Hochberg")],
)
def test_a_correction_is_called_by_its_name(correction, name):
    runs = {"a": evaluated(1, 2, 4), "b": evaluated(1, 1, 1)}
    assert f"(paired t-test, {name} correction, p <= 0.05" in compare(runs, correction=correction).legend()
