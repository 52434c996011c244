"""Drop rates, variances, the worst queries and attack success, in closed form."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify import evaluate
from rankify.errors import BadInput
from rankify.evaluation.robustness import (
    Target,
    averaged,
    drop,
    drops,
    normalised_variance,
    success,
    variance_per_query,
    worst_mean,
)
from rankify.evaluation.scores import Evaluation

VALUES = st.dictionaries(st.text(max_size=3), st.floats(0, 1), min_size=1)


def scored(**values):
    rows = {"A": values}
    return Evaluation(means={"A": sum(values.values()) / len(values)}, per_query=rows, queries=tuple(values))


def test_a_drop_rate_is_the_change_as_a_share_of_what_was_before():
    found = drop(0.5, 0.4)
    assert found.absolute == pytest.approx(-0.1)
    assert found.rate == pytest.approx(-0.2)
    assert not found.reason


def test_a_gain_is_a_positive_drop_rate():
    assert drop(0.5, 0.75).rate == 0.5


def test_of_nothing_there_is_no_drop_rate_and_a_reason():
    found = drop(0.0, 0.25)
    assert found.absolute == 0.25
    assert isnan(found.rate)
    assert "0 before" in found.reason


def test_drops_compare_the_measures_that_two_sets_of_judgments_share():
    run = {"a": {"d": 1.0}, "b": {"x": 2.0, "d": 1.0}}
    inside = evaluate(run, {"a": {"d": 1}}, "RR@10 P@1")
    outside = evaluate(run, {"b": {"d": 1}}, "RR@10 R@1")
    [(measure, found)] = drops(inside, outside).items()
    assert (measure, found.rate) == ("RR@10", -0.5)
    with pytest.raises(BadInput, match="no measure in common"):
        drops(inside, evaluate(run, {"b": {"d": 1}}, "R@1"))


def test_variants_are_averaged_query_by_query():
    found = averaged([scored(p=0.0, q=1.0), scored(p=0.5, q=1.0)])
    assert found.per_query["A"] == {"p": 0.25, "q": 1.0}
    assert found["A"] == 0.625
    assert found.queries == ("p", "q")


@given(value=st.floats(0, 1), number=st.integers(1, 9))
def test_equal_variants_have_their_own_mean_and_no_variance(value, number):
    found = averaged([scored(q=value)] * number)
    assert (found["A"], found.per_query["A"]["q"]) == (value, value)
    assert variance_per_query([{"q": value}] * number) == {"q": 0.0}


def test_variants_of_other_queries_or_measures_are_refused():
    with pytest.raises(BadInput, match="different queries"):
        averaged([scored(p=0.0), scored(q=0.5)])
    other = Evaluation(means={"B": 0.0}, per_query={"B": {"p": 0.0}}, queries=("p",))
    with pytest.raises(BadInput, match="different measures"):
        averaged([scored(p=0.0), other])
    with pytest.raises(BadInput, match="no variant to be averaged"):
        averaged([])


def test_the_variance_of_a_query_is_that_of_all_its_variants():
    found = variance_per_query([{"q": 0.0, "p": 1.0}, {"q": 0.5, "p": 1.0}, {"q": 1.0, "p": 1.0}])
    assert found == {"q": pytest.approx(1 / 6), "p": 0.0}


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ([], "no variant"),
        ([{"q": 0.0}, {}], "query 'q' has no value in one of the variants"),
        ([{}, {"q": 0.0}], "query 'q' has no value"),
        ([{"q": nan}], "not defined for query 'q'"),
    ],
)
def test_a_variance_of_what_is_not_there_is_refused(variants, said):
    with pytest.raises(BadInput, match=said):
        variance_per_query(variants)


def test_the_normalised_variance_is_the_squared_coefficient_of_variation():
    assert normalised_variance({"a": 0.1, "b": 0.5}) == pytest.approx((0.2 / 0.3) ** 2)


@given(values=st.dictionaries(st.text(max_size=3), st.floats(0.01, 1), min_size=1), scale=st.floats(0.1, 10))
def test_the_normalised_variance_does_not_depend_on_the_scale(values, scale):
    scaled = {query: scale * value for query, value in values.items()}
    assert normalised_variance(scaled) == pytest.approx(normalised_variance(values), abs=1e-9)


def test_there_is_no_normalised_variance_of_nothing():
    assert isnan(normalised_variance({"a": 0.0}))
    assert isnan(normalised_variance({}))


@pytest.mark.parametrize(
    ("queries", "share", "worst"),
    [(10, 0.1, 1), (11, 0.1, 2), (20, 0.1, 2), (25, 0.1, 3), (3, 0.1, 1), (4, 1, 4), (100, 0.07, 7)],
)
def test_the_worst_share_of_the_queries_is_rounded_up(queries, share, worst):
    values = {str(n): float(n) for n in range(queries)}
    assert worst_mean(values, share) == (worst - 1) / 2


def test_there_are_no_worst_of_no_queries():
    assert isnan(worst_mean({}))


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(BadInput, match="share="):
        worst_mean({"a": 1.0}, share)


@given(values=VALUES)
def test_the_worst_are_not_above_the_mean(values):
    assert worst_mean(values) <= sum(values.values()) / len(values) + 1e-9


def test_a_value_that_is_not_there_has_no_part_in_the_worst():
    with pytest.raises(BadInput, match="not defined for query 'b'"):
        worst_mean({"a": 1.0, "b": nan})


def test_an_attack_succeeds_where_a_target_comes_among_the_best_k_from_outside():
    ranks = [(11, 10), (11, 11), (50, 1), (10, 1), (3, 40)]
    found = success([Target("q", str(i), *pair) for i, pair in enumerate(ranks)], k=10)
    assert (found.attacked, found.outside, found.promoted) == (5, 3, 2)
    assert found.rate == pytest.approx(2 / 3)
    assert found.rank_change == pytest.approx((1 + 0 + 49 + 9 - 37) / 5)


def test_a_target_that_is_cut_off_is_outside_and_moves_nobody_knows_how_far():
    ranks = [(None, 2), (None, None), (3, None), (2, 1)]
    found = success([Target("q", str(i), *pair) for i, pair in enumerate(ranks)], k=10)
    assert (found.attacked, found.outside, found.promoted, found.ranked) == (4, 2, 1, 1)
    assert (found.rate, found.rank_change) == (0.5, 1)
    gone = success([Target("q", "d", None, None)], k=10)
    assert (gone.rate, gone.ranked) == (0, 0)
    assert isnan(gone.rank_change)


def test_without_a_target_outside_there_is_no_success_rate_and_a_reason():
    inside = success([Target("q", "d", 2, 1)], k=10)
    assert isnan(inside.rate)
    assert inside.reason == "every target is among the best 10 before"
    assert inside.rank_change == 1
    none = success([], k=10)
    assert isnan(none.rate)
    assert isnan(none.rank_change)
    assert none.reason == "there is no target"


def test_a_k_below_one_is_refused():
    with pytest.raises(BadInput, match="k=0"):
        success([], k=0)
