"""Corrections of p values: equal to statsmodels', and what is degenerate."""

import gc

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from rankify.errors import UnknownName
from rankify.evaluation.corrections import CORRECTIONS, corrected


@pytest.fixture
def families():
    """Families of p values, with ties, zeros and ones; statsmodels, which collects garbage, has little to collect."""
    rng = np.random.default_rng(0)
    drawn = [rng.random(n) ** power for n in (2, 3, 5, 12) for power in (1, 4) for _ in range(10)]
    gc.freeze()
    yield [*drawn, *(np.round(one, 1) for one in drawn), np.array([0, 0.01, 0.05, 1, 1])]
    gc.unfreeze()


@pytest.mark.parametrize("method", [name for name in CORRECTIONS if name != "none"])
def test_each_is_statsmodels(method, families):
    for family in families:
        with np.errstate(divide="ignore"):
            expected = multipletests(family, method=method)[1]
        assert corrected(family, method) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", CORRECTIONS)
def test_one_test_alone_is_not_corrected(method):
    assert corrected([0.23944259863600273], method) == [0.23944259863600273]
    assert corrected([], method) == []


def test_a_p_too_small_for_one_minus_p_keeps_its_size():
    assert corrected([1e-20, 0.5], "sidak")[0] == pytest.approx(2e-20)


def test_none_leaves_them_as_they_are():
    assert corrected([0.2, 0.01, 0.2], "none") == [0.2, 0.01, 0.2]


def test_an_unknown_method_is_named_with_near_ones():
    with pytest.raises(UnknownName, match="no correction 'holms'; did you mean 'holm'"):
        corrected([0.1, 0.2], "holms")
