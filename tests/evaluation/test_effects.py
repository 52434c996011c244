"""Effect sizes: their definitions on random data, and systems without variance."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rankify.evaluation.effects import cliffs_delta, glass_delta, standardised

GRADES = st.lists(st.integers(0, 5), min_size=2, max_size=12)


@pytest.mark.parametrize("seed", range(4))
def test_the_effect_size_times_the_root_of_the_queries_is_t(seed):
    ours, theirs = np.random.default_rng(seed).random((2, 30))
    assert standardised(ours - theirs) * math.sqrt(30) == pytest.approx(stats.ttest_rel(ours, theirs).statistic)


@pytest.mark.parametrize("seed", range(4))
def test_cliffs_delta_is_mann_whitneys_u_between_minus_one_and_one(seed):
    ours, theirs = np.round(np.random.default_rng(seed).random((2, 40)), 1)
    share = stats.mannwhitneyu(ours, theirs).statistic / 40**2
    assert cliffs_delta(ours, theirs) == pytest.approx(2 * share - 1)


@given(GRADES, GRADES)
@settings(max_examples=60, deadline=None)
def test_cliffs_delta_depends_on_the_order_alone(ours, theirs):
    ours, theirs = np.array(ours, float), np.array(theirs, float)
    found = cliffs_delta(ours, theirs)
    assert found == np.sign(ours[:, None] - theirs[None, :]).mean()
    assert found == cliffs_delta(np.exp(ours), np.exp(theirs)) == -cliffs_delta(theirs, ours)


def test_cliffs_delta_takes_a_rounding_error_for_a_tie():
    assert cliffs_delta(np.array([0.1 + 0.2, 0.3]), np.array([0.3, 0.3])) == 0


def test_glass_delta_is_in_units_of_the_other_system():
    ours, theirs = np.array([0.2, 0.9, 0.4]), np.array([0.1, 0.2, 0.6])
    assert glass_delta(ours, theirs) == pytest.approx((0.5 - 0.3) / np.std([0.1, 0.2, 0.6], ddof=1))
    assert glass_delta(ours, theirs) != pytest.approx(-glass_delta(theirs, ours))


@pytest.mark.parametrize(("ours", "expected"), [([0.5, 0.5], 0), ([0.7, 0.9], math.inf), ([0.1, 0.3], -math.inf)])
def test_without_variance_an_effect_is_none_or_without_limit(ours, expected):
    theirs = np.array([0.5, 0.5])
    assert glass_delta(np.array(ours), theirs) == expected
    flat = np.full(2, np.mean(ours)) - theirs
    assert standardised(np.round(flat, 12)) == expected
