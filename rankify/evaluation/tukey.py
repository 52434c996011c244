"""All pairs of systems at once: Tukey's honestly significant difference, with queries as blocks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rankify.errors import needs
from rankify.evaluation.paired import CELLS

Values = NDArray[np.float64]
Pairs = dict[tuple[str, str], float]


def tukey_hsd(values: Mapping[str, Values]) -> Pairs:
    """p of each pair of systems by Tukey's HSD: how often the largest of all differences would be as large by chance.

    The model is value = system + query + error, a two-way analysis of variance with one value a cell (Carterette, ACM
    TOIS 30(1), 2012; Sakai, SIGIR Forum 48(1), 2014): the spread of queries is taken out, the error's variance is one
    for all systems, with (systems - 1)(queries - 1) degrees of freedom. Of two systems it is the paired t-test. These p
    are corrected for all pairs as they are. Without any error it is 1 for equal means and 0 for others.

    Args:
        values: each system's values over the same queries, shape (queries,) each.

    Returns:
        p by pair, each pair in both directions.
    """
    table, names = _table(values)
    systems, queries = table.shape
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    freedom = (systems - 1) * (queries - 1)
    error = float((np.round(left, 12) ** 2).sum()) / freedom
    apart = _apart(table)
    if not error:
        return _named(np.where(apart == 0, 1.0, 0.0), names)
    upper = np.triu_indices(systems, 1)
    found = np.ones_like(apart)
    ranges = apart[upper] / np.sqrt(error / queries)
    found[upper] = needs("scipy.stats", "stats").studentized_range.sf(ranges, systems, freedom)
    found[apart == 0] = 1.0
    return _named(np.minimum(found, found.T), names)


def randomised_tukey_hsd(values: Mapping[str, Values], resamples: int, seed: int) -> Pairs:
    """The same without a distribution assumed: the values of each query are dealt out anew to the systems.

    Carterette, ACM TOIS 30(1), 2012. p is the share of the deals whose largest difference of means is at least the
    pair's, the one deal that was observed counted among them, so it is never below 1 / (resamples + 1).

    Args:
        values: each system's values over the same queries, shape (queries,) each.
        resamples: how many deals.
        seed: of the deals.
    """
    table, names = _table(values)
    random = np.random.default_rng(seed)
    batch = max(1, CELLS // table.size)
    largest = np.concatenate(
        [_ranges(table, min(batch, resamples - done), random) for done in range(0, resamples, batch)]
    )
    largest.sort()
    apart = _apart(table)
    reached = resamples - np.searchsorted(largest, apart - 1e-12, side="left")
    return _named((reached + 1) / (resamples + 1), names)


def _ranges(table: Values, deals: int, random: np.random.Generator) -> Values:
    """The largest difference of means in each of so many deals."""
    dealt = random.permuted(np.broadcast_to(table, (deals, *table.shape)), axis=1)
    means = dealt.mean(axis=2)
    ranges: Values = means.max(axis=1) - means.min(axis=1)
    return ranges


def _table(values: Mapping[str, Values]) -> tuple[Values, list[str]]:
    return np.stack([*values.values()]), list(values)


def _apart(table: Values) -> Values:
    means = table.mean(axis=1)
    apart: Values = np.round(np.abs(means[:, None] - means[None, :]), 12)
    return apart


def _named(found: Values, names: list[str]) -> Pairs:
    return {(a, b): float(found[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i != j}
