"""Sums over pairs: what comes out with a perfect judge, with equals, and when stopped half-way."""

import random

import pytest

from rankify.llm.rounds import advanced
from rankify.rerank.llm.flows.pair_sums import pair_sums, summed
from rankify.rerank.llm.judges.pair_probability import probabilities
from tests.rerank.llm.test_seq2seq import AGGREGATES, PAIRS


def sort(n, judge, budget=None, **options):
    """The order of n documents, of which so many pairs may be judged, and the pairs that were asked."""
    order = list(range(n))
    flow = pair_sums(order, **options)
    asked = next(flow, [])
    if asked:
        budget = len(asked) if budget is None else budget
        assert advanced(flow, [judge(*pair) if i < budget else None for i, pair in enumerate(asked)]) is None
    return order, asked


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 10, 11, 19, 20, 21, 25, 29, 95, 100, 200])
def test_with_a_perfect_judge_all_are_sorted(n, pairs, aggregate):
    grades = random.Random(n).sample(range(n), n)
    order, asked = sort(n, lambda i, j: probabilities(grades[i], grades[j]), pairs=pairs, aggregate=aggregate)
    assert [grades[i] for i in order] == list(range(n))[::-1]
    assert len(set(asked)) == len(asked) == n * (n - 1) // (1 if pairs == "all" else 2)


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_equal_sums_keep_the_order(pairs, aggregate):
    assert sort(30, lambda i, j: (0.5, 0.5), pairs=pairs, aggregate=aggregate)[0] == list(range(30))
    beats = {(0, 1), (1, 2), (2, 0)}  # a circle
    judge = lambda i, j: (0.9, 0.1) if (i, j) in beats else (0.1, 0.9)  # noqa: E731
    assert sort(3, judge, pairs=pairs, aggregate=aggregate)[0] == [0, 1, 2]


def lower_is_better(i, j):
    return (0.9, 0.1) if i > j else (0.1, 0.9)


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("budget", [0, 1, 2, 5, 12, 13, 100])
def test_when_stopped_only_documents_that_were_compared_have_moved(budget, pairs, aggregate):
    order, asked = sort(20, lower_is_better, budget, pairs=pairs, aggregate=aggregate)
    n = len({position for pair in asked[:budget] for position in pair})
    assert sorted(order[:n]) == list(range(n))
    assert order[n:] == list(range(n, 20))


@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("n", [2, 3, 10, 19])
def test_pairs_of_the_documents_ranked_highest_are_asked_first(n, pairs, aggregate):
    budget = n * (n - 1) // (1 if pairs == "all" else 2)
    order, _ = sort(20, lower_is_better, budget, pairs=pairs, aggregate=aggregate)
    assert order == [*reversed(range(n)), *range(n, 20)]


def test_a_pair_that_was_not_judged_is_a_tie():
    order, asked = sort(3, lower_is_better, 3)
    assert asked[:3] == [(0, 1), (1, 0), (0, 2)]
    assert order == [
        1,
        2,
        0,
    ]  # sums of p(i, j) and 1 - p(j, i): 0 has .1 .1 .1 .5, 1 has .9 .9 .5 .5, 2 has .9 .5 .5 .5


@pytest.mark.parametrize("pairs", PAIRS)
def test_a_flow_starts_from_the_order_it_is_given(pairs):
    order = [7, 3, 5]
    flow = pair_sums(order, pairs=pairs)
    asked = next(flow)
    assert asked[:2] == [(7, 3), (3, 7) if pairs == "all" else (7, 5)]
    assert advanced(flow, [(1.0, 0.0) if i < j else (0.0, 1.0) for i, j in asked]) is None
    assert order == [3, 5, 7]


def test_a_probability_of_nothing_has_a_logarithm():
    sure = {(0, 1): (0.0, 1.0), (1, 0): (1.0, 0.0)}
    for aggregate in AGGREGATES:
        low, high = summed([0, 1], sure, aggregate)
        assert low < high
