"""Corrections of p values: equal to statsmodels', and what is degenerate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rankify.errors import UnknownName
from rankify.evaluation.corrections import CORRECTIONS, corrected

families = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=2, max_size=12)


@pytest.mark.parametrize("method", [name for name in CORRECTIONS if name != "none"])
@given(family=families)
def test_each_is_statsmodels(method, family):
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
