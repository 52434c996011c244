"""p values corrected for how many tests were made, each method as statsmodels' `multipletests` knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rankify.errors import UnknownName

Values = NDArray[np.float64]


def corrected(p_values: Sequence[float], method: str) -> list[float]:
    """The p values of a family of tests, corrected; in their order, none above 1.

    Of one alone every correction is itself.

    Args:
        p_values: one or more, between 0 and 1.
        method: one of CORRECTIONS, or "none".

    Raises:
        UnknownName: there is no such method.

    >>> corrected([0.01, 0.04, 0.03], "holm"), corrected([0.01, 0.04, 0.03], "bonferroni")
    ([0.03, 0.06, 0.06], [0.03, 0.12, 0.09])
    """
    if method not in CORRECTIONS:
        raise UnknownName.among("correction", method, CORRECTIONS)
    if len(p_values) < 2:
        return list(p_values)  # not through 1 - p, which would round
    raw = np.asarray(p_values, dtype=float)
    order = np.argsort(raw, kind="stable")
    found = np.empty(len(raw))
    found[order] = np.minimum(_METHODS[method](raw[order]), 1)
    return [float(p) for p in found]


def strictest(alpha: float, tests: int, method: str) -> float:
    """A level at which a difference is significant for sure, however small or large the other p values are.

    Bonferroni's, alpha over the number of tests, is that of Bonferroni, Holm, Sidak, Holm-Sidak, Hommel, and Benjamini
    and Hochberg; Benjamini and Yekutieli's is smaller by 1 + 1/2 + ... + 1/tests. Without a correction it is alpha.

    Args:
        alpha: the level of the family, between 0 and 1.
        tests: how many there are, 1 or more.
        method: one of CORRECTIONS.

    >>> strictest(0.06, 3, "holm"), round(strictest(0.06, 3, "fdr_by"), 5), strictest(0.06, 3, "none")
    (0.02, 0.01091, 0.06)
    """
    if method == "none":
        return alpha
    return alpha / tests / (_harmonic(tests) if method == "fdr_by" else 1)


def _holm(p: Values) -> Values:
    """Holm, Scandinavian Journal of Statistics 6, 1979: the i-th smallest of n times n - i + 1, never falling."""
    return np.maximum.accumulate(p * np.arange(len(p), 0, -1))


def _sidak(p: Values) -> Values:
    """Sidak, JASA 62, 1967, for independent tests."""
    return _at_least_once(p, np.full(len(p), len(p)))


def _holm_sidak(p: Values) -> Values:
    """Holm's steps with Sidak's bound."""
    return np.maximum.accumulate(_at_least_once(p, np.arange(len(p), 0, -1)))


def _at_least_once(p: Values, tests: NDArray[np.int64]) -> Values:
    """The chance that one of so many independent tests is as small: 1 - (1 - p)^tests, exact for small p."""
    with np.errstate(divide="ignore"):  # log of 0 where p is 1
        return -np.expm1(tests * np.log1p(-p))


def _hommel(p: Values) -> Values:
    """Hommel, Biometrika 75, 1988, by the algorithm of Wright, Biometrics 48, 1992."""
    n = len(p)
    found: Values = p.copy()
    for m in range(n, 1, -1):
        least = float(np.min(m * p[n - m :] / np.arange(1, m + 1)))
        found[n - m :] = np.maximum(found[n - m :], least)
        found[: n - m] = np.maximum(found[: n - m], np.minimum(least, m * p[: n - m]))
    return found


def _fdr_bh(p: Values) -> Values:
    """Benjamini and Hochberg, JRSS B 57, 1995: the i-th smallest of n times n / i, never rising from the last."""
    n = len(p)
    rising: Values = np.minimum.accumulate((p * n / np.arange(1, n + 1))[::-1])
    return rising[::-1]


def _fdr_by(p: Values) -> Values:
    """Benjamini and Yekutieli, Annals of Statistics 29, 2001: as above times 1 + 1/2 + ... + 1/n."""
    return _fdr_bh(p) * _harmonic(len(p))


def _harmonic(n: int) -> float:
    return float(np.sum(1 / np.arange(1, n + 1)))


_METHODS: Mapping[str, Callable[[Values], Values]] = {
    "holm": _holm,
    "bonferroni": lambda p: p * len(p),
    "sidak": _sidak,
    "holm-sidak": _holm_sidak,
    "hommel": _hommel,
    "fdr_bh": _fdr_bh,
    "fdr_by": _fdr_by,
    "none": lambda p: p,
}
CORRECTIONS = tuple(_METHODS)
