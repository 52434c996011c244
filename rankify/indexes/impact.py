"""The impact index: exact top-k search over weighted postings, for BM25 and for learned sparse weights alike."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

SLICE = 32  # queries a thread takes at a time
FREQUENT = 8  # a term in more than one of so many documents gets a row with a place for every document
LARGE = 4096  # documents a term must have for that, so that small collections go without


@dataclass(frozen=True, eq=False)
class Hits:
    """What a search found: documents by number, best first, the first `counts[i]` of row i.

    Args:
        documents, scores: shape (queries, k).
        counts: how many documents each query found, shape (queries,).
    """

    documents: NDArray[np.int32]
    scores: NDArray[np.float32]
    counts: NDArray[np.int64]


class ImpactIndex:
    """Postings with a weight each. A document scores the sum over query terms; no sum, no hit.

    Args:
        offsets, documents: postings as in `indexes.postings.Postings`.
        stored: a number per posting. A query term of weight w adds w * stored, or w - w / stored when `saturating`,
            which is how Lucene computes BM25: there stored is 1 + tf / (k1 * (1 - b + b * length / average)).
        id_ranks: each document's place in the ascending order of ids, which is the order of equal scores.
    """

    def __init__(
        self,
        offsets: NDArray[np.int64],
        documents: NDArray[np.int32],
        stored: NDArray[np.float32],
        id_ranks: NDArray[np.int32],
        *,
        saturating: bool = False,
    ) -> None:
        from rankify.indexes import kernels

        self.id_ranks = id_ranks
        self.by_rank = np.empty_like(id_ranks)
        self.by_rank[id_ranks] = np.arange(len(id_ranks), dtype=np.int32)
        none = np.float32(1 if saturating else 0)  # the stored number that adds nothing
        bounds = kernels.maxima(offsets, stored, none)
        rows = frequent_rows(offsets, documents, stored, len(id_ranks), none)
        self._postings = (offsets, documents, stored, bounds, saturating, *rows)

    def search(self, queries: Sequence[Mapping[int, float]], k: int, *, threads: int | None = None) -> Hits:
        """The k best documents of each query, exactly.

        Args:
            queries: each query's terms by number, with positive weights.
            threads: how many search at once; every core of the machine if not given.
        """
        from rankify.indexes import maxscore

        k = min(k, len(self.id_ranks))
        offsets = np.concatenate([[0], np.cumsum([len(q) for q in queries], dtype=np.int64)])
        terms = np.fromiter(chain.from_iterable(queries), np.int32, offsets[-1])
        weights = np.fromiter(chain.from_iterable(q.values() for q in queries), np.float32, offsets[-1])
        hits = Hits(
            np.zeros((len(queries), k), np.int32), np.zeros((len(queries), k), np.float32), np.zeros(len(queries), int)
        )

        def work(first: int) -> None:
            rows = slice(first, min(first + SLICE, len(queries)))
            best = np.empty((rows.stop - rows.start, k), np.int64)
            maxscore.search(self._postings, self.id_ranks, (offsets, terms, weights), rows.start, rows.stop, best)
            best.sort(axis=1)
            maxscore.unpack(best, self.by_rank, hits.documents[rows], hits.scores[rows], hits.counts[rows])

        if k:
            with ThreadPoolExecutor(threads or cores()) as pool:
                list(pool.map(work, range(0, len(queries), SLICE)))
        return hits


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
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
