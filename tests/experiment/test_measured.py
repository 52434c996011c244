"""What is compared of measures that some query has no value of."""

from math import nan

from rankify.evaluation import Evaluation
from rankify.experiment.measured import compared


def test_a_measure_without_a_value_for_a_query_is_not_compared():
    queries, zero = ("q1", "q2"), {"q1": 0.0, "q2": 0.0}
    rows = {"m": {"q1": 1.0, "q2": nan}, "F1": {"q1": 1.0, "q2": 0.0}}
    hole = Evaluation(means={"m": 1.0, "F1": 0.5}, per_query=rows, queries=queries)
    whole = Evaluation(means={"m": 0.0, "F1": 0.0}, per_query={"m": zero, "F1": zero}, queries=queries)
    found = compared({"a": [hole], "b": [whole]}, "a", ["m", "F1"])
    assert [difference.measure for difference in found.differences] == ["F1"]
    assert compared({"a": [hole], "b": [whole]}, "a", ["m"]).differences == found.differences
