"""The impact index: exact top-k search over weighted postings, for BM25 and for learned sparse weights alike."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

SLICE = 32  # queries a thread takes at a time


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


@dataclass(frozen=True, eq=False)
class ImpactIndex:
    """Postings with a weight each. A document scores the sum over query terms; no sum, no hit.

    Args:
        offsets, documents: postings as in `indexes.postings.Postings`.
        stored: a number per posting. A query term of weight w adds w * stored, or w - w / stored when `saturating`,
            which is how Lucene computes BM25: there stored is 1 + tf / (k1 * (1 - b + b * length / average)).
        id_ranks: each document's place in the ascending order of ids, which is the order of equal scores.
    """

    offsets: NDArray[np.int64]
    documents: NDArray[np.int32]
    stored: NDArray[np.float32]
    id_ranks: NDArray[np.int32]
    saturating: bool = False

    def search(self, queries: Sequence[Mapping[int, float]], k: int, *, threads: int | None = None) -> Hits:
        """The k best documents of each query, exactly.

        Args:
            queries: each query's terms by number, with positive weights.
            threads: how many search at once; every core of the machine if not given.
        """
        from rankify.indexes import kernels

        k = min(k, len(self.id_ranks))
        found = np.zeros((len(queries), k), np.int32), np.zeros((len(queries), k), np.float32)
        hits = Hits(*found, np.zeros(len(queries), np.int64))
        if k == 0:
            return hits
        offsets = np.concatenate([[0], np.cumsum([len(q) for q in queries], dtype=np.int64)])
        terms = np.fromiter(chain.from_iterable(queries), np.int32, offsets[-1])
        weights = np.fromiter(chain.from_iterable(q.values() for q in queries), np.float32, offsets[-1])

        def work(first: int) -> None:
            kernels.search(
                self.offsets, self.documents, self.stored, self.bounds, self.saturating, self.id_ranks, self.by_rank,
                offsets, terms, weights, first, min(first + SLICE, len(queries)),
                hits.documents, hits.scores, hits.counts,
            )  # fmt: skip

        with ThreadPoolExecutor(threads or cores()) as pool:
            list(pool.map(work, range(0, len(queries), SLICE)))
        return hits

    @cached_property
    def bounds(self) -> NDArray[np.float32]:
        """The greatest stored number of each term."""
        from rankify.indexes import kernels

        found: NDArray[np.float32] = kernels.maxima(self.offsets, self.stored)
        return found

    @cached_property
    def by_rank(self) -> NDArray[np.int32]:
        """The document at each place in the order of ids."""
        documents = np.empty_like(self.id_ranks)
        documents[self.id_ranks] = np.arange(len(documents), dtype=np.int32)
        return documents


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
