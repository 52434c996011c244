"""Kemeny's consensus: equal to trying every order, majorities first, and bounds where it is searched."""

from itertools import permutations
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.evaluation.kemeny import circles, costs, kemeny


def table(systems, collections, seed, levels=6):
    values = np.random.default_rng(seed).integers(0, levels, (systems, collections))
    return {f"s{i}": {f"c{j}": float(v) for j, v in enumerate(row)} for i, row in enumerate(values)}


def distance(order, given):
    """Pairs that the collections have the other way round, ties one half; by the definition."""
    found = 0.0
    for place, above in enumerate(order):
        for below in order[place + 1 :]:
            for collection in given[above]:
                apart = given[below][collection] - given[above][collection]
                found += 1 if apart > 0 else 0.5 if apart == 0 else 0
    return found


def cycle(systems, names="abcdefghijklmnopqrstuvwxyz"):
    """As many collections as systems, each of which starts the circle of systems elsewhere."""
    return {names[i]: {f"c{j}": float(systems - (i - j) % systems) for j in range(systems)} for i in range(systems)}


@pytest.mark.parametrize("seed", range(6))
def test_it_costs_what_the_best_of_all_orders_of_seven_systems_costs(seed):
    given = table(7, 2 + seed, seed, levels=3 + 4 * (seed % 2))
    found = kemeny(given)
    against = costs(np.array([[*row.values()] for row in given.values()]))
    orders = np.array([*permutations(range(7))])
    pairs = np.triu_indices(7, 1)
    all_costs = against[orders[:, pairs[1]], orders[:, pairs[0]]].sum(axis=1)
    assert found.exact
    assert found.cost == all_costs.min() == distance(found.order, given)
    assert found.optima == (all_costs == all_costs.min()).sum()
    assert found.bound <= found.cost


@pytest.mark.parametrize("seed", range(4))
def test_solving_circles_one_by_one_changes_nothing(seed, monkeypatch):
    given = table(8, 3, seed)
    apart = kemeny(given)
    monkeypatch.setattr("rankify.evaluation.kemeny.circles", lambda against: iter([list(range(len(against)))]))
    whole = kemeny(given)
    assert (apart.cost, apart.optima, apart.order) == (whole.cost, whole.optima, whole.order)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_a_system_that_beats_each_other_stands_first_and_one_that_loses_last(systems, collections, seed):
    given = table(systems, collections, seed)
    against = costs(np.array([[*row.values()] for row in given.values()]))
    order = kemeny(given).order
    for place, system in enumerate(given):
        won = [against[place, j] > against[j, place] for j in range(systems) if j != place]
        lost = [against[place, j] < against[j, place] for j in range(systems) if j != place]
        assert not all(won) or order[0] == system
        assert not all(lost) or order[-1] == system


@given(st.integers(0, 999), st.sampled_from([np.exp, np.cbrt, lambda v: 7 * v - 3]))
@settings(max_examples=30, deadline=None)
def test_only_the_orders_on_the_collections_matter(seed, stretch):
    given = table(5, 3, seed)
    stretched = {s: {**row, "c1": float(stretch(row["c1"]))} for s, row in given.items()}
    assert kemeny(stretched) == kemeny(given)


def test_a_circle_of_three_has_three_best_orders():
    found = kemeny(cycle(3))
    assert (found.cost, found.bound, found.optima) == (4, 3, 3)
    assert found.order in {("a", "b", "c"), ("b", "c", "a"), ("c", "a", "b")}


def test_circles_stand_in_the_order_of_the_majorities():
    low, high = cycle(3), cycle(3, "xyz")
    given = low | {s: {c: v + 10 for c, v in row.items()} for s, row in high.items()}
    against = costs(np.array([[*row.values()] for row in given.values()]))
    assert [*circles(against)] == [[3, 4, 5], [0, 1, 2]]
    found = kemeny(given)
    assert {*found.order[:3]} == {*"xyz"}
    assert found.optima == 9


def test_systems_that_all_collections_tie_go_by_the_table():
    found = kemeny({name: {"x": 0.5, "y": 0.25} for name in ("b", "a", "c")})
    assert (found.order, found.cost, found.optima) == (("b", "a", "c"), 3, prod(range(1, 4)))


def test_a_searched_order_that_reaches_the_bound_is_known_to_be_the_best():
    tied = kemeny({f"s{i:02}": {"x": 0.5} for i in range(17)})
    assert (tied.exact, tied.optima, tied.cost) == (True, None, 17 * 16 / 4)


def test_a_rounding_error_is_a_tie():
    found = kemeny({"a": {"x": 0.3, "y": 1.0}, "b": {"x": 0.1 + 0.2, "y": 0.0}})
    assert (found.order, found.cost) == (("a", "b"), 0.5)


def test_sixteen_systems_in_one_circle_are_solved_exactly():
    found = kemeny(cycle(16))
    assert found.exact
    assert found.optima == 16
    assert found.cost == distance(tuple("abcdefghijklmnop"), cycle(16))


def test_beyond_sixteen_the_search_says_how_far_off_it_can_be():
    given = table(20, 5, 3, levels=50)
    found = kemeny(given)
    assert (found.exact, found.optima) == (False, None)
    assert found.bound <= found.cost == distance(found.order, given)
    assert found == kemeny(given, seed=0)
    assert sorted(found.order) == sorted(given)
    assert found.places[found.order[4]] == 5


@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_the_best_order_where_that_is_known(seed):
    given = table(10, 5, seed, levels=40)
    assert kemeny(given, exact=2).cost == kemeny(given).cost
    assert kemeny(given, exact=2, restarts=0).cost >= kemeny(given).cost


@pytest.mark.parametrize("seed", range(3))
def test_no_move_of_one_system_betters_a_searched_order(seed):
    given = table(18, 7, seed, levels=30)
    found = kemeny(given, restarts=0)
    for system in found.order[::4]:
        rest = [s for s in found.order if s != system]
        for place in range(18):
            assert distance([*rest[:place], system, *rest[place:]], given) >= found.cost


def test_many_systems_without_a_circle_are_exact_at_once():
    given = {f"s{i}": {"x": float(i), "y": float(i), "z": float(-i)} for i in range(60)}
    found = kemeny(given)
    assert found.exact
    assert found.order == tuple(f"s{i}" for i in reversed(range(60)))
    assert found.cost == found.bound == 60 * 59 / 2
