"""Means and votes over collections, agreement between them, and an order without one of them."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.errors import BadInput
from rankify.evaluation import evaluate
from rankify.evaluation.aggregation import ORDERS
from rankify.evaluation.agreement import agreement, kendall_tau, leave_one_out, places_without
from rankify.evaluation.votes import borda, borda_two_level, by_collection, condorcet_winner, mean, ordered


def table(systems, collections, seed, levels=5):
    values = np.random.default_rng(seed).integers(0, levels, (systems, collections))
    return {f"s{i}": {f"c{j}": float(v) for j, v in enumerate(row)} for i, row in enumerate(values)}


# far ahead on one collection, a little behind on the others
SKEWED = {
    "A": {"x": 0.9, "y": 0.30, "z": 0.30},
    "B": {"x": 0.5, "y": 0.31, "z": 0.31},
    "C": {"x": 0.1, "y": 0.32, "z": 0.32},
}


def test_the_mean_and_bordas_count_can_be_in_reverse():
    assert ordered(mean(SKEWED)) == ("A", "B", "C")
    assert ordered(borda(SKEWED)) == ("C", "B", "A")
    assert ORDERS["kemeny"](SKEWED) == ("C", "B", "A")
    assert condorcet_winner(SKEWED) == "C"


def test_where_pairs_contradict_each_other_the_votes_still_have_an_order():
    """Colombo et al.'s case: by the mean A > B > C; by pairs B > A, C > B, A = C; by the consensus C > B > A."""
    orders = {"w": "CBA", "x": "CBA", "y": "BAC", "z": "ACB"}
    table = {s: {c: (3 - order.index(s)) / 100 for c, order in orders.items()} for s in "ABC"}
    table["A"]["z"], table["B"]["y"] = 0.9, 0.5
    assert ordered(mean(table)) == ("A", "B", "C")
    assert ordered(borda(table)) == ORDERS["kemeny"](table) == ("C", "B", "A")
    assert condorcet_winner(table) is None


@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_bordas_count_is_the_sum_of_average_ranks_from_the_other_end(systems, collections, seed):
    given = table(systems, collections, seed)
    columns = np.array([[*row.values()] for row in given.values()])
    ranks = scipy.stats.rankdata(-columns, axis=0).sum(axis=1)
    assert [*borda(given).values()] == (systems * collections - ranks).tolist()


@given(st.integers(0, 999), st.sampled_from([np.exp, np.cbrt, lambda v: 7 * v - 3]))
@settings(max_examples=40, deadline=None)
def test_votes_do_not_mind_how_a_collection_spreads_its_values(seed, stretch):
    given = table(6, 3, seed)
    stretched = {s: {**row, "c0": float(stretch(row["c0"]))} for s, row in given.items()}
    assert borda(stretched) == borda(given)
    assert condorcet_winner(stretched) == condorcet_winner(given)
    assert repr(agreement(stretched)) == repr(agreement(given))  # NaN where a collection ties all


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_a_condorcet_winner_is_above_each_other_on_more_collections(systems, collections, seed):
    given = table(systems, collections, seed)

    def beats(a, b):
        apart = np.sign([given[a][c] - given[b][c] for c in given[a]])
        return apart.sum() > 0

    winners = [a for a in given if all(beats(a, b) for b in given if b != a)]
    assert condorcet_winner(given) == (winners[0] if winners else None)


def test_in_a_circle_nobody_wins():
    circle = {"a": dict(zip("xyz", (3, 1, 2), strict=True)), "b": dict(zip("xyz", (2, 3, 1), strict=True)),
              "c": dict(zip("xyz", (1, 2, 3), strict=True))}  # fmt: skip
    assert condorcet_winner(circle) is None
    assert {*borda(circle).values()} == {3.0}


def test_over_queries_a_collection_has_one_vote_however_many_queries_it_has():
    many = {"a": {f"q{i}": 1.0 for i in range(9)}, "b": {f"q{i}": 0.0 for i in range(9)}}
    few = {"a": {"q": 0.0}, "b": {"q": 1.0}}
    assert borda_two_level({"many": many, "few": few}) == {"a": 1.0, "b": 1.0}
    assert borda_two_level({"many": many, "few": few, "third": few}) == {"a": 1.0, "b": 2.0}


def test_a_query_is_a_voter_whatever_its_values_weigh():
    one = {"a": {"q1": 1.0, "q2": 0.2, "q3": 0.2}, "b": {"q1": 0.0, "q2": 0.3, "q3": 0.3}}
    assert ordered({s: np.mean([*row.values()]) for s, row in one.items()}) == ("a", "b")
    assert ordered(borda_two_level({"x": one})) == ("b", "a")


def test_evaluations_give_the_queries_that_vote():
    qrels = {"q1": {"d": 1}, "q2": {"d": 1}}
    good, bad = ({q: {"d": float(s), "e": 1.0} for q in qrels} for s in (2, 0))
    found = by_collection({"x": {s: evaluate(r, qrels, "RR") for s, r in (("good", good), ("bad", bad))}}, "RR")
    assert found == {"x": {"good": {"q1": 1, "q2": 1}, "bad": {"q1": 0.5, "q2": 0.5}}}
    assert borda_two_level(found) == {"good": 1, "bad": 0}


def test_a_collection_whose_systems_lack_a_query_is_named():
    with pytest.raises(BadInput, match="x: 'b' has no value for q2"):
        borda_two_level({"x": {"a": {"q1": 1.0, "q2": 1.0}, "b": {"q1": 1.0}}})


@pytest.mark.parametrize("levels", [3, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_scipys_tau_b(levels, seed):
    given = table(12, 4, seed, levels)
    for a, row in agreement(given).items():
        for b, tau in row.items():
            values = ([r[c] for r in given.values()] for c in (a, b))
            assert tau == pytest.approx(scipy.stats.kendalltau(*values).statistic)


def test_a_collection_that_ties_all_systems_agrees_with_none():
    assert math.isnan(kendall_tau(np.array([0.3, 0.1 + 0.2, 0.3]), np.array([1, 2, 3])))


def test_leaving_a_collection_out_shows_what_the_order_hangs_on():
    found = {one.collection: one for one in leave_one_out(SKEWED, ORDERS["mean"])}
    assert (found["x"].order, found["x"].tau, found["x"].first) == (("C", "B", "A"), -1, False)
    assert (found["y"].order, found["y"].tau, found["y"].first) == (("A", "B", "C"), 1, True)
    assert places_without(tuple(found.values())) == {"A": (1, 3), "B": (2, 2), "C": (1, 3)}


@pytest.mark.parametrize("given", [{"a": {"x": 1.0}, "b": {"x": 2.0}}, {"a": {"x": 1.0, "y": 2.0}}])
def test_leaving_out_takes_two_of_each(given):
    with pytest.raises(BadInput, match="two collections or more, and two systems or more"):
        leave_one_out(given, ORDERS["borda"])


def test_agreement_takes_two_systems():
    with pytest.raises(BadInput, match="two systems or more"):
        agreement({"a": {"x": 1.0}})
