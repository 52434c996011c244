"""Query vectors that learn from what is said about passages whose own vectors stand still.

Distillation at search time, as ReFIT (arXiv:2305.11744) has it for a cross-encoder's scores and FIRST
(arXiv:2406.15657, relevance feedback) for the order of a language model. A score is an inner product, so a loss's
gradient by the query is its slopes, the derivatives by the scores, times the passages: no network is run.

Each query is computed by itself, with the same result in any company.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rankify.indexes.flat import inner_products

Numbers = NDArray[np.float64]
Slopes = Callable[[Numbers], Numbers]  # from scores, shape (queries, passages), to the derivatives of each query's loss

DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8


def adam(start: Numbers, gradient: Callable[[Numbers], Numbers], *, rate: float, steps: int) -> Numbers:
    """Where so many steps of Adam lead.

    Kingma and Ba, "Adam: a method for stochastic optimization", arXiv:1412.6980.

    Args:
        start: any shape; each number goes its own way.
        gradient: what the loss rises by there.
    """
    found, mean, square = start, np.zeros_like(start), np.zeros_like(start)
    for step in range(1, steps + 1):
        rise = gradient(found)
        mean = DECAY * mean + (1 - DECAY) * rise
        square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * rise**2
        spread = np.sqrt(square / (1 - SQUARE_DECAY**step)) + EPSILON
        found = found - rate * mean / (1 - DECAY**step) / spread
    return found


def toward_scores(targets: Numbers) -> Slopes:
    """The slopes of the divergence (Kullback and Leibler) of the scores' softmax from that of the targets.

    Args:
        targets: shape (queries, passages).
    """
    wanted = softmax(targets)
    return lambda scores: softmax(scores) - wanted


def toward_order(targets: Numbers) -> Slopes:
    """The slopes of FIRST's weighted RankNet for passages that stand in the wanted order, best first.

    A pair of ranks i < j costs log(1 + exp(s_j - s_i)) / (i + j), ranks from 1; the mean is over pairs, as published.

    Args:
        targets: shape (queries, passages); only how many passages there are counts.
    """
    size = targets.shape[1]
    ranks = np.arange(1, size + 1)
    weights = np.triu(1 / (ranks[:, None] + ranks), 1) / max(1, size * (size - 1) / 2)

    def slopes(scores: Numbers) -> Numbers:
        apart = scores[:, None, :] - scores[:, :, None]
        pushes = weights * (1 + np.tanh(apart / 2)) / 2  # the logistic function, without overflow
        down: Numbers = pushes.sum(axis=1) - pushes.sum(axis=2)
        return down

    return slopes


def toward(
    queries: Numbers, passages: Numbers, targets: Numbers, slopes_to: Callable[[Numbers], Slopes], *, rate: float,
    steps: int,
) -> tuple[Numbers, NDArray[np.bool_]]:  # fmt: skip
    """The query vectors after so many steps toward their targets, and which of them could take one.

    The scores are brought to the targets' scale, range to range, and halved, as published. Where either range is 0
    there is no such scale, so that a query whose passages cannot be told apart stays where it is.

    Args:
        queries: shape (queries, dimension).
        passages: shape (queries, passages, dimension).
        targets: what the scores should be like, shape (queries, passages).
        slopes_to: what makes slopes of targets, `toward_scores` or `toward_order`.
    """
    own, wanted = _ranges(scored(queries, passages)), _ranges(targets)
    able = (own > 0) & (wanted > 0) & np.isfinite(wanted)
    halves = (wanted[able] / own[able])[:, None] / 2
    rows, slopes = passages[able], slopes_to(targets[able])

    def gradient(vectors: Numbers) -> Numbers:
        scores = halves * np.matmul(rows, vectors[:, :, None])[:, :, 0]
        rise: Numbers = np.matmul((halves * slopes(scores))[:, None, :], rows)[:, 0, :]
        return rise

    found = queries.copy()
    found[able] = adam(queries[able], gradient, rate=rate, steps=steps)
    return found, able


def scored(queries: Numbers, passages: Numbers) -> Numbers:
    """Each query's scores of its own passages, as dense retrieval has them: equal passages score exactly the same."""
    found = [inner_products(query, rows) for query, rows in zip(queries, passages, strict=True)]
    return np.array(found, dtype=np.float64).reshape(passages.shape[:2])


def _ranges(scores: Numbers) -> Numbers:
    """From each row's least to its greatest."""
    with np.errstate(invalid="ignore"):  # of a row that is infinite everywhere it is not a number
        found: Numbers = scores.max(axis=1) - scores.min(axis=1)
    return found


def softmax(scores: Numbers) -> Numbers:
    """Each row as probabilities.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Numbers = likely / likely.sum(axis=1, keepdims=True)
    return found
