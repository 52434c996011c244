"""What answers and judges took in dollars, in tables: small amounts are not nothing."""

from types import SimpleNamespace

from rankify.evaluation.scores import Evaluation
from rankify.experiment import judging, tables


def cells(grid):
    [(_, row)] = grid.rows
    return dict(zip(grid.columns[1:], [entry.text for entry in row], strict=True))


def test_what_judging_took():
    scored = Evaluation(means={}, per_query={}, queries=(), counts={"asked": 2, "cost": 0.000032})
    [grid] = judging.took(SimpleNamespace(scores={"d": {"s": scored}}), "d")
    assert cells(grid)["dollars"] == "0.000032"


def test_what_answers_took():
    record = {"answers": 1, "seconds": 1, "counts": {"asked": 1, "cost": 0.000032}, "remembered": 0}
    grid = tables._reading(SimpleNamespace(readings={"d": {"s": record}}), "d")
    assert cells(grid)["dollars"] == "0.000032"
