"""Which queries are timed, and what is made of the times."""

from itertools import count

import pytest

from rankify.errors import BadInput, Misuse
from rankify.experiment.efficiency import Efficiency, latency, percentile, timed

QUERIES = [f"q{i}" for i in range(20)]


class Clock:
    """Time that passes as asked queries say."""

    def __init__(self, seconds):
        self.now, self.seconds, self.asked, self.events = 0.0, iter(seconds), [], []

    def __call__(self):
        return self.now

    def ask(self, query):
        self.asked.append(query)
        self.events.append("ask")
        self.now += next(self.seconds)


def test_only_queries_behind_the_warm_up_are_timed():
    clock = Clock([100, 100, 1, 2, 3])
    plan = Efficiency(queries=3, warm_up=2, repetitions=1)
    assert timed(clock.ask, QUERIES, plan, clock=clock) == [1, 2, 3]


def test_each_query_is_timed_once_a_repetition():
    clock = Clock(count(1))
    assert len(timed(clock.ask, QUERIES, Efficiency(queries=4, warm_up=0, repetitions=3), clock=clock)) == 12
    assert clock.asked[:4] == clock.asked[4:8] == clock.asked[8:]


def test_what_is_called_behind_a_query_takes_none_of_its_time():
    clock = Clock([1, 1, 1])

    def after():
        clock.events.append("after")
        clock.now += 50

    plan = Efficiency(queries=3, warm_up=0, repetitions=1)
    assert timed(clock.ask, QUERIES, plan, clock=clock, after=after) == [1, 1, 1]
    assert clock.events == ["ask", "after"] * 3


def test_what_is_to_be_ready_is_called_between_warm_up_and_measurement():
    clock = Clock(count(1))
    plan = Efficiency(queries=2, warm_up=3, repetitions=1)
    timed(clock.ask, QUERIES, plan, clock=clock, ready=lambda: clock.events.append("ready"))
    assert clock.events == ["ask"] * 3 + ["ready"] + ["ask"] * 2


def test_the_draw_depends_on_the_seed_alone():
    one, again, other = (Efficiency(queries=5, seed=seed).drawn(QUERIES) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_queries_that_warm_up_are_not_those_that_count():
    warm_up, measured = Efficiency(queries=5, warm_up=15).drawn(QUERIES)
    assert len(warm_up) == 15
    assert not {*warm_up} & {*measured}


def test_few_queries_are_all_measured_and_warm_up_too():
    warm_up, measured = Efficiency(queries=50, warm_up=5).drawn(["a", "b"])
    assert sorted(measured) == ["a", "b"]
    assert len(warm_up) == 5


def test_no_queries_have_no_latency():
    with pytest.raises(BadInput, match="no query to measure"):
        Efficiency().drawn([])


@pytest.mark.parametrize(
    ("percent", "value"), [(50, 50), (90, 90), (95, 95), (99, 99), (100, 100), (0, 1), (0.5, 1), (1.5, 2)]
)
def test_a_percentile_is_the_nearest_rank(percent, value):
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_the_median_of_two_is_the_lower_one():
    assert percentile([3, 1], 50) == 1


def test_no_values_have_no_percentile():
    with pytest.raises(BadInput, match="no values"):
        percentile([], 50)


def test_latency_is_in_milliseconds():
    assert latency([0.001, 0.003]) == {"p50": 1, "p90": 3, "p95": 3, "p99": 3, "mean": 2}


def test_numbers_that_are_not_given_are_the_usual_ones():
    assert Efficiency.of({"queries": "7"}) == Efficiency(queries=7, warm_up=5, repetitions=3, seed=0)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("yes", "'yes' is no mapping; write e.g. {queries: 50, warm_up: 5, repetitions: 3}"),
        ({"warmup": "1"}, "no key 'warmup'; did you mean 'warm_up'?"),
        ({"queries": "0"}, "queries: '0' is no whole number from 1 up"),
        ({"repetitions": "0"}, "repetitions: '0' is no whole number from 1 up"),
        ({"warm_up": "-1"}, "warm_up: '-1' is no whole number from 0 up"),
        ({"seed": "1.5"}, "seed: '1.5' is no whole number from 0 up"),
        ({"queries": "²"}, "queries: '²' is no whole number from 1 up"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(said, line):
    with pytest.raises(Misuse) as refused:
        Efficiency.of(said)
    assert str(refused.value) == line


def test_no_warm_up_is_allowed():
    assert Efficiency.of({"warm_up": "0"}).warm_up == 0
