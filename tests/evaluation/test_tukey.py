"""Tukey's HSD over queries as blocks: statsmodels' analysis of variance, the t-test of two, and what is degenerate."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from rankify.evaluation.tukey import randomised_tukey_hsd, tukey_hsd


def values(systems, queries, seed=0, step=0.04):
    random = np.random.default_rng(seed)
    hard = random.random(queries)
    return {f"s{i}": hard + random.normal(step * i, 0.1, queries) for i in range(systems)}


def test_the_error_is_that_of_a_linear_model_of_systems_and_queries():
    given = values(4, 12)
    table = np.stack([*given.values()])
    systems, queries = np.indices(table.shape).reshape(2, -1)
    design = np.column_stack([np.eye(4)[systems], np.eye(12)[queries][:, 1:]])
    fit = OLS(table.ravel(), design).fit()
    found = tukey_hsd(given)
    for one, other in ((0, 1), (0, 3), (2, 3)):
        apart = abs(table[one].mean() - table[other].mean()) / np.sqrt(fit.mse_resid / 12)
        expected = stats.studentized_range.sf(apart, 4, fit.df_resid)
        assert found[f"s{one}", f"s{other}"] == pytest.approx(expected, rel=1e-6)
        assert found[f"s{other}", f"s{one}"] == found[f"s{one}", f"s{other}"]


@pytest.mark.parametrize("seed", range(3))
def test_of_two_systems_it_is_the_paired_t_test(seed):
    given = values(2, 15, seed)
    found = tukey_hsd(given)["s0", "s1"]
    assert found == pytest.approx(stats.ttest_rel(given["s0"], given["s1"]).pvalue, abs=1e-7)


def test_the_spread_of_queries_is_taken_out():
    given = values(3, 20, step=0.08)
    moved = {name: row + 10 * np.arange(20) for name, row in given.items()}
    for pair, p in tukey_hsd(given).items():
        assert tukey_hsd(moved)[pair] == pytest.approx(p, rel=1e-6)
    blind = stats.tukey_hsd(*moved.values()).pvalue[0, 2]
    assert tukey_hsd(moved)["s0", "s2"] < 0.001
    assert blind > 0.9


@pytest.mark.parametrize("seed", range(2))
def test_the_randomised_one_agrees_where_errors_are_normal(seed):
    given = values(4, 40, seed, step=0.01)
    by_model, by_deals = tukey_hsd(given), randomised_tukey_hsd(given, 4000, seed)
    for pair, p in by_model.items():
        assert by_deals[pair] == pytest.approx(p, abs=0.03)
    assert by_deals == randomised_tukey_hsd(given, 4000, seed)
    assert by_deals != randomised_tukey_hsd(given, 4000, seed + 1)


def test_the_randomised_one_of_two_systems_is_fishers_test():
    given = values(2, 9, step=0.05)
    fisher = stats.permutation_test(
        (given["s0"] - given["s1"],), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert randomised_tukey_hsd(given, 20_000, 0)["s0", "s1"] == pytest.approx(fisher, abs=0.015)


def test_many_deals_need_little_memory_at_a_time(monkeypatch):
    given = values(3, 10)
    monkeypatch.setattr("rankify.evaluation.tukey.CELLS", 900)  # thirty deals at a time
    found = randomised_tukey_hsd(given, 100, 0)
    assert all(1 / 101 <= p <= 1 for p in found.values())
    assert {round(p * 101) for p in found.values()} <= set(range(1, 102))


@pytest.mark.parametrize("test", [tukey_hsd, lambda given: randomised_tukey_hsd(given, 200, 0)])
def test_identical_systems_do_not_differ(test):
    base = np.random.default_rng(0).random(12)
    found = test({"a": base, "copy": base.copy(), "far": base + np.random.default_rng(1).normal(2, 0.1, 12)})
    assert found["a", "copy"] == 1
    assert found["a", "far"] < 0.01


def test_without_any_error_there_is_no_doubt():
    base = np.array([0.1, 0.5, 0.7])
    found = tukey_hsd({"a": base, "b": base + 0.1, "c": base})
    assert (found["a", "b"], found["a", "c"]) == (0, 1)
    alike = tukey_hsd({"a": base, "b": base, "c": base})
    assert {*alike.values()} == {1.0}
