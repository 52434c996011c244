"""Paired tests and intervals of two systems: equal to scipy's, exact with equal sizes, and what is degenerate."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rankify.evaluation import paired


def gaps(queries, seed, digits=12):
    return np.round(np.random.default_rng(seed).normal(0.05, 0.3, queries), digits)


@pytest.mark.parametrize("queries", [2, 3, 12, 50, 51, 300])
@pytest.mark.parametrize("seed", range(3))
def test_the_tests_are_scipys_on_random_data(queries, seed):
    ours, theirs = np.random.default_rng(seed).random((2, queries))
    found = paired.gaps_of(ours, theirs)
    assert paired.t_test(found) == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, rel=1e-9)
    assert paired.wilcoxon(found) == pytest.approx(stats.wilcoxon(ours, theirs).pvalue, rel=1e-9)


@pytest.mark.parametrize("queries", [3, 7, 11])
def test_wilcoxons_test_with_equal_sizes_goes_through_all_signs(queries):
    found = gaps(queries, seed=queries, digits=1)
    found = found[found != 0]
    ranks = stats.rankdata(np.abs(found))
    sums = np.array([ranks @ signs for signs in product((-1, 1), repeat=len(found))])
    assert paired.wilcoxon(found) == pytest.approx(np.mean(np.abs(sums) >= abs(ranks @ np.sign(found)) - 1e-9))


def test_wilcoxons_test_beyond_fifty_differences_corrects_for_equal_sizes():
    found = gaps(80, seed=1, digits=1)
    kept = found[found != 0]
    assert len(kept) > 50
    assert len({*np.abs(kept)}) < 20
    assert paired.wilcoxon(found) == stats.wilcoxon(kept, method="asymptotic", correction=False).pvalue


@given(st.lists(st.integers(-4, 4), max_size=14))
@settings(max_examples=60, deadline=None)
def test_wilcoxons_test_minds_neither_zeros_nor_scale_nor_direction(sizes):
    found = np.array(sizes, dtype=float)
    p = paired.wilcoxon(found)
    assert 0 < p <= 1
    assert p == paired.wilcoxon(-found) == paired.wilcoxon(found * 0.25) == paired.wilcoxon(np.append(found, [0, 0]))


@pytest.mark.parametrize("same", [[0.0, 0.0], [0.0, 0.0, 0.3]])
def test_of_one_difference_or_none_wilcoxons_test_says_nothing(same):
    assert paired.wilcoxon(np.array(same)) == 1


def test_the_interval_is_scipys_bootstrap_of_the_same_seed():
    found = gaps(40, seed=2)
    expected = stats.bootstrap(
        (found,), np.mean, confidence_level=0.9, n_resamples=500, method="BCa", rng=np.random.default_rng(7)
    ).confidence_interval
    assert paired.interval(found, 0.1, 500, 7) == pytest.approx((expected.low, expected.high))
    assert paired.interval(found, 0.1, 500, 7) != paired.interval(found, 0.1, 500, 8)


def test_the_randomisation_test_is_scipys_permutation_test():
    found = gaps(9, seed=3)
    expected = stats.permutation_test((found,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert paired.randomisation(found, 1000, 0) == pytest.approx(expected.pvalue)
