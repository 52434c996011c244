"""How large a difference between two systems is, in units that do not grow with the number of queries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def standardised(gaps: Values) -> float:
    """Cohen's d of paired differences, d_z: their mean over their standard deviation.

    Times the square root of the number of queries it is the t of the paired test. Cohen, 1988, section 2.3.5; Sakai,
    SIGIR Forum 48(1), 2014. Without variance it is 0 for no difference and infinite otherwise.

    >>> round(standardised(np.array([0.1, 0.2, 0.3, 0.4, 0.5])), 4)
    1.8974
    """
    return _over(float(gaps.mean()), gaps)


def glass_delta(ours: Values, theirs: Values) -> float:
    """Glass's delta: the mean difference over the standard deviation of the other system's values.

    It says how far a system moves within the spread of the one it is compared with; Glass, Educational Researcher 5,
    1976. Infinite where the other has the same value everywhere and the means differ.

    >>> round(glass_delta(np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.3])), 4)
    4.0
    """
    return _over(float(np.round(ours.mean() - theirs.mean(), 12)), theirs)


def cliffs_delta(ours: Values, theirs: Values) -> float:
    """Cliff's delta: how often a value of ours is above one of theirs, less how often it is below, over all pairs.

    Between -1 and 1, equal values count for neither; only the order of the values matters. Queries are not paired:
    of paired queries the share of wins less that of losses says the same (Cliff, Psychological Bulletin 114, 1993).

    >>> cliffs_delta(np.array([0.3, 0.5]), np.array([0.1, 0.3]))
    0.75
    """
    ours, theirs = np.round(ours, 12), np.sort(np.round(theirs, 12))
    below = np.searchsorted(theirs, ours, side="left").sum()
    above = (len(theirs) - np.searchsorted(theirs, ours, side="right")).sum()
    return float(below - above) / (len(ours) * len(theirs))


def _over(mean: float, spread: Values) -> float:
    if not np.ptp(np.round(spread, 12)):
        return float(np.sign(mean) * np.inf) if mean else 0.0
    return mean / float(spread.std(ddof=1))
