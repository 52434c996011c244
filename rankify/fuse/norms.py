"""Scores made comparable: what each normalisation makes of one list's scores for one query.

Min-max, sum and z-score (zero mean, unit variance): Montague and Aslam, CIKM 2001. Max: Lee, SIGIR 1995. Rank and
Borda: Renda and Straccia, SAC 2003. Where the scores of a list are all the same, each says what becomes of them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rankify.errors import BadInput
from rankify.types import Ranking, Scores

Norm = Literal["minmax", "max", "sum", "zscore", "rank", "borda", "none"]
LARGEST = 1e150  # the squares of larger scores are infinite, and their differences may be
NOTHING = float("nan")  # what a list says of a document that it lacks, where it does not count


def normalised(norm: Norm, ranking: Ranking, candidates: int) -> tuple[Scores, float]:
    """A list's scores, normalised, and what it gives the documents that it lacks: nothing (NaN), but by `borda`.

    Args:
        norm: a key of `NORMS`.
        ranking: the list, best first.
        candidates: how many documents all lists have together, which `borda` divides by.

    Raises:
        BadInput: a score that is infinite or beyond `LARGEST` where scores are added up, or `max` where the best score
            is not above 0.
    """
    if norm == "borda":
        return borda(len(ranking), candidates)
    if norm != "rank" and not (np.abs(ranking.scores) <= LARGEST).all():
        most = float(np.abs(ranking.scores).max())
        what = "an infinite score" if np.isinf(most) else f"a score {most:g} away from 0"
        raise BadInput(f"query {ranking.query.id!r}: {what} cannot be added up; fuse with rrf")
    if not len(ranking):
        return ranking.scores, NOTHING
    if norm == "max" and ranking.scores[0] <= 0:
        best = float(ranking.scores[0])
        raise BadInput(f"query {ranking.query.id!r}: norm=max divides by the best score, here {best:g}; take minmax")
    return NORMS[norm](ranking.scores), NOTHING


def minmax(scores: Scores) -> Scores:
    """Scores from 0 to 1; all 1 when they are all the same.

    >>> minmax(np.array([3.0, 2.0, 1.0])).tolist(), minmax(np.array([2.0])).tolist()
    ([1.0, 0.5, 0.0], [1.0])
    """
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span else np.ones_like(scores)


def maximum(scores: Scores) -> Scores:
    """Scores divided by the best one, which is above 0.

    >>> maximum(np.array([4.0, 2.0, -1.0])).tolist()
    [1.0, 0.5, -0.25]
    """
    return np.asarray(scores / scores.max())


def total(scores: Scores) -> Scores:
    """Scores less the last one, divided by their sum: they add up to 1, equal ones too.

    >>> total(np.array([3.0, 2.0, 1.0])).tolist(), total(np.array([2.0, 2.0])).tolist()
    ([0.6666666666666666, 0.3333333333333333, 0.0], [0.5, 0.5])
    """
    above = scores - scores.min() if np.ptp(scores) else np.ones_like(scores)
    return np.asarray(above / above.sum())


def zscore(scores: Scores) -> Scores:
    """Scores with mean 0 and standard deviation 1 (of the list itself, not of a sample); all 0 when all the same.

    >>> zscore(np.array([3.0, 1.0])).tolist(), zscore(np.array([2.0])).tolist()
    ([1.0, -1.0], [0.0])
    """
    spread = scores.std() if np.ptp(scores) else 0.0  # of equal scores, rounding can leave a little
    return (scores - scores.mean()) / spread if spread else np.zeros_like(scores)


def rank(scores: Scores) -> Scores:
    """1 for the first of n, then 1/n less for each rank; the scores themselves do not count.

    >>> rank(np.array([9.0, 8.0, 8.0, 1.0])).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1 - np.arange(len(scores)) / len(scores)


def borda(length: int, candidates: int) -> tuple[Scores, float]:
    """1 for the first, then 1 / candidates less for each rank; those that the list lacks share what is left.

    >>> values, left = borda(2, 5)
    >>> values.tolist(), left
    ([1.0, 0.8], 0.4)
    """
    return 1 - np.arange(length) / max(candidates, 1), (candidates - length + 1) / (2 * max(candidates, 1))


def unchanged(scores: Scores) -> Scores:
    """The scores as they are."""
    return scores


NORMS = {
    "minmax": minmax, "max": maximum, "sum": total, "zscore": zscore, "rank": rank, "none": unchanged,
}  # fmt: skip
ALL = (*NORMS, "borda")
