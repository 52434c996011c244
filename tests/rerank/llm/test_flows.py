"""Flows: what comes out with a perfect judge, with any judge, and when stopped half-way."""

import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.errors import BadInput, UnknownName
from rankify.llm.rounds import advanced, together
from rankify.rerank.llm.flows.all_pairs import all_pairs
from rankify.rerank.llm.flows.bubblesort import bubblesort
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.insertion import insertion
from rankify.rerank.llm.flows.pairwise_bubblesort import pairwise_bubblesort
from rankify.rerank.llm.flows.pairwise_heapsort import pairwise_heapsort
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.flows.sliding_window import sliding_window, spans

FLOWS = {
    "pointwise": pointwise,
    "sliding-window": sliding_window,
    "all-pairs": all_pairs,
    "heapsort": heapsort,
    "pairwise-heapsort": pairwise_heapsort,
    "pairwise-heapsort-ties": partial(pairwise_heapsort, ties="first-stage"),
    "bubblesort": bubblesort,
    "pairwise-bubblesort": pairwise_bubblesort,
    "insertion": insertion,
}
OTHERS = {
    "sliding-window-pairs": partial(sliding_window, window=2, step=1, passes=10),
    "sliding-window-apart": partial(sliding_window, window=4, step=4),
    "bubblesort-published": partial(bubblesort, published=True),
    "bubblesort-9": partial(bubblesort, children=9),
    "heapsort-1": partial(heapsort, children=1, k=3),
    "heapsort-19": partial(heapsort, children=19),
    "insertion-19": partial(insertion, children=19, k=1),
}
SIZES = [0, 1, 2, 3, 9, 10, 11, 19, 20, 21, 25, 29, 95, 100, 200]
every_flow = pytest.mark.parametrize("make", FLOWS.values(), ids=FLOWS)
any_flow = pytest.mark.parametrize("make", [*FLOWS.values(), *OTHERS.values()], ids=[*FLOWS, *OTHERS])


def shuffled(n, seed=0):
    """The grade of each position: distinct, higher is better."""
    return random.Random(seed).sample(range(n), n)


def by(grades):
    return lambda group: [float(grades[position]) for position in group]


def sort(make, n, judge):
    """(the order when the flow ends, its rounds, every group it asked for)."""
    order = list(range(n))
    flow, rounds, asked = make(order), 0, []
    groups = next(flow, None)
    while groups is not None:
        assert sorted(order) == list(range(n))
        rounds += 1
        asked += [list(group) for group in groups]
        groups = advanced(flow, [judge(group) for group in groups])
    return order, rounds, asked


@every_flow
@pytest.mark.parametrize("n", SIZES)
def test_with_a_perfect_judge_the_best_ten_come_first_and_none_is_lost(make, n):
    for seed in range(3):
        grades = shuffled(n, seed)
        order, _, _ = sort(make, n, by(grades))
        assert [grades[position] for position in order[:10]] == list(range(n))[::-1][:10]
        assert sorted(order) == list(range(n))


@pytest.mark.parametrize("children", [1, 2, 3, 5, 9, 19])
@pytest.mark.parametrize("make", [heapsort, bubblesort, insertion])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_setwise_flows_are_exact_for_any_number_of_children(make, children, k):
    for n in (2, 3, 10, 11, 20, 21, 30):
        grades = shuffled(n, seed=n)
        order, _, _ = sort(partial(make, children=children, k=k), n, by(grades))
        assert [grades[position] for position in order[:k]] == list(range(n))[::-1][:k]


@any_flow
@pytest.mark.parametrize("n", [0, 1])
def test_nothing_is_compared_with_fewer_than_two_documents(make, n):
    """One document alone is judged where documents are judged alone, for its score."""
    asked = [[0]] if make is pointwise and n else []
    assert sort(make, n, by([0])) == (list(range(n)), len(asked), asked)


@any_flow
@pytest.mark.parametrize("n", [2, 3, 4, 5, 19, 20, 21, 22, 40, 41])
def test_every_group_has_distinct_documents_and_two_at_least(make, n):
    _, _, asked = sort(make, n, by(shuffled(n)))
    fewest = 1 if make is pointwise else 2
    assert all(len(group) == len(set(group)) >= fewest for group in asked)


