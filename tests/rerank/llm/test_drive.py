"""The driver: together or alone the results are the same, limits hold, failures reach the caller."""

import logging
import random
import threading
import time
from collections import Counter
from functools import partial

import pytest

from rankify.errors import BadInput
from rankify.llm.rounds import MOST
from rankify.rerank.llm.drive import SLICE, Limits, drive
from rankify.rerank.llm.flow import best_first
from rankify.rerank.llm.flows.all_pairs import all_pairs
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.insertion import insertion
from rankify.rerank.llm.flows.pairwise_bubblesort import pairwise_bubblesort
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.flows.sliding_window import sliding_window
from rankify.rerank.llm.judge import Judgment

SIZES = [0, 1, 2, 30, 7, 100, 21]
FLOWS = [pointwise, all_pairs, sliding_window, heapsort, insertion]
both_ways = pytest.mark.parametrize("parallel", [None, 1, 4])
flows = pytest.mark.parametrize("make", FLOWS)


class Oracle:
    """A judge of seeded grades that writes down what it was asked. `tokens` are what each prompt takes."""

    def __init__(self, sizes, *, calls=1, tokens=10):
        self.grades = [random.Random(n).sample(range(n), n) for n in sizes]
        self.calls, self.tokens, self.batches = calls, tokens, []

    def __call__(self, asked):
        self.batches.append(list(asked))
        counts = Counter(asked=self.calls, prompt_tokens=self.calls * self.tokens, generated_tokens=self.calls)
        return [Judgment(tuple(float(self.grades[q][p]) for p in group), counts) for q, group in asked]

    def best(self, query, k=10):
        return best_first(range(len(self.grades[query])), self.grades[query])[:k]


def rounds(make, n):
    oracle = Oracle([n])
    drive([n], make, oracle)
    return len(oracle.batches)


@flows
@both_ways
def test_every_query_is_sorted_and_its_prompts_are_counted(make, parallel):
    oracle = Oracle(SIZES)
    outcomes = drive(SIZES, make, oracle, parallel=parallel)
    asked = Counter(query for batch in oracle.batches for query, _ in batch)
    for query, outcome in enumerate(outcomes):
        assert outcome.order[:10] == oracle.best(query)
        assert sorted(outcome.order) == list(range(SIZES[query]))
        assert outcome.counts["asked"] == asked[query]
        assert not outcome.stopped


@flows
@pytest.mark.parametrize("limits", [Limits(), Limits(max_calls=7), Limits(max_tokens=100)])
def test_together_in_threads_and_one_by_one_give_the_same(make, limits):
    together = drive(SIZES, make, Oracle(SIZES), limits=limits)
    assert drive(SIZES, make, Oracle(SIZES), limits=limits, parallel=3) == together
    alone = [drive([n], make, Oracle([n]), limits=limits)[0] for n in SIZES]
    assert alone == together


@flows
def test_in_lock_step_there_are_as_many_calls_as_the_longest_flow_has_rounds(make):
    oracle = Oracle(SIZES)
    drive(SIZES, make, oracle)
    assert len(oracle.batches) == max(rounds(make, n) for n in SIZES)


def test_no_call_asks_more_than_fit_in_memory():
    sizes = [200]
    oracle = Oracle(sizes)
    [outcome] = drive(sizes, all_pairs, oracle)
    assert [len(batch) for batch in oracle.batches] == [MOST, 19_900 - MOST]
    assert outcome.order[:10] == oracle.best(0)


def test_without_queries_nothing_is_asked():
    oracle = Oracle([])
    assert drive([], heapsort, oracle) == drive([], heapsort, oracle, parallel=2) == []
    assert not oracle.batches


@both_ways
@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("most", [1, 2, 7, 50])
@flows
def test_prompts_never_exceed_their_limit(make, most, calls, parallel):
    outcomes = drive(
        [100, 60],
        make,
        Oracle([100, 60], calls=calls),
        calls=calls,
        limits=Limits(max_calls=most),
        parallel=parallel,
    )
    for outcome in outcomes:
        if outcome.stopped:
            assert outcome.counts["asked"] == most // calls * calls
        assert outcome.counts["asked"] <= most
        assert sorted(outcome.order) == list(range(len(outcome.order)))


def test_a_round_is_trimmed_to_the_prompts_left_and_what_was_asked_counts():
    oracle = Oracle([20])
    [outcome] = drive([20], pointwise, oracle, limits=Limits(max_calls=5))
    first = best_first(range(5), oracle.grades[0][:5])
    assert outcome.order == [*first, *range(5, 20)]
    assert outcome.counts == Counter(asked=5, prompt_tokens=50, generated_tokens=5, stopped=1)


def test_a_query_that_ends_within_its_limit_is_not_stopped():
    [outcome] = drive([100], sliding_window, Oracle([100]), limits=Limits(max_calls=9))
    assert (outcome.counts["asked"], outcome.stopped) == (9, False)


def test_a_stopped_query_leaves_the_order_it_had():
    oracle = Oracle([100])
    [outcome] = drive([100], sliding_window, oracle, limits=Limits(max_calls=3))
    assert outcome.order[:60] == list(range(60))
    assert outcome.order[60:70] == best_first(range(60, 100), oracle.grades[0][60:])[:10]


