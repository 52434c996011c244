"""Late interaction over the token vectors of a collection: each document is a matrix, one row a token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.indexes.flat import Hit

Matrix = NDArray[np.float32]

QUERY_TOKENS, ROWS = 1024, 8192  # of one product: 32 MiB of similarities
SCORES = 1 << 24  # of documents, kept for a group of queries: 64 MiB


def maxsim(query: Matrix, document: Matrix) -> float:
    """The late-interaction score: for each query token the best document token, summed.

    Khattab and Zaharia, "ColBERT", arXiv:2004.12832. Equal matrices give equal numbers, wherever they stand in a
    collection: the product is of these two alone.

    Args:
        query: unit vectors, shape (query tokens, dimension).
        document: unit vectors, at least one, shape (document tokens, dimension).

    >>> maxsim(np.eye(2, dtype=np.float32), np.array([[1, 0], [0.6, 0.8]], dtype=np.float32))
    1.7999999523162842
    """
    return float(np.float32((query @ document.T).max(axis=1).sum(dtype=np.float64)))


def maxsims(query: Matrix, documents: Iterable[Matrix]) -> NDArray[np.float32]:
    """The score of each of several documents, shape (documents,)."""
    return np.array([maxsim(query, document) for document in documents], dtype=np.float32)


def maxsim_together(queries: Sequence[Matrix], rows: Matrix, starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """All scores of several queries with several documents by one matrix product; the last bits may differ.

    Args:
        rows: the documents' vectors, one document's behind the other's, shape (tokens, dimension).
        starts: where each document begins in `rows`; every one has at least one row.

    Returns:
        Shape (queries, documents).
    """
    similarities = np.concatenate(queries) @ rows.T
    return summed(np.maximum.reduceat(similarities, starts, axis=1), queries)


def summed(best: NDArray[np.float32], queries: Sequence[Matrix]) -> NDArray[np.float32]:
    """Rows for the tokens of several queries summed to one row a query."""
    starts = np.cumsum([0, *map(len, queries)])[:-1]
    found: NDArray[np.float32] = np.add.reduceat(best, starts, axis=0)
    return found


def query_groups(queries: Sequence[Matrix], documents: int) -> Iterator[Sequence[Matrix]]:
    """The queries in groups whose tokens and scores stay within what one product may take."""
    group: list[Matrix] = []
    tokens, most = 0, max(1, SCORES // max(1, documents))
    for query in queries:
        if group and (tokens + len(query) > QUERY_TOKENS or len(group) == most):
            yield group
            group, tokens = [], 0
        group.append(query)
        tokens += len(query)
    if group:
        yield group


class Rows:
    """Rows that several arrays hold one after the other, in memory or in files mapped into it.

    Args:
        shards: arrays of one type, and of one shape but for the first axis; at least one.
    """

    def __init__(self, shards: Sequence[NDArray[Any]]) -> None:
        self.shards = list(shards)
        self.starts = np.cumsum([0, *map(len, self.shards)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def between(self, start: int, stop: int) -> NDArray[Any]:
        """The rows from start up to stop."""
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        parts = []
        for number in range(first, len(self.shards)):
            offset = int(self.starts[number])
            parts.append(self.shards[number][max(start - offset, 0) : stop - offset])
            if stop <= self.starts[number + 1]:
                break
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class MultiVectors:
    """The token vectors of a collection.

    Args:
        vectors: one document's rows behind the other's, of any float type.
        lengths: how many rows each document has, at least one, shape (documents,).
    """

    def __init__(self, vectors: Rows, lengths: NDArray[np.integer]) -> None:
        self.vectors = vectors
        self.starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self.starts) - 1

    def matrices(self, positions: Positions) -> Iterator[Matrix]:
        """The matrices of the documents at these positions."""
        for position in positions.tolist():
            yield self._rows(self.starts[position], self.starts[position + 1])

    def blocks(self, rows: int) -> Iterator[tuple[int, Matrix, NDArray[np.int64]]]:
        """Whole documents in order, of at most so many rows at once if they are not longer themselves.

        Yields:
            The number of the first document, the rows, and where each document begins among them.
        """
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, self.starts[first] + rows, side="right")) - 1
            last = max(last, first + 1)
            here = self.starts[first : last + 1]
            yield first, self._rows(here[0], here[-1]), here[:-1] - here[0]
            first = last

    def _rows(self, start: int, stop: int) -> Matrix:
        return np.asarray(self.vectors.between(start, stop), dtype=np.float32)


class MultiVectorIndex:
    """The k best documents of each query by late interaction, exactly.

    One product of all queries' tokens and a block of all documents' only chooses candidates, with room for its
    rounding; the candidates' scores are computed one by one, and equal ones ordered by id.

    Args:
        documents: the collection.
        id_ranks: each document's place in the ascending order of ids.
    """

    def __init__(self, documents: MultiVectors, id_ranks: NDArray[np.int32]) -> None:
        self.documents, self.id_ranks = documents, id_ranks

    def search(self, queries: Sequence[Matrix], k: int) -> list[Hit]:
        """The positions and scores of each query's k best documents, best first.

        Args:
            queries: unit vectors, shape (tokens, dimension) each.
        """
        found: list[Hit] = []
        for group in query_groups(queries, len(self.documents)):
            scores = self._scores(group)
            for query, row in zip(group, scores, strict=True):
                candidates = self._candidates(query, row, k)
                exact = maxsims(query, self.documents.matrices(candidates))
                found.append(best(candidates, exact, self.id_ranks, k))
        return found

    def _scores(self, queries: Sequence[Matrix]) -> NDArray[np.float32]:
        """The scores of all documents, right but for rounding, shape (queries, documents)."""
        found = np.empty((len(queries), len(self.documents)), dtype=np.float32)
        for first, rows, starts in self.documents.blocks(ROWS):
            found[:, first : first + len(starts)] = maxsim_together(queries, rows, starts)
        return found

    def _candidates(self, query: Matrix, scores: NDArray[np.float32], k: int) -> Positions:
        """Positions among which the k best are for certain."""
        if k >= len(scores):
            return np.arange(len(scores))
        # a product of unit vectors in float32 is off by at most dimension * 2^-24, a sum of as many as the query has
        # tokens by as many times its own length, and two scores are compared
        margin = len(query) * (query.shape[1] + len(query)) * 2.0**-23
        kth = float(np.partition(scores, len(scores) - k)[len(scores) - k])
        return np.flatnonzero(scores >= kth - margin)


def best(candidates: Positions, scores: NDArray[np.float32], id_ranks: NDArray[np.int32], k: int) -> Hit:
    """The k best of some documents by their scores; equal scores in the order of ids."""
    order = np.lexsort((id_ranks[candidates], -scores))[:k]
    return candidates[order], scores[order]
