"""Two systems over the same queries: p of the paired tests of their differences, and the interval of the mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import needs

Values = NDArray[np.float64]

CELLS = 2_000_000  # numbers in memory at a time while resampling
EXACT = 50  # differences of which Wilcoxon's test goes through all signs
# A difference is off by up to half of 1e-12, and so is a mean: two that are equal lie up to 1e-12 apart, and sums round
EQUAL = 2e-12


def gaps_of(ours: Values, theirs: Values) -> Values:
    """The differences by query; 0.1 + 0.2 - 0.3 is a tie."""
    return np.round(ours - theirs, 12)


def t_test(gaps: Values) -> float:
    """p of the paired t-test; without variance there is no doubt: 1 for no difference, 0 for the same everywhere."""
    if not np.ptp(gaps):
        return float(gaps[0] == 0)
    return float(_stats().ttest_1samp(gaps, 0).pvalue)


def wilcoxon(gaps: Values) -> float:
    """p of Wilcoxon's signed-rank test; queries without a difference are left out, as Wilcoxon does.

    Differences of one size share their mean rank. The distribution is exact for up to 50 differences, also where sizes
    are equal; beyond that it is the normal one, its variance corrected for equal sizes. Of one difference or none p
    is 1.
    """
    gaps = gaps[gaps != 0]
    if len(gaps) < 2:
        return 1.0
    if len(gaps) > EXACT:
        return float(_stats().wilcoxon(gaps, method="asymptotic").pvalue)
    _, place, counts = np.unique(np.abs(gaps), return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(counts) - counts + 1)[place]  # twice the mean ranks: whole numbers
    return _as_far(doubled, int(doubled[gaps > 0].sum()))


def _as_far(parts: NDArray[np.int64], found: int) -> float:
    """How probable it is that a sum of parts, each in or out by a fair coin, is as far from its mean as this one."""
    ways = np.ones(1)
    for part in parts.tolist():
        ways = np.pad(ways, (0, part)) + np.pad(ways, (part, 0))  # by sum; exact, as there are at most 2 ** 50
    far = np.abs(2 * np.arange(len(ways)) - len(ways) + 1)
    return float(ways[far >= far[found]].sum() / ways.sum())


def randomisation(gaps: Values, resamples: int, seed: int) -> float:
    """p of Fisher's randomisation test of the mean; queries without a difference change nothing and are left out.

    Means that are less than 2e-12 apart are equal, or as much times the largest difference where that is above 1:
    three differences of 1/3, -1/6 and -1/6 have the mean 0, whatever floating-point numbers make of it.
    """
    gaps = gaps[gaps != 0]
    if len(gaps) < 2:
        return 1.0  # either sign is as far from 0
    result = _stats().permutation_test(
        (gaps,),
        np.mean,
        permutation_type="samples",
        n_resamples=resamples,
        batch=max(1, CELLS // len(gaps)),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    means: Values = result.null_distribution
    room = EQUAL * max(1.0, float(np.abs(gaps).max()))
    sampled = (1 << len(gaps)) > resamples  # then the assignment that was observed counts among them
    fewest = min(int((means <= gaps.mean() + room).sum()), int((means >= gaps.mean() - room).sum())) + sampled
    return min(1.0, 2 * fewest / (len(means) + sampled))


def interval(gaps: Values, alpha: float, resamples: int, seed: int) -> tuple[float, float]:
    """The bootstrap interval of the mean (BCa)."""
    if not np.ptp(gaps):
        return float(gaps[0]), float(gaps[0])
    found = _stats().bootstrap(
        (gaps,),
        np.mean,
        confidence_level=1 - alpha,
        n_resamples=resamples,
        batch=max(1, CELLS // len(gaps)),
        vectorized=True,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _stats() -> Any:
    return needs("scipy.stats", "stats")
