"""Exact search over vectors: a blocked matrix product that keeps the best of each block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.indexes.vectors import Vectors

QUERIES, ROWS = 1024, 8192  # of one product: 32 MiB of similarities
SLACK = 4096  # candidates a query may hold beyond k before the worst are dropped

Hit = tuple[Positions, NDArray[np.float32]]


class FlatIndex:
    """The k greatest inner products with each query, exactly.

    Products of matrices differ in their last bits with a row's place in the matrix, so they only choose candidates,
    with room for their rounding; the candidates' scores are computed one by one in float64, rounded to float32, and
    equal ones ordered by id. A score therefore depends on the two vectors alone.

    Args:
        vectors: one row a document.
        id_ranks: each document's place in the ascending order of ids.
    """

    def __init__(self, vectors: Vectors, id_ranks: NDArray[np.int32]) -> None:
        self.vectors, self.id_ranks = vectors, id_ranks

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hit]:
        """The positions and scores of each query's k best rows, best first.

        Args:
            queries: shape (queries, dimension).
        """
        found: list[Hit] = []
        for start in range(0, len(queries), QUERIES):
            chunk = queries[start : start + QUERIES]
            for query, candidates in zip(chunk, self._candidates(chunk, k), strict=True):
                found.append(ranked(query, candidates, self.vectors, self.id_ranks, k))
        return found

    def _candidates(self, queries: NDArray[np.float32], k: int) -> list[Positions]:
        """Positions among which each query's k best are for certain."""
        if k >= len(self.vectors):
            return [np.arange(len(self.vectors))] * len(queries)
        bests = [_Best(k) for _ in queries]
        # the error of a product in float32 is at most dimension * 2^-24 * |q| * |d|; two products are compared
        errors = np.linalg.norm(queries, axis=1) * self.vectors.dimension * 2.0**-23
        longest = 0.0
        for start, rows in self.vectors.blocks(ROWS):
            longest = max(longest, float(np.sqrt(np.einsum("ij,ij->i", rows, rows).max())))
            for best, similarities, error in zip(bests, queries @ rows.T, errors.tolist(), strict=True):
                best.add(start, similarities, error * longest)
        return [best.positions() for best in bests]


@dataclass
class _Best:
    """The candidates of one query so far."""

    k: int
    floor: float = -np.inf
    found: list[Positions] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    size: int = 0

    def add(self, start: int, similarities: NDArray[np.float32], margin: float) -> None:
        """Takes in the rows from `start` on that may be among the k best."""
        here = np.flatnonzero(similarities >= self.floor)
        self.found.append(here + start)
        self.scores.append(similarities[here])
        self.size += len(here)
        if self.size > self.k + SLACK or self.floor == -np.inf:
            self._drop(margin)

    def _drop(self, margin: float) -> None:
        """Forgets what lies below the k-th best by more than the margin."""
        if self.size < self.k:
            return
        scores, found = np.concatenate(self.scores), np.concatenate(self.found)
        kth = float(np.partition(scores, len(scores) - self.k)[len(scores) - self.k])
        self.floor = max(self.floor, kth - margin)
        kept = scores >= self.floor
        self.scores, self.found, self.size = [scores[kept]], [found[kept]], int(kept.sum())

    def positions(self) -> Positions:
        return np.concatenate(self.found)


def ranked(
    query: NDArray[np.float32], candidates: Positions, vectors: Vectors, id_ranks: NDArray[np.int32], k: int
) -> Hit:
    """The k best of some rows by their exact inner product; equal scores in the order of ids."""
    parts = [inner_products(query, vectors.take(candidates[i : i + ROWS])) for i in range(0, len(candidates), ROWS)]
    scores = np.concatenate([*parts, np.empty(0, np.float32)])
    order = np.lexsort((id_ranks[candidates], -scores))[:k]
    return candidates[order], scores[order]


def inner_products(query: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inner product of a query with each row: equal rows get equal numbers, wherever they stand.

    A sum along rows adds every row's products in the same order, which a product of matrices does not.
    """
    products = rows.astype(np.float64) * query
    found: NDArray[np.float32] = products.sum(axis=1).astype(np.float32) + np.float32(0)  # no minus zero
    return found
