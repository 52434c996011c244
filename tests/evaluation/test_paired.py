"""Paired tests and intervals of two systems: equal to scipy's, exact with equal sizes, and what is degenerate."""

from fractions import Fraction
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
    many = gaps(200, seed=3)
    expected = stats.permutation_test(
        (many,), np.mean, permutation_type="samples", n_resamples=500, rng=np.random.default_rng(4)
    )
    assert paired.randomisation(many, 500, 4) == expected.pvalue


def by_all_signs(fractions):
    sums = [
        abs(sum(s * f for s, f in zip(signs, fractions, strict=True)))
        for signs in product((-1, 1), repeat=len(fractions))
    ]
    return sum(one >= abs(sum(fractions)) for one in sums) / len(sums)


@pytest.mark.parametrize("scale", [1, 1000, 10**6])
@pytest.mark.parametrize("seed", range(8))
def test_the_randomisation_test_finds_equal_means_that_are_not_equal_numbers(seed, scale):
    parts = [Fraction(i, n) for n in (3, 6, 7) for i in range(4)]
    ours, theirs = np.random.default_rng(seed).choice(len(parts), (2, 10))
    exact = [scale * (parts[a] - parts[b]) for a, b in zip(ours, theirs, strict=True)]
    found = paired.gaps_of(*(np.array([float(scale * parts[i]) for i in places]) for places in (ours, theirs)))
    assert paired.randomisation(found, 10_000, 0) == pytest.approx(by_all_signs(exact))


@pytest.mark.parametrize("seed", range(20))
def test_the_randomisation_test_is_sure_of_nothing_where_the_mean_is_zero(seed):
    half = np.random.default_rng(seed).choice([0.1, 0.2, 0.7, 1 / 3, 1 / 6, 1 / 7], 5)
    values = np.random.default_rng(seed).permutation(np.concatenate([half, -half]))
    assert paired.randomisation(values, 10_000, 0) == 1
    assert paired.randomisation(np.array([1 / 3, -1 / 6, -1 / 6]).round(12), 10_000, 0) == 1
