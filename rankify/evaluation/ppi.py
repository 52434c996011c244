"""Intervals of a mean from many judgments of a model and few of people: prediction-powered inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean, pvariance

from rankify.errors import BadInput


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the interval that holds it so often."""

    mean: float
    low: float
    high: float


def prediction_powered(
    judged: Sequence[float], labelled: Sequence[float], labels: Sequence[float], *, alpha: float = 0.05
) -> Interval:
    """The mean of what people would say of all answers, from a model's judgments and a few labels of people.

    The mean of the model's judgments, less its mean error where people labelled too; its variance is the sum of both
    means' variances. Angelopoulos et al., arXiv:2301.09633, as ARES has it, arXiv:2311.09476, section 3.3.

    Args:
        judged: the model's judgments of answers that nobody labelled.
        labelled: its judgments of those that people labelled.
        labels: theirs, in the same order.
        alpha: how often the interval may miss the mean.

    Raises:
        BadInput: nothing is judged or labelled, there are not as many labels as judgments, or alpha is no share.

    >>> found = prediction_powered([1, 1, 0, 1] * 25, [1, 1, 0, 0] * 5, [1, 0, 0, 0] * 5)
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3)
    (0.5, 0.292, 0.708)
    """
    if min(len(judged), len(labelled)) == 0 or len(labelled) != len(labels):
        raise BadInput(
            f"{len(judged)} judgments alone, and {len(labelled)} beside {len(labels)} labels: some of both are needed, "
            "and a judgment beside each label"
        )
    if not 0 < alpha < 1:
        raise BadInput(f"alpha={alpha}: how often the interval may miss is a share between 0 and 1")
    errors = [judgment - label for judgment, label in zip(labelled, labels, strict=True)]
    mean = fmean(judged) - fmean(errors)
    wide = NormalDist().inv_cdf(1 - alpha / 2) * sqrt(pvariance(judged) / len(judged) + pvariance(errors) / len(errors))
    return Interval(mean, mean - wide, mean + wide)