@any_flow
@given(data=st.data(), n=st.integers(0, 30))
def test_whatever_the_judge_says_the_order_stays_a_permutation_and_may_be_stopped(make, data, n):
    answers = random.Random(data.draw(st.integers(0, 1000)))
    order = list(range(n))
    flow = make(order)
    groups = next(flow, None)
    for _ in range(data.draw(st.integers(0, 50))):
        if groups is None:
            break
        replies = [[answers.choice([0.0, 0.5, 1.0]) for _ in group] for group in groups]
        groups = advanced(flow, [None if answers.random() < 0.1 else reply for reply in replies])
        assert sorted(order) == list(range(n))
    flow.close()
    assert sorted(order) == list(range(n))


@any_flow
def test_a_flow_starts_from_the_order_it_is_given(make):
    """Positions are names: a flow over a renamed order does the same to it."""
    grades = shuffled(12, seed=5)
    names = shuffled(12, seed=6)
    plain, _, _ = sort(make, 12, by(grades))
    order = list(names)
    flow = make(order)
    groups = next(flow, None)
    while groups is not None:
        groups = advanced(flow, [[grades[names.index(p)] for p in group] for group in groups])
    assert order == [names[position] for position in plain]


@pytest.mark.parametrize(
    "make", [f for name, f in {**FLOWS, **OTHERS}.items() if "heapsort" not in name or name.endswith("ties")]
)
@pytest.mark.parametrize("n", [2, 10, 25, 40])
def test_a_judge_for_whom_all_are_equal_changes_nothing(make, n):
    assert sort(make, n, lambda group: [0.5] * len(group))[0] == list(range(n))


@pytest.mark.parametrize("make", [bubblesort, partial(bubblesort, published=True), insertion])
def test_a_judge_that_always_takes_the_first_shown_changes_nothing(make):
    assert sort(make, 40, lambda group: [1.0] + [0.0] * (len(group) - 1))[0] == list(range(40))


@every_flow
def test_documents_below_the_best_ten_stay_in_first_stage_order_where_only_ten_are_sorted(make):
    grades = shuffled(40)
    order, _, _ = sort(make, 40, by(grades))
    if make in (pointwise, all_pairs):
        assert order == sorted(range(40), key=lambda position: -grades[position])
    elif make is not sliding_window:
        assert order[10:] == sorted(order[10:])


@pytest.mark.parametrize(
    ("make", "n", "rounds", "groups"),
    [
        (pointwise, 100, 1, 100),
        (all_pairs, 100, 1, 4950),
        (sliding_window, 100, 9, 9),
        (sliding_window, 8, 1, 1),
        (partial(sliding_window, passes=3), 25, 6, 6),
        (partial(sliding_window, window=2, step=1, passes=10), 100, 990, 990),
    ],
)
def test_rounds_and_groups_are_those_of_the_paper(make, n, rounds, groups):
    _, took, asked = sort(make, n, by(shuffled(n)))
    assert (took, len(asked)) == (rounds, groups)


def test_bubbling_up_a_reversed_ranking_compares_every_pair_that_is_not_settled():
    _, _, asked = sort(pairwise_bubblesort, 100, by(range(100)))
    assert len(asked) == sum(99 - top for top in range(10))


def test_a_heap_is_built_level_by_level_in_few_rounds():
    _, rounds, asked = sort(partial(heapsort, children=2, k=1), 127, by(shuffled(127)))
    assert len(asked) >= 63
    assert rounds <= sum(range(1, 7))  # a node of height h sinks h levels at most


@pytest.mark.parametrize("n", [20, 100])
def test_a_window_is_not_asked_about_twice(n):
    _, _, asked = sort(bubblesort, n, by(shuffled(n)))
    assert len({frozenset(group) for group in asked}) == len(asked)


def test_insertion_asks_less_the_better_the_first_stage_was():
    right, wrong = list(range(100))[::-1], list(range(100))
    asked = [len(sort(insertion, 100, by(grades))[2]) for grades in (right, shuffled(100), wrong)]
    assert asked == sorted(asked)
    assert asked[0] < len(sort(heapsort, 100, by(right))[2])


