"""How a value stands in a table: whether it is of the best two of its column, and its mark of significance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import TYPE_CHECKING

from rankify.evaluation.names import better
from rankify.experiment.grid import Entry

if TYPE_CHECKING:
    from rankify.evaluation import Comparison

FAILED = Entry("failed")


def top_two(values: Iterable[float], measure: str) -> list[str]:
    """The best and the second best value as they are written; values that are written alike are one, NaN is none.

    The least values are the best of a measure of which less is better; none is where neither end is good.

    >>> values = [0.5, 0.25, 0.50001, 0.75, float("nan")]
    >>> top_two(values, "F1"), top_two(values, "cites_unknown"), top_two(values, "length")
    (['0.7500', '0.5000'], ['0.2500', '0.5000'], [])
    """
    known, end = sorted({round(v, 4) for v in values if not isnan(v)}), better(measure)
    best = {"more": known[::-1], "less": known, "neither": []}[end]
    return [f"{value:.4f}" for value in best[:2]]


def entry(value: float, top: Sequence[str], mark: str = "") -> Entry:
    """A value of a column with its best two."""
    text = f"{value:.4f}"
    return Entry(text, text in top[:1], mark, text in top[1:])


def mark(comparison: Comparison | None, system: str, measure: str) -> str:
    """The mark of a system that differs significantly from the baseline, or the letters of those that it is above."""
    return "" if comparison is None else comparison.marks(system, measure)


def legend(comparison: Comparison | None) -> str:
    """What the marks mean."""
    return "" if comparison is None else comparison.legend(counted=False)