def test_one_query_s_limit_does_not_stop_another():
    outcomes = drive([100, 20], sliding_window, Oracle([100, 20]), limits=Limits(max_calls=2))
    assert [outcome.stopped for outcome in outcomes] == [True, False]


@both_ways
@pytest.mark.parametrize("limits", [Limits(max_tokens=100), Limits(max_cost=1.0)])
@pytest.mark.parametrize("make", [pointwise, all_pairs, pairwise_bubblesort])
def test_tokens_and_dollars_are_overshot_by_one_slice_at_most(make, limits, parallel):
    outcomes = drive(
        [50, 3],
        make,
        Oracle([50, 3]),
        limits=limits,
        cost=lambda prompt, generated: (prompt + generated) / 100,
        parallel=parallel,
    )
    tokens = [o.counts["prompt_tokens"] + o.counts["generated_tokens"] for o in outcomes]
    assert 100 <= tokens[0] < 100 + SLICE * 11
    assert [outcome.stopped for outcome in outcomes] == [True, False]


def test_remembered_replies_take_no_tokens_and_cost_nothing():
    def remembered(asked):
        return [Judgment((1.0,), Counter(asked=1, cached=1)) for _ in asked]

    limits = Limits(max_cost=0.01, max_tokens=1)
    [outcome] = drive([50], pointwise, remembered, limits=limits, cost=lambda prompt, generated: prompt + generated)
    assert (outcome.counts["cached"], outcome.stopped) == (50, False)


def test_one_line_says_how_many_queries_were_stopped(caplog):
    with caplog.at_level(logging.INFO):
        drive([100, 100, 5], sliding_window, Oracle([100, 100, 5]), limits=Limits(max_calls=1))
    assert [record.getMessage() for record in caplog.records] == [
        "2 of 3 queries stopped at max_calls=1, with the best order so far"
    ]


def test_nothing_is_said_where_none_was_stopped(caplog):
    with caplog.at_level(logging.INFO):
        drive([5], sliding_window, Oracle([5]))
    assert not caplog.records


class Refused(Exception):
    pass


@pytest.mark.parametrize("parallel", [None, 2, 8])
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_of_the_judge_reaches_the_caller(parallel):
    oracle = Oracle([30] * 6)

    def failing(asked):
        if any(query == 3 for query, _ in asked):
            raise Refused("no such key")
        return oracle(asked)

    with pytest.raises(Refused, match="no such key"):
        drive([30] * 6, heapsort, failing, parallel=parallel)


def test_a_failure_is_raised_at_once_and_the_other_queries_ask_nothing_more():
    others, may_go_on, asked = threading.Event(), threading.Event(), []

    def ask(questions):
        [(query, group)] = questions
        asked.append(query)
        if query == 0:
            assert others.wait(5)
            raise Refused
        others.set()
        assert may_go_on.wait(5)
        return [Judgment((0.0,) * len(group))]

    start = time.perf_counter()
    with pytest.raises(Refused):
        drive([50] * 10, sliding_window, ask, parallel=2)
    assert time.perf_counter() - start < 4  # query 1 is still being answered
    may_go_on.set()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(0.5)
    assert sorted(asked) == [0, 1]


def test_no_query_waits_for_another_where_each_goes_alone():
    slow_may_end, answered = threading.Event(), []

    def ask(questions):
        [(query, group)] = questions
        if query == 0:
            assert slow_may_end.wait(5)
        answered.append(query)
        if answered.count(1) == 9:
            slow_may_end.set()
        return [Judgment((0.0,) * len(group))]

    drive([100, 100], sliding_window, ask, parallel=2)
    assert answered == [1] * 9 + [0] * 9


def test_at_most_as_many_queries_as_asked_for_are_under_way():
    lock, under_way, most = threading.Lock(), 0, 0

    def ask(questions):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.002)
        with lock:
            under_way -= 1
        return [Judgment((0.0,) * len(group)) for _, group in questions]

    drive([20] * 12, sliding_window, ask, parallel=3)
    assert most == 3


@both_ways
@pytest.mark.parametrize("scores", [(1.0,), (1.0, 2.0, 3.0), (float("nan"), 1.0)])
def test_scores_that_are_no_judgment_are_an_error(parallel, scores):
    with pytest.raises(ValueError, match="2 documents were shown"):
        drive([2], sliding_window, lambda asked: [Judgment(scores)], parallel=parallel)


@both_ways
@pytest.mark.parametrize("judgments", [0, 2])
def test_too_few_or_too_many_judgments_are_an_error(parallel, judgments):
    with pytest.raises(ValueError, match="1 questions were asked"):
        drive([2], sliding_window, lambda asked: [Judgment((1.0, 0.0))] * judgments, parallel=parallel)


@pytest.mark.parametrize("limit", ["max_calls", "max_tokens", "max_cost"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_allows_nothing_is_refused(limit, value):
    with pytest.raises(BadInput, match=limit):
        Limits(**{limit: value})


def test_dollars_cannot_be_limited_without_prices():
    with pytest.raises(BadInput, match="prices"):
        drive([2], pointwise, Oracle([2]), limits=Limits(max_cost=1.0))


@pytest.mark.parametrize("make", [partial(sliding_window, step=0), partial(heapsort, k=0)])
@both_ways
def test_an_option_that_a_flow_refuses_reaches_the_caller(make, parallel):
    with pytest.raises(BadInput):
        drive([5], make, Oracle([5]), parallel=parallel)
