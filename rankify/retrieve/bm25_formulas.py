"""BM25 in its variants, each as its paper writes it.

N documents, n of them with the term, tf its count in a document of length L, K = k1 * (1 - b + b * L / average L).
Kamphuis, de Vries, Boytsov and Lin, "Which BM25 do you mean?", ECIR 2020, compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Variant:
    """One BM25: how rare a term is, and what its count in a document is worth.

    Args:
        idf: from (n, N).
        gain: from (tf, L / average L, k1, b, delta).
        delta: the published default of the lower bound that some variants add.
    """

    idf: Callable[[Floats, int], Floats]
    gain: Callable[[Floats, Floats, float, float, float], Floats]
    delta: float = 0.0


def _saturated(tf: Floats, relative: Floats, k1: float, b: float) -> Floats:
    """tf / (tf + K), and 0 without the term, also when k1 is 0."""
    return np.divide(tf, tf + k1 * (1 - b + b * relative), out=np.zeros(len(tf)), where=tf > 0)


VARIANTS = {
    # Robertson and others, "Okapi at TREC-3", 1994; the idf is kept from going below zero
    "robertson": Variant(
        idf=lambda n, total: np.log(np.maximum((total - n + 0.5) / (n + 0.5), 1)),
        gain=lambda tf, relative, k1, b, _: _saturated(tf, relative, k1, b),
    ),
    # Trotman, Jia and Crane, "Towards an efficient and effective search engine", 2012
    "atire": Variant(
        idf=lambda n, total: np.log(total / n),
        gain=lambda tf, relative, k1, b, _: (k1 + 1) * _saturated(tf, relative, k1, b),
    ),
    # Lv and Zhai, "When documents are very long, BM25 fails!", SIGIR 2011
    "bm25l": Variant(
        idf=lambda n, total: np.log((total + 1) / (n + 0.5)),
        gain=lambda tf, relative, k1, b, delta: _lifted(tf / (1 - b + b * relative) + delta, k1),
        delta=0.5,
    ),
    # Lv and Zhai, "Lower-bounding term frequency normalization", CIKM 2011
    "bm25+": Variant(
        idf=lambda n, total: np.log((total + 1) / n),
        gain=lambda tf, relative, k1, b, delta: (k1 + 1) * _saturated(tf, relative, k1, b) + delta,
        delta=1.0,
    ),
}


def _lifted(c: Floats, k1: float) -> Floats:
    return (k1 + 1) * c / (k1 + c)


def lucene_idf(n: NDArray[np.int64], total: int) -> NDArray[np.float32]:
    """Lucene's idf: computed in float64, kept in float32."""
    idf: NDArray[np.float32] = np.log(1 + (total - n + 0.5) / (n + 0.5)).astype(np.float32)
    return idf


def lucene_inverse_norms(lengths: NDArray[np.int32], average: float, k1: float, b: float) -> NDArray[np.float32]:
    """1 / K for each document, every step in float32, as BM25Similarity computes its table of norms."""
    one, k, share = np.float32(1), np.float32(k1), np.float32(b)
    relative = share * lengths.astype(np.float32) / np.float32(average)
    with np.errstate(divide="ignore"):  # k1 = 0: infinite, and a term counts its idf however often it occurs
        inverse: NDArray[np.float32] = one / (k * ((one - share) + relative))
    return inverse


def one_byte(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Lengths as they come back from Lucene's one byte (SmallFloat.intToByte4): 40 and below exact, then 4 bits.

    >>> one_byte(np.array([0, 39, 40, 41, 100, 300, 500])).tolist()
    [0, 39, 40, 40, 96, 280, 472]
    """
    rest = np.maximum(np.asarray(lengths, np.int64) - 24, 0)
    shift = np.maximum(np.frexp(rest.astype(np.float64))[1] - 4, 0)  # bits beyond the four that are kept
    return np.where(np.asarray(lengths) < 24, lengths, 24 + (rest >> shift << shift)).astype(np.int32)
