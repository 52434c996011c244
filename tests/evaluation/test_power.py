"""Power: equal to statsmodels', the fewest queries, the smallest difference, and the plan of a comparison."""

import math
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from rankify.errors import BadInput
from rankify.evaluation import Evaluation, compare
from rankify.evaluation.corrections import corrected, strictest
from rankify.evaluation.power import detectable, plan, power, queries_needed


@pytest.mark.parametrize("queries", [2, 5, 50, 323])
@pytest.mark.parametrize("effect", [0, 0.02, 0.2, -0.5])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_power_is_statsmodels(queries, effect, alpha):
    assert power(effect, queries, alpha) == pytest.approx(TTestPower().power(effect, queries, alpha), abs=1e-9)


def test_power_has_a_value_where_the_tails_are_thin():
    assert all(power(c / math.sqrt(n), n) > 0.99 for n in (300, 1000, 7000) for c in np.linspace(5, 40, 71))
    assert power(math.inf, 5) == 1


@pytest.mark.parametrize(("effect", "wanted", "alpha"), [(0.5, 0.8, 0.05), (0.13, 0.9, 0.01), (-0.3, 0.7, 0.05 / 3)])
def test_the_queries_that_are_needed_are_the_fewest(effect, wanted, alpha):
    found = queries_needed(effect, wanted, alpha)
    assert power(effect, found, alpha) >= wanted > power(effect, found - 1, alpha)
    asked = TTestPower().solve_power(effect_size=abs(effect), alpha=alpha, power=wanted)
    assert found == math.ceil(asked)


@pytest.mark.parametrize("effect", np.linspace(0.1, 2, 20))
def test_one_query_fewer_is_always_too_few(effect):
    found = queries_needed(effect)
    assert power(effect, found) >= 0.8 > power(effect, found - 1)


def test_a_huge_effect_takes_two_queries_and_none_takes_forever():
    assert queries_needed(1e6) == queries_needed(math.inf) == 2
    assert queries_needed(0) == queries_needed(1e-6) == math.inf


@pytest.mark.parametrize("queries", [2, 30, 300, 6980])
def test_the_smallest_effect_that_is_found_has_the_wanted_power(queries):
    assert power(detectable(queries, 0.8), queries) == pytest.approx(0.8, abs=1e-4)
    asked = TTestPower().solve_power(nobs=queries, alpha=0.05, power=0.8)
    assert detectable(queries) == pytest.approx(asked, rel=1e-4)


def evaluated(values):
    row = {f"q{i}": float(v) for i, v in enumerate(values)}
    return Evaluation(means={"AP": sum(row.values()) / len(row)}, per_query={"AP": row}, queries=tuple(row))


def compared(**options):
    random = np.random.default_rng(1)
    base = random.random(40)
    runs = {n: evaluated(base + random.normal(m, 0.2, 40)) for n, m in (("a", 0.1), ("b", 0.02))}
    return compare({"base": evaluated(base), **runs, "copy": evaluated(base)}, baseline="base", **options)


def test_a_plan_is_at_the_level_of_each_single_test():
    comparison = compared()
    found = plan(comparison, 0.9)
    assert found.alpha == pytest.approx(0.05 / 3)
    a, b, copy = found.rows
    for row, difference in zip((a, b), comparison.differences, strict=False):
        assert row.detectable == pytest.approx(detectable(40, 0.9, 0.05 / 3) * difference.deviation)
        assert row.needed == queries_needed(difference.effect_size, 0.9, 0.05 / 3)
    assert a.needed < b.needed
    assert (copy.deviation, copy.needed) == (0, math.inf)
    assert math.isnan(copy.detectable)
    assert plan(compared(correction="none"), 0.9).alpha == 0.05


@pytest.mark.parametrize("correction", ["holm", "bonferroni", "fdr_bh", "fdr_by", "sidak", "holm-sidak", "hommel"])
@pytest.mark.parametrize("tests", [1, 2, 7, 40])
def test_what_reaches_the_strictest_level_is_significant_whatever_the_others_are(correction, tests):
    level = strictest(0.05, tests, correction)
    for others in (1.0, 0.5, level):
        assert corrected([level] + [others] * (tests - 1), correction)[0] <= 0.05 * (1 + 1e-12)
    above = corrected([level * 1.03] + [1.0] * (tests - 1), correction)[0]  # Sidak's level is above Bonferroni's
    assert above > 0.05


def test_a_plan_is_at_the_level_that_its_correction_takes():
    assert plan(compared(correction="fdr_by")).alpha == pytest.approx(0.05 / 3 / (1 + 1 / 2 + 1 / 3))
    for correction in ("none", "holm"):  # which Tukey's test does not look at; of four systems there are six pairs
        tested = replace(compared(decided_by="tukey-hsd"), correction=correction)
        assert plan(tested).alpha == pytest.approx(0.05 / 6)


def test_a_plan_prints_what_it_would_take():
    text = str(plan(compared()))
    assert "queries needed" in text
    assert "with 40 queries and a power of 0.8" in text
    assert text.splitlines()[3].split()[-2:] == ["-", "-"]  # nothing shows that a copy differs
    assert text.splitlines()[-1].endswith("no deviation, so nothing to tell what is detectable by: copy - base (AP)")
    lone = compare({"base": evaluated([0.5, 0.1, 0.7]), "other": evaluated([0.6, 0.5, 0.1])})
    assert "no deviation" not in str(plan(lone))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power(0.5, 1), "two queries or more, not 1"),
        (lambda: power(0.5, 10, 5), "alpha is a probability between 0 and 1, not 5"),
        (lambda: queries_needed(0.5, 80), "power is a probability between 0 and 1, not 80"),
        (lambda: detectable(30, 0.04), "a power of 0.04 is reached without any effect"),
    ],
)
def test_what_cannot_be_planned_is_refused(call, message):
    with pytest.raises(BadInput, match=message):
        call()
