"""Texts as weighted terms: one row a text, its terms by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = tuple[NDArray[np.int32], NDArray[np.float32]]  # distinct terms, ascending, and their positive weights


@dataclass(frozen=True, eq=False)
class SparseVectors:
    """Weighted terms of several texts, one text's behind the other's.

    Args:
        offsets: where each text begins, shape (texts + 1,), int64.
        terms: distinct within a text, ascending, shape (terms of all texts,), int32.
        weights: one each, positive, float32.
    """

    offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> SparseVectors:
        """The rows of several texts.

        >>> made = SparseVectors.of([(np.array([3, 7]), np.array([0.5, 2.0])), (np.array([]), np.array([]))])
        >>> made.offsets.tolist(), made.terms.tolist()
        ([0, 2, 2], [3, 7])
        """
        offsets = np.cumsum([0, *(len(terms) for terms, _ in rows)], dtype=np.int64)
        terms = np.concatenate([np.zeros(0, np.int32), *(terms for terms, _ in rows)]).astype(np.int32)
        weights = np.concatenate([np.zeros(0, np.float32), *(weights for _, weights in rows)]).astype(np.float32)
        return cls(offsets, terms, weights)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[Row]:
        for first, last in zip(self.offsets[:-1].tolist(), self.offsets[1:].tolist(), strict=True):
            yield self.terms[first:last], self.weights[first:last]

    def named(self, tokens: Sequence[str]) -> list[dict[str, float]]:
        """Each text as its terms with their weights, as Anserini's files of vectors have them."""
        return [dict(zip(map(tokens.__getitem__, t.tolist()), w.tolist(), strict=True)) for t, w in self]


def pooled(terms: NDArray[Any], weights: NDArray[Any], pooling: str) -> Row:
    """Numbers of terms that may stand several times, as one number each: the greatest, or the sum. Zeros are left out.

    >>> [row.tolist() for row in pooled(np.array([5, 2, 5, 3]), np.array([1.0, 2.0, 3.0, 0.0]), "sum")]
    [[2, 5], [2.0, 4.0]]
    """
    distinct, places = np.unique(terms, return_inverse=True)
    found = np.zeros(len(distinct), dtype=np.float64)
    (np.maximum if pooling == "max" else np.add).at(found, places, weights)
    kept = ~(found <= 0)  # what is no number stays, to be told
    return distinct[kept].astype(np.int32), found[kept].astype(np.float32)


def scaled(row: Row, scale: float) -> Row:
    """Weights as whole numbers, round(scale * weight) with halves to even; those that become 0 are left out."""
    terms, weights = row
    whole = np.rint(weights.astype(np.float64) * scale)
    return terms[whole > 0], whole[whole > 0].astype(np.float32)
