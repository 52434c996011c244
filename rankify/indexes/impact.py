"""The impact index: exact top-k search over weighted postings, for BM25 and for learned sparse weights alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankify.hits import Hits

SLICE = 32  # queries a thread takes at a time
FREQUENT = 8  # a term in more than one of so many documents gets a row with a place for every document
MANY = 10  # of more terms a query, walking through all postings takes less time than looking up most of them
LARGE = 4096  # documents a term must have for that, so that small collections go without


@dataclass(frozen=True, eq=False)
class SparseQueries:
    """Queries as weighted terms, one query's terms behind the other's.

    Args:
        offsets: where each query begins, shape (queries + 1,), int64.
        terms: each query's distinct terms by number, shape (terms of all queries,), int32.
        weights: one each, positive, float32.
    """

    offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def counted(cls, tokens: NDArray[np.int32], starts: NDArray[np.int64]) -> SparseQueries:
        """Each distinct term of a query with the number of times that the query has it.

        Args:
            tokens: the queries' terms by number, repeats and all, one query behind the other.
            starts: where each query begins in `tokens`, shape (queries + 1,).

        >>> asked = SparseQueries.counted(np.array([7, 3, 7, 3], np.int32), np.array([0, 3, 4]))
        >>> asked.offsets.tolist(), asked.terms.tolist(), asked.weights.tolist()
        ([0, 2, 3], [3, 7, 3], [1.0, 2.0, 1.0])
        """
        width = int(tokens.max(initial=0)) + 1
        keys = np.repeat(np.arange(len(starts) - 1) * width, np.diff(starts)) + tokens
        distinct, counts = np.unique(keys, return_counts=True)
        offsets = np.searchsorted(distinct, np.arange(len(starts)) * width)
        return cls(offsets, (distinct % width).astype(np.int32), counts.astype(np.float32))

    def __len__(self) -> int:
        return len(self.offsets) - 1


class ImpactIndex:
    """Postings with a weight each. A document scores the sum over query terms; no sum, no hit.

    Args:
        offsets, documents: postings as in `indexes.postings.Postings`.
        stored: a number per posting. A query term of weight w adds w * stored, or w - w / stored when `saturating`,
            which is how Lucene computes BM25: there stored is 1 + tf / (k1 * (1 - b + b * length / average)).
        id_ranks: each document's place in the ascending order of ids, which is the order of equal scores.
        walking: whether queries of many terms walk through all their postings, which takes less time where bounds say
            little; scores may then differ in their last bit. Not when saturating.
    """

    def __init__(
        self,
        offsets: NDArray[np.int64],
        documents: NDArray[np.int32],
        stored: NDArray[np.float32],
        id_ranks: NDArray[np.int32],
        *,
        saturating: bool = False,
        walking: bool = False,
    ) -> None:
        from rankify.indexes import kernels

        self.id_ranks = id_ranks
        self.by_rank = np.empty_like(id_ranks)
        self.by_rank[id_ranks] = np.arange(len(id_ranks), dtype=np.int32)
        none = np.float32(1 if saturating else 0)  # the stored number that adds nothing
        bounds = kernels.maxima(offsets, stored, none)
        rows = frequent_rows(offsets, documents, stored, len(id_ranks), none)
        self._postings = (offsets, documents, stored, bounds, saturating, *rows)
        endless = np.full_like(bounds, np.inf)  # no term is weak
        walked = (offsets, documents, stored, endless, saturating, *rows)
        self._walked = walked if walking and not saturating else self._postings

    def search(self, queries: SparseQueries, k: int, *, threads: int | None = None) -> list[Hits]:
        """The k best documents of each query, exactly: the hits of the first `SLICE` queries, of the next, and so on.

        Args:
            threads: how many search at once; every core of the machine if not given.
        """
        return searched(self._found, self.by_rank, queries, k, threads)

    def _found(
        self, queries: SparseQueries, first: int, last: int, k: int, room: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> None:
        """Fills in the keys of what queries first to last - 1 find, and how many each has."""
        from rankify.indexes import maxscore

        asked = queries.offsets, queries.terms, queries.weights
        several = queries.offsets[last] - queries.offsets[first] > MANY * (last - first)
        postings = self._walked if several else self._postings
        maxscore.search(postings, self.id_ranks, asked, first, last, k, room, counts)


Search = Callable[[SparseQueries, int, int, int, NDArray[np.int64], NDArray[np.int64]], None]


def searched(
    search: Search, by_rank: NDArray[np.int32], queries: SparseQueries, k: int, threads: int | None
) -> list[Hits]:
    """What a search finds for queries, `SLICE` of them at a time in a thread.

    Args:
        search: fills in the keys of `maxscore.search` for queries first to last - 1, and how many each has.
        by_rank: the document at each place in the order of ids.
    """
    from rankify.indexes import maxscore

    def work(first: int) -> Hits:
        last, most = min(first + SLICE, len(queries)), min(k, len(by_rank))
        counts = np.zeros(last - first, np.int64)
        room = np.empty((last - first) * most, np.int64)
        search(queries, first, last, most, room, counts)
        keys = room[: counts.sum()]
        for row in np.split(keys, np.cumsum(counts)[:-1]):
            row.sort()
        documents, scores = np.empty(len(keys), np.int64), np.empty(len(keys))
        maxscore.unpack(keys, by_rank, documents, scores)
        return Hits(documents, scores, counts)

    with ThreadPoolExecutor(threads or cores()) as pool:
        return list(pool.map(work, range(0, len(queries), SLICE)))


def frequent_rows(
    offsets: NDArray[np.int64], documents: NDArray[np.int32], stored: NDArray[np.float32], count: int, none: np.float32
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The numbers of frequent terms once more, with a place for every document: looked up without a search.

    Returns:
        which row each term has, -1 for none, shape (terms,), and the rows, shape (frequent terms, count).
    """
    frequent = np.flatnonzero(np.diff(offsets) * FREQUENT > max(count, LARGE * FREQUENT))
    row_of = np.full(len(offsets) - 1, -1, np.int32)
    row_of[frequent] = np.arange(len(frequent))
    rows = np.full((len(frequent), count), none, np.float32)
    for row, term in zip(rows, frequent, strict=True):
        span = slice(offsets[term], offsets[term + 1])
        row[documents[span]] = stored[span]
    return row_of, rows


def cores() -> int:
    """How many threads may search at once: as many as the environment allows numba, or one a core of this process."""
    said = os.environ.get("NUMBA_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