@pytest.mark.parametrize(
    ("n", "windows"),
    [
        (8, [(0, 8)]),
        (15, [(0, 15)]),
        (22, [(2, 22), (0, 12)]),
        (25, [(5, 25), (0, 15)]),
        (30, [(10, 30), (0, 20)]),
        (40, [(20, 40), (10, 30), (0, 20)]),
    ],
)
def test_windows_are_those_of_rankllm(n, windows):
    assert list(spans(n, 20, 10)) == windows


def test_documents_without_a_judgment_stay_below_the_others_in_their_order():
    order = [3, 0, 2, 1, 4]
    flow = pointwise(order)
    next(flow)
    advanced(flow, [None, [-9.0], None, [float("-inf")], [1.0]])
    assert order == [4, 0, 1, 3, 2]


def test_a_pair_without_a_judgment_is_a_tie():
    order = [0, 1, 2]
    flow = all_pairs(order)
    assert next(flow) == [(0, 1), (0, 2), (1, 2)]
    advanced(flow, [None, [0.0, 1.0], None])
    assert order == [2, 1, 0]  # wins: 1.5, 1, .5


def test_equal_numbers_of_wins_keep_the_present_order():
    order = [2, 0, 1]
    flow = all_pairs(order)
    next(flow)
    advanced(flow, [[1, 0], [0, 1], [1, 0]])  # a circle
    assert order == [2, 0, 1]


def test_a_heap_that_is_stopped_has_the_documents_taken_from_it_on_top():
    grades = shuffled(31)
    order = list(range(31))
    flow = heapsort(order, k=10, children=2)
    groups, orders = next(flow), []
    while groups is not None:
        orders.append([grades[position] for position in order])
        groups = advanced(flow, [by(grades)(group) for group in groups])
    built = next(i for i, seen in enumerate(orders) if seen[0] == 30)
    assert {seen[0] for seen in orders[built:]} == {30}
    assert orders[-1][:9] == list(range(30, 21, -1))


def test_a_newcomer_takes_its_place_below_its_equals():
    grades = [4, 3, 3, 2, 1, 3]
    order, _, asked = sort(partial(insertion, k=4, children=2), 6, by(grades))
    assert order == [0, 1, 2, 5, 3, 4]
    assert asked[-4:] == [[3, 4, 5], [1, 5], [2, 5], [5, 4]]  # and is not compared again with the one that it beat


def test_with_fewer_documents_than_children_each_pass_asks_about_all_that_are_left():
    """Also in the published bubblesort, which must not start below the end of the ranking."""
    for published in (False, True):
        _, _, asked = sort(partial(bubblesort, k=3, children=9, published=published), 9, by(range(9)))
        assert [len(group) for group in asked] == [9, 8, 7]


@pytest.mark.parametrize(
    "flow",
    [
        partial(sliding_window, step=0),
        partial(sliding_window, step=21),
        partial(sliding_window, window=1, step=1),
        partial(heapsort, children=0),
        partial(bubblesort, children=0),
        partial(insertion, children=0),
        partial(heapsort, k=0),
        partial(bubblesort, k=0),
        partial(insertion, k=0),
        partial(pairwise_bubblesort, k=0),
        partial(pairwise_heapsort, k=0),
    ],
)
def test_options_that_cannot_work_are_refused(flow):
    with pytest.raises(BadInput):
        next(flow([0, 1, 2]), None)


def test_an_unknown_way_with_ties_is_refused():
    with pytest.raises(UnknownName, match="first-stage"):
        pairwise_heapsort([0, 1], ties="first_stage")


def test_flows_go_together_in_as_many_rounds_as_the_longest():
    def asking(name, rounds, heard):
        for i in range(rounds):
            heard += yield [f"{name}{i}"] * (i + 1)

    heard = {name: [] for name in "abc"}
    flow = together(asking(name, rounds, heard[name]) for name, rounds in (("a", 3), ("b", 0), ("c", 1)))
    questions, rounds = next(flow), []
    while questions is not None:
        rounds.append(questions)
        questions = advanced(flow, [question.upper() for question in questions])
    assert rounds == [["a0", "c0"], ["a1", "a1"], ["a2", "a2", "a2"]]
    assert heard == {"a": ["A0", "A1", "A1", "A2", "A2", "A2"], "b": [], "c": ["C0"]}
