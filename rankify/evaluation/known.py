"""What a measure has no value for, and why: NaN with a reason, which counts in no mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isnan, nan
from statistics import fmean

Why = dict[str, dict[str, str]]  # measure -> question -> why it has no value


class NotKnown(Exception):
    """A measure has no value for a question; the message says why, in one line."""


def valued(measure: Callable[[], float]) -> tuple[float, str]:
    """(value, ""), or (NaN, why there is none).

    >>> valued(lambda: 0.5)
    (0.5, '')
    """
    try:
        return float(measure()), ""
    except NotKnown as reason:
        return nan, str(reason)


def mean_of_known(values: Iterable[float]) -> float:
    """The mean of the values that are no NaN; NaN where all are.

    >>> mean_of_known([1.0, nan, 0.0]), mean_of_known([nan])
    (0.5, nan)
    """
    known = [value for value in values if not isnan(value)]
    return fmean(known) if known else nan


def apart(
    rows: Mapping[str, Mapping[str, tuple[float, str]]],
) -> tuple[dict[str, dict[str, float]], Why]:
    """(values, reasons) of measures, each by measure and question; reasons only where there are some."""
    values = {name: {q: value for q, (value, _) in row.items()} for name, row in rows.items()}
    reasons = {name: {q: why for q, (_, why) in row.items() if why} for name, row in rows.items()}
    return values, {name: row for name, row in reasons.items() if row}
